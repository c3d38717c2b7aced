//! What must be true of a shop a while after whatever was done to it: nothing is unfinished, and the books agree.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::{check::Trial, client::Client, shop::Shop};

/// Within this time of the last fault no order is unfinished and every event has been heard.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// What a shop has of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) on_hand: i64,
    pub(crate) held: i64,
    pub(crate) sold: i64,
    pub(crate) received: i64,
}

/// Waits until the shop has settled, and recounts its books.
pub(crate) async fn examine(shop: &Shop, trial: &mut Trial) -> Result<()> {
    settle(shop, trial).await?;
    trial.violations.extend(shop.recount()?);
    Ok(())
}

/// Waits until no order is unfinished, nothing is held and every event has been heard; notes what is not by the time that is promised.
pub(crate) async fn settle(shop: &Shop, trial: &mut Trial) -> Result<()> {
    let began = Instant::now();
    loop {
        let unfinished = unfinished(shop).await;
        match &unfinished {
            Ok(left) if left.is_empty() => return Ok(()),
            _ if began.elapsed() > SETTLED_WITHIN => {
                let found = unfinished.unwrap_or_else(|error| vec![format!("{error:#}")]);
                trial.violations.push(format!("after {SETTLED_WITHIN:?}: {}", found.join(", ")));
                return Ok(());
            }
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// What is still on its way.
async fn unfinished(shop: &Shop) -> Result<Vec<String>> {
    let operator = shop.operator().await?;
    let pending = "{ ordersConnection(first: 1, filter: { status: PENDING }) { totalCount } }";
    let data = operator.must(pending, json!({})).await?;
    let pending = data["ordersConnection"]["totalCount"].as_i64().context("no count")?;
    let held: i64 = levels(&operator).await?.iter().map(|(_, level)| level.held).sum();
    let mut left = Vec::new();
    let mut note = |count: i64, what: &str| {
        if count != 0 {
            left.push(format!("{count} {what}"));
        }
    };
    note(pending, "orders are PENDING");
    note(held, "pieces are held");
    for part in shop.parts()?.iter().filter(|part| part.name != "redis") {
        let text = reqwest::get(format!("{}/metrics", part.url)).await?.text().await?;
        note(
            sum(&text, "larder_store_undelivered"),
            &format!("documents with events in the outbox of {}", part.name),
        );
        note(sum(&text, "larder_events_waiting"), &format!("events wait for {}", part.name));
    }
    Ok(left)
}

fn sum(metrics: &str, name: &str) -> i64 {
    let of = |line: &str| {
        let rest = line.strip_prefix(name)?;
        (rest.starts_with('{') || rest.starts_with(' '))
            .then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    };
    metrics.lines().filter_map(of).sum::<f64>().round() as i64
}

/// What there is of every product, by its id.
pub(crate) async fn levels(operator: &Client) -> Result<Vec<(String, Level)>> {
    let query = "query($after: String) { lowStock(first: 100, after: $after, threshold: 1000000000) { \
        nodes { onHand held sold received product { _id } } pageInfo { hasNextPage endCursor } } }";
    let (mut levels, mut after) = (Vec::new(), json!(null));
    loop {
        let data = operator.must(query, json!({ "after": after })).await?;
        let page = &data["lowStock"];
        for node in page["nodes"].as_array().context("no levels")? {
            let number = |name: &str| node[name].as_i64().with_context(|| format!("no {name}"));
            let level = Level {
                on_hand: number("onHand")?,
                held: number("held")?,
                sold: number("sold")?,
                received: number("received")?,
            };
            levels.push((node["product"]["_id"].as_str().context("no product")?.to_owned(), level));
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return Ok(levels);
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}
