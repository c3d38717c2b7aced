//! What admins see of the shop's own work: orders that are unfinished or were repaired, events that could not be handled, and what admins did
//! about them.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, TimeDelta, Utc};
use kit::{bus, page::Counted, store::Find};

use super::{query::Walk, service, types::Order};
use crate::{
    domain::{self, OrderId},
    operations::{self, Deed},
};

/// Whether anything is left to be done for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::SagaState")]
pub(crate) enum SagaState {
    /// It is PENDING, or it has ended and its stock may not be back yet.
    Unfinished,
    /// Nothing is, because somebody else than the shopper's own request finished it.
    Repaired,
}

/// How far the work on an order has come, as far as that is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::SagaStep")]
pub(crate) enum SagaStep {
    /// The order is PENDING: its stock is being reserved, or was, and its request was cut off. Next it is CONFIRMED, or ended.
    Reserving,
    /// The order has ended. Whether its stock is back is not known yet: the inventory is asked to give it back until it has said so.
    Releasing,
    /// Nothing is left to be done.
    Finished,
}

/// Who finished what the shopper's own request did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Repairer")]
pub(crate) enum SagaRepairer {
    /// The shop's search for orders that were left half way.
    Reconciler,
    /// The inventory, which asked what becomes of stock that was held for too long.
    Inventory,
    /// A later request of the shopper's with the same idempotency key.
    Repeat,
    /// An admin, by `retrySaga`.
    Admin,
}

/// Why something failed, without internals; the log has those.
#[derive(SimpleObject)]
pub(crate) struct Failure {
    /// A code of the shop's table of errors.
    code: String,
    /// In plain words.
    message: String,
    /// When.
    at: DateTime<Utc>,
}

/// That somebody else than the shopper's own request finished it.
#[derive(SimpleObject)]
pub(crate) struct SagaRepair {
    /// Who.
    by: SagaRepairer,
    /// When.
    at: DateTime<Utc>,
}

/// The work on an order that is unfinished or was repaired.
pub(crate) struct Saga {
    order: domain::Order,
    deadline: TimeDelta,
}

impl Saga {
    /// Of an order, and how long one may be PENDING.
    pub(super) const fn new(order: domain::Order, deadline: TimeDelta) -> Self {
        Self { order, deadline }
    }
}

/// The work on an order that is unfinished or was repaired.
#[Object]
impl Saga {
    /// The order's id.
    async fn order_id(&self) -> ID {
        self.order.id().to_string().into()
    }

    /// The order.
    async fn order(&self) -> Order {
        self.order.clone().into()
    }

    /// Whether anything is left to be done.
    async fn state(&self) -> SagaState {
        self.order.saga_state().unwrap_or(domain::SagaState::Repaired).into()
    }

    /// How far it has come.
    async fn step(&self) -> SagaStep {
        self.order.saga_step().into()
    }

    /// How many tries to finish it have failed so far.
    async fn attempts(&self) -> i32 {
        i32::try_from(self.order.saga().attempts()).unwrap_or(i32::MAX)
    }

    /// When the shop tries next; within seconds of it, and again and again where it is past. Null where nothing is left to be done.
    async fn next_retry_at(&self) -> Option<DateTime<Utc>> {
        self.order.next_retry(self.deadline)
    }

    /// Why the last try failed; null where none has.
    async fn last_error(&self) -> Option<Failure> {
        let failure = self.order.saga().last_failure()?;
        Some(Failure { code: failure.code.clone(), message: failure.message.clone(), at: failure.at })
    }

    /// Who brought the order to its end, or its stock back, where that was not the shopper's own request; null where it was.
    async fn repair(&self) -> Option<SagaRepair> {
        let repair = self.order.saga().repair()?;
        Some(SagaRepair { by: repair.by.into(), at: repair.at })
    }
}

kit::connection!(SagaConnection, SagaEdge, Saga, "orders that are unfinished or were repaired", Walk);

/// What something is made of that is no event.
#[derive(SimpleObject)]
pub(crate) struct RawField {
    /// The field's name.
    name: String,
    /// Its bytes, in base64.
    base64: String,
}

/// An event that a part of the shop could not handle.
pub(crate) struct DeadLetter(bus::DeadLetter);

