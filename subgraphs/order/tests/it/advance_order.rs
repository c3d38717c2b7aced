//! `advanceOrder`.

use serde_json::json;

use crate::shop::{Shop, statuses};

#[tokio::test]
async fn takes_an_order_to_the_shopper_and_tells_everybody() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let (ann, boss) = (shop.customer("ann"), shop.admin());
    let id = ann.buys(&[(&milk, 4)]).await;
    for (to, topic) in
        [("PACKED", "order.packed"), ("SHIPPED", "order.shipped"), ("DELIVERED", "order.delivered")]
    {
        shop.pass(chrono::TimeDelta::minutes(1));
        let answer = boss.advance(&id, to).await;
        let order = &answer.data()["advanceOrder"];
        assert_eq!(order["status"], to);
        let last = order["history"].as_array().unwrap().last().unwrap();
        assert_eq!(last["by"], json!({ "kind": "ADMIN", "userId": boss.id(), "service": null }));
        let at: chrono::DateTime<chrono::Utc> = last["at"].as_str().unwrap().parse().unwrap();
        assert_eq!(at, shop.world.clock().now());
        assert_eq!(shop.heard(topic, &id).await.data, json!({ "orderId": id, "customerId": ann.id() }));
    }
    let order = shop.order(&id).await;
    assert_eq!(statuses(&order), ["PENDING", "CONFIRMED", "PACKED", "SHIPPED", "DELIVERED"]);
    assert_eq!(shop.inventory.available(&milk), 6);
}

#[tokio::test]
async fn every_other_step_is_a_conflict_that_names_both_states() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let boss = shop.admin();
    let id = shop.customer("ann").buys(&[(&milk, 4)]).await;
    let before = shop.order(&id).await;
    for to in ["PENDING", "CONFIRMED", "SHIPPED", "DELIVERED", "REJECTED", "CANCELLED"] {
        let answer = boss.advance(&id, to).await;
        assert_eq!(answer.code(), "CONFLICT", "{to}");
        let text = answer.error()["message"].as_str().unwrap();
        assert!(text.contains("CONFIRMED") && text.contains(to), "{text}");
    }
    assert_eq!(shop.order(&id).await, before);
    boss.advance(&id, "PACKED").await.data();
    assert_eq!(boss.advance(&id, "PACKED").await.code(), "CONFLICT");
}

#[tokio::test]
async fn says_what_is_wrong_with_the_input() {
    let shop = Shop::start().await;
    let boss = shop.admin();
    let malformed = boss.advance("x", "PACKED").await;
    assert_eq!((malformed.code(), malformed.fields()), ("BAD_USER_INPUT", vec!["id"]));
    assert_eq!(boss.advance(&order::OrderId::new().to_string(), "PACKED").await.code(), "NOT_FOUND");
    let unknown = boss.advance(&order::OrderId::new().to_string(), "LOST").await;
    assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&unknown.code()), "{}", unknown.body);
}
