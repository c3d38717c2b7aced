//! Changes of one document wait in one lane: while one batch is being written the next one gathers, and is then read once, changed by
//! every rule in turn, and written once. What a rule does is the service's business; when it is told is this module's.

use std::{
    any::Any,
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Document, Outbox, StoreError};
use crate::bus::Event;

/// How many changes of one document may wait. Even a hot document writes some hundred batches a second.
const WAITING: usize = 1_024;

/// How many changes are made in one write at most, so that the first of them is not kept waiting for the last.
const BATCH: usize = 256;

/// Something to do with a document, in its turn.
pub(super) enum Turn<D> {
    /// Change it.
    Change(Box<dyn Change<D>>),
    /// Take delivered events out of its envelope.
    Clear(oneshot::Sender<Result<(), StoreError>>),
    /// Remove it.
    Remove(oneshot::Sender<Result<Removal, StoreError>>),
}

/// How a removal ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removal {
    Removed,
    NotFound,
    /// Its envelope still has events that were not delivered.
    Undelivered,
}

/// The lanes in which anything waits or runs.
pub(super) struct Lanes<D> {
    lanes: Mutex<HashMap<String, VecDeque<Turn<D>>>>,
}

impl<D: Document> Lanes<D> {
    pub(super) fn new() -> Self {
        Self { lanes: Mutex::new(HashMap::new()) }
    }

    /// Adds a turn. True where nobody works through this lane yet: the caller must see to it that somebody does.
    pub(super) fn enter(&self, id: &str, turn: Turn<D>) -> Result<bool, StoreError> {
        let mut lanes = self.lanes.lock();
        if let Some(waiting) = lanes.get_mut(id) {
            // What clears makes room, and there is one of them at most.
            if waiting.len() >= WAITING && !matches!(turn, Turn::Clear(_)) {
                return Err(StoreError::Busy);
            }
            waiting.push_back(turn);
            return Ok(false);
        }
        lanes.insert(id.to_owned(), VecDeque::from([turn]));
        Ok(true)
    }

    /// What is to be done next, or none where nothing waits; then the lane is gone. A removal stands alone.
    pub(super) fn next(&self, id: &str) -> Option<Batch<D>> {
        let mut lanes = self.lanes.lock();
        let waiting = lanes.get_mut(id)?;
        let mut batch = Batch { changes: Vec::new(), clears: Vec::new(), removal: None };
        while batch.changes.len() < BATCH {
            match waiting.pop_front() {
                Some(Turn::Change(change)) => batch.changes.push(change),
                Some(Turn::Clear(reply)) => batch.clears.push(reply),
                Some(Turn::Remove(reply)) if batch.is_empty() => {
                    batch.removal = Some(reply);
                    break;
                }
                Some(turn) => {
                    waiting.push_front(turn);
                    break;
                }
                None => break,
            }
        }
        if batch.is_empty() {
            lanes.remove(id);
            return None;
        }
        Some(batch)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self, id: &str) -> usize {
        self.lanes.lock().get(id).map_or(0, VecDeque::len)
    }

    /// Drops a lane and all that waits in it; whoever waits is told by that.
    pub(super) fn abandon(&self, id: &str) {
        self.lanes.lock().remove(id);
    }
}

/// What is done in one write.
pub(super) struct Batch<D> {
    pub(super) changes: Vec<Box<dyn Change<D>>>,
    pub(super) clears: Vec<oneshot::Sender<Result<(), StoreError>>>,
    pub(super) removal: Option<oneshot::Sender<Result<Removal, StoreError>>>,
}

impl<D> Batch<D> {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.clears.is_empty() && self.removal.is_none()
    }

    /// Tells everybody in the batch the same.
    pub(super) fn end(self, end: impl Fn() -> End) {
        let cleared = || match end() {
            End::Durable | End::NotFound => Ok(()),
            End::Failed(error) => Err(error),
        };
        for change in self.changes {
            change.end(end());
        }
        for reply in self.clears {
            // The relay asks again by itself if it has gone meanwhile.
            let _ = reply.send(cleared());
        }
    }
}

/// How the write of a batch ended.
pub(super) enum End {
    /// What the rules decided is durable.
    Durable,
    NotFound,
    Failed(StoreError),
}

/// A rule that waits, whatever it answers.
pub(super) trait Change<D>: Send {
    /// Applies the rule: the changed document and the events it pushed, or none where the rule refused, panicked, or its
    /// caller has gone. May be called again, when the write that followed was not made.
    fn apply(&mut self, document: &D, pending: &[Event]) -> Option<(D, Vec<Event>)>;
    /// Answers the caller.
    fn end(self: Box<Self>, end: End);
}

/// What a caller is told.
pub(super) enum Answer<R, E> {
    Decided(Result<R, E>),
    Panicked(Box<dyn Any + Send>),
    NotFound,
    Failed(StoreError),
}

pub(super) struct Rule<R, E, F> {
    rule: F,
    answer: Option<Answer<R, E>>,
    reply: oneshot::Sender<Answer<R, E>>,
}

impl<R, E, F> Rule<R, E, F> {
    pub(super) fn new(rule: F) -> (Self, oneshot::Receiver<Answer<R, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { rule, answer: None, reply }, answer)
    }
}

impl<D, R, E, F> Change<D> for Rule<R, E, F>
where
    D: Document,
    R: Send,
    E: Send,
    F: FnMut(&mut D, &mut Outbox<'_>) -> Result<R, E> + Send,
{
    fn apply(&mut self, document: &D, pending: &[Event]) -> Option<(D, Vec<Event>)> {
        if self.reply.is_closed() {
            return None;
        }
        // A panic may leave the clone half changed, which is dropped, and what the rule itself holds, which is its own.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut changed = document.clone();
            let mut outbox = Outbox::new(pending);
            let result = (self.rule)(&mut changed, &mut outbox);
            (result, changed, outbox.into_added())
        }));
        let (answer, change) = match outcome {
            Ok((Ok(value), changed, events)) => (Answer::Decided(Ok(value)), Some((changed, events))),
            Ok((Err(refusal), ..)) => (Answer::Decided(Err(refusal)), None),
            Err(panic) => (Answer::Panicked(panic), None),
        };
        self.answer = Some(answer);
        change
    }

    fn end(self: Box<Self>, end: End) {
        let answer = match (end, self.answer) {
            (End::Durable, Some(answer)) => answer,
            (End::NotFound, _) => Answer::NotFound,
            (End::Failed(error), _) => Answer::Failed(error),
            // Not applied, since its caller had gone.
            (End::Durable, None) => return,
        };
        let _ = self.reply.send(answer);
    }
}
