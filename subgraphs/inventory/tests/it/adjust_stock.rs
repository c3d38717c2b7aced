use inventory::ProductId;
use serde_json::json;

use crate::shop::{Done as _, Shop};

#[tokio::test]
async fn sets_what_can_be_sold() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let answer = shop.adjust(product, 10, 25).await;
    assert_eq!(answer.data()["adjustStock"], json!({ "available": 25, "onHand": 25, "held": 0 }));
    assert_eq!(shop.quantity(product).await, 25);
    let account = shop.account(product).await;
    assert_eq!((account.received, account.adjusted), (10, 15));
}

#[tokio::test]
async fn what_is_held_stays_held() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let order = shop.held(&[(product, 4)]).await;
    let answer = shop.adjust(product, 6, 0).await;
    assert_eq!(answer.data()["adjustStock"], json!({ "available": 0, "onHand": 4, "held": 4 }));
    shop.commit(order, &[product]).await.done();
    assert_eq!(shop.account(product).await.sold, 4);
    assert_eq!(shop.quantity(product).await, 0);
}

#[tokio::test]
async fn a_stale_number_is_a_conflict_with_the_current_one() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    shop.held(&[(product, 3)]).await;
    let answer = shop.adjust(product, 10, 25).await;
    assert_eq!(answer.code(), "CONFLICT");
    assert_eq!(answer.error()["extensions"]["quantity"], 7);
    assert_eq!(shop.quantity(product).await, 7);
}

#[tokio::test]
async fn of_many_who_saw_the_same_number_one_gets_through() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let answers = futures::future::join_all((0..20).map(|to| shop.adjust(product, 10, 100 + to))).await;
    let through = answers.iter().filter(|answer| answer.body.get("errors").is_none()).count();
    assert_eq!(through, 1);
    assert!(
        answers
            .iter()
            .filter(|answer| answer.body.get("errors").is_some())
            .all(|answer| answer.code() == "CONFLICT")
    );
}

#[tokio::test]
async fn refuses_bad_input_field_by_field() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let adjust = "mutation($i: AdjustStockInput!) { adjustStock(input: $i) { available } }";
    let input = |product: &str, expected: i64, quantity: i64, reason: &str| json!({ "i": { "product": product, "expected": expected, "quantity": quantity, "reason": reason } });
    let id = product.to_string();
    let long = "x".repeat(10_000);
    let cases = [
        (input("", -1, -1, ""), vec!["input.product", "input.expected", "input.quantity", "input.reason"]),
        (input(&long, 10, 1, "counted"), vec!["input.product"]),
        (input(&id, 10, -1, "counted"), vec!["input.quantity"]),
        (input(&id, 10, 1_000_000_001, "counted"), vec!["input.quantity"]),
        (input(&id, 10, i64::from(i32::MIN), "counted"), vec!["input.quantity"]),
        (input(&id, 10, 1, " \t"), vec!["input.reason"]),
        (input(&id, 10, 1, &long), vec!["input.reason"]),
        (input(&id, 10, 1, "two\nlines"), vec!["input.reason"]),
    ];
    for (input, fields) in cases {
        let answer = shop.admin().send(adjust, input).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", fields));
    }
    let answer = shop.admin().send(adjust, input(&id, 10, 2_147_483_648, "counted")).await;
    assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code()));
    let unknown = ProductId::new().to_string();
    assert_eq!(shop.admin().send(adjust, input(&unknown, 10, 1, "counted")).await.code(), "NOT_FOUND");
    assert_eq!(shop.account(product).await.movements, 1);
}

#[tokio::test]
async fn may_not_leave_more_than_a_stock_can_have() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    shop.held(&[(product, 1)]).await;
    let answer = shop.adjust(product, 9, 1_000_000_000).await;
    assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["input.quantity"]));
    assert_eq!(shop.quantity(product).await, 9);
}
