//! The table of variables in `docs/OPERATIONS.md`. The rest of that page is written by people.

use std::{collections::BTreeMap, fmt::Write as _};

use kit::config::{Unset, Variable};

use super::parts;

const FROM: &str = "<!-- The table is made by `make schema`; do not edit. -->\n";
const TO: &str = "<!-- end of the table -->";

/// The page with the current table in place of its old one; none where it has no place for it.
#[must_use]
pub fn paper(page: &str) -> Option<String> {
    let (before, rest) = page.split_once(FROM)?;
    let (_, after) = rest.split_once(TO)?;
    Some(format!("{before}{FROM}{}{TO}{after}", table()))
}

/// Every variable once, with the processes that read it.
fn table() -> String {
    let parts = parts();
    let mut rows: BTreeMap<String, (Variable, Vec<&str>)> = BTreeMap::new();
    for part in &parts {
        for variable in &part.table {
            let row = rows.entry(variable.name.to_string()).or_insert_with(|| (variable.clone(), Vec::new()));
            row.1.push(&part.name);
        }
    }
    let mut text = String::from(
        "\n| variable | for | what it is | must be | where it is not set |\n| --- | --- | --- | --- | --- |\n",
    );
    for (name, (variable, readers)) in rows {
        let readers = if readers.len() == parts.len() { "all".to_owned() } else { readers.join(", ") };
        let name = if variable.secret { format!("`{name}` ⚿") } else { format!("`{name}`") };
        let unset = match variable.unset {
            Unset::Refused => "refused".to_owned(),
            Unset::Is(value) => format!("`{value}`"),
            Unset::Nothing => String::new(),
        };
        let (meaning, form) = (&variable.meaning, variable.form.to_string().replace('|', "\\|"));
        let _infallible = writeln!(text, "| {name} | {readers} | {meaning} | {form} | {unset} |");
    }
    text.push('\n');
    text
}
