//! A request raises the tags of what it changed before it answers. Where it could not, the event of the change does.

use chrono::TimeDelta;
use kit::bus::Event;
use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn an_event_raises_the_tags_of_its_change() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({})).await;
    let data = json!({ "productId": milk, "name": "Milk", "price": 1, "sellerId": null });
    for topic in ["product.created", "product.changed", "product.archived"] {
        shop.quiet().await;
        shop.remember(&format!("list {topic}"), &["products"]).await;
        shop.remember(&format!("milk {topic}"), &[&format!("product:{milk}")]).await;
        shop.remember(&format!("bread {topic}"), &["product:bread"]).await;
        shop.tell(topic, &milk, &data).await;
        shop.quiet().await;
        assert!(!shop.remembers(&format!("list {topic}")).await, "{topic}");
        assert!(!shop.remembers(&format!("milk {topic}")).await, "{topic}");
        assert!(shop.remembers(&format!("bread {topic}")).await, "{topic}");
    }
}

#[tokio::test]
async fn an_event_that_comes_late_spares_what_was_made_after_it() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({})).await;
    shop.quiet().await;
    shop.remember("list", &["products"]).await;
    let data = json!({ "productId": milk, "name": "Milk", "price": 1, "sellerId": null });
    // Longer ago than anything can have been cached.
    let long_ago = shop.world.clock().now() - TimeDelta::seconds(11);
    let event = Event::new("product.changed", &milk, long_ago, &data);
    shop.world.host().bus().publish(&[event]).await.unwrap();
    shop.quiet().await;
    assert!(shop.remembers("list").await);
}
