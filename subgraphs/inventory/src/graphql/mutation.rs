//! What those who run the shop do to stock.

use async_graphql::{Context, ID, InputObject, Object, Result};
use kit::{
    identity::{Caller, Require, UserId},
    subgraph::Answer,
};

use super::{input::Check, inventory, types::StockLevel};
use crate::{
    domain::stock::Note,
    service::{Adjustment, Restocking},
};

/// A correction of how many of a product can be sold.
#[derive(InputObject)]
pub(super) struct AdjustStockInput {
    /// The product.
    product: ID,
    /// The `quantity` of the product as you saw it. Where it is another number by now, nothing is changed and the answer is
    /// `CONFLICT` with the current one in `extensions.quantity`.
    expected: i32,
    /// How many can be sold from now on; what is held for orders on their way comes on top. 0 to 1,000,000,000.
    quantity: i32,
    /// Why: one line of 1 to 500 characters. It stays in the ledger.
    reason: String,
}

/// Goods that have come in.
#[derive(InputObject)]
pub(super) struct RestockInput {
    /// The product.
    product: ID,
    /// How many have come in; at least 1.
    quantity: i32,
    /// What delivery it was, for example: one line of up to 500 characters. It stays in the ledger.
    reason: Option<String>,
    /// A text of your own for this delivery: 1 to 128 letters, digits or signs, without spaces. Sent again with the same product and key, the goods are counted once.
    idempotency_key: Option<String>,
}

/// What those who run the shop do to stock.
#[derive(Default)]
pub(crate) struct AdminMutation;

/// What those who run the shop do to stock.
#[Object]
impl AdminMutation {
    /// Corrects how many of a product can be sold, after a count for example. Needs the role ADMIN.
    #[graphql(guard = "Require::Admin")]
    async fn adjust_stock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be corrected, and what you saw before.")] input: AdjustStockInput,
    ) -> Answer<StockLevel> {
        let adjusted = async {
            let mut check = Check::default();
            let product = check.product("input.product", &input.product);
            let expected = check.quantity("input.expected", input.expected);
            let quantity = check.quantity("input.quantity", input.quantity);
            let reason = check.reason("input.reason", &input.reason);
            let taken = product.zip(expected).zip(quantity).zip(reason);
            let (((product, expected), quantity), reason) = check.done(taken)?;
            let note = Note { reason: Some(reason), by: Some(who(ctx)?), key: None };
            let level = inventory(ctx)?.adjust(Adjustment { product, expected, quantity, note }).await?;
            Ok(StockLevel(level))
        };
        Some(adjusted.await)
    }

    /// Takes in new goods of a product. Needs the role ADMIN.
    #[graphql(guard = "Require::Admin")]
    async fn restock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What has come in.")] input: RestockInput,
    ) -> Answer<StockLevel> {
        let restocked = async {
            let mut check = Check::default();
            let product = check.product("input.product", &input.product);
            let quantity = check.at_least_one("input.quantity", input.quantity);
            let reason = input.reason.as_deref().and_then(|reason| check.reason("input.reason", reason));
            let key = input.idempotency_key.as_deref().and_then(|key| check.key("input.idempotencyKey", key));
            let (product, quantity) = check.done(product.zip(quantity))?;
            let note = Note { reason, by: Some(who(ctx)?), key };
            let level = inventory(ctx)?.restock(Restocking { product, quantity, note }).await?;
            Ok(StockLevel(level))
        };
        Some(restocked.await)
    }
}

fn who(ctx: &Context<'_>) -> Result<UserId> {
    Ok(ctx.data::<Caller>()?.signed_in()?.id)
}
