//! The promises, one file each.

mod conservation;
mod drain;
mod events;
mod expiry;
mod histories;
mod idempotency;
mod internal;
mod internal_rows;
mod killed;
mod lost_answers;
mod neighbours;
mod oversell;
mod simulation;
mod stale_fill;
mod steps;

use std::io::Write as _;

use anyhow::{Context, Result, bail};

use crate::check::{Check, Setting, Trial};

/// All of them, in the order of the table.
pub(crate) const ALL: &[Check] = &[
    oversell::CHECK,
    conservation::CHECK,
    idempotency::CHECK,
    lost_answers::CHECK,
    killed::CHECK,
    steps::CHECK,
    neighbours::CHECK,
    drain::CHECK,
    events::CHECK,
    expiry::CHECK,
    histories::CHECK,
    simulation::CHECK,
    stale_fill::CHECK,
    internal::CHECK,
];

/// Those whose name begins like this.
pub(crate) fn named(only: &str) -> impl Iterator<Item = &'static Check> {
    ALL.iter().filter(move |check| check.name.starts_with(only))
}

async fn run(name: &str, setting: &Setting) -> Result<Trial> {
    match name {
        "oversell" => oversell::run(setting).await,
        "conservation" => conservation::run(setting).await,
        "idempotency" => idempotency::run(setting).await,
        "lost-answers" => lost_answers::run(setting).await,
        "killed" => killed::run(setting).await,
        "steps" => steps::run(setting).await,
        "neighbours" => neighbours::run(setting).await,
        "drain" => drain::run(setting).await,
        "events" => events::run(setting).await,
        "expiry" => expiry::run(setting).await,
        "histories" => histories::run(setting).await,
        "simulation" => simulation::run(setting).await,
        "stale-fill" => stale_fill::run(setting).await,
        "internal" => internal::run(setting).await,
        other => bail!("there is no promise named {other}"),
    }
}

/// Runs one in this process, and prints what came of it.
pub(crate) fn run_one(name: &str, setting: &Setting) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let trial = runtime.block_on(run(name, setting)).with_context(|| format!("trying {name}"))?;
    writeln!(std::io::stdout().lock(), "{}", serde_json::to_string(&trial)?)?;
    Ok(())
}
