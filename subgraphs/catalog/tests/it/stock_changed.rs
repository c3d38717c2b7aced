use serde_json::json;

use crate::shop::{Mood, Shop, eventually};

async fn hear(shop: &Shop, id: &str, in_stock: bool, version: u64) {
    let data = json!({ "productId": id, "inStock": in_stock, "version": version });
    shop.tell("stock.changed", id, &data).await;
    shop.quiet().await;
}

async fn in_stock(shop: &Shop) -> Vec<String> {
    shop.names("sort: NAME, filter: { inStock: true }").await
}

#[tokio::test]
async fn lists_follow_what_inventory_says() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({ "quantity": 1 })).await;
    shop.product("Bread", json!({ "quantity": 0 })).await;
    assert_eq!(in_stock(&shop).await, ["Milk"]);
    hear(&shop, &milk, false, 2).await;
    assert!(in_stock(&shop).await.is_empty());
    assert_eq!(shop.names("sort: NAME, filter: { inStock: false }").await, ["Bread", "Milk"]);
    hear(&shop, &milk, true, 3).await;
    assert_eq!(in_stock(&shop).await, ["Milk"]);
}

#[tokio::test]
async fn what_is_older_than_what_was_heard_is_not_believed() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({ "quantity": 1 })).await;
    hear(&shop, &milk, false, 7).await;
    hear(&shop, &milk, true, 6).await;
    hear(&shop, &milk, true, 7).await;
    assert!(in_stock(&shop).await.is_empty());
    let shop = shop.restart().await;
    hear(&shop, &milk, true, 5).await;
    assert!(in_stock(&shop).await.is_empty());
}

#[tokio::test]
async fn news_of_products_that_are_not_there_are_no_trouble() {
    let shop = Shop::start().await;
    hear(&shop, "01890a5d-ac96-774b-bcce-b302099a8057", true, 1).await;
    let milk = shop.product("Milk", json!({})).await;
    crate::shop::archive(&shop.key(), &milk).await;
    hear(&shop, &milk, false, 9).await;
    assert!(shop.world.host().bus().dead_letters("catalog", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn news_that_come_before_the_product_is_shown_are_kept() {
    let shop = Shop::start().await;
    shop.inventory.create(Mood::Waiting);
    let key = shop.key();
    let input = json!({ "name": "Milk", "price": 1, "quantity": 3 });
    let creating = tokio::spawn(async move { crate::shop::create(&key, input).await });
    eventually("inventory was asked", async || shop.inventory.calls("create") > 0).await;
    let id = shop.inventory.asked_for().into_iter().next().unwrap();
    hear(&shop, &id, false, 1).await;
    shop.inventory.create(Mood::Obliging);
    assert!(creating.await.unwrap().data().is_object());
    assert!(in_stock(&shop).await.is_empty());
    assert_eq!(shop.names("filter: { inStock: false }").await, ["Milk"]);
}

#[tokio::test]
async fn makes_cached_lists_worthless_where_something_changed() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({ "quantity": 1 })).await;
    shop.quiet().await;
    shop.remember("first", &["products"]).await;
    hear(&shop, &milk, true, 2).await;
    assert!(shop.remembers("first").await, "it was in stock before");
    hear(&shop, &milk, false, 3).await;
    assert!(!shop.remembers("first").await);
}
