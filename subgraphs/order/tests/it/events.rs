//! What the rest of the shop hears.

use kit::{bus::Bus, testing::servers::RedisServer};
use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn tells_of_a_sale() {
    let shop = Shop::start().await;
    let (milk, bread) = (shop.product("milk", 5, 10), shop.product("bread", 7, 10));
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4), (&bread, 1), (&milk, 1)]).await;
    let sale = json!({
        "orderId": id,
        "customerId": ann.id(),
        "lines": [{ "productId": milk, "quantity": 5 }, { "productId": bread, "quantity": 1 }],
        "total": 32,
    });
    assert_eq!(shop.heard("order.placed", &id).await.data, sale);
    assert_eq!(shop.heard("order.confirmed", &id).await.data, sale);
    assert_eq!(shop.topics(&id).await, ["order.placed", "order.confirmed"]);
}

#[tokio::test]
async fn tells_of_a_refusal() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 1);
    let ann = shop.customer("ann");
    assert_eq!(ann.place(&[(&milk, 4)]).await.code(), "OUT_OF_STOCK");
    let id = shop.only_order().await["_id"].as_str().unwrap().to_owned();
    assert_eq!(
        shop.heard("order.rejected", &id).await.data,
        json!({ "orderId": id, "customerId": ann.id(), "reason": "Out of stock: milk (4 asked for, 1 there)." })
    );
    assert_eq!(shop.topics(&id).await, ["order.placed", "order.rejected"]);
}

#[tokio::test]
async fn says_nothing_of_what_was_not_changed() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 1)]).await;
    for to in ["SHIPPED", "CANCELLED", "PENDING"] {
        assert_eq!(shop.admin().advance(&id, to).await.code(), "CONFLICT");
    }
    assert_eq!(shop.customer("bob").cancel(&id, None).await.code(), "NOT_FOUND");
    assert_eq!(shop.topics(&id).await, ["order.placed", "order.confirmed"]);
}

#[tokio::test]
async fn sales_that_were_taken_back_are_told_again_after_the_event_log_was_lost() {
    let server = RedisServer::start(&[]);
    let shop = Shop::apart(Bus::redis(&server.url()).await.unwrap()).await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let (back, sold) = (ann.buys(&[(&milk, 4)]).await, ann.buys(&[(&milk, 1)]).await);
    ann.cancel(&back, None).await;
    let _emptied = server.tell("FLUSHALL");
    let event = shop.heard("order.cancelled", &back).await;
    assert_eq!(event.data["stockHeld"], true);
    assert_eq!(event.data["lines"][0]["quantity"], 4);
    assert!(shop.topics(&sold).await.is_empty());
}
