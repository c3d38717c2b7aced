//! What inventory adds to a product: how much of it can be sold.

use async_graphql::{Context, ID, Object, Result};

use super::inventory;
use crate::{domain::ProductId, service::Level};

/// A product of the shop.
pub(super) struct Product {
    id: ProductId,
    /// Read already, where the product came in by its key.
    level: Option<Level>,
}

impl Product {
    /// A product whose level is read when somebody asks for it.
    pub(super) const fn unread(id: ProductId) -> Self {
        Self { id, level: None }
    }

    /// A product whose level is known.
    pub(super) const fn with(level: Level) -> Self {
        Self { id: level.product, level: Some(level) }
    }

    async fn level(&self, ctx: &Context<'_>) -> Result<Option<Level>> {
        match self.level {
            Some(level) => Ok(Some(level)),
            None => Ok(inventory(ctx)?.level(self.id).await?),
        }
    }
}

/// A product of the shop.
#[Object]
impl Product {
    /// Its id.
    #[graphql(name = "_id")]
    async fn id(&self) -> ID {
        self.id.to_string().into()
    }

    /// How many can be sold now: what is on hand less what is held for orders on their way. Never negative.
    async fn quantity(&self, ctx: &Context<'_>) -> Result<i32> {
        match self.level(ctx).await? {
            Some(level) => Ok(level.available().shown()),
            None => Err(kit::Error::not_found("product", self.id).into()),
        }
    }

    /// The stock, where it is known. Ask for it instead of `quantity` where the product must stay on the page even while its
    /// stock cannot be read: this is null then, and nothing else is lost.
    async fn stock(&self, ctx: &Context<'_>) -> Option<Stock> {
        // Null is the answer when it cannot be read: that is what the field is for. The log has the reason.
        match self.level(ctx).await {
            Ok(level) => level.map(Stock),
            Err(error) => {
                tracing::warn!(product = %self.id, error = %error.message, "a stock could not be read");
                None
            }
        }
    }
}

/// How much there is of a product.
pub(super) struct Stock(Level);

/// How much there is of a product.
#[Object]
impl Stock {
    /// How many can be sold now.
    async fn available(&self) -> i32 {
        self.0.available().shown()
    }

    /// Whether any can be sold now.
    async fn in_stock(&self) -> bool {
        self.0.available().get() > 0
    }

    /// Whether there are only a few left, or none: at most the shop's threshold.
    async fn low(&self) -> bool {
        self.0.is_low()
    }
}

/// The entities that inventory knows.
#[derive(Default)]
pub(super) struct Entities;

/// The entities that inventory knows.
#[Object]
impl Entities {
    /// The products by key; one without stock is null, and leaves the others alone. However many are asked for at once, it
    /// is one read.
    #[graphql(entity)]
    async fn find_product_by_id(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "_id")] id: ID,
    ) -> Result<Option<Product>> {
        let Ok(id) = ProductId::parse(&id) else { return Ok(None) };
        Ok(inventory(ctx)?.level(id).await?.map(Product::with))
    }
}
