//! Giving back the stock of orders that ended. That it is owed is written with the end itself; that it is done, when the inventory has said so.
//! Until then the reconciler asks again and again, beside the event that the inventory hears: whichever comes first is enough.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use kit::{
    Code,
    bus::Event,
    client::CallError,
    fault,
    store::{Outbox, StoreError},
};

use super::OrderService;
use crate::{
    domain::{Failure, Order, OrderId, Refusal, Repairer},
    orders::{ChangeError, Stretch},
};

/// A variant for tests of the promise that it breaks: the stock of orders that ended is given back neither by call nor by event.
const RELEASE_IS_LOST: &str = "order.release_is_lost";

/// The first pause between two tries of a release; it doubles with each.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// The longest: an inventory that is away for hours is asked often enough, and not by thousands of orders at every moment.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// Leaves the event that gives an order's stock back.
pub(super) fn push_end(outbox: &mut Outbox<'_>, event: Event) {
    if !fault::is_broken(RELEASE_IS_LOST) {
        outbox.push(event);
    }
}

impl OrderService {
    /// When the reconciler asks for the stock of an order that ends now: not before whoever ends it has had the time to do so.
    pub(super) fn release_due(&self) -> DateTime<Utc> {
        self.clock.now() + self.config.release_patience()
    }

    /// Asks the inventory to give the order's stock back now, and writes down how that went. That the inventory does not answer is no failure:
    /// it hears of the order's end by the event as well, and the reconciler asks again.
    ///
    /// # Errors
    /// Where a test interrupts it after the call, at the point of that name.
    pub(super) async fn release(
        &self,
        order: &Order,
        within: Duration,
        by: Option<Repairer>,
        point: &str,
    ) -> kit::Result<()> {
        let released = if fault::is_broken(RELEASE_IS_LOST) {
            Ok(())
        } else {
            self.inventory.release(order, within).await
        };
        fault::after(point).await?;
        let id = order.id();
        let written = match released {
            Ok(()) => self.note_released(id, by).await,
            Err(error) => {
                tracing::warn!(order = %id, %error, "the stock is not given back yet; it is asked for again, and the event will see to it");
                self.note_failure(id, failure_of(&error)).await
            }
        };
        match written {
            Ok(()) | Err(ChangeError::NotFound(_) | ChangeError::Refused(_)) => {}
            // Then it stays owed, and is done again: that is harmless.
            Err(ChangeError::Store(error)) => {
                tracing::warn!(order = %id, %error, "how giving the stock back went cannot be written");
            }
        }
        Ok(())
    }

    async fn note_released(&self, id: OrderId, by: Option<Repairer>) -> Result<(), ChangeError> {
        let now = self.clock.now();
        let noted = self.orders.change_unscoped(id, move |order, _| {
            order.released(by, now);
            Ok::<_, Refusal>(())
        });
        noted.await
    }

    /// Writes down that a try to finish an order failed, and why.
    pub(super) async fn note_failure(
        &self,
        id: OrderId,
        (code, message): (Code, &'static str),
    ) -> Result<(), ChangeError> {
        let now = self.clock.now();
        let noted = self.orders.change_unscoped(id, move |order, _| {
            let failure = Failure { code: code.to_string(), message: message.to_owned(), at: now };
            let due = now + pause_after(order.saga().attempts());
            order.failed(failure, due);
            Ok::<_, Refusal>(())
        });
        noted.await
    }

    /// Asks for the stock of every order that has waited for it long enough. Gives how many were asked for.
    pub(super) async fn release_owed(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let (mut after, mut asked) = (None, 0);
        loop {
            let Stretch { orders, next } = self.orders.releases_due_unscoped(now, after, Self::BATCH).await?;
            asked += orders.len();
            let within = self.config.release_deadline;
            let releases = futures::stream::iter(orders).map(|order| async move {
                self.release(&order, within, Some(Repairer::Reconciler), "order.repair.released").await
            });
            let releases: Vec<_> = releases.buffer_unordered(Self::AT_ONCE).collect().await;
            if next.is_none() || releases.iter().any(Result::is_err) {
                return Ok(asked);
            }
            after = next;
        }
    }
}

/// The pause after one more try has failed.
fn pause_after(failed_before: u32) -> TimeDelta {
    FIRST_PAUSE.checked_mul(1 << failed_before.min(16)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

/// What those who run the shop are told of it; the log has the rest.
const fn failure_of(error: &CallError) -> (Code, &'static str) {
    match error {
        CallError::NotMade(_) => (Code::Unavailable, "The inventory could not be reached."),
        CallError::Unknown(_) => {
            (Code::Unavailable, "The inventory did not answer in time. Perhaps it has done it.")
        }
        CallError::Refused(refused) => (refused.code, "The inventory refused to give the stock back."),
        _ => (Code::Internal, "The inventory's answer could not be understood."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_up_to_five_minutes() {
        let pauses = [0, 1, 2, 5, 6, 7, u32::MAX].map(|failed| pause_after(failed).num_seconds());
        assert_eq!(pauses, [5, 10, 20, 160, 300, 300, 300]);
    }
}
