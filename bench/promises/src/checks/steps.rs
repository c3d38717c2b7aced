//! An order may be interrupted after every step of placing, cancelling and advancing it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    aftermath,
    check::{Check, Faults, Setting, Trial},
    client::{Client, Outcome},
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "steps",
    promise: "Interrupted after any step, an order is confirmed with its stock or ended without",
    broken: &["order.no_reconciler"],
    on_shops: true,
};

/// What a shopper or the staff is about when the work is interrupted.
#[derive(Clone, Copy)]
enum Doing {
    Placing,
    /// More than there is.
    PlacingTooMuch,
    Cancelling,
    Advancing,
}

const STEPS: [(&str, Doing); 8] = [
    ("order.place.written", Doing::Placing),
    ("order.place.held", Doing::Placing),
    ("order.place.confirmed", Doing::Placing),
    ("order.answered", Doing::Placing),
    ("orders.saved", Doing::PlacingTooMuch),
    ("order.cancel.cancelled", Doing::Cancelling),
    ("order.cancel.released", Doing::Cancelling),
    ("order.advance.written", Doing::Advancing),
];

const STOCK: i64 = 10;
const PATIENCE: Duration = Duration::from_secs(20);
const ADVANCE: &str = "mutation($id: ID!) { advanceOrder(id: $id, to: PACKED) { status } }";

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let (mut shop, faults) = (Shop::open(setting.kind)?, Faults::folder()?);
    let mut trial = Trial::default();
    let ann = shop.shopper("ann").await?;
    let mut products = Vec::new();
    for (point, doing) in STEPS {
        for what in ["error", "crash"] {
            let tea = shop.product(&format!("{point} {what}"), STOCK).await?;
            let ann = ann.at(&shop.at("/graphql"));
            let order = match doing {
                Doing::Placing | Doing::PlacingTooMuch => None,
                Doing::Cancelling | Doing::Advancing => Some(placed(&ann, &tea).await?),
            };
            let before = shop.part(setting.kind.of("shop", "order"))?;
            faults.put(point, what)?;
            let _may_be_unknown = interrupted(&shop, &ann, doing, &tea, order.as_deref()).await?;
            let met = !faults.take(point);
            trial.tries += 1;
            trial.faults += u64::from(met);
            trial.expect(met, || format!("{point} was not met"));
            if met && what == "crash" {
                shop.back(&before).await?;
                reached(&ann.at(&shop.at("/graphql"))).await?;
            }
            products.push((tea, format!("{what} after {point}")));
        }
    }
    aftermath::settle(&shop, &mut trial).await?;
    let ann = ann.at(&shop.at("/graphql"));
    let statuses = lines(&ann).await?;
    for (tea, what) in products {
        let left = shop.nobody()?.left(&tea).await?;
        let sold: i64 = statuses
            .iter()
            .filter(|(product, status, _)| *product == tea && is_sold(status))
            .map(|line| line.2)
            .sum();
        let open =
            statuses.iter().filter(|(product, status, _)| *product == tea && status == "PENDING").count();
        trial.expect(open == 0 && left == STOCK - sold, || {
            format!("{what}: {sold} sold of {STOCK}, {left} left, {open} orders PENDING")
        });
    }
    trial.violations.extend(shop.recount()?);
    Ok(trial)
}

fn is_sold(status: &str) -> bool {
    !["PENDING", "REJECTED", "CANCELLED"].contains(&status)
}

/// Waits until the router has found out that there is somebody to take orders again.
async fn reached(ann: &Client) -> Result<()> {
    let began = Instant::now();
    loop {
        match lines(ann).await {
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn placed(ann: &Client, tea: &str) -> Result<String> {
    let outcome = ann.place(&[(tea, 2)], None).await;
    Ok(outcome.text("/placeOrder/_id").with_context(|| format!("{outcome:?}"))?.to_owned())
}

async fn interrupted(
    shop: &Shop,
    ann: &Client,
    doing: Doing,
    tea: &str,
    order: Option<&str>,
) -> Result<Outcome> {
    let order = order.unwrap_or_default();
    Ok(match doing {
        Doing::Placing => ann.place(&[(tea, 2)], None).await,
        Doing::PlacingTooMuch => ann.place(&[(tea, STOCK + 1)], None).await,
        Doing::Cancelling => ann.cancel(order).await,
        Doing::Advancing => shop.operator().await?.send(ADVANCE, json!({ "id": order })).await,
    })
}

/// Product, status and quantity of every line of this shopper's orders.
async fn lines(ann: &Client) -> Result<Vec<(String, String, i64)>> {
    let query = "{ ordersConnection(first: 100) { nodes { status products { _id quantity } } } }";
    let data = ann.must(query, json!({})).await?;
    let orders = data["ordersConnection"]["nodes"].as_array().context("no orders")?;
    let mut lines = Vec::new();
    for order in orders {
        for line in order["products"].as_array().context("no lines")? {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            lines.push((
                text(&line["_id"]),
                text(&order["status"]),
                line["quantity"].as_i64().unwrap_or_default(),
            ));
        }
    }
    Ok(lines)
}
