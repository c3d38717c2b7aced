//! What only staff may read and do.

use async_graphql::{Context, ID, Object};
use kit::{bus::EventId, identity::Require, page::PageRequest, subgraph::Answer};

use super::{
    operator::{
        DeadLetter, DeadLetterConnection, LettersOf, Operation, OperationConnection, OperationsOf, Saga,
        SagaConnection, SagaState,
    },
    query::Walk,
    service,
    types::{Order, OrderStatus},
    user,
};
use crate::domain::OrderId;

#[derive(Default)]
pub(crate) struct AdminQuery;

#[Object]
impl AdminQuery {
    /// The orders that are unfinished or were repaired: the unfinished ones first, of each kind the newest first. For staff.
    ///
    /// An order that is being placed is among them for moments. One that was finished by the request that placed or cancelled it is not.
    #[graphql(guard = "Require::Admin")]
    async fn sagas(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those; both where it is left out.")] state: Option<SagaState>,
        #[graphql(desc = "How many at most: 1 to 100. 20 where it is left out.")] first: Option<i32>,
        #[graphql(desc = "Go on after this cursor: `pageInfo.endCursor` of the page before.")] after: Option<
            String,
        >,
    ) -> Answer<SagaConnection> {
        let connection = async {
            let page = PageRequest::new(first, after.as_deref())?;
            let (service, continued) = (service(ctx)?, page.is_continued());
            let (found, walk) = service.sagas(state.map(Into::into), page).await?;
            let deadline = service.config.pending_deadline();
            Ok(SagaConnection::new(found, continued, Walk(walk), |order| Saga::new(order, deadline)))
        };
        Some(connection.await)
    }

    /// The events that a part of the shop could not handle, group by group, the oldest first. For staff.
    #[graphql(guard = "Require::Admin")]
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this group; all where it is left out.")] group: Option<String>,
        #[graphql(desc = "How many at most: 1 to 100. 20 where it is left out.")] first: Option<i32>,
        #[graphql(desc = "Go on after this cursor: `pageInfo.endCursor` of the page before.")] after: Option<
            String,
        >,
    ) -> Answer<DeadLetterConnection> {
        let connection = async {
            let page = PageRequest::new(first, after.as_deref())?;
            let continued = page.is_continued();
            let (found, groups) = service(ctx)?.dead_letters(group, page).await?;
            Ok(DeadLetterConnection::new(found, continued, LettersOf(groups), DeadLetter::from))
        };
        Some(connection.await)
    }

    /// What admins had done by `retrySaga` and `replayDeadLetter`, the newest first. For staff.
    #[graphql(guard = "Require::Admin")]
    async fn operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 100. 20 where it is left out.")] first: Option<i32>,
        #[graphql(desc = "Go on after this cursor: `pageInfo.endCursor` of the page before.")] after: Option<
            String,
        >,
    ) -> Answer<OperationConnection> {
        let connection = async {
            let page = PageRequest::new(first, after.as_deref())?;
            let continued = page.is_continued();
            let (found, walk) = service(ctx)?.operations(page).await?;
            Ok(OperationConnection::new(found, continued, OperationsOf(walk), Operation::from))
        };
        Some(connection.await)
    }
}

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

    /// Finishes an order now that the shop would finish at `nextRetryAt`: ends it where it is PENDING past its deadline, and asks for its stock
    /// to be given back. For staff; it is kept in the order's history and in `operations`.
    ///
    /// Where the inventory still does not give the stock back, the answer says so in `lastError`. `CONFLICT` where nothing is to be done, and for
    /// an order that is being placed.
    #[graphql(guard = "Require::Admin")]
    async fn retry_saga(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's `_id`.")] id: ID,
    ) -> Answer<Saga> {
        let retried = async {
            let (admin, id) = (user(ctx)?.id, OrderId::parse_field("id", &id)?);
            let service = service(ctx)?;
            let order = service.retry_saga(admin, id).await?;
            Ok(Saga::new(order, service.config.pending_deadline()))
        };
        Some(retried.await)
    }

    /// Hands an event to its group again, with all its attempts. For staff; it is kept in `operations`.
    ///
    /// `NOT_FOUND` where the group has no such dead letter (any more). One that fails again becomes a dead letter again.
    #[graphql(guard = "Require::Admin")]
    async fn replay_dead_letter(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group, as `deadLetters` names it.")] group: String,
        #[graphql(desc = "The event's id, as `deadLetters` names it.")] id: ID,
    ) -> Answer<bool> {
        let replayed = async {
            let (admin, event) = (user(ctx)?.id, EventId::parse_field("id", &id)?);
            service(ctx)?.replay_dead_letter(admin, group, event).await?;
            Ok(true)
        };
        Some(replayed.await)
    }
}
