//! Where orders are kept, and who may read which. What belongs to a shopper is read through [`Orders::of`]; what is not bound to
//! one is named `unscoped` and is for admin fields, workers and the shop's own decisions. This module decides nothing
//! about an order.

use chrono::{DateTime, Utc};
use kit::{
    bus::Event,
    identity::UserId,
    store::{Collection, Cursor, Document, Find, Found, Index, Keys, Outbox, Store, StoreError, UpdateError},
};
use serde::{Deserialize, Serialize};

use crate::domain::{IdempotencyKey, Order, OrderId, OrderStatus, Refusal, SagaState};

/// What stands under an order's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Record {
    /// An order.
    Order(Box<Order>),
    /// A mark that there was no order when its fate was asked for, so that there never will be one. It has no keys: no list
    /// finds it.
    Never {
        /// The id.
        id: OrderId,
        /// When it was asked for.
        at: DateTime<Utc>,
    },
}

const CUSTOMER: &str = "customer";
const STATUS: &str = "status";
const PLACED: &str = "placed";
const KEY: &str = "key";
const SAGA: &str = "saga";
const RELEASE: &str = "release";

const BY_CUSTOMER: Index = Index::on("by_customer", &[CUSTOMER, PLACED]);
const BY_CUSTOMER_STATUS: Index = Index::on("by_customer_status", &[CUSTOMER, STATUS, PLACED]);
const BY_PLACED: Index = Index::on("by_placed", &[PLACED]);
const BY_STATUS: Index = Index::on("by_status", &[STATUS, PLACED]);
/// Only orders that are unfinished or were repaired are in it.
const BY_SAGA: Index = Index::on("by_saga", &[SAGA, PLACED]);
/// Only orders whose stock is still to go back are in it, by when it is asked for again.
const BY_RELEASE: Index = Index::on("by_release", &[RELEASE]);
const BY_KEY: Index = Index::unique("by_idempotency_key", &[CUSTOMER, KEY]);

impl Document for Record {
    type Id = OrderId;
    const COLLECTION: &'static str = "orders";
    /// The second has what is left to be done, which the first knew of PENDING orders alone.
    const SCHEMA: u32 = 2;
    const INDEXES: &'static [Index] =
        &[BY_CUSTOMER, BY_CUSTOMER_STATUS, BY_PLACED, BY_STATUS, BY_SAGA, BY_RELEASE, BY_KEY];

    fn id(&self) -> OrderId {
        match self {
            Self::Order(order) => order.id(),
            Self::Never { id, .. } => *id,
        }
    }

    fn keys(&self) -> Keys {
        let Self::Order(order) = self else { return Keys::new() };
        let keys = Keys::new()
            .with(CUSTOMER, order.customer().to_string())
            .with(STATUS, order.status().as_str())
            .with(PLACED, order.placed_at());
        let keys = match order.key() {
            Some(key) => keys.with(KEY, key.as_str()),
            None => keys,
        };
        let keys = match order.saga_state() {
            Some(state) => keys.with(SAGA, state.as_str()),
            None => keys,
        };
        match order.saga().release_due() {
            Some(due) => keys.with(RELEASE, due),
            None => keys,
        }
    }

    fn migrate(from: u32, body: serde_json::Value) -> Result<serde_json::Value, String> {
        match from {
            // What it lacks is read as nothing.
            1 => Ok(body),
            _ => Err(format!("there is no migration from version {from}")),
        }
    }
}

impl Record {
    fn into_order(self) -> Option<Order> {
        match self {
            Self::Order(order) => Some(*order),
            Self::Never { .. } => None,
        }
    }
}

/// Why an order was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// There is none, or it is not theirs.
    #[error("there is no order {0}")]
    NotFound(OrderId),
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed; whether it was changed is not known.
    #[error(transparent)]
    Store(StoreError),
}

impl From<ChangeError> for kit::Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound(id) => Self::not_found("order", id),
            ChangeError::Refused(refusal) => Self::conflict(refusal.to_string()),
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// Why an order was not written down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InsertError {
    /// The customer has another order under that key.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// The store failed; whether it was written is not known.
    #[error(transparent)]
    Store(StoreError),
}

/// All orders.
#[derive(Clone)]
pub(crate) struct Orders {
    records: Collection<Record>,
}

