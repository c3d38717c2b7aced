//! What the cache is told, before the answer.

use std::time::Duration;

use kit::cache::Entry;

use crate::shop::{Done as _, Shop};

/// Puts an answer under a tag, and says afterwards whether it is still good.
struct Cached<'a> {
    shop: &'a Shop,
    tag: String,
}

impl<'a> Cached<'a> {
    async fn under(shop: &'a Shop, tag: impl Into<String>) -> Self {
        let tag = tag.into();
        if let Entry::Fill(fill) = shop.world.host().cache().enter(&tag).await {
            fill.put("answer".into(), vec![tag.clone()], Duration::from_secs(10)).await;
        }
        let cached = Self { shop, tag };
        assert!(cached.is_good().await);
        cached
    }

    async fn is_good(&self) -> bool {
        matches!(self.shop.world.host().cache().enter(&self.tag).await, Entry::Hit(_))
    }
}

#[tokio::test]
async fn a_change_of_what_can_be_sold_ends_the_answers_with_that_product_alone() {
    let shop = Shop::open().await;
    let (product, other) = (shop.product(10).await, shop.product(10).await);
    let lists = Cached::under(&shop, "products").await;
    let beside = Cached::under(&shop, format!("product:{other}")).await;
    let tag = format!("product:{product}");

    let cached = Cached::under(&shop, &tag).await;
    let order = shop.held(&[(product, 1)]).await;
    assert!(!cached.is_good().await, "a hold");
    let cached = Cached::under(&shop, &tag).await;
    shop.commit(order, &[product]).await.done();
    assert!(cached.is_good().await, "a sale of what was held changes nothing for others");
    shop.release(order, &[product]).await.done();
    assert!(!cached.is_good().await, "goods that came back");
    let cached = Cached::under(&shop, &tag).await;
    shop.adjust(product, 10, 8).await.done();
    assert!(!cached.is_good().await, "a correction");
    assert!(lists.is_good().await && beside.is_good().await);
}

#[tokio::test]
async fn a_refusal_that_changed_nothing_ends_no_answers() {
    let shop = Shop::open().await;
    let (a, b) = (shop.product(1).await, shop.product(0).await);
    let cached = Cached::under(&shop, format!("product:{a}")).await;
    assert_eq!(shop.reserve(inventory::OrderId::new(), &[(a, 1), (b, 1)]).await.code(), "OUT_OF_STOCK");
    assert!(cached.is_good().await);
}

#[tokio::test]
async fn lists_end_where_a_product_is_new_or_crosses_zero() {
    let shop = Shop::open().await;
    let lists = Cached::under(&shop, "products").await;
    let product = shop.product(2).await;
    assert!(!lists.is_good().await, "a new product");
    let lists = Cached::under(&shop, "products").await;
    shop.held(&[(product, 1)]).await;
    assert!(lists.is_good().await, "one of two is sold");
    let order = shop.held(&[(product, 1)]).await;
    assert!(!lists.is_good().await, "sold out");
    let lists = Cached::under(&shop, "products").await;
    shop.release(order, &[product]).await.done();
    assert!(!lists.is_good().await, "there again");
}
