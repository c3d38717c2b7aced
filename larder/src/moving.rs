//! `larder move`: a standalone shop's data onto the servers of a distributed one.
//!
//! The shop is stopped, finishes what was on its way, and every document is copied and compared. Nothing is taken out of the data
//! folder, so that the way back is to start the old shop again. It can be run again, until the new shop is in use.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use kit::store::{Store, Transferred};

use crate::{
    check::{Books, Servers, in_folder},
    distributed::secrets::PREFIX,
    say,
    secrets::{OPERATOR, Secrets},
    shop::{Settings, Shop},
    up,
};

/// What is moved where.
#[derive(Args, Debug)]
pub struct Move {
    /// The MongoDB to move to: mongodb://user:password@host/. The user may write every service's database
    #[arg(long, env = "LARDER_MOVE_TO", hide_env_values = true)]
    to: String,
    /// What the names of the services' databases there begin with
    #[arg(long, env = "LARDER_DATABASE_PREFIX", default_value = PREFIX)]
    prefix: String,
    /// The data folder of the shop that is moved; nobody may serve it meanwhile
    #[arg(long, env = "LARDER_DATA", default_value = "data")]
    data: PathBuf,
}

/// How long the shop may take to finish what was on its way when it was stopped.
const FINISH: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Moves; false where what arrived is not what left.
///
/// # Errors
/// When the shop runs, when either side cannot be read or written, or when the new shop has been used already.
pub async fn run(args: &Move) -> Result<bool> {
    ensure!(args.data.join("bus.db").exists(), "{} is not the data folder of a shop", args.data.display());
    let _lock = up::lock(&args.data)?;
    tokio::time::timeout(FINISH, finish(args))
        .await
        .context("the shop did not finish what was on its way")??;

    let servers = Servers { url: &args.to, prefix: &args.prefix };
    let mut same = true;
    for service in [auth::SERVICE.name, catalog::SERVICE.name, inventory::SERVICE.name, order::SERVICE.name] {
        let (from, to) = (in_folder(&args.data, service).await?, servers.open(service).await?);
        for moved in transfer(service, &from, &to).await.with_context(|| format!("moving {service}"))? {
            let Transferred { collection, documents, written, there } = moved;
            let verdict = if there == documents { "the same" } else { "NOT THE SAME" };
            say!(
                "{service:10} {collection:12} {documents:>9} documents, {written:>9} written, {there:>9} there: {verdict}"
            );
            same &= there == documents;
        }
    }
    let old = Books::read(async |service| in_folder(&args.data, service).await).await?;
    let new = Books::read(async |service| servers.open(service).await).await?;
    say!("before  {}\nafter   {}", old.summary(), new.summary());
    for finding in new.findings() {
        say!("{}  {}", finding.about, finding.what);
        same = false;
    }
    same &= old.summary() == new.summary();
    say!(
        "{}",
        if same {
            "Everything has arrived."
        } else {
            "Something is missing or was there before. Nothing was taken away from the old shop."
        }
    );
    Ok(same)
}

async fn transfer(service: &str, from: &Store, to: &Store) -> Result<Vec<Transferred>> {
    Ok(match service {
        "auth" => auth::transfer(from, to).await?,
        "catalog" => catalog::transfer(from, to).await?,
        "inventory" => inventory::transfer(from, to).await?,
        _ => order::transfer(from, to).await?,
    })
}

/// Runs the shop without its doors until every event is out and heard: the log itself does not move.
async fn finish(args: &Move) -> Result<()> {
    let secrets = Secrets::load(&args.data)?;
    let settings = Settings {
        api_secret: secrets.api_secret,
        operator: (OPERATOR.to_owned(), secrets.operator_password),
    };
    let shop = Shop::open(&args.data, settings).await?;
    let bus = shop.host().bus();
    let groups = bus.groups().await?;
    for group in &groups {
        let letters = bus.dead_letters(group, 1).await?;
        ensure!(
            letters.is_empty(),
            "{group} has dead letters, which do not move: see `larder dead-letters --group {group}`"
        );
    }
    loop {
        shop.host().settled().await;
        let mut waiting = 0;
        for group in &groups {
            waiting += bus.lag(group).await?;
        }
        // What was heard last may have said something itself.
        let undelivered: usize = shop.host().stores().iter().map(|(_, store)| store.undelivered()).sum();
        if waiting == 0 && undelivered == 0 {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    shop.close().await;
    Ok(())
}
