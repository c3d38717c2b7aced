//! What people may read: their own orders, and staff all of them.

use async_graphql::{Context, ID, Object};
use kit::{
    identity::Require,
    page::{Counted, PageRequest, list_limit},
    store::Find,
    subgraph::Answer,
};

use super::{
    service,
    types::{Order, OrderFilter},
    viewer,
};
use crate::domain::OrderId;

#[derive(Default)]
pub(crate) struct ShopperQuery;

#[Object]
impl ShopperQuery {
    /// Your latest orders, the newest first. Staff see everybody's. For more than the latest, use `ordersConnection`.
    #[graphql(guard = "Require::SignedIn")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 250. 100 where it is left out.")] first: Option<i32>,
    ) -> Answer<Vec<Order>> {
        let latest = async {
            let orders = service(ctx)?.latest(viewer(ctx)?, list_limit(first)?).await?;
            Ok(orders.into_iter().map(Order::from).collect())
        };
        Some(latest.await)
    }

    /// One order. Somebody else's is NOT_FOUND, as one that does not exist; staff see all.
    #[graphql(guard = "Require::SignedIn")]
    async fn order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's `_id`.")] id: ID,
    ) -> Answer<Order> {
        let order =
            async { Ok(service(ctx)?.order(viewer(ctx)?, OrderId::parse_field("id", &id)?).await?.into()) };
        Some(order.await)
    }

    /// Your orders page by page, the newest first. Staff see everybody's.
    #[graphql(guard = "Require::SignedIn")]
    async fn orders_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which orders; all where it is left out.")] filter: Option<OrderFilter>,
        #[graphql(desc = "How many at most: 1 to 100. 20 where it is left out.")] first: Option<i32>,
        #[graphql(desc = "Go on after this cursor: `pageInfo.endCursor` of the page before.")] after: Option<
            String,
        >,
    ) -> Answer<OrderConnection> {
        let connection = async {
            let page = PageRequest::new(first, after.as_deref())?;
            let (filter, continued) = (filter.unwrap_or_default().checked()?, page.is_continued());
            let (found, walk) = service(ctx)?.page(viewer(ctx)?, filter, page).await?;
            Ok(OrderConnection::new(found, continued, Walk(walk), Order::from))
        };
        Some(connection.await)
    }
}

kit::connection!(OrderConnection, OrderEdge, Order, "orders", Walk);

/// The walk that a page is of, to be counted when somebody asks.
pub(crate) struct Walk(pub(super) Find);

impl Counted for Walk {
    async fn count(&self, ctx: &Context<'_>) -> kit::Result<u64> {
        service(ctx)?.count(self.0.clone()).await
    }
}
