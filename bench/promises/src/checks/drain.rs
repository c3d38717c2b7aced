//! A process that is told to stop answers what it was asked.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::{
    aftermath,
    check::{Check, Faults, Kind, Setting, Trial},
    shop::{Shop, signal, until},
};

pub(crate) const CHECK: Check = Check {
    name: "drain",
    promise: "A process that is told to stop answers all that it was asked",
    broken: &["server.stops_at_once"],
    on_shops: true,
};

/// Who is told to stop, and where the orders are meanwhile.
const STOPPED: [(&str, &str); 3] =
    [("order", "order.place.held"), ("inventory", "inventory.asked"), ("router", "order.place.held")];

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let (mut shop, faults) = (Shop::open(setting.kind)?, Faults::folder()?);
    let mut trial = Trial::default();
    let orders = setting.size.of(10, 40);
    for (name, point) in STOPPED {
        let part = shop.part(setting.kind.of("shop", name))?;
        let ann = shop.shopper(&format!("ann.{name}")).await?;
        let tea = shop.product(&format!("Tea {name}"), 1_000).await?;
        faults.put(point, "pause")?;
        let waiting: Vec<_> = (0..orders)
            .map(|_| {
                let (ann, tea) = (ann.clone(), tea.clone());
                tokio::spawn(async move { ann.place(&[(&tea, 1)], None).await })
            })
            .collect();
        let watch = ann.clone();
        until("that all orders are on their way", || async {
            let query = "{ ordersConnection(first: 1, filter: { status: PENDING }) { totalCount } }";
            let data = watch.must(query, json!({})).await.ok()?;
            (data["ordersConnection"]["totalCount"].as_i64()? == orders).then_some(())
        })
        .await?;
        if let Some(pid) = part.pid {
            signal("-TERM", pid)?;
        }
        trial.faults += 1;
        tokio::time::sleep(Duration::from_millis(300)).await;
        faults.take(point);
        for order in waiting {
            let outcome = order.await?;
            trial.tries += 1;
            let done = outcome.text("/placeOrder/status") == Some("CONFIRMED");
            trial.expect(done, || format!("{name} was stopped: {outcome:?}"));
        }
        shop.back(&part).await?;
        if !trial.violations.is_empty() {
            // The next would be tried on a shop whose breakers are open.
            return Ok(trial);
        }
        if setting.kind == Kind::Standalone {
            break;
        }
    }
    aftermath::examine(&shop, &mut trial).await?;
    Ok(trial)
}
