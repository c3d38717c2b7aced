//! `placeOrder` with input that it cannot take: the stated code, the field at fault, and nothing written or reserved.

use serde_json::{Value, json};

use crate::shop::{Shop, Shopper};

struct Refusing {
    shop: Shop,
    ann: Shopper,
    milk: String,
}

impl Refusing {
    async fn start() -> Self {
        let shop = Shop::start().await;
        let milk = shop.product("milk", 100, 1_000_000);
        Self { ann: shop.customer("ann"), milk, shop }
    }

    /// The answer to an order that must be refused without a trace.
    async fn refuses(&self, products: Value, key: Value) -> kit::testing::Answer {
        let before = self.shop.stats().writes;
        let answer = self.ann.place_json(products, key).await;
        assert_eq!(self.shop.stats().writes, before, "something was written: {}", answer.body);
        assert!(self.shop.ledger().await.is_empty());
        assert!(self.shop.inventory.calls("reserveStock").is_empty());
        answer
    }

    async fn refuses_fields(&self, products: Value, key: Value, fields: &[&str]) {
        let answer = self.refuses(products, key).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{}", answer.body);
        assert_eq!(answer.fields(), fields);
    }

    fn line(&self, quantity: impl Into<Value>) -> Value {
        json!({ "_id": self.milk, "quantity": quantity.into() })
    }
}

#[tokio::test]
async fn refuses_an_order_without_lines() {
    let test = Refusing::start().await;
    test.refuses_fields(Value::Null, Value::Null, &["products"]).await;
    test.refuses_fields(json!([]), Value::Null, &["products"]).await;
    let missing = test.ann.client.ask("mutation { placeOrder { _id } }").await;
    assert_eq!(missing.fields(), ["products"]);
}

#[tokio::test]
async fn refuses_a_line_that_is_null() {
    let test = Refusing::start().await;
    test.refuses_fields(json!([test.line(1), null]), Value::Null, &["products[1]"]).await;
}

#[tokio::test]
async fn refuses_more_than_a_hundred_lines_also_of_one_product() {
    let test = Refusing::start().await;
    test.refuses_fields(json!(vec![test.line(1); 101]), Value::Null, &["products"]).await;
}

#[tokio::test]
async fn refuses_quantities_that_are_none() {
    let test = Refusing::start().await;
    for quantity in [0, -1, i32::MIN, 10_001, i32::MAX] {
        test.refuses_fields(json!([test.line(quantity)]), Value::Null, &["products[0].quantity"]).await;
    }
    let two = json!([test.line(10_000), test.line(1)]);
    test.refuses_fields(two, Value::Null, &["products[1].quantity"]).await;
}

#[tokio::test]
async fn refuses_malformed_ids() {
    let test = Refusing::start().await;
    let simple = test.milk.replace('-', "");
    for id in
        ["", "x", "1", &simple, &"a".repeat(10_000), "00000000-0000-0000-0000-00000000000g", "' OR 1=1 --"]
    {
        let products = json!([{ "_id": id, "quantity": 1 }]);
        test.refuses_fields(products, Value::Null, &["products[0]._id"]).await;
    }
}

#[tokio::test]
async fn names_every_field_at_once() {
    let test = Refusing::start().await;
    let products = json!([{ "_id": "x", "quantity": 0 }, test.line(1), null]);
    let fields = ["products[0]._id", "products[0].quantity", "products[2]", "idempotencyKey"];
    test.refuses_fields(products, json!(""), &fields).await;
}

#[tokio::test]
async fn refuses_products_that_are_not_in_the_shop() {
    let test = Refusing::start().await;
    let gone = test.shop.product("gone", 1, 10);
    test.shop.catalog.withdraw(&gone);
    let unknown = order::ProductId::new().to_string();
    let products = json!([{ "_id": gone, "quantity": 1 }, test.line(1), { "_id": unknown, "quantity": 1 }]);
    let answer = test.refuses(products, Value::Null).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(answer.fields(), ["products[0]._id", "products[2]._id"]);
}

#[tokio::test]
async fn refuses_a_sum_that_overflows() {
    let test = Refusing::start().await;
    let gold = test.shop.product("gold", i64::from(i32::MAX), 10);
    let one = json!({ "_id": gold, "quantity": 1 });
    test.refuses_fields(json!([{ "_id": gold, "quantity": 2 }]), Value::Null, &["products[0].quantity"])
        .await;
    test.refuses_fields(json!([one, test.line(1)]), Value::Null, &["products[1].quantity"]).await;
}

#[tokio::test]
async fn refuses_keys_that_are_none() {
    let test = Refusing::start().await;
    for key in ["", " ", "a b", "tab\t", "null\0", "ключ", &"k".repeat(201), &"k".repeat(10_000)] {
        test.refuses_fields(json!([test.line(1)]), json!(key), &["idempotencyKey"]).await;
    }
}

#[tokio::test]
async fn refuses_values_of_another_type() {
    let test = Refusing::start().await;
    let products = [
        json!([test.line("1")]),
        json!([test.line(1.5)]),
        json!([test.line(3_000_000_000_i64)]),
        json!([test.line(true)]),
        json!([test.line(Value::Null)]),
        json!([{ "_id": test.milk }]),
        json!([{ "_id": 7, "quantity": 1 }]),
        json!([{ "_id": test.milk, "quantity": 1, "price": 0 }]),
        json!(["milk"]),
        json!("milk"),
    ];
    for products in products {
        let answer = test.refuses(products.clone(), Value::Null).await;
        assert!(
            ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code()),
            "{products}: {}",
            answer.body
        );
    }
    let answer = test.refuses(json!([test.line(1)]), json!(7)).await;
    assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code()), "{}", answer.body);
}
