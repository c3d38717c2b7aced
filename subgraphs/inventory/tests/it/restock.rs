use inventory::ProductId;
use kit::testing::Answer;
use serde_json::{Value, json};

use crate::shop::{Done as _, Shop};

async fn restock(shop: &Shop, input: Value) -> Answer {
    let restock = "mutation($i: RestockInput!) { restock(input: $i) { available onHand received } }";
    shop.admin().send(restock, json!({ "i": input })).await
}

#[tokio::test]
async fn takes_goods_in() {
    let shop = Shop::open().await;
    let product = shop.product(1).await;
    let answer = restock(&shop, json!({ "product": product.to_string(), "quantity": 5 })).await;
    assert_eq!(answer.data()["restock"], json!({ "available": 6, "onHand": 6, "received": 6 }));
    restock(&shop, json!({ "product": product.to_string(), "quantity": 5, "reason": "the same van" }))
        .await
        .done();
    assert_eq!(shop.quantity(product).await, 11);
}

#[tokio::test]
async fn counts_a_delivery_once_per_key_and_product() {
    let shop = Shop::open().await;
    let (product, other) = (shop.product(0).await, shop.product(0).await);
    let delivery = json!({ "product": product.to_string(), "quantity": 5, "idempotencyKey": "van-7" });
    for _ in 0..3 {
        assert_eq!(restock(&shop, delivery.clone()).await.data()["restock"]["available"], 5);
        shop.world.host().settled().await;
    }
    let more = json!({ "product": product.to_string(), "quantity": 6, "idempotencyKey": "van-7" });
    assert_eq!(restock(&shop, more).await.code(), "IDEMPOTENCY_MISMATCH");
    let there = json!({ "product": other.to_string(), "quantity": 6, "idempotencyKey": "van-7" });
    assert_eq!(restock(&shop, there).await.data()["restock"]["available"], 6);
    assert_eq!(shop.quantity(product).await, 5);
}

#[tokio::test]
async fn counts_a_delivery_once_that_is_told_many_times_at_once() {
    let shop = Shop::open().await;
    let product = shop.product(0).await;
    let delivery = json!({ "product": product.to_string(), "quantity": 5, "idempotencyKey": "van-7" });
    let answers = futures::future::join_all((0..20).map(|_| restock(&shop, delivery.clone()))).await;
    assert!(answers.iter().all(|answer| answer.data()["restock"]["available"] == 5));
    assert_eq!(shop.quantity(product).await, 5);
}

#[tokio::test]
async fn refuses_bad_input_field_by_field() {
    let shop = Shop::open().await;
    let id = shop.product(10).await.to_string();
    let long = "x".repeat(10_000);
    let cases = [
        (
            json!({ "product": "", "quantity": 0, "reason": "", "idempotencyKey": "" }),
            vec!["input.product", "input.quantity", "input.reason", "input.idempotencyKey"],
        ),
        (json!({ "product": id, "quantity": -1 }), vec!["input.quantity"]),
        (json!({ "product": id, "quantity": 1_000_000_001 }), vec!["input.quantity"]),
        (json!({ "product": id, "quantity": 1_000_000_000 }), vec!["input.quantity"]),
        (json!({ "product": id, "quantity": 1, "reason": long }), vec!["input.reason"]),
        (json!({ "product": id, "quantity": 1, "idempotencyKey": long }), vec!["input.idempotencyKey"]),
        (json!({ "product": id, "quantity": 1, "idempotencyKey": "a b" }), vec!["input.idempotencyKey"]),
        (json!({ "product": long, "quantity": 1 }), vec!["input.product"]),
    ];
    for (input, fields) in cases {
        let answer = restock(&shop, input).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", fields));
    }
    let unknown = json!({ "product": ProductId::new().to_string(), "quantity": 1 });
    assert_eq!(restock(&shop, unknown).await.code(), "NOT_FOUND");
    let keyed = json!({ "product": ProductId::new().to_string(), "quantity": 1, "idempotencyKey": "k" });
    assert_eq!(restock(&shop, keyed).await.code(), "NOT_FOUND");
    assert_eq!(shop.accounts().await[0].movements, 1);
}
