use inventory::ProductId;
use serde_json::json;

use crate::shop::{Done as _, Shop};

#[tokio::test]
async fn ends_the_stock_of_a_product_that_never_came_to_be() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    for _ in 0..2 {
        assert_eq!(shop.discard(product).await.data(), &json!({ "discardStock": true }));
    }
    assert_eq!(shop.create(product, 10).await.code(), "CONFLICT");
    assert_eq!(shop.entities(&[product.to_string()], "quantity").await.data()["_entities"], json!([null]));
    let account = shop.account(product).await;
    assert!(account.discarded);
    assert_eq!((account.on_hand, account.adjusted), (0, -10));
}

#[tokio::test]
async fn refuses_the_creation_that_it_overtook() {
    let shop = Shop::open().await;
    let product = ProductId::new();
    for _ in 0..2 {
        assert_eq!(shop.discard(product).await.data(), &json!({ "discardStock": true }));
    }
    assert_eq!(shop.create(product, 10).await.code(), "CONFLICT");
    assert!(shop.account(product).await.discarded);
}

#[tokio::test]
async fn refuses_where_anything_was_ever_held() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let order = shop.held(&[(product, 1)]).await;
    assert_eq!(shop.discard(product).await.code(), "CONFLICT");
    shop.release(order, &[product]).await.done();
    assert_eq!(shop.discard(product).await.code(), "CONFLICT");
    assert_eq!(shop.quantity(product).await, 10);
}

#[tokio::test]
async fn a_discarded_stock_can_be_neither_held_nor_filled() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    shop.discard(product).await.done();
    assert_eq!(shop.reserve(inventory::OrderId::new(), &[(product, 1)]).await.code(), "OUT_OF_STOCK");
    assert_eq!(shop.adjust(product, 0, 5).await.code(), "NOT_FOUND");
    let restock = "mutation($p: ID!) { restock(input: { product: $p, quantity: 5 }) { available } }";
    assert_eq!(shop.admin().send(restock, json!({ "p": product.to_string() })).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn refuses_what_is_no_product() {
    let shop = Shop::open().await;
    for id in ["", "x", &"x".repeat(10_000)] {
        let answer =
            shop.catalog().send("mutation($p: ID!) { discardStock(product: $p) }", json!({ "p": id })).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["product"]));
    }
}
