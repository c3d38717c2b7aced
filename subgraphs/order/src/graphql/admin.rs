//! What only staff may do.

use async_graphql::{Context, ID, Object};
use kit::{identity::Require, subgraph::Answer};

use super::{
    service,
    types::{Order, OrderStatus},
    user,
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
    ) -> Answer<Order> {
        let advanced = async {
            let (admin, id) = (user(ctx)?.id, OrderId::parse_field("id", &id)?);
            Ok(service(ctx)?.advance(admin, id, to.into()).await?.into())
        };
        Some(advanced.await)
    }
}
