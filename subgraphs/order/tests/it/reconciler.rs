//! Orders that were left PENDING, and who decides them when several want to.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;

use crate::{
    fakes::Mode,
    shop::{Shop, Shopper, eventually, id_of, patient, statuses, without_reconciler},
};

/// An order whose placing is cut off by a stop of the service while the inventory does this; the shop after the next start.
async fn cut_off(mode: Mode) -> (Shop, String, String) {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(mode);
    let placing = tokio::spawn({
        let (ann, milk) = (shop.customer("ann"), milk.clone());
        async move { ann.place(&[(&milk, 4)]).await }
    });
    let id = shop.reserving().await;
    let shop = shop.restart().await;
    assert_eq!(placing.await.unwrap().code(), "UNAVAILABLE");
    assert_eq!(shop.order(&id).await["status"], "PENDING");
    (shop, id, milk)
}

#[tokio::test]
async fn ends_an_order_that_was_cut_off_before_its_stock_was_held() {
    let (shop, id, milk) = cut_off(Mode::Silent).await;
    shop.pass(TimeDelta::seconds(61));
    let order = shop.until(&id, "CANCELLED").await;
    assert_eq!(statuses(&order), ["PENDING", "CANCELLED"]);
    assert_eq!(order["history"][1]["by"]["service"], "order");
    assert_eq!(shop.inventory.available(&milk), 10);
    assert_eq!(shop.heard("order.cancelled", &id).await.data["stockHeld"], true);
}

#[tokio::test]
async fn gives_back_what_was_held_for_an_order_that_was_cut_off() {
    let (shop, id, milk) = cut_off(Mode::DoesAndHangs).await;
    assert_eq!(shop.inventory.available(&milk), 6);
    shop.pass(TimeDelta::seconds(61));
    shop.until(&id, "CANCELLED").await;
    eventually("the stock", async || (shop.inventory.available(&milk) == 10).then_some(())).await;
    assert_eq!(shop.topics(&id).await, ["order.placed", "order.cancelled"]);
}

#[tokio::test]
async fn finds_them_at_the_start() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(Mode::DoesAndHangs);
    let ann = shop.customer("ann");
    let placing = tokio::spawn(async move { ann.place(&[(&milk, 4)]).await });
    let id = shop.reserving().await;
    shop.pass(TimeDelta::seconds(61));
    let shop = shop.restart().await;
    shop.until(&id, "CANCELLED").await;
    assert_eq!(placing.await.unwrap().code(), "UNAVAILABLE");
}

#[tokio::test]
async fn an_order_that_was_answered_is_kept_over_a_restart_and_its_event_goes_out() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let id = shop.customer("ann").buys(&[(&milk, 4)]).await;
    let shop = shop.restart().await;
    shop.pass(TimeDelta::hours(1));
    assert_eq!(shop.topics(&id).await, ["order.placed", "order.confirmed"]);
    assert_eq!(shop.order(&id).await["status"], "CONFIRMED");
}

#[tokio::test]
async fn leaves_orders_alone_that_are_still_within_their_deadline() {
    let (shop, old, milk) = cut_off(Mode::Silent).await;
    shop.pass(TimeDelta::seconds(58));
    let (open, gated) = Mode::gated();
    shop.inventory.reserving(gated);
    let ann = shop.customer("ann");
    let placing = tokio::spawn(async move { ann.place(&[(&milk, 1)]).await });
    let young = eventually("the second order", async || {
        Some(shop.inventory.calls("reserveStock").last()?["order"].as_str()?.to_owned())
            .filter(|id| *id != old)
    })
    .await;
    shop.pass(TimeDelta::seconds(59));
    shop.until(&old, "CANCELLED").await;
    assert_eq!(shop.order(&young).await["status"], "PENDING");
    open.send(true).unwrap();
    assert_eq!(placing.await.unwrap().data()["placeOrder"]["status"], "CONFIRMED");
}

#[tokio::test]
async fn a_confirmation_that_comes_after_the_reconciler_is_refused_and_its_stock_goes_back() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let (open, gated) = Mode::gated();
    shop.inventory.reserving(gated);
    // The reconciler's own release is lost, so that it is up to the call.
    shop.inventory.releasing(Mode::Down);
    let placing = tokio::spawn({
        let (ann, milk) = (shop.customer("ann"), milk.clone());
        async move { ann.place(&[(&milk, 4)]).await }
    });
    let id = shop.reserving().await;
    shop.pass(TimeDelta::seconds(61));
    shop.until(&id, "CANCELLED").await;
    eventually("the reconciler's release", async || shop.inventory.calls("releaseStock").last().cloned())
        .await;
    shop.inventory.releasing(Mode::Works);
    open.send(true).unwrap();
    assert_eq!(placing.await.unwrap().code(), "UNAVAILABLE");
    assert!(shop.inventory.held().is_empty());
    assert_eq!(statuses(&shop.order(&id).await), ["PENDING", "CANCELLED"]);
    assert_eq!(shop.topics(&id).await, ["order.placed", "order.cancelled"]);
}

