//! What the orders say of the shop's stock, for an operator who recounts it. Works on a store that nobody serves.

use chrono::{DateTime, TimeDelta, Utc};
use kit::{
    Quantity,
    clock::Clock,
    identity::UserId,
    store::{Store, StoreError},
};

use crate::{
    Config,
    domain::{OrderId, OrderStatus, ProductId},
    orders::Orders,
};

/// How many orders are read at once: enough that the reading is one walk, few enough to be small in memory.
const PAGE: usize = 500;

/// One order, as far as its stock goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAccount {
    /// Its id.
    pub id: OrderId,
    /// Where it stands. Its stock is sold when [`OrderStatus::is_sold`]; held at most when PENDING; back otherwise.
    pub status: OrderStatus,
    /// The products, each once, and how many of them.
    pub lines: Vec<(ProductId, Quantity)>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// Who placed it.
    pub customer: UserId,
    /// The idempotency key that it has; no other order of this customer has it.
    pub key: Option<String>,
    /// When it is asked again that its stock be given back; none where all is well.
    pub owed: Option<DateTime<Utc>>,
    /// How long it has been PENDING beyond the deadline by which it should have been decided; none where all is well.
    pub overdue: Option<TimeDelta>,
}

/// Every order, in the order in which they were made. The deadline of PENDING orders is the default one.
///
/// # Errors
/// When the store cannot be read.
pub async fn ledger(store: &Store) -> Result<Vec<OrderAccount>, StoreError> {
    let orders = Orders::open(store).await?;
    let now = Clock::system().now();
    let deadline = Config::default().pending_deadline();
    let mut accounts = Vec::new();
    let mut after = None;
    loop {
        let stretch = orders.walk_unscoped(after, PAGE).await?;
        accounts.extend(stretch.orders.iter().map(|order| OrderAccount {
            id: order.id(),
            status: order.status(),
            lines: order.lines().iter().map(|line| (line.product(), line.quantity())).collect(),
            placed_at: order.placed_at(),
            customer: order.customer(),
            key: order.key().map(|key| key.as_str().to_owned()),
            owed: order.saga().release_due(),
            overdue: order.overdue(deadline, now),
        }));
        if stretch.next.is_none() {
            return Ok(accounts);
        }
        after = stretch.next;
    }
}
