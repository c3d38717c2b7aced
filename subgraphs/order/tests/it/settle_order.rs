//! `settleOrder`, which the inventory asks when a hold has expired.

use chrono::TimeDelta;
use kit::testing::Answer;
use serde_json::json;

use crate::{
    fakes::Mode,
    shop::{Shop, without_reconciler},
};

async fn settle(shop: &Shop, id: &str) -> Answer {
    shop.as_inventory().send("mutation Settle($id: ID!) { settleOrder(id: $id) }", json!({ "id": id })).await
}

async fn fate(shop: &Shop, id: &str) -> String {
    settle(shop, id).await.data()["settleOrder"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_sold_is_confirmed_until_it_is_cancelled() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let (ann, boss) = (shop.customer("ann"), shop.admin());
    let id = ann.buys(&[(&milk, 4)]).await;
    assert_eq!(fate(&shop, &id).await, "CONFIRMED");
    for to in ["PACKED", "SHIPPED", "DELIVERED"] {
        boss.advance(&id, to).await.data();
        assert_eq!(fate(&shop, &id).await, "CONFIRMED");
    }
    shop.pass(TimeDelta::minutes(5));
    assert_eq!(fate(&shop, &id).await, "CONFIRMED");
    let cancelled = ann.buys(&[(&milk, 4)]).await;
    ann.cancel(&cancelled, None).await.data();
    assert_eq!(fate(&shop, &cancelled).await, "ENDED");
}

#[tokio::test]
async fn what_was_rejected_has_ended() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 1);
    assert_eq!(shop.customer("ann").place(&[(&milk, 4)]).await.code(), "OUT_OF_STOCK");
    let id = shop.only_order().await["_id"].as_str().unwrap().to_owned();
    assert_eq!(fate(&shop, &id).await, "ENDED");
}

#[tokio::test]
async fn what_is_pending_is_undecided_until_its_deadline_and_is_then_ended() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 5, 10);
    let (open, gated) = Mode::gated();
    shop.inventory.reserving(gated);
    let ann = shop.customer("ann");
    let placing = tokio::spawn(async move { ann.place(&[(&milk, 4)]).await });
    let id = shop.reserving().await;
    assert_eq!(fate(&shop, &id).await, "UNDECIDED");
    shop.pass(TimeDelta::seconds(59));
    assert_eq!(fate(&shop, &id).await, "UNDECIDED");
    shop.pass(TimeDelta::seconds(1));
    assert_eq!(fate(&shop, &id).await, "ENDED");
    assert_eq!(shop.order(&id).await["status"], "CANCELLED");
    shop.heard("order.cancelled", &id).await;
    open.send(true).unwrap();
    assert_eq!(placing.await.unwrap().code(), "UNAVAILABLE");
    assert_eq!(fate(&shop, &id).await, "ENDED");
    assert!(shop.inventory.held().is_empty());
}

#[tokio::test]
async fn an_unknown_order_is_marked_so_that_it_can_never_be_placed() {
    let shop = Shop::start().await;
    let id = order::OrderId::new().to_string();
    let before = shop.stats().writes;
    assert_eq!(fate(&shop, &id).await, "ENDED");
    assert_eq!(shop.stats().writes, before + 1);
    assert_eq!(fate(&shop, &id).await, "ENDED");
    assert_eq!(shop.stats().writes, before + 1, "one mark is enough");
    let shop = shop.restart().await;
    assert_eq!(fate(&shop, &id).await, "ENDED");
    // The mark is no order: nobody sees it.
    let boss = shop.admin();
    assert_eq!(boss.order(&id).await.code(), "NOT_FOUND");
    assert_eq!(boss.client.ask("{ orders { _id } }").await.data()["orders"], json!([]));
    assert_eq!(boss.cancel(&id, None).await.code(), "NOT_FOUND");
    assert_eq!(boss.advance(&id, "PACKED").await.code(), "NOT_FOUND");
    assert!(shop.ledger().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_order_is_ended_for_all_who_ask_at_once() {
    let shop = Shop::start().await;
    let id = order::OrderId::new().to_string();
    let fates = futures::future::join_all((0..32).map(|_| fate(&shop, &id))).await;
    assert!(fates.iter().all(|fate| fate == "ENDED"), "{fates:?}");
}

#[tokio::test]
async fn refuses_what_is_no_id() {
    let shop = Shop::start().await;
    let answer = settle(&shop, "x").await;
    assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["id"]));
}
