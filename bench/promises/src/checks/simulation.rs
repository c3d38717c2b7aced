//! Random histories of orders and stock under random trouble, on a simulated machine: the same number gives the same history, and what goes wrong is
//! shown by the shortest history in which it does.

use anyhow::{Context as _, Result};

use crate::{
    check::{Check, Setting, Trial},
    sim::{Keys, Lived, Plan, live, shrink},
};

pub(crate) const CHECK: Check = Check {
    name: "simulation",
    promise: "Orders and stock agree after any history of lost, late, doubled messages and crashes, and it replays",
    broken: &[
        "order.answers_before_held",
        "order.no_reconciler",
        "order.release_is_lost",
        "order.forgets_keys",
        "inventory.oversells",
    ],
    on_shops: false,
};

/// So many seeds with faults are enough; each is made as small as it gets.
const ENOUGH: usize = 2;

/// Names one seed, to see its history.
const SEED: &str = "LARDER_SEED";

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let count = setting.size.of(40, 2_000);
    // A simulation is a runtime of its own.
    tokio::task::spawn_blocking(move || simulate(count)).await.context("the simulation broke off")?
}

fn simulate(count: u64) -> Result<Trial> {
    let keys = Keys::new()?;
    let mut trial = Trial::default();
    let only = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(0..count, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let plan = Plan::of(seed);
        let (lived, again) = (live(&plan, &keys)?, live(&plan, &keys)?);
        trial.tries += 1;
        trial.faults += lived.faults as u64;
        trial.expect(lived.history == again.history, || {
            format!("seed {seed} was not the same twice: {}", difference(&lived.history, &again.history))
        });
        if !lived.violations.is_empty() {
            trial.violations.push(story(plan, lived, &keys));
        } else if only.is_some() {
            trial.violations.push(format!("seed {seed}, without a fault:\n{}", lived.history.join("\n")));
        }
        if trial.violations.len() >= ENOUGH {
            break;
        }
    }
    Ok(trial)
}

/// The shortest history that goes wrong, in lines.
fn story(plan: Plan, lived: Lived, keys: &Keys) -> String {
    let seed = plan.seed();
    let (_, shortest) =
        shrink(plan, lived, |plan| live(plan, keys).ok().filter(|lived| !lived.violations.is_empty()));
    let wrong = shortest.violations.join("; ");
    format!("seed {seed}: {wrong}\n    {}", shortest.history.join("\n    "))
}

/// The first line that is not the same.
fn difference(one: &[String], other: &[String]) -> String {
    let different = one.iter().zip(other).enumerate().find(|(_, (one, other))| one != other);
    match different {
        Some((line, (one, other))) => format!("line {line}: `{one}` and `{other}`"),
        None => format!("{} lines and {}", one.len(), other.len()),
    }
}
