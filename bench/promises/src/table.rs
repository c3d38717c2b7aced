//! The table: every promise on every shop, as the code is and with each of its broken variants.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};

use crate::{
    check::{Check, Kind, Size, Trial},
    checks,
};

/// Prints the names of the promises.
pub(crate) fn names() -> Result<()> {
    checks::ALL.iter().try_for_each(|check| line(check.name))
}

/// Prints it; false where a promise is broken or a broken variant goes unnoticed.
pub(crate) fn print(only: &str, shop: Option<Kind>, size: Size) -> Result<bool> {
    ensure!(checks::named(only).next().is_some(), "there is no promise whose name begins with {only}");
    let began = Instant::now();
    let mut good = true;
    line("| promise | shop | tries | faults | violations | broken variants caught | seconds |")?;
    line("| --- | --- | ---: | ---: | ---: | --- | ---: |")?;
    let mut notes = Vec::new();
    for check in checks::named(only) {
        let kinds: &[Kind] = if check.on_shops { &Kind::ALL } else { &Kind::ALL[..1] };
        for kind in
            kinds.iter().copied().filter(|kind| !check.on_shops || shop.is_none_or(|shop| shop == *kind))
        {
            let row = row(check, kind, size);
            good &= row.good;
            line(&row.text)?;
            notes.extend(row.notes);
        }
    }
    line(&format!("\nIn {} s.", began.elapsed().as_secs()))?;
    for note in notes {
        line(&note)?;
    }
    Ok(good)
}

struct Row {
    text: String,
    good: bool,
    /// What was found, where something was.
    notes: Vec<String>,
}

fn row(check: &Check, kind: Kind, size: Size) -> Row {
    let began = Instant::now();
    let mut notes = Vec::new();
    let mut hold = |size, variant| match trial(check, kind, size, variant) {
        Ok(trial) => trial,
        // A trial that could not be held says nothing of the promise, also with a broken variant.
        Err(error) => {
            notes.push(format!("{error:#}"));
            Trial::default()
        }
    };
    let trial = hold(size, None);
    let mut caught = BTreeSet::new();
    for variant in check.broken {
        if !hold(Size::Small, Some(variant)).violations.is_empty() {
            caught.insert(*variant);
        }
    }
    let shop = if check.on_shops { kind.name() } else { "in process" };
    let text = format!(
        "| {} | {shop} | {} | {} | {} | {} of {} | {} |",
        check.promise,
        trial.tries,
        trial.faults,
        trial.violations.len(),
        caught.len(),
        check.broken.len(),
        began.elapsed().as_secs()
    );
    let violations = trial.violations.iter().take(10).map(|text| format!("{} ({shop}): {text}", check.name));
    let missed = check.broken.iter().filter(|variant| !caught.contains(**variant));
    let missed = missed.map(|variant| format!("{} ({shop}): {variant} was not noticed", check.name));
    notes.extend(violations.chain(missed));
    Row { text, good: notes.is_empty() && trial.tries > 0, notes }
}

/// Runs one trial in a process of its own, with a folder of faults in which the broken variant is.
fn trial(check: &Check, kind: Kind, size: Size, broken: Option<&str>) -> Result<Trial> {
    let faults = tempfile::tempdir()?;
    if let Some(variant) = broken {
        std::fs::write(faults.path().join(variant), "")?;
    }
    let output = one(check, kind, size, faults.path()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let trial = text.lines().last().and_then(|line| serde_json::from_str::<Trial>(line).ok());
    let told =
        || format!("{} on {}, {}: {}", check.name, kind.name(), broken.unwrap_or("as it is"), output.status);
    trial.filter(|_| output.status.success()).with_context(told)
}

fn one(check: &Check, kind: Kind, size: Size, faults: &Path) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "promises".into());
    let mut command = Command::new(program);
    command.args(["--one", "--only", check.name, "--shop", kind.name()]);
    if size == Size::Small {
        command.arg("--small");
    }
    command.env(kit::fault::VARIABLE, faults);
    command
}

fn line(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
