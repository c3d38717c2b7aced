//! The same key is the same order: sent many times at once, later, and after a restart.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context, Result};

use crate::{
    aftermath,
    check::{Check, Setting, Trial},
    client::{Client, Outcome},
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "idempotency",
    promise: "One key, one order and one hold",
    broken: &["order.forgets_keys"],
    on_shops: true,
};

const STOCK: i64 = 1_000;
const AT_ONCE: usize = 20;

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let mut shop = Shop::open(setting.kind)?;
    let mut trial = Trial::default();
    let (ann, ben) = (shop.shopper("ann").await?, shop.shopper("ben").await?);
    let tea = shop.product("Tea", STOCK).await?;
    let keys: Vec<_> = (0..setting.size.of(2, 10)).map(|n| format!("key-{n}")).collect();
    let mut orders = Vec::new();
    for key in &keys {
        let lines = [(tea.as_str(), 2)];
        let sent = futures::future::join_all((0..AT_ONCE).map(|_| ann.place(&lines, Some(key)))).await;
        trial.tries += sent.len() as u64;
        let placed: HashSet<&str> =
            sent.iter().filter_map(|outcome| outcome.text("/placeOrder/_id")).collect();
        let unanswered = sent.iter().find(|outcome| outcome.text("/placeOrder/_id").is_none());
        trial.expect(unanswered.is_none(), || format!("{AT_ONCE} at once: {unanswered:?}"));
        trial.expect(placed.len() == 1, || format!("one key, {} orders", placed.len()));
        orders.push(placed.into_iter().next().context("no order")?.to_owned());
    }
    tokio::time::sleep(setting.size.of(Duration::from_millis(500), Duration::from_secs(5))).await;
    again(&ann, &tea, &keys, &orders, "later", &mut trial).await;
    shop.kill(setting.kind.of("shop", "order")).await?;
    let (ann, ben) = (ann.at(&shop.at("/graphql")), ben.at(&shop.at("/graphql")));
    again(&ann, &tea, &keys, &orders, "after a restart", &mut trial).await;

    let other = ann.place(&[(&tea, 3)], Some(&keys[0])).await;
    trial.expect(other.is_refused_as("IDEMPOTENCY_MISMATCH"), || format!("other lines: {other:?}"));
    let bens = ben.place(&[(&tea, 2)], Some(&keys[0])).await;
    let independent = bens.text("/placeOrder/_id").is_some_and(|id| !orders.iter().any(|order| order == id));
    trial.expect(independent, || format!("another shopper's same key: {bens:?}"));
    trial.tries += 2;

    let (sold, left) = (2 * (keys.len() as i64 + 1), shop.nobody()?.left(&tea).await?);
    trial.expect(left == STOCK - sold, || format!("{sold} were ordered, {left} of {STOCK} are left"));
    aftermath::examine(&shop, &mut trial).await?;
    Ok(trial)
}

/// Sends every key again, which must give the order that it gave before.
async fn again(ann: &Client, tea: &str, keys: &[String], orders: &[String], when: &str, trial: &mut Trial) {
    for (key, order) in keys.iter().zip(orders) {
        trial.tries += 1;
        let outcome = patiently(ann, tea, key).await;
        trial.expect(outcome.text("/placeOrder/_id") == Some(order), || {
            format!("the same key {when}: {outcome:?} instead of {order}")
        });
    }
}

/// As a shopper's program does: while nothing is known, it asks again.
async fn patiently(ann: &Client, tea: &str, key: &str) -> Outcome {
    let mut outcome = ann.place(&[(tea, 2)], Some(key)).await;
    for _ in 0..50 {
        if !matches!(outcome, Outcome::Unknown(_)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        outcome = ann.place(&[(tea, 2)], Some(key)).await;
    }
    outcome
}
