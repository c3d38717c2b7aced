use inventory::{OrderId, ProductId};
use serde_json::{Value, json};

use crate::shop::{Done as _, Shop, shortages};

#[tokio::test]
async fn holds_all_lines() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    let order = shop.held(&[(a, 2), (b, 3)]).await;
    assert_eq!((shop.quantity(a).await, shop.quantity(b).await), (3, 2));
    let account = shop.account(a).await;
    assert_eq!((account.on_hand, account.held, account.holds[0].order), (5, 2, order));
    assert_eq!(account.holds[0].expires_at, shop.in_a_minute());
}

#[tokio::test]
async fn the_same_product_on_two_lines_is_one_line() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let order = shop.held(&[(a, 2), (a, 3)]).await;
    assert_eq!(shop.quantity(a).await, 0);
    assert_eq!(shop.reserve(order, &[(a, 5)]).await.data(), &json!({ "reserveStock": true }));
    let b = shop.product(5).await;
    let answer = shop.reserve(OrderId::new(), &[(b, 3), (b, 3)]).await;
    assert_eq!(shortages(&answer), [(b.to_string(), 6, 5)]);
}

#[tokio::test]
async fn refuses_with_all_shortages_and_holds_nothing() {
    let shop = Shop::open().await;
    let (a, b, c) = (shop.product(5).await, shop.product(1).await, shop.product(0).await);
    let unknown = ProductId::new();
    let answer = shop.reserve(OrderId::new(), &[(a, 1), (b, 2), (c, 3), (unknown, 4)]).await;
    let expected = [(b.to_string(), 2, 1), (c.to_string(), 3, 0), (unknown.to_string(), 4, 0)];
    assert_eq!(shortages(&answer), expected);
    assert_eq!((shop.quantity(a).await, shop.quantity(b).await), (5, 1));
    let answer = shop.reserve(OrderId::new(), &[(unknown, 1)]).await;
    assert_eq!(shortages(&answer), [(unknown.to_string(), 1, 0)]);
    assert!(shop.accounts().await.iter().all(|account| account.held == 0));
}

#[tokio::test]
async fn the_same_again_gives_the_same_and_holds_once() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    let order = shop.held(&[(a, 5), (b, 1)]).await;
    for lines in [[(a, 5), (b, 1)], [(b, 1), (a, 5)]] {
        assert_eq!(shop.reserve(order, &lines).await.data(), &json!({ "reserveStock": true }));
    }
    assert_eq!((shop.quantity(a).await, shop.quantity(b).await), (0, 4));
}

#[tokio::test]
async fn other_lines_under_the_same_order_are_a_conflict() {
    let shop = Shop::open().await;
    let (a, b, c) = (shop.product(5).await, shop.product(5).await, shop.product(5).await);
    let order = shop.held(&[(a, 1), (b, 1)]).await;
    for lines in
        [vec![(a, 2), (b, 1)], vec![(a, 1)], vec![(b, 1)], vec![(a, 1), (b, 1), (c, 1)], vec![(b, 1), (c, 1)]]
    {
        assert_eq!(shop.reserve(order, &lines).await.code(), "CONFLICT", "{lines:?}");
    }
    let left = (shop.quantity(a).await, shop.quantity(b).await, shop.quantity(c).await);
    assert_eq!(left, (4, 4, 5));
}

#[tokio::test]
async fn a_repeat_is_known_after_the_sale_and_its_movements_are_in_the_ledger() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(2).await, shop.product(2).await);
    let order = shop.held(&[(a, 2), (b, 2)]).await;
    shop.commit(order, &[a, b]).await.done();
    for settled in [false, true] {
        if settled {
            shop.world.host().settled().await;
        }
        let again = shop.reserve(order, &[(a, 2), (b, 2)]).await;
        assert_eq!(again.data(), &json!({ "reserveStock": true }), "settled: {settled}");
        assert_eq!(shop.reserve(order, &[(a, 1), (b, 2)]).await.code(), "CONFLICT");
    }
    let shop = shop.reopened().await;
    assert_eq!(shop.reserve(order, &[(a, 2), (b, 2)]).await.data(), &json!({ "reserveStock": true }));
    assert_eq!(shop.account(a).await.sold, 2);
}

#[tokio::test]
async fn a_released_order_cannot_hold_again_wherever_its_movement_is() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let order = shop.held(&[(a, 2)]).await;
    shop.release(order, &[a]).await.done();
    assert_eq!(shop.reserve(order, &[(a, 2)]).await.code(), "CONFLICT");
    shop.world.host().settled().await;
    assert_eq!(shop.reserve(order, &[(a, 2)]).await.code(), "CONFLICT");
    let shop = shop.reopened().await;
    assert_eq!(shop.reserve(order, &[(a, 2)]).await.code(), "CONFLICT");
    assert_eq!(shop.quantity(a).await, 5);
}

#[tokio::test]
async fn refuses_what_is_no_order() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let (order, until) = (OrderId::new().to_string(), json!(shop.in_a_minute()));
    let line = |product: &str, quantity: i64| json!({ "product": product, "quantity": quantity });
    let good = line(&a.to_string(), 1);
    let many: Vec<_> = (0..101).map(|_| line(&ProductId::new().to_string(), 1)).collect();
    let max = line(&a.to_string(), 1_000_000_000);
    let long = "x".repeat(10_000);
    let bad: [(Value, Value, &[&str]); 9] = [
        (json!(""), json!([good]), &["order"]),
        (json!(long), json!([good]), &["order"]),
        (json!(order), json!([]), &["lines"]),
        (json!("x"), json!(many), &["order", "lines"]),
        (json!(order), json!([good, line("x", 0)]), &["lines[1].product", "lines[1].quantity"]),
        (json!(order), json!([line(&a.to_string(), -1)]), &["lines[0].quantity"]),
        (json!(order), json!([line(&a.to_string(), 1_000_000_001)]), &["lines[0].quantity"]),
        (json!(order), json!([line(&long, 1), line("", 1)]), &["lines[0].product", "lines[1].product"]),
        (json!(order), json!([max, max]), &["lines[1].quantity"]),
    ];
    for (order, lines, fields) in bad {
        let answer = shop.reserve_raw(order, lines, until.clone()).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", fields.to_vec()));
    }
    let far = json!(shop.in_a_minute() + chrono::TimeDelta::days(2));
    let answer = shop.reserve_raw(json!(order), json!([good]), far).await;
    assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["expiresAt"]));
    for until in [json!("tomorrow"), json!(null), json!(5)] {
        let answer = shop.reserve_raw(json!(order), json!([good]), until).await;
        assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&answer.code()), "{}", answer.body);
    }
    let past = json!(shop.world.clock().now());
    assert_eq!(shop.reserve_raw(json!(order), json!([good]), past).await.code(), "CONFLICT");
    assert_eq!(shop.quantity(a).await, 5);
}
