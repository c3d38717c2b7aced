//! The fate of orders that were left half way: whoever asks gets a decision, and the reconciler finds those that nobody asks about.

use futures::StreamExt;
use kit::{Code, fault, identity::UserId, store::StoreError};

use super::{OrderService, release::push_end};
use crate::{
    domain::{Order, OrderId, OrderStatus, Repairer},
    events,
    orders::{ChangeError, Record},
};

/// What is to become of an order's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is sold.
    Confirmed,
    /// It goes back.
    Ended,
    /// Ask again later.
    Undecided,
}

/// How an order is given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// Why, in words for the shopper.
    pub(super) reason: &'static str,
    /// Whether stock may be held for it.
    pub(super) stock_held: bool,
    /// Who, where it is not the request that placed it.
    pub(super) by: Option<Repairer>,
    /// Who of the staff asked for it.
    pub(super) asked_by: Option<UserId>,
}

impl Ending {
    /// By somebody who finds it half way.
    pub(super) const fn repair(reason: &'static str, by: Repairer) -> Self {
        Self { reason, stock_held: true, by: Some(by), asked_by: None }
    }
}

/// The reason in the history of an order that was given up after its deadline.
pub(super) const TOO_LATE: &str = "The order could not be finished in time.";

impl OrderService {
    /// How many overdue orders are read at once.
    pub(super) const BATCH: usize = 100;
    /// How many of them are ended at once: enough to share commits, few enough to leave the database to shoppers.
    pub(super) const AT_ONCE: usize = 16;

    /// The fate of an order. One that is PENDING past its deadline is ended first; one that is unknown is marked, so that
    /// it can never be placed: what is answered here holds for ever.
    pub(crate) async fn fate(&self, id: OrderId) -> kit::Result<Fate> {
        // Each round either answers or has seen somebody else change the order, which can happen once for each of its two steps.
        for _ in 0..4 {
            let order = match self.orders.record_unscoped(id).await? {
                Some(Record::Order(order)) => order,
                Some(Record::Never { .. }) => return Ok(Fate::Ended),
                None if self.orders.mark_never(id, self.clock.now()).await? => return Ok(Fate::Ended),
                None => continue,
            };
            if order.status().is_sold() {
                return Ok(Fate::Confirmed);
            }
            if order.status() != OrderStatus::Pending {
                return Ok(Fate::Ended);
            }
            if !self.is_overdue(&order) {
                return Ok(Fate::Undecided);
            }
            match self.give_up(id, Ending::repair(TOO_LATE, Repairer::Inventory)).await {
                Ok(_) => return Ok(Fate::Ended),
                Err(ChangeError::Store(error)) => return Err(error.into()),
                Err(ChangeError::Refused(_) | ChangeError::NotFound(_)) => {}
            }
        }
        Ok(Fate::Undecided)
    }

    /// Ends every order that is PENDING past its deadline and gives its stock back, and that of others for which it is owed. Runs at every start and every few seconds; what
    /// goes wrong is left to the next time.
    pub(crate) async fn end_overdue(&self) {
        if fault::is_broken("order.no_reconciler") {
            return;
        }
        match self.try_end_overdue().await {
            Ok(0) => {}
            Ok(ended) => tracing::warn!(ended, "ended orders that were left PENDING"),
            Err(error) => tracing::error!(%error, "orders that were left PENDING cannot be searched"),
        }
        match self.release_owed().await {
            Ok(0) => {}
            Ok(asked) => tracing::info!(asked, "asked again for the stock of orders that ended"),
            Err(error) => tracing::error!(%error, "orders whose stock is owed cannot be searched"),
        }
    }

    async fn try_end_overdue(&self) -> Result<usize, StoreError> {
        let latest = self.clock.now() - self.config.pending_deadline();
        let (mut after, mut ended) = (None, 0);
        loop {
            let stretch = self.orders.pending_since_unscoped(latest, after, Self::BATCH).await?;
            let overdue: Vec<OrderId> = stretch.orders.iter().map(Order::id).collect();
            let endings = futures::stream::iter(overdue).map(|id| self.end_one(id));
            let endings: Vec<bool> = endings.buffer_unordered(Self::AT_ONCE).collect().await;
            ended += endings.into_iter().filter(|ended| *ended).count();
            if stretch.next.is_none() {
                return Ok(ended);
            }
            after = stretch.next;
        }
    }

    async fn end_one(&self, id: OrderId) -> bool {
        match self.give_up(id, Ending::repair(TOO_LATE, Repairer::Reconciler)).await {
            Ok(order) => {
                // An interruption leaves it owed.
                let _ = self.release_after_repair(&order, Repairer::Reconciler).await;
                true
            }
            // Somebody decided it meanwhile: that was the point.
            Err(ChangeError::Refused(_) | ChangeError::NotFound(_)) => false,
            Err(ChangeError::Store(error)) => {
                tracing::error!(order = %id, %error, "an order stays PENDING for now");
                // Where the database takes this all the same, staff see why.
                let _ =
                    self.note_failure(id, (Code::Unavailable, "The database did not take the change.")).await;
                false
            }
        }
    }

    /// Gives back the stock of an order that was ended by a repair.
    pub(super) async fn release_after_repair(&self, order: &Order, by: Repairer) -> kit::Result<()> {
        fault::after("order.repair.ended").await?;
        self.release(order, self.config.release_deadline, Some(by), "order.repair.released").await
    }

    /// Whether the order is PENDING past its deadline.
    pub(super) fn is_overdue(&self, order: &Order) -> bool {
        order.overdue(self.config.pending_deadline(), self.clock.now()).is_some()
    }

    /// Ends an order that is PENDING. Which of two that decide an order at once has decided it is settled by its version: the
    /// other is refused by the table.
    pub(super) async fn give_up(&self, id: OrderId, ending: Ending) -> Result<Order, ChangeError> {
        let (now, release_due) = (self.clock.now(), self.release_due());
        let given_up = self.orders.change_unscoped(id, move |order, outbox| {
            if let Some(admin) = ending.asked_by {
                order.note_retry(admin, now);
            }
            order.give_up(ending.reason, now)?;
            if ending.stock_held {
                order.owe_release(release_due);
            }
            if let Some(by) = ending.by {
                order.repaired(by, now);
            }
            push_end(outbox, events::cancelled(order, ending.stock_held, now));
            Ok(order.clone())
        });
        given_up.await
    }
}
