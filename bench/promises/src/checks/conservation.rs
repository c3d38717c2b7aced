//! Nothing is lost and nothing appears: what came in is on hand, held or sold, whatever is done at once and whatever fails meanwhile.

use std::{sync::Arc, time::Duration};

use anyhow::Result;

use crate::{
    check::{Check, Faults, Setting, Trial},
    history::History,
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "conservation",
    promise: "Received = on hand + held + sold, and every order is what was answered",
    broken: &["inventory.oversells", "order.release_is_lost"],
    on_shops: true,
};

const PRODUCTS: usize = 5;
const SHOPPERS: usize = 8;
/// So little that it is sold out most of the time.
const STOCK: i64 = 10;

/// Where an order is left half way now and then, so that its hold expires.
const LEFT: [&str; 3] = ["order.place.written", "order.place.held", "order.place.confirmed"];

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let (shop, faults) = (Shop::open(setting.kind)?, Faults::folder()?);
    let mut trial = Trial::default();
    let history = Arc::new(History::begin(&shop, PRODUCTS, SHOPPERS, STOCK).await?);
    let until =
        tokio::time::Instant::now() + setting.size.of(Duration::from_secs(4), Duration::from_secs(60));
    let rush = history.rush();
    while tokio::time::Instant::now() < until {
        for point in LEFT {
            faults.put(point, "error")?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            trial.faults += u64::from(!faults.take(point));
        }
    }
    rush.end().await;
    history.judge(&shop, &mut trial).await?;
    Ok(trial)
}
