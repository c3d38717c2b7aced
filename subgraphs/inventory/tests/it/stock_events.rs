use kit::{bus::Bus, testing::servers::RedisServer};
use serde_json::json;

use crate::shop::{Done as _, Ear, Shop};

#[tokio::test]
async fn tells_when_a_product_comes_into_stock_or_goes_out_of_it() {
    let shop = Shop::open().await;
    let ear = Ear::on(&shop, &["stock.changed"]).await;
    let product = shop.product(2).await;
    let order = shop.held(&[(product, 2)]).await;
    shop.release(order, &[product]).await.done();
    shop.held(&[(product, 1)]).await;
    shop.adjust(product, 1, 0).await.done();
    let heard = ear.of(product, 4).await;
    let told: Vec<_> = heard
        .iter()
        .map(|data| (data["inStock"].as_bool().unwrap(), data["version"].as_i64().unwrap()))
        .collect();
    assert_eq!(told, [(true, 1), (false, 2), (true, 3), (false, 5)]);
    assert_eq!(heard[0]["productId"], json!(product.to_string()));
}

#[tokio::test]
async fn a_product_that_begins_with_nothing_is_told_too() {
    let shop = Shop::open().await;
    let ear = Ear::on(&shop, &["stock.changed"]).await;
    let product = shop.product(0).await;
    assert_eq!(
        ear.of(product, 1).await,
        [json!({ "productId": product.to_string(), "inStock": false, "version": 1 })]
    );
}

#[tokio::test]
async fn tells_when_little_is_left() {
    let shop = Shop::open().await;
    let ear = Ear::on(&shop, &["stock.low"]).await;
    let product = shop.product(10).await;
    for count in [4, 1, 2, 3] {
        shop.held(&[(product, count)]).await;
    }
    let heard = ear.of(product, 1).await;
    assert_eq!(heard, [json!({ "productId": product.to_string(), "available": 5, "threshold": 5 })]);
}

#[tokio::test]
async fn every_movement_is_told_in_order() {
    let shop = Shop::open().await;
    let ear = Ear::on(&shop, &["stock.moved"]).await;
    let product = shop.product(10).await;
    let order = shop.held(&[(product, 4)]).await;
    shop.commit(order, &[product]).await.done();
    shop.release(order, &[product]).await.done();
    let heard = ear.of(product, 4).await;
    let told: Vec<_> =
        heard.iter().map(|data| (data["seq"].as_i64().unwrap(), data["kind"].as_str().unwrap())).collect();
    assert_eq!(told, [(1, "RECEIVE"), (2, "HOLD"), (3, "COMMIT"), (4, "RETURN")]);
    assert_eq!(heard[1]["order"], json!(order.to_string()));
    assert_eq!((&heard[1]["onHand"], &heard[1]["available"]), (&json!(10), &json!(6)));
}

#[tokio::test]
async fn tells_what_there_is_to_sell_again_after_the_event_log_was_lost() {
    let server = RedisServer::start(&[]);
    let bus = Bus::redis(&server.url()).await.unwrap();
    let shop = Shop::apart(bus.clone()).await;
    let (some, none) = (shop.product(2).await, shop.product(1).await);
    shop.held(&[(none, 1)]).await;
    let ear = Ear::at(&bus, &["stock.changed"]).await;
    let _emptied = server.tell("FLUSHALL");
    let told = |product: inventory::ProductId, in_stock, version| json!({ "productId": product.to_string(), "inStock": in_stock, "version": version });
    assert_eq!(ear.of(some, 1).await, [told(some, true, 1)]);
    assert_eq!(ear.of(none, 1).await, [told(none, false, 2)]);
}
