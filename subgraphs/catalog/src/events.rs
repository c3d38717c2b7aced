//! What the catalog tells the other services, and what it hears from them and from itself.
//!
//! It hears its own events where one change asks for another: a category that was renamed or moved stands in its products, and
//! the cache must learn of a change even if the request that made it could not say so.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kit::{
    bus::{Bus, BusError, Delivery, Event, Handler, Subscription},
    cache::MAX_TTL,
    fault,
    service::CatchUp,
};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{CategoryId, Product, ProductId},
    service::{Catalog, tags},
};

/// A product has become visible.
pub(crate) const PRODUCT_CREATED: &str = "product.created";
/// A product is different from before.
pub(crate) const PRODUCT_CHANGED: &str = "product.changed";
/// A product is not offered any more.
pub(crate) const PRODUCT_ARCHIVED: &str = "product.archived";
/// A category is new, or different from before.
pub(crate) const CATEGORY_CHANGED: &str = "category.changed";
/// What can be sold of a product has become something or nothing. Inventory's.
const STOCK_CHANGED: &str = "stock.changed";

/// The group that keeps the products' documents up to date.
const GROUP: &str = "catalog";
/// The group that raises the tags of the cache. One of its own, so that a cache that cannot be reached delays nothing else.
const CACHE_GROUP: &str = "catalog-cache";

/// What the events of a product say.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProductFacts {
    product_id: ProductId,
    name: String,
    price: i32,
    seller_id: Option<String>,
}

/// What the event of a category says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CategoryFacts {
    category_id: CategoryId,
    slug: String,
    name: String,
}

/// What inventory says of a stock.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StockChanged {
    product_id: ProductId,
    in_stock: bool,
    version: u64,
}

/// An event of this product as it is now.
pub(crate) fn of_product(topic: &str, product: &Product, at: DateTime<Utc>) -> Event {
    let facts = ProductFacts {
        product_id: product.id(),
        name: product.name().to_owned(),
        price: product.price().minor(),
        seller_id: product.seller().map(|seller| seller.to_string()),
    };
    Event::new(topic, product.id(), at, &facts)
}

/// The event of a change of this category.
pub(crate) fn of_category(category: &crate::domain::Category, at: DateTime<Utc>) -> Event {
    let facts = CategoryFacts {
        category_id: category.id(),
        slug: category.slug().to_string(),
        name: category.name().to_owned(),
    };
    // One key for all: what a move changes may lie in several categories, and the last word on it must be the last heard.
    Event::new(CATEGORY_CHANGED, "categories", at, &facts)
}

/// Starts to hear. The subscriptions hold until they are dropped.
///
/// # Errors
/// When the event log cannot be read.
pub(crate) async fn subscribe(bus: &Bus, catalog: &Arc<Catalog>) -> Result<[Subscription; 2], BusError> {
    let topics = [STOCK_CHANGED, CATEGORY_CHANGED, PRODUCT_CREATED, PRODUCT_CHANGED];
    let documents = bus.subscribe(GROUP, &topics, Delivery::default(), Documents(catalog.clone())).await?;
    let topics = [PRODUCT_CREATED, PRODUCT_CHANGED, PRODUCT_ARCHIVED, CATEGORY_CHANGED];
    let cache = bus.subscribe(CACHE_GROUP, &topics, Delivery::default(), CacheTags(catalog.clone())).await?;
    Ok([documents, cache])
}

/// What a catalog goes by that believes whatever it hears last, for whoever tries this promise. Beyond all versions of stocks.
static ARRIVALS: AtomicU64 = AtomicU64::new(1 << 48);

/// Keeps the documents of products up to date.
struct Documents(Arc<Catalog>);

#[async_trait]
impl Handler for Documents {
    async fn handle(&self, event: &Event) -> kit::Result<()> {
        match event.topic.as_str() {
            STOCK_CHANGED => {
                let news: StockChanged = event.data()?;
                let version = if fault::is_broken("catalog.believes_old_news") {
                    ARRIVALS.fetch_add(1, Ordering::Relaxed)
                } else {
                    news.version
                };
                self.0.hear_stock(news.product_id, news.in_stock, version).await
            }
            CATEGORY_CHANGED => self.0.refile_category(event.data::<CategoryFacts>()?.category_id).await,
            PRODUCT_CREATED | PRODUCT_CHANGED => {
                self.0.refile_product(event.data::<ProductFacts>()?.product_id).await
            }
            _ => Ok(()),
        }
    }
}

/// After a lost log products are filed again, as the tree may have changed unheard. What was cached is gone by itself by then.
#[async_trait]
impl CatchUp for Catalog {
    async fn catch_up(&self, _: &Bus) -> kit::Result<()> {
        self.refile_all().await
    }
}

/// Raises the tags of what was changed, once more: the request did so before it answered, unless it could not.
struct CacheTags(Arc<Catalog>);

#[async_trait]
impl Handler for CacheTags {
    async fn handle(&self, event: &Event) -> kit::Result<()> {
        // Whatever was cached before the change is gone by itself by then.
        let gone = TimeDelta::from_std(MAX_TTL).unwrap_or(TimeDelta::MAX);
        if self.0.now() - event.at > gone {
            return Ok(());
        }
        let raised = match event.topic.as_str() {
            CATEGORY_CHANGED => tags::of_categories(),
            _ => tags::of_listing(event.data::<ProductFacts>()?.product_id),
        };
        Ok(self.0.raise_or_fail(&raised).await?)
    }
}
