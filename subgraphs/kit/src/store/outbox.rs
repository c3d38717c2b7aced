//! The events that a change causes, gathered while a rule runs.

use crate::bus::Event;

/// What a rule may say to the world: the events of its change, kept in the same write.
#[derive(Debug)]
pub struct Outbox<'a> {
    pending: &'a [Event],
    added: Vec<Event>,
}

impl<'a> Outbox<'a> {
    pub(crate) const fn new(pending: &'a [Event]) -> Self {
        Self { pending, added: Vec::new() }
    }

    /// An outbox for trying a rule in a unit test.
    #[must_use]
    pub const fn detached() -> Outbox<'static> {
        Outbox { pending: &[], added: Vec::new() }
    }

    /// The event goes out with this change.
    pub fn push(&mut self, event: Event) {
        self.added.push(event);
    }

    /// The events of earlier changes that are still in the envelope.
    #[must_use]
    pub const fn pending(&self) -> &[Event] {
        self.pending
    }

    /// The events pushed so far.
    #[must_use]
    pub fn added(&self) -> &[Event] {
        &self.added
    }

    pub(crate) fn into_added(self) -> Vec<Event> {
        self.added
    }
}
