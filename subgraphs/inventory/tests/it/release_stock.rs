use inventory::{OrderId, ProductId};
use serde_json::json;

use crate::shop::{Done as _, Shop};

#[tokio::test]
async fn gives_up_what_is_held_once() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    let order = shop.held(&[(a, 2), (b, 1)]).await;
    for _ in 0..3 {
        assert_eq!(shop.release(order, &[a, b]).await.data(), &json!({ "releaseStock": true }));
        shop.world.host().settled().await;
    }
    assert_eq!((shop.quantity(a).await, shop.quantity(b).await), (5, 5));
    assert_eq!(shop.account(a).await.movements, 3);
}

#[tokio::test]
async fn brings_sold_goods_back_once() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let order = shop.held(&[(a, 2)]).await;
    shop.commit(order, &[a]).await.done();
    for _ in 0..3 {
        assert_eq!(shop.release(order, &[a]).await.data(), &json!({ "releaseStock": true }));
        shop.world.host().settled().await;
    }
    let account = shop.account(a).await;
    assert_eq!((account.on_hand, account.sold, account.sold_to.len()), (5, 0, 0));
    assert_eq!(shop.quantity(a).await, 5);
}

#[tokio::test]
async fn refuses_the_hold_that_it_overtook() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    let order = OrderId::new();
    assert_eq!(shop.release(order, &[a, b]).await.data(), &json!({ "releaseStock": true }));
    for _ in 0..2 {
        assert_eq!(shop.reserve(order, &[(a, 1), (b, 1)]).await.code(), "CONFLICT");
        shop.world.host().settled().await;
    }
    assert_eq!((shop.quantity(a).await, shop.quantity(b).await), (5, 5));
}

#[tokio::test]
async fn overtaking_only_part_of_an_order_ends_all_of_it() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(5).await, shop.product(5).await);
    let order = OrderId::new();
    shop.release(order, &[b]).await.done();
    assert_eq!(shop.reserve(order, &[(a, 1), (b, 1)]).await.code(), "CONFLICT");
    assert_eq!((shop.quantity(a).await, shop.quantity(b).await), (5, 5));
}

#[tokio::test]
async fn a_product_without_stock_has_nothing_to_release() {
    let shop = Shop::open().await;
    let a = shop.product(5).await;
    let order = shop.held(&[(a, 2)]).await;
    let answer = shop.release(order, &[ProductId::new(), a]).await;
    assert_eq!(answer.data(), &json!({ "releaseStock": true }));
    assert_eq!(shop.quantity(a).await, 5);
}
