use inventory::{OrderId, ProductId};
use serde_json::{Value, json};

use crate::shop::{Done as _, Shop};

fn data(order: OrderId, lines: &[(ProductId, i64)]) -> Value {
    let lines: Vec<_> = lines
        .iter()
        .map(|(product, count)| json!({ "productId": product.to_string(), "quantity": count }))
        .collect();
    json!({ "orderId": order.to_string(), "customerId": OrderId::new().to_string(), "lines": lines, "total": 100 })
}

#[tokio::test]
async fn a_confirmed_order_is_sold() {
    let shop = Shop::open().await;
    let lines = [(shop.product(5).await, 2), (shop.product(5).await, 1)];
    let order = shop.held(&lines).await;
    for _ in 0..2 {
        shop.tell("order.confirmed", order, &data(order, &lines)).await;
    }
    for (product, count) in lines {
        let account = shop.account(product).await;
        assert_eq!((account.held, account.sold), (0, count));
    }
}

#[tokio::test]
async fn a_cancelled_order_gives_back_what_it_held_or_bought() {
    let shop = Shop::open().await;
    let product = shop.product(5).await;
    let lines = [(product, 2)];
    let (held, sold) = (shop.held(&lines).await, shop.held(&lines).await);
    shop.tell("order.confirmed", sold, &data(sold, &lines)).await;
    for order in [held, sold, held, sold] {
        shop.tell("order.cancelled", order, &data(order, &lines)).await;
    }
    assert_eq!(shop.quantity(product).await, 5);
    assert_eq!(shop.account(product).await.sold, 0);
}

#[tokio::test]
async fn a_cancellation_that_is_heard_before_the_hold_refuses_it() {
    let shop = Shop::open().await;
    let product = shop.product(5).await;
    let order = OrderId::new();
    shop.tell("order.cancelled", order, &data(order, &[(product, 2), (ProductId::new(), 1)])).await;
    assert_eq!(shop.reserve(order, &[(product, 2)]).await.code(), "CONFLICT");
    assert_eq!(shop.quantity(product).await, 5);
}

#[tokio::test]
async fn a_rejected_order_gives_back_what_is_known_of_it() {
    let shop = Shop::open().await;
    let product = shop.product(5).await;
    let order = shop.held(&[(product, 2)]).await;
    shop.world.host().settled().await;
    let rejected =
        json!({ "orderId": order.to_string(), "customerId": OrderId::new().to_string(), "reason": "stock" });
    for _ in 0..2 {
        shop.tell("order.rejected", order, &rejected).await;
        assert_eq!(shop.quantity(product).await, 5);
    }
    assert_eq!(shop.account(product).await.movements, 3);
}

#[tokio::test]
async fn a_confirmation_that_is_heard_after_the_order_gave_its_stock_back_sells_nothing_and_is_no_dead_letter()
 {
    let shop = Shop::open().await;
    shop.orders_are("ENDED");
    let product = shop.product(5).await;
    let lines = [(product, 2)];
    let order = shop.held(&lines).await;
    shop.release(order, &[product]).await.done();
    for topic in ["order.confirmed", "order.cancelled"] {
        shop.tell(topic, order, &data(order, &lines)).await;
    }
    assert!(shop.world.host().bus().dead_letters("inventory", 10).await.unwrap().is_empty());
    let account = shop.account(product).await;
    assert_eq!((account.on_hand, account.held, account.sold), (5, 0, 0));
}

#[tokio::test]
async fn a_confirmation_without_a_hold_is_tried_again_where_the_order_has_not_ended() {
    let shop = Shop::open().await;
    shop.orders_are("CONFIRMED");
    let product = shop.product(5).await;
    let (order, lines) = (OrderId::new(), [(product, 2)]);
    let event =
        kit::bus::Event::new("order.confirmed", order, shop.world.clock().now(), &data(order, &lines));
    shop.world.host().bus().publish(&[event]).await.unwrap();
    assert_eq!(shop.reserve(order, &lines).await.data(), &json!({ "reserveStock": true }));
    shop.heard().await;
    assert_eq!(shop.account(product).await.sold, 2);
}
