use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::TimeDelta;
use serde_json::json;

use crate::shop::{Shop, down, until};

#[tokio::test]
async fn a_hold_that_ran_out_is_sold_where_the_order_is_confirmed() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    shop.orders_are("CONFIRMED");
    let order = shop.held(&[(a, 2), (b, 1)]).await;
    shop.world.clock().advance(TimeDelta::minutes(2));
    until("the hold is settled", || async { shop.account(a).await.sold + shop.account(b).await.sold == 3 })
        .await;
    assert_eq!(shop.account(a).await.sold_to[&order], 2);
}

#[tokio::test]
async fn a_hold_that_ran_out_is_given_up_where_the_order_has_ended() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    shop.orders_are("ENDED");
    let order = shop.held(&[(a, 2), (b, 1)]).await;
    shop.world.clock().advance(TimeDelta::minutes(2));
    until("the hold is settled", || async { shop.quantity(a).await == 5 && shop.quantity(b).await == 5 })
        .await;
    assert_eq!(shop.reserve(order, &[(a, 2), (b, 1)]).await.code(), "CONFLICT");
    let movements = "query($p: ID) { stockMovements(product: $p, first: 1) { nodes { kind } } }";
    let answer = shop.admin().send(movements, json!({ "p": a.to_string() })).await;
    assert_eq!(answer.data()["stockMovements"]["nodes"][0]["kind"], "EXPIRE");
}

/// Scripts an order service that answers like this the first times, and counts.
fn slowly(
    shop: &Shop,
    first: fn() -> Result<serde_json::Value, kit::client::TransportError>,
) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    shop.world.script("order", move |query, variables| {
        assert!(query.contains("settleOrder") && variables["id"].is_string());
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move { if number < 3 { first() } else { Ok(json!({ "data": { "settleOrder": "ENDED" } })) } }
    });
    asked
}

#[tokio::test]
async fn an_undecided_order_keeps_its_hold_until_it_is_decided() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let asked = slowly(&shop, || Ok(json!({ "data": { "settleOrder": "UNDECIDED" } })));
    shop.held(&[(a, 2)]).await;
    shop.world.clock().advance(TimeDelta::minutes(2));
    until("it is asked once", || async { asked.load(Ordering::SeqCst) >= 1 }).await;
    until("the hold is settled", || async { shop.quantity(a).await == 5 }).await;
    assert!(asked.load(Ordering::SeqCst) >= 4, "the hold ended before the order was decided");
}

#[tokio::test]
async fn a_hold_outlives_an_order_service_that_is_down() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    shop.held(&[(a, 2)]).await;
    shop.world.clock().advance(TimeDelta::days(30));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    shop.world.script("order", move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Err(down()) }
    });
    until("it is asked often", || async { asked.load(Ordering::SeqCst) >= 4 }).await;
    assert_eq!(shop.quantity(a).await, 3);
    shop.orders_are("ENDED");
    until("the hold is settled", || async { shop.quantity(a).await == 5 }).await;
}

#[tokio::test]
async fn an_order_service_that_refuses_or_babbles_changes_nothing() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    shop.held(&[(a, 2)]).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    shop.world.script("order", move |_, _| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            Ok(if number.is_multiple_of(2) {
                json!({ "data": { "settleOrder": "PERHAPS" } })
            } else {
                json!({ "data": null, "errors": [{ "message": "no", "extensions": { "code": "INTERNAL" } }] })
            })
        }
    });
    shop.world.clock().advance(TimeDelta::minutes(2));
    until("it is asked often", || async { asked.load(Ordering::SeqCst) >= 4 }).await;
    assert_eq!(shop.account(a).await.held, 2);
}

#[tokio::test]
async fn nobody_is_asked_before_a_hold_runs_out() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let early = shop.held(&[(a, 1)]).await;
    shop.world.clock().advance(TimeDelta::seconds(30));
    let late = shop.held(&[(a, 1)]).await;
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let asked = seen.clone();
    shop.world.script("order", move |_, variables| {
        asked.lock().unwrap().push(variables["id"].as_str().unwrap_or_default().to_owned());
        async { Ok(json!({ "data": { "settleOrder": "ENDED" } })) }
    });
    shop.world.clock().advance(TimeDelta::seconds(31));
    until("the first is settled", || async { shop.quantity(a).await == 4 }).await;
    assert!(seen.lock().unwrap().iter().all(|id| *id == early.to_string()));
    assert_eq!(shop.account(a).await.holds[0].order, late);
}

#[tokio::test]
async fn holds_that_a_crash_left_behind_are_settled_after_the_start() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    shop.held(&[(a, 2)]).await;
    let shop = shop.reopened().await;
    shop.orders_are("ENDED");
    assert_eq!(shop.quantity(a).await, 3);
    shop.world.clock().advance(TimeDelta::minutes(2));
    until("the hold is settled", || async { shop.quantity(a).await == 5 }).await;
    assert_eq!(shop.account(a).await.held, 0);
}
