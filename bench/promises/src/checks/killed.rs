//! Any process may die at any moment.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use rand::RngExt as _;

use crate::{
    check::{Check, Faults, Kind, Setting, Trial},
    history::History,
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "killed",
    promise: "Whichever process is killed under load, within 60 s nothing is unfinished or lost",
    broken: &["order.no_reconciler"],
    on_shops: true,
};

/// In the distributed shop the relay of events is a part of each service.
const VICTIMS: [&str; 3] = ["order", "inventory", "router"];

/// Where orders are caught.
const HALF_WAY: &str = "order.place.written";

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let (mut shop, faults) = (Shop::open(setting.kind)?, Faults::folder()?);
    let mut trial = Trial::default();
    let history = Arc::new(History::begin(&shop, 5, 8, 100_000).await?);
    let rush = history.rush();
    for round in 0..setting.size.of(3, 30) {
        tokio::time::sleep(Duration::from_millis(rand::rng().random_range(100..1_000))).await;
        let victim = if setting.kind == Kind::Standalone { "shop" } else { VICTIMS[round % VICTIMS.len()] };
        // At least those who order in these moments are in the middle of it.
        faults.put(HALF_WAY, "pause")?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        shop.kill(victim).await?;
        faults.take(HALF_WAY);
        trial.faults += 1;
    }
    rush.end().await;
    history.judge(&shop, &mut trial).await?;
    Ok(trial)
}
