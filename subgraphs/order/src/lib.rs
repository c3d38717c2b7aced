//! Orders: what was bought, by whom, at which price, and everything that happened to it since.
//!
//! This service owns orders, their lines with the price at the time, their history and the idempotency keys they were placed with.
//! It alone decides the fate of an order. It does not own stock (the inventory reserves, commits and releases it when it is
//! asked to, and hears of every decision), nor products and their prices of today (the catalog), nor users.

mod domain;
mod events;
mod graphql;
mod ledger;
mod operations;
mod orders;
mod service;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
pub use domain::{OrderId, OrderStatus, ProductId};
use kit::{
    service::{Context, Service, StartError},
    store::{Store, StoreError, Transferred},
    subgraph::Subgraph,
};
pub use ledger::{OrderAccount, ledger};

use crate::{
    operations::{Operation, Operations},
    orders::Orders,
    service::{Catalog, Inventory, OrderService},
};

/// What this service says of itself.
pub const SERVICE: Service = Service {
    name: "order",
    calls: &["catalog", "inventory"],
    grants: &[("inventory", &["order:settle"])],
    takes_api_key: false,
    signs_for_people: false,
};

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How long `placeOrder` may spend on the calls to other services, all together. Shoppers give up after about that long.
    pub place_deadline: Duration,
    /// An order that is PENDING for longer than this is ended. Well beyond `place_deadline`, so that an order that is being placed is
    /// never ended under the hands of whoever places it.
    pub pending_deadline: Duration,
    /// The pause between two searches for such orders.
    pub reconcile_every: Duration,
    /// How long `cancelOrder` waits for the stock to be given back. When it is not back by then it follows by the event.
    pub release_deadline: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            place_deadline: Duration::from_secs(5),
            pending_deadline: Duration::from_secs(30),
            reconcile_every: Duration::from_secs(5),
            release_deadline: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// A hold outlives the deadline of its order by this much, so that the inventory's first question about an expired hold finds the
    /// order decided, or one that can be decided on the spot.
    const HOLD_MARGIN: Duration = Duration::from_secs(15);

    /// The longest that an order may stay undecided.
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    fn check(self) -> Result<Self, StartError> {
        let zero = Duration::ZERO;
        if self.place_deadline == zero || self.reconcile_every == zero || self.release_deadline == zero {
            return Err(StartError::Config("order: no deadline or pause may be zero".to_owned()));
        }
        let (pending, place) = (self.pending_deadline, self.place_deadline);
        if pending > Self::LONGEST || place > pending / 2 {
            return Err(StartError::Config(format!(
                "order: the deadline of PENDING orders ({pending:?}) must be at least twice that of placing one ({place:?}), and at \
                 most a day"
            )));
        }
        Ok(self)
    }

    pub(crate) fn pending_deadline(&self) -> TimeDelta {
        span(self.pending_deadline)
    }

    /// Whoever ends an order has this long to have its stock given back; then the reconciler asks for it as well.
    pub(crate) fn release_patience(&self) -> TimeDelta {
        span(self.place_deadline.max(self.release_deadline).saturating_mul(2))
    }

    pub(crate) fn hold_time(&self) -> TimeDelta {
        span(self.pending_deadline.saturating_add(Self::HOLD_MARGIN))
    }
}

/// As a span of the calendar. Checked deadlines are within a day or so, which it can express.
fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}

/// Starts the service: opens its orders, starts the search for those that were left PENDING, builds its schema.
///
/// # Errors
/// When the configuration makes no sense, or the database cannot be used.
pub async fn subgraph(ctx: Context, config: Config) -> Result<Subgraph, StartError> {
    let config = config.check()?;
    let missing = |error: kit::Error| StartError::Config(error.to_string());
    let service = Arc::new(OrderService {
        orders: Orders::open(&ctx.store).await?,
        operations: Operations::open(&ctx.store).await?,
        bus: ctx.bus.clone(),
        catalog: Catalog::new(ctx.clients.to("catalog").map_err(missing)?),
        inventory: Inventory::new(ctx.clients.to("inventory").map_err(missing)?),
        clock: ctx.clock.clone(),
        tasks: ctx.tasks.clone(),
        config,
    });
    ctx.after_a_lost_log(service.clone()).await?;
    let reconciler = service.clone();
    ctx.tasks.every(config.reconcile_every, move || {
        let service = reconciler.clone();
        async move { service.end_overdue().await }
    });
    Ok(Subgraph::new(SERVICE.name, graphql::schema().data(service).finish(), ctx.verifier))
}

/// The schema with the federation directives, as the composer wants it. Needs no database.
#[must_use]
pub fn sdl() -> String {
    graphql::sdl()
}

/// Copies everything that this service keeps into another store, of whatever engine. Nobody may write to either meanwhile.
///
/// # Errors
/// When either store fails, or when the other one has been used since an earlier copy.
pub async fn transfer(from: &Store, to: &Store) -> Result<Vec<Transferred>, StoreError> {
    Ok(vec![from.transfer::<orders::Record>(to).await?, from.transfer::<Operation>(to).await?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_deadlines_that_make_no_sense() {
        let good = Config::default();
        assert!(good.check().is_ok());
        assert!(Config { place_deadline: Duration::ZERO, ..good }.check().is_err());
        assert!(Config { reconcile_every: Duration::ZERO, ..good }.check().is_err());
        assert!(Config { pending_deadline: Duration::from_secs(9), ..good }.check().is_err());
        assert!(Config { pending_deadline: Duration::MAX, ..good }.check().is_err());
        assert!(Config { place_deadline: Duration::MAX, ..good }.check().is_err());
    }

    #[test]
    fn a_hold_outlives_the_deadline_of_its_order() {
        let config = Config::default();
        assert!(config.hold_time() > config.pending_deadline());
    }
}
