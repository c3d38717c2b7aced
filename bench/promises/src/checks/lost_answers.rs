//! An answer that is lost is asked for again, and nothing is done twice for it.

use std::{collections::HashSet, time::Duration};

use anyhow::Result;

use crate::{
    aftermath,
    check::{Check, Faults, Setting, Trial},
    client::Outcome,
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "lost-answers",
    promise: "A lost answer, asked for again by its key, is one order",
    broken: &["order.forgets_keys"],
    on_shops: true,
};

/// Where a request is let through and its answer cut: to the router, from the inventory, from the order service's database.
const LINES: [&str; 3] = ["order.answered", "inventory.called", "orders.saved"];

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let (shop, faults) = (Shop::open(setting.kind)?, Faults::folder()?);
    let ann = shop.shopper("ann").await?;
    let mut trial = Trial::default();
    let each = setting.size.of(5, 50);
    for line in LINES {
        let tea = shop.product(line, 1_000).await?;
        let mut orders = HashSet::new();
        for n in 0..each {
            faults.put(line, "error")?;
            let key = format!("{line}-{n}");
            let mut outcome = ann.place(&[(&tea, 1)], Some(&key)).await;
            trial.tries += 1;
            let cut = !faults.take(line);
            trial.faults += u64::from(cut);
            trial.expect(cut, || format!("{line}: the answer was not cut"));
            for _ in 0..100 {
                if !matches!(outcome, Outcome::Unknown(_)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                outcome = ann.place(&[(&tea, 1)], Some(&key)).await;
            }
            match outcome.text("/placeOrder/_id") {
                Some(id) => drop(orders.insert(id.to_owned())),
                None => trial.violations.push(format!("{line}: {outcome:?}")),
            }
        }
        aftermath::settle(&shop, &mut trial).await?;
        let left = shop.nobody()?.left(&tea).await?;
        let placed = ann.orders().await?;
        let sold = placed.iter().filter(|(id, status)| status == "CONFIRMED" && orders.contains(id)).count();
        trial.expect((orders.len(), sold, left) == (each, each, 1_000 - each as i64), || {
            format!("{line}: {each} keys, {} orders, {sold} confirmed, {left} of 1000 left", orders.len())
        });
    }
    let confirmed = ann.orders().await?.iter().filter(|(_, status)| status == "CONFIRMED").count();
    trial.expect(confirmed == each * LINES.len(), || format!("{confirmed} orders are confirmed in all"));
    trial.violations.extend(shop.recount()?);
    Ok(trial)
}
