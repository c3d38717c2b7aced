//! What only the shop's own services may ask; absent from the schema that clients see.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use kit::identity::Require;

use super::{input::Check, inventory};

/// One product of an order and how many of it.
#[derive(InputObject)]
#[graphql(inaccessible)]
pub(super) struct StockLineInput {
    /// The product.
    product: ID,
    /// How many; at least 1.
    quantity: i32,
}

/// What only the shop's own services may ask.
#[derive(Default)]
pub(crate) struct StockMutation;

/// What only the shop's own services may ask.
#[Object]
impl StockMutation {
    /// Makes the stock of a new product. The same again changes nothing; with another quantity, or after `discardStock`, it is `CONFLICT`.
    #[graphql(inaccessible, guard = "Require::Scope(\"stock:create\")")]
    async fn create_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product.")] product: ID,
        #[graphql(desc = "How many there are; 0 or more.")] quantity: i32,
    ) -> Result<bool> {
        let mut check = Check::default();
        let (product, quantity) = (check.product("product", &product), check.quantity("quantity", quantity));
        let (product, quantity) = check.done(product.zip(quantity))?;
        inventory(ctx)?.create(product, quantity).await?;
        Ok(true)
    }

    /// Ends the stock of a product that never became visible; a creation that comes late is refused from then on. `CONFLICT` where anything was ever
    /// held.
    #[graphql(inaccessible, guard = "Require::Scope(\"stock:create\")")]
    async fn discard_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product.")] product: ID,
    ) -> Result<bool> {
        let mut check = Check::default();
        let product = check.product("product", &product);
        inventory(ctx)?.discard(check.done(product)?).await?;
        Ok(true)
    }

    /// Holds stock for an order: all of the lines, or none. The same again gives the same. `OUT_OF_STOCK` with every shortage; `CONFLICT` where
    /// the order was released, or asked for other lines before.
    #[graphql(inaccessible, guard = "Require::Scope(\"stock:reserve\")")]
    async fn reserve_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] order: ID,
        #[graphql(
            inaccessible,
            desc = "What it asks for: 1 to 100 lines. The same product on two lines is one."
        )]
        lines: Vec<StockLineInput>,
        #[graphql(desc = "When to ask what has become of the order; within a day.")] expires_at: DateTime<
            Utc,
        >,
    ) -> Result<bool> {
        let mut check = Check::default();
        let order = check.order("order", &order);
        let lines = check.lines("lines", lines.iter().map(|line| (line.product.as_str(), line.quantity)));
        let (order, lines) = check.done(order.zip(lines))?;
        inventory(ctx)?.reserve(order, lines, expires_at).await?;
        Ok(true)
    }

    /// Sells what the order holds. The same again changes nothing. `CONFLICT` where it holds nothing of a product and never bought it.
    #[graphql(inaccessible, guard = "Require::Scope(\"stock:reserve\")")]
    async fn commit_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] order: ID,
        #[graphql(desc = "Its products: 1 to 100.")] products: Vec<ID>,
    ) -> Result<bool> {
        let mut check = Check::default();
        let (order, products) = (check.order("order", &order), check.products("products", &products));
        let (order, products) = check.done(order.zip(products))?;
        inventory(ctx)?.commit(order, &products).await?;
        Ok(true)
    }

    /// Ends what the order has: holds are given up, sold goods come back, and where it holds nothing yet it never will. The same again
    /// changes nothing.
    #[graphql(inaccessible, guard = "Require::Scope(\"stock:reserve\")")]
    async fn release_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] order: ID,
        #[graphql(desc = "Its products: 1 to 100.")] products: Vec<ID>,
    ) -> Result<bool> {
        let mut check = Check::default();
        let (order, products) = (check.order("order", &order), check.products("products", &products));
        let (order, products) = check.done(order.zip(products))?;
        inventory(ctx)?.release(order, &products).await?;
        Ok(true)
    }
}