#[tokio::test]
async fn a_shopper_may_cancel_what_is_being_placed() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let (open, gated) = Mode::gated();
    shop.inventory.reserving(gated);
    let placing = tokio::spawn({
        let (ann, milk) = (ann.clone(), milk.clone());
        async move { ann.place_as("k1", &[(&milk, 4)]).await }
    });
    let id = shop.reserving().await;
    assert_eq!(ann.cancel(&id, Some("changed my mind")).await.data()["cancelOrder"]["status"], "CANCELLED");
    open.send(true).unwrap();
    let answer = placing.await.unwrap();
    assert_eq!(answer.code(), "CONFLICT");
    let text = answer.error()["message"].as_str().unwrap();
    assert!(text.contains("CANCELLED") && text.contains("CONFIRMED"), "{text}");
    assert!(shop.inventory.held().is_empty());
    assert_eq!(
        ann.place_as("k1", &[(&milk, 4)]).await.code(),
        "CONFLICT",
        "a repeat is answered as the first was"
    );
}

/// Many orders are confirmed, ended by the reconciler and asked about by the inventory at the same moments. Each has exactly one end, and the
/// shopper, the inventory and the history agree on it.
#[tokio::test(flavor = "multi_thread")]
async fn every_order_has_one_end_however_many_decide_it() {
    const ORDERS: usize = 60;
    let shop = Shop::with(patient()).await;
    let milk = shop.product("milk", 1, 1_000);
    let (open, gated) = Mode::gated();
    shop.inventory.reserving(gated);
    let placing: Vec<_> = (0..ORDERS)
        .map(|n| {
            let (shopper, milk) = (shop.customer(&format!("shopper{n}")), milk.clone());
            tokio::spawn(async move { (shopper.place(&[(&milk, 1)]).await, shopper) })
        })
        .collect();
    let ids: Vec<String> = eventually("all reservations", async || {
        let calls = shop.inventory.calls("reserveStock");
        (calls.len() == ORDERS)
            .then(|| calls.iter().map(|call| call["order"].as_str().unwrap().to_owned()).collect())
    })
    .await;
    let inventory = shop.as_inventory();
    let asking = ids.iter().map(|id| {
        let inventory = inventory.clone();
        let id = id.clone();
        async move {
            let answer =
                inventory.send("mutation S($id: ID!) { settleOrder(id: $id) }", json!({ "id": id })).await;
            answer.data()["settleOrder"].as_str().unwrap().to_owned()
        }
    });
    // Now everybody at once: the deadline passes, the reservations are answered, and the inventory asks.
    shop.pass(TimeDelta::seconds(61));
    open.send(true).unwrap();
    let fates = join_all(asking).await;
    let mut answered: Vec<(String, bool)> = Vec::new();
    for placed in placing {
        let (answer, shopper): (_, Shopper) = placed.await.unwrap();
        let id = shop.id_of_only(&shopper).await;
        answered.push((id, answer.body.get("errors").is_none()));
    }
    for (id, confirmed) in answered {
        let order = shop.order(&id).await;
        let end = if confirmed { "CONFIRMED" } else { "CANCELLED" };
        assert_eq!(statuses(&order), ["PENDING", end], "{id}");
        let fate = &fates[ids.iter().position(|other| *other == id).unwrap()];
        assert_eq!(fate, if confirmed { "CONFIRMED" } else { "ENDED" }, "{id}");
        eventually("the stock of what ended", async || {
            (shop.inventory.held().contains(&id) == confirmed).then_some(())
        })
        .await;
        let topic = if confirmed { "order.confirmed" } else { "order.cancelled" };
        assert_eq!(shop.topics(&id).await, ["order.placed", topic]);
    }
}

#[tokio::test]
async fn ends_more_orders_than_it_reads_at_once() {
    const ORDERS: usize = 130;
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 1_000);
    let ann = shop.customer("ann");
    shop.inventory.reserving(Mode::DoesAndHangs);
    let placing: Vec<_> = (0..ORDERS)
        .map(|_| {
            let (ann, milk) = (ann.clone(), milk.clone());
            tokio::spawn(async move { ann.place(&[(&milk, 1)]).await })
        })
        .collect();
    eventually("all reservations", async || (shop.inventory.held().len() == ORDERS).then_some(())).await;
    shop.pass(TimeDelta::seconds(61));
    let shop = shop.restart().await;
    for placed in placing {
        assert_eq!(placed.await.unwrap().code(), "UNAVAILABLE");
    }
    eventually("all stock back", async || (shop.inventory.available(&milk) == 1_000).then_some(())).await;
    assert!(shop.ledger().await.iter().all(|order| order.status == order::OrderStatus::Cancelled));
}

#[tokio::test]
async fn goes_on_when_the_inventory_is_away() {
    let (shop, id, milk) = cut_off(Mode::DoesAndHangs).await;
    shop.inventory.releasing(Mode::Down);
    shop.pass(TimeDelta::seconds(61));
    shop.until(&id, "CANCELLED").await;
    shop.heard("order.cancelled", &id).await;
    assert_eq!(shop.inventory.available(&milk), 6, "only the event can give it back now");
    shop.inventory.reserving(Mode::Works);
    id_of(&shop.customer("bob").place(&[(&milk, 1)]).await);
}