impl From<bus::DeadLetter> for DeadLetter {
    fn from(letter: bus::DeadLetter) -> Self {
        Self(letter)
    }
}

/// An event that a part of the shop gave up on, after many tries.
#[Object]
impl DeadLetter {
    /// The event's id: give it to `replayDeadLetter`, with the group.
    async fn event_id(&self) -> ID {
        self.0.event.id.to_string().into()
    }

    /// Who could not handle it.
    async fn group(&self) -> &str {
        &self.0.group
    }

    /// What kind of event: `order.confirmed`, for example; `malformed` where it is none, but only bytes.
    async fn topic(&self) -> &str {
        &self.0.event.topic
    }

    /// What it happened to; later events of the same key were handled without it.
    async fn key(&self) -> &str {
        &self.0.event.key
    }

    /// The order that it is about, where it is about one.
    async fn order_id(&self) -> Option<ID> {
        let bus::Event { topic, key, data, .. } = &self.0.event;
        let named = ["orderId", "order"].into_iter().find_map(|name| data.get(name)?.as_str());
        let id = named.or_else(|| topic.starts_with("order.").then_some(key.as_str()))?;
        Some(OrderId::parse(id).ok()?.to_string().into())
    }

    /// How often it was tried.
    async fn attempts(&self) -> i32 {
        i32::try_from(self.0.attempts).unwrap_or(i32::MAX)
    }

    /// Why the last try failed, and when it was given up.
    async fn error(&self) -> Failure {
        let (code, message) = self.0.shown_error();
        Failure { code: code.to_string(), message, at: self.0.at }
    }

    /// When it happened.
    async fn at(&self) -> DateTime<Utc> {
        self.0.event.at
    }

    /// What it is made of where it is no event but only bytes; null for an event.
    async fn raw(&self) -> Option<Vec<RawField>> {
        let field =
            |(name, base64): (&str, &str)| RawField { name: name.to_owned(), base64: base64.to_owned() };
        Some(self.0.raw()?.into_iter().map(field).collect())
    }
}

kit::connection!(
    DeadLetterConnection,
    DeadLetterEdge,
    DeadLetter,
    "events that could not be handled",
    LettersOf
);

/// The groups that a page is of.
pub(crate) struct LettersOf(pub(super) Vec<String>);

impl Counted for LettersOf {
    async fn count(&self, ctx: &Context<'_>) -> kit::Result<u64> {
        service(ctx)?.count_dead_letters(&self.0).await
    }
}

/// What an admin had done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum OperationKind {
    /// `retrySaga`.
    RetrySaga,
    /// `replayDeadLetter`.
    ReplayDeadLetter,
}

/// Something that an admin had the shop do by hand.
#[derive(SimpleObject)]
pub(crate) struct Operation {
    /// What.
    kind: OperationKind,
    /// When.
    at: DateTime<Utc>,
    /// The id of the admin.
    user_id: ID,
    /// The order, of RETRY_SAGA.
    order_id: Option<ID>,
    /// The group, of REPLAY_DEAD_LETTER.
    group: Option<String>,
    /// The event, of REPLAY_DEAD_LETTER.
    event_id: Option<ID>,
    /// `DONE`, or the code of the error that it was answered with. Null while it is being done, and where that was cut off.
    outcome: Option<String>,
}

impl From<operations::Operation> for Operation {
    fn from(operation: operations::Operation) -> Self {
        let (kind, order_id, group, event_id) = match operation.deed {
            Deed::RetrySaga { order } => {
                (OperationKind::RetrySaga, Some(order.to_string().into()), None, None)
            }
            Deed::ReplayDeadLetter { group, event } => {
                (OperationKind::ReplayDeadLetter, None, Some(group), Some(event.to_string().into()))
            }
        };
        let (at, user_id) = (operation.at, operation.by.to_string().into());
        Self { kind, at, user_id, order_id, group, event_id, outcome: operation.outcome }
    }
}

kit::connection!(
    OperationConnection,
    OperationEdge,
    Operation,
    "things that admins had done by hand",
    OperationsOf
);

/// The walk that a page is of.
pub(crate) struct OperationsOf(pub(super) Find);

impl Counted for OperationsOf {
    async fn count(&self, ctx: &Context<'_>) -> kit::Result<u64> {
        service(ctx)?.count_operations(self.0.clone()).await
    }
}
