//! `larder dead-letters`: the events that a service could not handle, on either shop.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use kit::bus::{Bus, EventId};

use crate::say;

/// Whose dead letters, and where.
#[derive(Args, Debug)]
pub struct DeadLetters {
    /// Those of one group only: a service and what it hears, as in the first column of the list
    #[arg(long)]
    group: Option<String>,
    /// The id of an event to hand to its group again; without it they are listed. A standalone shop must be stopped for it
    #[arg(long, requires = "group")]
    replay: Option<String>,
    /// The event log of a distributed shop, as the services know it: redis://user:password@host:port/0
    #[arg(long, env = "LARDER_BUS", hide_env_values = true)]
    bus: Option<String>,
    /// The data folder of a standalone shop
    #[arg(long, env = "LARDER_DATA", default_value = "data")]
    data: PathBuf,
}

/// So many are listed of each group.
const LISTED: usize = 1_000;

/// Lists them, or hands one over again.
///
/// # Errors
/// When the log cannot be read or written, or there is no such group or letter.
pub async fn run(args: &DeadLetters) -> Result<()> {
    let bus = open(args).await?;
    let outcome = act(args, &bus).await;
    bus.close().await;
    outcome
}

async fn act(args: &DeadLetters, bus: &Bus) -> Result<()> {
    let groups = bus.groups().await?;
    if let Some(group) = args.group.as_ref().filter(|group| !groups.contains(group)) {
        bail!("no service hears events as {group}: there are {}", groups.join(", "));
    }
    match (&args.group, &args.replay) {
        (Some(group), Some(id)) => replay(bus, group, id).await,
        (Some(group), None) => list(bus, std::slice::from_ref(group)).await,
        (None, _) => list(bus, &groups).await,
    }
}

async fn open(args: &DeadLetters) -> Result<Bus> {
    if let Some(url) = &args.bus {
        // The address may hold a password, so it is not repeated.
        return Bus::redis(url).await.context("opening the event log at the address given");
    }
    let path = args.data.join("bus.db");
    ensure!(path.exists(), "{} is not the data folder of a shop", args.data.display());
    Ok(Bus::sqlite(&path).await?)
}

async fn list(bus: &Bus, groups: &[String]) -> Result<()> {
    let mut count = 0;
    for group in groups {
        for letter in bus.dead_letters(group, LISTED).await? {
            let (event, at) = (&letter.event, letter.at.format("%FT%TZ"));
            say!(
                "{group}  {}  {}  {}  {} attempts, the last at {at}",
                event.id,
                event.topic,
                event.key,
                letter.attempts
            );
            say!("    {}", letter.error);
            count += 1;
        }
    }
    say!("{count} dead letters of {}", groups.join(", "));
    Ok(())
}

async fn replay(bus: &Bus, group: &str, id: &str) -> Result<()> {
    let id = EventId::parse(id).context("the id of the event")?;
    ensure!(bus.replay(group, id).await?, "{group} has no such dead letter");
    say!("{id} is handed to {group} again, at once or when the shop runs");
    Ok(())
}
