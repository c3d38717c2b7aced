//! `cancelOrder`.

use serde_json::json;

use crate::{
    fakes::Mode,
    shop::{Shop, quick, statuses},
};

#[tokio::test]
async fn a_shopper_cancels_and_the_stock_is_back_at_once() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4)]).await;
    let answer = ann.cancel(&id, Some("  wrong size \n")).await;
    let order = &answer.data()["cancelOrder"];
    assert_eq!(statuses(order), ["PENDING", "CONFIRMED", "CANCELLED"]);
    let last = &order["history"][2];
    assert_eq!(last["reason"], "wrong size");
    assert_eq!(last["by"], json!({ "kind": "CUSTOMER", "userId": ann.id(), "service": null }));
    assert_eq!(shop.inventory.available(&milk), 10);
    assert_eq!(shop.inventory.calls("releaseStock"), [json!({ "order": id, "products": [milk] })]);
    let event = shop.heard("order.cancelled", &id).await;
    assert_eq!(
        event.data,
        json!({
            "orderId": id,
            "customerId": ann.id(),
            "lines": [{ "productId": milk, "quantity": 4 }],
            "stockHeld": true,
            "reason": "wrong size",
        })
    );
}

#[tokio::test]
async fn stays_cancelled_when_the_inventory_is_away() {
    for mode in [Mode::Down, Mode::Silent, Mode::refuses("INTERNAL")] {
        let shop = Shop::with(quick()).await;
        let milk = shop.product("milk", 5, 10);
        let ann = shop.customer("ann");
        let id = ann.buys(&[(&milk, 4)]).await;
        shop.inventory.releasing(mode);
        assert_eq!(ann.cancel(&id, None).await.data()["cancelOrder"]["status"], "CANCELLED");
        assert_eq!(shop.heard("order.cancelled", &id).await.data["stockHeld"], true);
        assert_eq!(shop.order(&id).await["status"], "CANCELLED");
    }
}

#[tokio::test]
async fn a_shopper_cancels_before_it_is_packed_and_staff_before_it_is_shipped() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let (ann, boss) = (shop.customer("ann"), shop.admin());
    let id = ann.buys(&[(&milk, 4)]).await;
    boss.advance(&id, "PACKED").await.data();
    let late = ann.cancel(&id, None).await;
    assert_eq!(late.code(), "CONFLICT");
    let text = late.error()["message"].as_str().unwrap();
    assert!(text.contains("PACKED") && text.contains("CANCELLED"), "{text}");
    assert_eq!(shop.inventory.available(&milk), 6);
    let cancelled = boss.cancel(&id, Some("the shelf fell over")).await;
    assert_eq!(cancelled.data()["cancelOrder"]["history"][3]["by"]["kind"], "ADMIN");
    assert_eq!(cancelled.data()["cancelOrder"]["history"][3]["by"]["userId"], boss.id());
    assert_eq!(shop.inventory.available(&milk), 10);

    let shipped = ann.buys(&[(&milk, 4)]).await;
    for to in ["PACKED", "SHIPPED"] {
        boss.advance(&shipped, to).await.data();
    }
    for who in [&ann, &boss] {
        let late = who.cancel(&shipped, None).await;
        assert_eq!(late.code(), "CONFLICT");
        let text = late.error()["message"].as_str().unwrap();
        assert!(text.contains("SHIPPED") && text.contains("CANCELLED"), "{text}");
    }
    assert_eq!(shop.inventory.available(&milk), 6);
}

#[tokio::test]
async fn cancelling_twice_is_a_conflict_and_gives_back_once() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4)]).await;
    ann.cancel(&id, None).await.data();
    let again = ann.cancel(&id, None).await;
    assert_eq!(again.code(), "CONFLICT");
    assert!(again.error()["message"].as_str().unwrap().contains("CANCELLED already"), "{}", again.body);
    assert_eq!(shop.inventory.calls("releaseStock").len(), 1);
    assert_eq!(shop.topics(&id).await, ["order.placed", "order.confirmed", "order.cancelled"]);
}

#[tokio::test]
async fn a_rejected_order_cannot_be_cancelled() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 1);
    let ann = shop.customer("ann");
    assert_eq!(ann.place(&[(&milk, 4)]).await.code(), "OUT_OF_STOCK");
    let id = shop.only_order().await["_id"].as_str().unwrap().to_owned();
    assert_eq!(ann.cancel(&id, None).await.code(), "CONFLICT");
}

#[tokio::test]
async fn somebody_elses_order_is_not_there() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let id = shop.customer("ann").buys(&[(&milk, 4)]).await;
    let before = shop.order(&id).await;
    let stranger = shop.customer("bob").cancel(&id, None).await;
    let unknown = shop.customer("bob").cancel(&order::OrderId::new().to_string(), None).await;
    assert_eq!((stranger.code(), unknown.code()), ("NOT_FOUND", "NOT_FOUND"));
    assert_eq!(shop.order(&id).await, before);
    assert_eq!(shop.inventory.available(&milk), 6);
}

#[tokio::test]
async fn refuses_input_that_it_cannot_take() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4)]).await;
    let long = "x".repeat(501);
    for reason in [long.as_str(), "bell\u{7}", &"y".repeat(10_000)] {
        let answer = ann.cancel(&id, Some(reason)).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), ["reason"]);
    }
    let both = ann.cancel("x", Some(&long)).await;
    assert_eq!(both.fields(), ["id", "reason"]);
    assert_eq!(shop.order(&id).await["status"], "CONFIRMED");
    let blank = ann.cancel(&id, Some("   ")).await;
    assert_eq!(blank.data()["cancelOrder"]["history"][2]["reason"], json!(null));
}
