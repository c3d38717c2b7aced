//! Any process may die at any moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use anyhow::Result;
use rand::RngExt as _;

use crate::{
    aftermath,
    check::{Check, Kind, Setting, Trial},
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

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let mut shop = Shop::open(setting.kind)?;
    let mut trial = Trial::default();
    let history = Arc::new(History::begin(&shop, 5, 8, 100_000).await?);
    let stop = Arc::new(AtomicBool::new(false));
    let shoppers: Vec<_> = (0..history.shoppers())
        .map(|shopper| {
            let (history, stop) = (history.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    history.anything(shopper).await;
                }
            })
        })
        .collect();
    for round in 0..setting.size.of(3, 30) {
        tokio::time::sleep(Duration::from_millis(rand::rng().random_range(100..1_000))).await;
        let victim = if setting.kind == Kind::Standalone { "shop" } else { VICTIMS[round % VICTIMS.len()] };
        shop.kill(victim).await?;
        trial.faults += 1;
    }
    stop.store(true, SeqCst);
    for shopper in shoppers {
        shopper.await?;
    }
    trial.tries = history.operations();
    aftermath::settle(&shop, &mut trial).await?;
    history.compare(&mut trial).await?;
    trial.violations.extend(shop.recount()?);
    Ok(trial)
}
