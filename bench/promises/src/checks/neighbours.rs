//! A neighbour that accepts and never answers costs what needs it a deadline, and nothing else anything.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::StreamExt as _;
use serde_json::json;

use crate::{
    aftermath,
    check::{Check, Faults, Setting, Trial},
    client::{Client, Outcome},
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "neighbours",
    promise: "A service that never answers is waited for once, and then no more",
    broken: &["client.no_breaker"],
    on_shops: true,
};

const SILENT: &str = "inventory.asked";
const STOCK: i64 = 1_000;
const CLIENTS: usize = 8;

/// What needs no neighbour is answered in this time also on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);
/// By then every part of an answer has come or has been given up.
const DEADLINE: Duration = Duration::from_secs(8);

const PLAIN: &str = "query($id: ID!) { product(id: $id) { name price } }";
const WITH_STOCK: &str = "query($id: ID!) { product(id: $id) { name price stock { available } } }";

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let (shop, faults) = (Shop::open(setting.kind)?, Faults::folder()?);
    let mut trial = Trial::default();
    let ann = shop.shopper("ann").await?;
    let tea = shop.product("Tea", STOCK).await?;
    ann.place(&[(&tea, 1)], None).await.text("/placeOrder/_id").context("no order while all is well")?;
    let asked = asked(&shop).await?;

    faults.put(SILENT, "pause")?;
    trial.faults += 1;
    let orders = setting.size.of(16, 64);
    let took = placed_in_vain(&ann, &tea, orders, &mut trial).await;
    for _ in 0..20 {
        plain(&ann, &tea, &mut trial).await?;
    }
    with_stock(&ann, &tea, &mut trial).await?;
    // The first wait for the deadline; once the breaker is open the others are told at once.
    let told_at_once = took.iter().filter(|took| **took < AT_ONCE).count();
    trial.expect(told_at_once > orders / 4, || {
        format!("{told_at_once} of {orders} were told at once: {took:?}")
    });

    trial.expect(faults.take(SILENT), || "the fault was gone".to_owned());
    let began = Instant::now();
    while ann.place(&[(&tea, 1)], None).await.text("/placeOrder/_id").is_none() {
        if began.elapsed() > Duration::from_secs(30) {
            trial
                .violations
                .push("30 s after the neighbour answered again nothing can be ordered".to_owned());
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    aftermath::settle(&shop, &mut trial).await?;
    // Each order asks for stock, and gives it back where it may be held.
    let (attempts, requests) = (self::asked(&shop).await? - asked, 2 * (orders as u64 + 1));
    trial.expect(attempts * 10 <= requests * 11, || format!("{attempts} attempts for {requests} requests"));
    let left = shop.nobody()?.left(&tea).await?;
    let confirmed = ann.orders().await?.iter().filter(|(_, status)| status == "CONFIRMED").count();
    trial.expect(left == STOCK - confirmed as i64, || format!("{confirmed} orders, {left} of {STOCK} left"));
    trial.violations.extend(shop.recount()?);
    Ok(trial)
}

/// Orders while the neighbour is silent: what each was told, and how long it took.
async fn placed_in_vain(ann: &Client, tea: &str, orders: usize, trial: &mut Trial) -> Vec<Duration> {
    let place = |_| async {
        let began = Instant::now();
        (ann.place(&[(tea, 1)], None).await, began.elapsed())
    };
    let outcomes: Vec<_> =
        futures::stream::iter(0..orders).map(place).buffer_unordered(CLIENTS).collect().await;
    trial.tries += outcomes.len() as u64;
    for (outcome, took) in &outcomes {
        let told = matches!(outcome, Outcome::Unknown(what) if what.contains("UNAVAILABLE"));
        trial.expect(told && *took < DEADLINE, || format!("an order was told {outcome:?} after {took:?}"));
    }
    outcomes.into_iter().map(|(_, took)| took).collect()
}

async fn plain(ann: &Client, tea: &str, trial: &mut Trial) -> Result<()> {
    let began = Instant::now();
    let answer = ann.ask(PLAIN, json!({ "id": tea })).await?;
    trial.tries += 1;
    let good = answer["errors"].is_null() && answer["data"]["product"]["price"].is_i64();
    trial.expect(good && began.elapsed() < AT_ONCE, || {
        format!("without stock, after {:?}: {answer}", began.elapsed())
    });
    Ok(())
}

async fn with_stock(ann: &Client, tea: &str, trial: &mut Trial) -> Result<()> {
    let began = Instant::now();
    let answer = ann.ask(WITH_STOCK, json!({ "id": tea })).await?;
    trial.tries += 1;
    let product = &answer["data"]["product"];
    let good = product["price"].is_i64()
        && product["stock"].is_null()
        && answer["errors"][0]["path"] == json!(["product", "stock"])
        && answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE";
    trial.expect(good && began.elapsed() < DEADLINE, || {
        format!("with stock, after {:?}: {answer}", began.elapsed())
    });
    Ok(())
}

/// How many requests the inventory has answered.
async fn asked(shop: &Shop) -> Result<u64> {
    let mut asked = 0;
    for part in shop.parts()?.iter().filter(|part| ["shop", "inventory"].contains(&part.name.as_str())) {
        let text = reqwest::get(format!("{}/metrics", part.url)).await?.text().await?;
        let line = text
            .lines()
            .find(|line| line.starts_with("larder_subgraph_request_seconds_count{subgraph=\"inventory\"}"));
        asked += line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(asked)
}
