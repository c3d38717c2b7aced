//! What only the shop's own services may ask. Not part of the public schema.

use async_graphql::{Context, Enum, ID, Object, Result};
use kit::identity::Require;

use super::service;
use crate::{domain::OrderId, service::Fate};

#[derive(Default)]
pub(crate) struct InternalMutation;

#[Object]
impl InternalMutation {
    /// What is to become of the stock that is held for an order. An order that is unknown or PENDING past its deadline is
    /// ended first: an answer other than UNDECIDED holds for ever.
    #[graphql(inaccessible, guard = "Require::Scope(\"order:settle\")")]
    async fn settle_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's `_id`.")] id: ID,
    ) -> Result<OrderFate> {
        let id = OrderId::parse_field("id", &id)?;
        Ok(service(ctx)?.fate(id).await?.into())
    }
}

/// What is to become of the stock that is held for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(inaccessible)]
pub(crate) enum OrderFate {
    /// It is sold: commit it.
    Confirmed,
    /// The order has ended: release it.
    Ended,
    /// The order is being placed: ask again later.
    Undecided,
}

impl From<Fate> for OrderFate {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Confirmed => Self::Confirmed,
            Fate::Ended => Self::Ended,
            Fate::Undecided => Self::Undecided,
        }
    }
}
