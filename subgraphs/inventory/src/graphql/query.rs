//! What those who run the shop look at.

use async_graphql::{Context, ID, Object};
use kit::{identity::Require, page::PageRequest, subgraph::Answer};

use super::{
    input::Check,
    inventory,
    types::{LowOf, MovementsOf, StockLevel, StockLevelConnection, StockMovement, StockMovementConnection},
};
use crate::service::Inventory;

/// What those who run the shop look at.
#[derive(Default)]
pub(crate) struct AdminQuery;

/// What those who run the shop look at.
#[Object]
impl AdminQuery {
    /// The ledger: every movement of stock, the latest first. Needs the role ADMIN.
    #[graphql(guard = "Require::Admin")]
    async fn stock_movements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this product. A product that has no stock has no movements.")]
        product: Option<ID>,
        #[graphql(desc = "How many: 1 to 100, 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Go on after this cursor, of an earlier page of the same list.")] after: Option<
            String,
        >,
    ) -> Answer<StockMovementConnection> {
        let movements = async {
            let mut check = Check::default();
            let product = product.map(|product| check.product("product", &product));
            let product = check.done(product.map_or(Some(None), |product| product.map(Some)))?;
            let page = PageRequest::new(first, after.as_deref())?;
            let continued = page.is_continued();
            let found = inventory(ctx)?.movements(product, page).await?;
            let counted = MovementsOf(Inventory::movements_of(product));
            Ok(StockMovementConnection::new(found, continued, counted, StockMovement))
        };
        Some(movements.await)
    }

    /// The stocks of which there is little left, those with the least first. Needs the role ADMIN.
    #[graphql(guard = "Require::Admin")]
    async fn low_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Those of which at most so many can be sold; the shop's own threshold where nothing is said."
        )]
        threshold: Option<i32>,
        #[graphql(desc = "How many: 1 to 100, 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Go on after this cursor, of an earlier page of the same list.")] after: Option<
            String,
        >,
    ) -> Answer<StockLevelConnection> {
        let levels = async {
            let mut check = Check::default();
            let threshold = threshold.map(|threshold| check.quantity("threshold", threshold));
            let threshold = check.done(threshold.map_or(Some(None), |threshold| threshold.map(Some)))?;
            let page = PageRequest::new(first, after.as_deref())?;
            let (inventory, continued) = (inventory(ctx)?, page.is_continued());
            let found = inventory.low(threshold, page).await?;
            Ok(StockLevelConnection::new(found, continued, LowOf(inventory.low_of(threshold)), StockLevel))
        };
        Some(levels.await)
    }
}
