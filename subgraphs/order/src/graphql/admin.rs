//! What only staff may do.

use async_graphql::{Context, ID, Object, Result};
use kit::identity::Require;

use super::{
    service,
    types::{Order, OrderStatus},
};
use crate::domain::OrderId;

#[derive(Default)]
pub(crate) struct AdminMutation;

#[Object]
impl AdminMutation {
    /// Takes an order one step further: CONFIRMED → PACKED → SHIPPED → DELIVERED. For staff.
    ///
    /// Every other step is a `CONFLICT` that names both states. To end an order, use `cancelOrder`.
    #[graphql(guard = "Require::Admin")]
    async fn advance_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's `_id`.")] id: ID,
        #[graphql(desc = "What it becomes: PACKED, SHIPPED or DELIVERED.")] to: OrderStatus,
    ) -> Result<Option<Order>> {
        let admin = ctx.data::<kit::identity::Caller>()?.signed_in()?.id;
        let id = OrderId::parse_field("id", &id)?;
        Ok(Some(service(ctx)?.advance(admin, id, to.into()).await?.into()))
    }
}
