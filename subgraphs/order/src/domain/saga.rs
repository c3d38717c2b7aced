//! The work on an order that is not done yet, or that others than the shopper's own request had to finish: what is written of it beside
//! the order's status. It decides nothing about the order.
//!
//! What is durable: that an order is PENDING (its stock may be held; only the answer of the inventory tells, and that is written with
//! CONFIRMED), and that the stock of an order that ended may still be held. A sale that goes well writes nothing of this.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Who finished what the shopper's own request did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Repairer {
    /// The search for orders that were left half way.
    Reconciler,
    /// The inventory, which asked for the fate of an order.
    Inventory,
    /// A later request with the same key.
    Repeat,
    /// Somebody who runs the shop.
    Admin,
}

/// That it was finished by somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Repair {
    /// Who.
    pub(crate) by: Repairer,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

/// Why a try failed, for those who run the shop: no addresses, no causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// A code of the table of errors.
    pub(crate) code: String,
    /// In plain words.
    pub(crate) message: String,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

/// What is written of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Saga {
    /// The order has ended, its stock may still be held, and then it is asked again for it to be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release_due: Option<DateTime<Utc>>,
    /// How many tries have failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    attempts: u32,
    /// Why the last of them failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_failure: Option<Failure>,
    /// Who finished it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repair: Option<Repair>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How far the work on an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SagaStep {
    /// It is PENDING: its stock may be held.
    Reserving,
    /// It has ended: its stock may not be back yet.
    Releasing,
    /// Nothing is left to be done.
    Finished,
}

/// Whether anything is left to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SagaState {
    /// It is.
    Unfinished,
    /// Not any more, thanks to somebody else than the shopper's own request.
    Repaired,
}

impl SagaState {
    /// As it is kept; unfinished ones sort after the others.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unfinished => "UNFINISHED",
            Self::Repaired => "REPAIRED",
        }
    }
}

impl Saga {
    /// Nothing worth a word.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The order has ended and its stock is to go back; it is asked for again at that time, unless that is done by then.
    pub(super) const fn owe_release(&mut self, due: DateTime<Utc>) {
        self.release_due = Some(due);
    }

    /// The stock is back. An end that needed no help leaves nothing behind.
    pub(super) fn released(&mut self, by: Option<Repairer>, now: DateTime<Utc>) {
        self.release_due = None;
        if let Some(by) = by {
            self.repaired(by, now);
        }
        if self.repair.is_none() {
            *self = Self::default();
        }
    }

    /// Somebody finished it; who was first is kept.
    pub(super) fn repaired(&mut self, by: Repairer, now: DateTime<Utc>) {
        self.repair.get_or_insert(Repair { by, at: now });
    }

    /// A try failed. One of a release is made again at that time.
    pub(super) fn failed(&mut self, failure: Failure, due: DateTime<Utc>) {
        self.attempts = self.attempts.saturating_add(1);
        self.last_failure = Some(failure);
        self.release_due = self.release_due.map(|_| due);
    }

    /// When it is asked again that the stock be given back; none where it is back.
    pub(crate) const fn release_due(&self) -> Option<DateTime<Utc>> {
        self.release_due
    }

    /// How many tries have failed.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why the last of them failed.
    pub(crate) const fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_ref()
    }

    /// Who finished it.
    pub(crate) const fn repair(&self) -> Option<Repair> {
        self.repair
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn failure(message: &str) -> Failure {
        Failure { code: "UNAVAILABLE".to_owned(), message: message.to_owned(), at: NOW }
    }

    #[test]
    fn an_end_that_needed_no_help_leaves_nothing_behind() {
        let mut saga = Saga::default();
        saga.owe_release(NOW);
        saga.failed(failure("away"), NOW);
        saga.released(None, NOW);
        assert!(saga.is_none());
    }

    #[test]
    fn a_repair_keeps_who_was_first_and_what_had_failed() {
        let mut saga = Saga::default();
        saga.repaired(Repairer::Inventory, NOW);
        saga.owe_release(NOW);
        saga.failed(failure("away"), NOW + chrono::TimeDelta::seconds(9));
        assert_eq!(saga.release_due(), Some(NOW + chrono::TimeDelta::seconds(9)));
        saga.failed(failure("still away"), NOW);
        saga.released(Some(Repairer::Reconciler), NOW);
        assert_eq!(saga.repair().unwrap().by, Repairer::Inventory);
        assert_eq!((saga.attempts(), saga.release_due()), (2, None));
        assert_eq!(saga.last_failure().unwrap().message, "still away");
    }

    #[test]
    fn what_is_not_owed_does_not_become_so_by_a_failure() {
        let mut saga = Saga::default();
        saga.failed(failure("the database is away"), NOW);
        assert_eq!((saga.release_due(), saga.attempts()), (None, 1));
    }
}
