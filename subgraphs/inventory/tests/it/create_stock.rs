use inventory::ProductId;
use serde_json::{Value, json};

use crate::shop::Shop;

#[tokio::test]
async fn makes_the_stock_once() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    assert_eq!(shop.quantity(product).await, 10);
    assert_eq!(shop.create(product, 10).await.data(), &json!({ "createStock": true }));
    assert_eq!(shop.quantity(product).await, 10);
    let account = shop.account(product).await;
    assert_eq!((account.received, account.movements), (10, 1));
}

#[tokio::test]
async fn a_repeat_that_comes_late_is_still_a_repeat() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    shop.held(&[(product, 4)]).await;
    assert_eq!(shop.create(product, 10).await.data(), &json!({ "createStock": true }));
    assert_eq!(shop.quantity(product).await, 6);
}

#[tokio::test]
async fn another_quantity_is_a_conflict() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    assert_eq!(shop.create(product, 11).await.code(), "CONFLICT");
    assert_eq!(shop.quantity(product).await, 10);
}

#[tokio::test]
async fn a_product_may_begin_with_nothing() {
    let shop = Shop::open().await;
    let product = shop.product(0).await;
    assert_eq!(shop.quantity(product).await, 0);
}

#[tokio::test]
async fn refuses_what_is_no_product_or_no_quantity() {
    let shop = Shop::open().await;
    let create = "mutation($p: ID!, $q: Int!) { createStock(product: $p, quantity: $q) }";
    let id = ProductId::new().to_string();
    let bad: [(Value, Value, &[&str]); 7] = [
        (json!(""), json!(1), &["product"]),
        (json!("x"), json!(-1), &["product", "quantity"]),
        (json!("x".repeat(10_000)), json!(1), &["product"]),
        (json!(id.replace('-', "")), json!(1), &["product"]),
        (json!(id), json!(-1), &["quantity"]),
        (json!(id), json!(i32::MIN), &["quantity"]),
        (json!(id), json!(1_000_000_001), &["quantity"]),
    ];
    for (product, quantity, fields) in bad {
        let answer = shop.catalog().send(create, json!({ "p": product, "q": quantity })).await;
        assert_eq!(
            (answer.code(), answer.fields()),
            ("BAD_USER_INPUT", fields.to_vec()),
            "{product} {quantity}"
        );
    }
    for (product, quantity) in [
        (json!(id), json!(2_147_483_648_i64)),
        (json!(id), json!("1")),
        (json!(id), json!(1.5)),
        (json!(null), json!(1)),
    ] {
        let answer = shop.catalog().send(create, json!({ "p": product, "q": quantity })).await;
        assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code()), "{}", answer.body);
    }
    assert!(shop.accounts().await.is_empty(), "something was written");
}