impl Orders {
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { records: store.collection().await? })
    }

    /// Those of one customer.
    pub(crate) const fn of(&self, customer: UserId) -> OrdersOf<'_> {
        OrdersOf { all: self, customer }
    }

    /// Writes a new order down.
    pub(crate) async fn insert(&self, order: Order, events: Vec<Event>) -> Result<(), InsertError> {
        let written = self.records.insert(&Record::Order(Box::new(order)), events).await;
        written.map_err(|error| match error {
            StoreError::Duplicate { index, .. } if index == BY_KEY.name => InsertError::KeyTaken,
            other => InsertError::Store(other),
        })
    }

    /// Makes sure that there will never be an order with this id. False where there is something under it already.
    pub(crate) async fn mark_never(&self, id: OrderId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        match self.records.insert(&Record::Never { id, at }, Vec::new()).await {
            Ok(()) => Ok(true),
            Err(StoreError::Exists { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// What stands under an id, whosever it is.
    pub(crate) async fn record_unscoped(&self, id: OrderId) -> Result<Option<Record>, StoreError> {
        self.records.get(&id).await
    }

    /// An order, whosever it is.
    pub(crate) async fn get_unscoped(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(self.records.get(&id).await?.and_then(Record::into_order))
    }

    /// Changes an order by a rule, whosever it is.
    pub(crate) async fn change_unscoped<R, F>(&self, id: OrderId, rule: F) -> Result<R, ChangeError>
    where
        R: Send + 'static,
        F: FnMut(&mut Order, &mut Outbox<'_>) -> Result<R, Refusal> + Send + 'static,
    {
        self.change(id, None, rule).await
    }

    /// A walk over everybody's orders, the newest first, narrowed to a customer or a status.
    pub(crate) fn list_unscoped(customer: Option<UserId>, status: Option<OrderStatus>) -> Find {
        let find = match (customer, status) {
            (None, None) => Find::by(&BY_PLACED),
            (None, Some(status)) => Find::by(&BY_STATUS).eq(status.as_str()),
            (Some(customer), None) => Find::by(&BY_CUSTOMER).eq(customer.to_string()),
            (Some(customer), Some(status)) => {
                Find::by(&BY_CUSTOMER_STATUS).eq(customer.to_string()).eq(status.as_str())
            }
        };
        find.descending()
    }

    /// Up to `limit` orders that are PENDING since `latest` or longer, the oldest first, after that place.
    pub(crate) async fn pending_since_unscoped(
        &self,
        latest: DateTime<Utc>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Stretch, StoreError> {
        let pending = Find::by(&BY_STATUS).eq(OrderStatus::Pending.as_str()).to(latest);
        self.stretch(pending.after(after).limit(limit)).await
    }

    /// A walk over orders that are unfinished or were repaired: the unfinished ones first, of each kind the newest first.
    pub(crate) fn sagas_unscoped(state: Option<SagaState>) -> Find {
        let find = Find::by(&BY_SAGA).descending();
        match state {
            Some(state) => find.eq(state.as_str()),
            None => find,
        }
    }

    /// Up to `limit` orders whose stock is to be asked for again by now, those first that have waited longest, after that place.
    pub(crate) async fn releases_due_unscoped(
        &self,
        now: DateTime<Utc>,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Stretch, StoreError> {
        self.stretch(Find::by(&BY_RELEASE).to(now).after(after).limit(limit)).await
    }

    /// Up to `limit` of all orders in the order in which they were made, after that place.
    pub(crate) async fn walk_unscoped(
        &self,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Stretch, StoreError> {
        self.stretch(Find::by(&Index::ID).after(after).limit(limit)).await
    }

    async fn stretch(&self, find: Find) -> Result<Stretch, StoreError> {
        let found = self.records.find(find).await?;
        let last = found.items.last().map(|(at, _)| at.clone());
        let next = last.filter(|_| found.more);
        Ok(Stretch {
            orders: found.into_documents().into_iter().filter_map(Record::into_order).collect(),
            next,
        })
    }

    /// The orders of a walk that [`Orders::list_unscoped`] or [`OrdersOf::list`] made.
    pub(crate) async fn find(&self, find: Find) -> Result<Found<Order>, StoreError> {
        let found = self.records.find(find).await?;
        let more = found.more;
        let orders = found.items.into_iter();
        let items = orders.filter_map(|(at, record)| Some((at, record.into_order()?))).collect();
        Ok(Found { items, more })
    }

    /// How many orders such a walk would find.
    pub(crate) async fn count(&self, find: Find) -> Result<u64, StoreError> {
        self.records.count(find).await
    }

    async fn change<R, F>(&self, id: OrderId, owner: Option<UserId>, mut rule: F) -> Result<R, ChangeError>
    where
        R: Send + 'static,
        F: FnMut(&mut Order, &mut Outbox<'_>) -> Result<R, Refusal> + Send + 'static,
    {
        let changed = self.records.update(&id, move |record, outbox| match record {
            Record::Order(order) if owner.is_none_or(|owner| owner == order.customer()) => {
                rule(order, outbox).map_err(Some)
            }
            _ => Err(None),
        });
        changed.await.map_err(|error| match error {
            UpdateError::NotFound | UpdateError::Rule(None) => ChangeError::NotFound(id),
            UpdateError::Rule(Some(refusal)) => ChangeError::Refused(refusal),
            UpdateError::Store(error) => ChangeError::Store(error),
        })
    }
}

/// A part of a walk over many orders.
pub(crate) struct Stretch {
    /// The orders; fewer than asked for where there are marks between them.
    pub(crate) orders: Vec<Order>,
    /// Where to go on; none at the end.
    pub(crate) next: Option<Cursor>,
}

/// The orders of one customer. Somebody else's are not there.
pub(crate) struct OrdersOf<'a> {
    all: &'a Orders,
    customer: UserId,
}

impl OrdersOf<'_> {
    /// One of theirs.
    pub(crate) async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let order = self.all.get_unscoped(id).await?;
        Ok(order.filter(|order| order.customer() == self.customer))
    }

    /// The one that they placed under that key.
    pub(crate) async fn by_key(&self, key: &IdempotencyKey) -> Result<Option<Order>, StoreError> {
        let find = Find::by(&BY_KEY).eq(self.customer.to_string()).eq(key.as_str()).limit(1);
        Ok(self.all.find(find).await?.into_documents().pop())
    }

    /// A walk over theirs, the newest first, narrowed to a status.
    pub(crate) fn list(&self, status: Option<OrderStatus>) -> Find {
        Orders::list_unscoped(Some(self.customer), status)
    }

    /// Changes one of theirs by a rule.
    pub(crate) async fn change<R, F>(&self, id: OrderId, rule: F) -> Result<R, ChangeError>
    where
        R: Send + 'static,
        F: FnMut(&mut Order, &mut Outbox<'_>) -> Result<R, Refusal> + Send + 'static,
    {
        self.all.change(id, Some(self.customer), rule).await
    }
}
