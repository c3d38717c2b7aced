//! `placeOrder` where another service fails, at every step and in every way.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    fakes::Mode,
    shop::{Shop, eventually, patient, quick, statuses},
};

#[tokio::test]
async fn writes_nothing_when_the_catalog_does_not_answer() {
    let garbage = json!({ "data": { "offers": "none" } });
    let modes = [
        Mode::Down,
        Mode::Silent,
        Mode::DoesAndLosesAnswer,
        Mode::refuses("UNAVAILABLE"),
        Mode::refuses("INTERNAL"),
        Mode::Says(garbage),
    ];
    for mode in modes {
        let shop = Shop::with(quick()).await;
        let milk = shop.product("milk", 1, 10);
        shop.catalog.set(mode);
        let before = shop.stats().writes;
        let answer = shop.customer("ann").place(&[(&milk, 1)]).await;
        assert_eq!(answer.code(), "UNAVAILABLE");
        assert_eq!(shop.stats().writes, before);
        assert!(shop.ledger().await.is_empty());
        assert!(shop.inventory.calls("reserveStock").is_empty());
    }
}

/// The inventory does this with a reservation; the shopper is told `UNAVAILABLE`, the order has ended, and nothing is held.
async fn ends_the_order(mode: Mode, perhaps_held: bool) {
    let shop = Shop::with(quick()).await;
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(mode);
    let asked = Instant::now();
    let answer = shop.customer("ann").place(&[(&milk, 4)]).await;
    assert!(asked.elapsed() < quick().place_deadline + Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(answer.code(), "UNAVAILABLE");
    assert!(answer.error()["message"].as_str().unwrap().contains("try again"), "{}", answer.body);
    let order = shop.only_order().await;
    assert_eq!(statuses(&order), ["PENDING", "CANCELLED"]);
    assert_eq!(order["history"][1]["by"]["kind"], "SERVICE");
    assert!(shop.inventory.held().is_empty(), "something is still held");
    assert_eq!(shop.inventory.available(&milk), 10);
    let id = order["_id"].as_str().unwrap();
    assert_eq!(shop.inventory.calls("releaseStock").is_empty(), !perhaps_held);
    let event = shop.heard("order.cancelled", id).await;
    assert_eq!(event.data["stockHeld"], perhaps_held);
    assert_eq!(event.data["lines"], json!([{ "productId": milk, "quantity": 4 }]));
    assert_eq!(shop.topics(id).await, ["order.placed", "order.cancelled"]);
}

#[tokio::test]
async fn ends_the_order_when_the_inventory_cannot_be_reached() {
    ends_the_order(Mode::Down, false).await;
}

#[tokio::test]
async fn ends_the_order_and_gives_back_when_the_answer_was_lost() {
    ends_the_order(Mode::DoesAndLosesAnswer, true).await;
}

#[tokio::test]
async fn ends_the_order_when_the_inventory_is_silent() {
    ends_the_order(Mode::Silent, true).await;
}

#[tokio::test]
async fn ends_the_order_and_gives_back_when_the_inventory_is_too_slow() {
    ends_the_order(Mode::DoesAndHangs, true).await;
}

#[tokio::test]
async fn ends_the_order_when_the_inventory_refuses_for_a_reason_of_its_own() {
    for code in ["UNAVAILABLE", "INTERNAL", "CONFLICT", "BAD_USER_INPUT", "FORBIDDEN", "NEW_CODE"] {
        ends_the_order(Mode::refuses(code), true).await;
    }
}

#[tokio::test]
async fn ends_the_order_when_the_inventory_answers_something_else() {
    let no_list = json!({ "errors": [{ "message": "no", "extensions": { "code": "OUT_OF_STOCK" } }] });
    for answer in [json!({ "data": { "reserveStock": false } }), json!({ "data": {} }), json!("no"), no_list]
    {
        ends_the_order(Mode::Says(answer), true).await;
    }
}

#[tokio::test]
async fn the_event_gives_back_what_the_call_could_not() {
    for release in [Mode::Down, Mode::Silent, Mode::refuses("INTERNAL")] {
        let shop = Shop::with(quick()).await;
        let milk = shop.product("milk", 1, 10);
        shop.inventory.reserving(Mode::DoesAndLosesAnswer);
        shop.inventory.releasing(release);
        assert_eq!(shop.customer("ann").place(&[(&milk, 4)]).await.code(), "UNAVAILABLE");
        let order = shop.only_order().await;
        assert_eq!(order["status"], "CANCELLED");
        let event = shop.heard("order.cancelled", order["_id"].as_str().unwrap()).await;
        assert_eq!(event.data["stockHeld"], true);
    }
}

#[tokio::test]
async fn asks_again_when_one_answer_is_lost() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(Mode::LosesFirstAnswer);
    let answer = shop.customer("ann").place(&[(&milk, 4)]).await;
    assert_eq!(answer.data()["placeOrder"]["status"], "CONFIRMED");
    assert_eq!(shop.inventory.calls("reserveStock").len(), 2);
    assert_eq!(shop.inventory.available(&milk), 6);
}

#[tokio::test]
async fn shows_no_internal_text() {
    let shop = Shop::with(quick()).await;
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(Mode::Down);
    let answer = shop.customer("ann").place(&[(&milk, 1)]).await;
    let text = answer.body.to_string();
    assert!(!text.contains("it is down") && !text.contains("inventory"), "{text}");
}

/// The database fails while the inventory does this with a reservation. The shopper is told `UNAVAILABLE` and nothing is decided;
/// the reconciler of the next start decides.
async fn leaves_it_to_the_reconciler(mode: Mode, gate: Option<tokio::sync::watch::Sender<bool>>) {
    let hasty = gate.is_none();
    let shop = Shop::with(if hasty { quick() } else { patient() }).await;
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(mode);
    let ann = shop.customer("ann");
    let placing = tokio::spawn({
        let (ann, milk) = (ann.clone(), milk.clone());
        async move { ann.place(&[(&milk, 4)]).await }
    });
    let id = shop.reserving().await;
    shop.database_fails().await;
    if let Some(gate) = gate {
        gate.send(true).unwrap();
    }
    assert_eq!(placing.await.unwrap().code(), "UNAVAILABLE");
    assert!(shop.inventory.calls("releaseStock").is_empty(), "nobody had decided that the order has ended");
    let shop = shop.restart().await;
    assert_eq!(shop.order(&id).await["status"], "PENDING");
    shop.pass(chrono::TimeDelta::seconds(61));
    let order = shop.until(&id, "CANCELLED").await;
    assert_eq!(statuses(&order), ["PENDING", "CANCELLED"]);
    eventually("the stock", async || (shop.inventory.available(&milk) == 10).then_some(())).await;
}

#[tokio::test]
async fn leaves_it_to_the_reconciler_when_the_confirmation_cannot_be_written() {
    let (open, gated) = Mode::gated();
    leaves_it_to_the_reconciler(gated, Some(open)).await;
}

#[tokio::test]
async fn leaves_it_to_the_reconciler_when_the_end_cannot_be_written() {
    leaves_it_to_the_reconciler(Mode::DoesAndHangs, None).await;
    leaves_it_to_the_reconciler(Mode::Silent, None).await;
}

#[tokio::test]
async fn reserves_nothing_when_the_order_cannot_be_written() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    shop.database_fails().await;
    assert_eq!(shop.customer("ann").place(&[(&milk, 4)]).await.code(), "UNAVAILABLE");
    assert!(shop.inventory.calls("reserveStock").is_empty());
    assert!(shop.restart().await.ledger().await.is_empty());
}
