use inventory::{OrderId, ProductId};
use serde_json::json;

use crate::shop::{Done as _, Shop};

#[tokio::test]
async fn sells_what_is_held_once() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    let order = shop.held(&[(a, 2), (b, 1)]).await;
    for _ in 0..3 {
        assert_eq!(shop.commit(order, &[a, b, a]).await.data(), &json!({ "commitStock": true }));
        shop.world.host().settled().await;
    }
    let account = shop.account(a).await;
    assert_eq!((account.on_hand, account.held, account.sold), (3, 0, 2));
    assert_eq!(account.sold_to[&order], 2);
    assert_eq!(shop.quantity(a).await, 3);
}

#[tokio::test]
async fn nothing_held_is_a_conflict_and_sells_nothing() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    assert_eq!(shop.commit(OrderId::new(), &[a]).await.code(), "CONFLICT");
    let order = shop.held(&[(a, 2)]).await;
    shop.release(order, &[a]).await.done();
    assert_eq!(shop.commit(order, &[a]).await.code(), "CONFLICT");
    shop.world.host().settled().await;
    assert_eq!(shop.commit(order, &[a]).await.code(), "CONFLICT");
    assert_eq!(shop.commit(order, &[ProductId::new()]).await.code(), "NOT_FOUND");
    assert_eq!(shop.account(a).await.sold, 0);
}

#[tokio::test]
async fn a_late_repeat_after_the_goods_came_back_sells_nothing_again() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let order = shop.held(&[(a, 2)]).await;
    shop.commit(order, &[a]).await.done();
    shop.release(order, &[a]).await.done();
    assert_eq!(shop.commit(order, &[a]).await.data(), &json!({ "commitStock": true }));
    shop.world.host().settled().await;
    assert_eq!(shop.commit(order, &[a]).await.data(), &json!({ "commitStock": true }));
    assert_eq!(shop.account(a).await.sold, 0);
    assert_eq!(shop.quantity(a).await, 5);
}

#[tokio::test]
async fn refuses_what_is_no_order_or_no_product() {
    let shop = Shop::open().await;
    let order = OrderId::new().to_string();
    for field in ["commitStock", "releaseStock"] {
        let finish = format!("mutation($o: ID!, $p: [ID!]!) {{ {field}(order: $o, products: $p) }}");
        let many: Vec<_> = (0..101).map(|_| ProductId::new().to_string()).collect();
        let cases = [
            (json!("x"), json!(["y"]), vec!["order", "products[0]"]),
            (json!(order), json!([]), vec!["products"]),
            (json!(order), json!(many), vec!["products"]),
            (json!(order), json!([ProductId::new().to_string(), "x".repeat(10_000)]), vec!["products[1]"]),
        ];
        for (order, products, fields) in cases {
            let answer = shop.orders().send(&finish, json!({ "o": order, "p": products })).await;
            assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", fields));
        }
    }
}
