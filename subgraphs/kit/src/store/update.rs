//! Works through a document's lane: read, every rule in turn, one write, then the answers.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Document, StoreError, codec,
    collection::Inner,
    engine::{Envelope, Write},
    lane::{Batch, End, Removal},
    write::{self, Unwritten, remember, shared},
};
use crate::{
    backoff::full_jitter,
    bus::{Event, EventId},
};

/// How often a change is tried while other processes are quicker, and the waits between: some seconds in all. The waits are
/// short, since every other process makes its changes of a document in one lane too: there are few to wait for.
const ATTEMPTS: u32 = 200;
const BASE_WAIT: Duration = Duration::from_millis(1);
const MAX_WAIT: Duration = Duration::from_millis(50);

/// A lane that never rests never lets another process in: whoever writes knows the newest version first and is ready with the next
/// write. So after this many batches in a row it pauses for as long as one took, at most the longest pause.
const BATCHES_IN_A_ROW: u32 = 16;
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// How many undelivered events an envelope may hold. Every write carries them all, so that without a bound a document
/// whose events nobody takes would grow until it cannot be written at all.
const UNDELIVERED: usize = 4_096;

/// What was last read or written, kept for the next batch of the same lane.
struct Held<D> {
    envelope: Arc<Envelope>,
    document: Option<D>,
    /// Whether it was read for the batch at hand. What is left from the batch before may be out of date, which a write finds out; what ends
    /// without a write must look again.
    fresh: bool,
}

/// Goes on until nothing waits in the lane.
pub(super) async fn work<D: Document>(inner: Arc<Inner<D>>, id: String) {
    let mut lane = Lane { inner: &inner, id: &id, ended: false };
    let (mut held, mut in_a_row) = (None, 0);
    while let Some(batch) = inner.lanes.next(&id) {
        let begun = Instant::now();
        held = lane.make(batch, held).await;
        in_a_row += 1;
        if in_a_row % BATCHES_IN_A_ROW == 0 {
            tokio::time::sleep(begun.elapsed().min(LONGEST_PAUSE)).await;
        }
    }
    // Nothing waits any more: the lane is gone, and a new one under this id is another's.
    lane.ended = true;
}

/// The lane at work. When it is dropped on the way (its runtime ends, or a document's own code panics) those who wait are told.
struct Lane<'a, D: Document> {
    inner: &'a Arc<Inner<D>>,
    id: &'a str,
    ended: bool,
}

impl<D: Document> Drop for Lane<'_, D> {
    fn drop(&mut self) {
        if !self.ended {
            self.inner.lanes.abandon(self.id);
        }
    }
}

/// What the rules of a batch come to.
enum Outcome<D> {
    /// Nothing has changed.
    Same,
    /// This is to be written.
    Changed { envelope: Envelope, document: Option<D>, announces: bool },
}

impl<D: Document> Lane<'_, D> {
    /// Makes a batch: answers everybody in it, and gives what is now known of the document.
    async fn make(&self, mut batch: Batch<D>, held: Option<Held<D>>) -> Option<Held<D>> {
        if let Some(reply) = batch.removal.take() {
            // Whoever asked may have gone meanwhile.
            let _ = reply.send(self.remove().await);
            return None;
        }
        let mut held = held.map(|held| Held { fresh: false, ..held });
        for attempt in 1..=ATTEMPTS {
            let mut now = match self.have(held.take()).await {
                Ok(Some(now)) => now,
                Ok(None) => {
                    self.inner.relay.forget(D::COLLECTION, self.id);
                    batch.end(|| End::NotFound);
                    return None;
                }
                Err(error) => return self.fail(batch, error),
            };
            let delivered = self.inner.relay.delivered(D::COLLECTION, self.id);
            let outcome = match self.apply(&mut now, &mut batch, &delivered) {
                Ok(outcome) => outcome,
                Err(error) => return self.fail(batch, error),
            };
            let Outcome::Changed { envelope, document, announces } = outcome else {
                if !now.fresh {
                    continue;
                }
                self.inner.relay.cleared(D::COLLECTION, self.id, &absent(&delivered, &now.envelope));
                batch.end(|| End::Durable);
                return Some(now);
            };
            let envelope = Arc::new(envelope);
            let put =
                write::put(&*self.inner.engine, self.inner.spec, Write::Replace(envelope.clone())).await;
            match put {
                Ok(()) => {
                    self.inner.relay.cleared(D::COLLECTION, self.id, &delivered);
                    if announces {
                        self.inner.relay.announce(D::COLLECTION, self.id);
                    }
                    batch.end(|| End::Durable);
                    return Some(Held { envelope, document, fresh: true });
                }
                Err(Unwritten::Stale) => {
                    tokio::time::sleep(full_jitter(BASE_WAIT, MAX_WAIT, attempt)).await;
                }
                Err(Unwritten::Failed(StoreError::Duplicate { .. })) if batch.changes.len() > 1 => {
                    return self.make_apart(batch).await;
                }
                Err(unwritten) => {
                    if announces && unwritten.is_doubtful() {
                        self.inner.relay.announce(D::COLLECTION, self.id);
                    }
                    let Unwritten::Failed(error) = unwritten else { continue };
                    return self.fail(batch, error);
                }
            }
        }
        let contended = StoreError::Contended { collection: D::COLLECTION, id: self.id.to_owned() };
        self.fail(batch, contended)
    }

    fn fail(&self, batch: Batch<D>, error: StoreError) -> Option<Held<D>> {
        let error = shared(error);
        batch.end(|| End::Failed(error()));
        None
    }

    /// One by one, so that only the change that takes another's unique value is refused for it.
    async fn make_apart(&self, batch: Batch<D>) -> Option<Held<D>> {
        let Batch { changes, mut clears, .. } = batch;
        let mut held = None;
        for change in changes {
            let alone = Batch { changes: vec![change], clears: std::mem::take(&mut clears), removal: None };
            held = Box::pin(self.make(alone, held)).await;
        }
        held
    }

    /// What is held, or else what is read.
    async fn have(&self, held: Option<Held<D>>) -> Result<Option<Held<D>>, StoreError> {
        if held.is_some() {
            return Ok(held);
        }
        let found = self.inner.engine.get(self.inner.spec, vec![self.id.to_owned()]).await?.pop();
        Ok(found.map(|envelope| Held { envelope: Arc::new(envelope), document: None, fresh: true }))
    }

    /// Applies every rule of the batch in turn, and leaves out of the outbox what is delivered.
    fn apply(
        &self,
        now: &mut Held<D>,
        batch: &mut Batch<D>,
        delivered: &[EventId],
    ) -> Result<Outcome<D>, StoreError> {
        let before = &now.envelope;
        let mut outbox = before.outbox.clone();
        let mut changed: Option<D> = None;
        if !batch.changes.is_empty() {
            let document = match now.document.take() {
                Some(document) => document,
                None => codec::decode(before)?,
            };
            for change in &mut batch.changes {
                let current = changed.as_ref().unwrap_or(&document);
                if let Some((next, events)) = change.apply(current, &outbox) {
                    changed = Some(next);
                    outbox.extend(events);
                }
            }
            now.document = Some(document);
        }
        let announces = outbox.len() > before.outbox.len();
        outbox.retain(|event| !delivered.contains(&event.id));
        if outbox.len() > UNDELIVERED && announces {
            return Err(StoreError::Busy);
        }
        let wanted = announces || (!batch.clears.is_empty() && outbox.len() < before.outbox.len());
        self.envelope(now, changed, outbox, wanted, announces)
    }

    /// The envelope to be written, unless the document is the same and nothing else wants the write.
    fn envelope(
        &self,
        now: &Held<D>,
        changed: Option<D>,
        outbox: Vec<Event>,
        wanted: bool,
        announces: bool,
    ) -> Result<Outcome<D>, StoreError> {
        let before = &now.envelope;
        let next = |schema, keys, body| Envelope {
            id: before.id.clone(),
            version: before.version + 1,
            schema,
            keys,
            body,
            outbox,
            writes: remember(&before.writes, Uuid::now_v7()),
        };
        let (Some(document), Some(old)) = (changed, &now.document) else {
            if !wanted {
                return Ok(Outcome::Same);
            }
            let envelope = next(before.schema, None, before.body.clone());
            return Ok(Outcome::Changed { envelope, document: now.document.clone(), announces });
        };
        let (body, keys) = (codec::encode(&document)?, document.keys());
        let same_keys = keys == old.keys();
        // The same text may be kept in another order of its fields, or be of an older schema: then the two are compared as they
        // are written now.
        if !wanted && same_keys && (body == before.body || body == codec::encode(old)?) {
            return Ok(Outcome::Same);
        }
        // An older program may have left keys of its own, which are then written anew.
        let keys = (!same_keys || before.schema != D::SCHEMA).then_some(keys);
        Ok(Outcome::Changed { envelope: next(D::SCHEMA, keys, body), document: Some(document), announces })
    }

    async fn remove(&self) -> Result<Removal, StoreError> {
        let relay = &self.inner.relay;
        for attempt in 1..=ATTEMPTS {
            let Some(held) = self.have(None).await? else {
                relay.forget(D::COLLECTION, self.id);
                return Ok(Removal::NotFound);
            };
            let delivered = relay.delivered(D::COLLECTION, self.id);
            if held.envelope.outbox.iter().any(|event| !delivered.contains(&event.id)) {
                return Ok(Removal::Undelivered);
            }
            let write = Write::Remove { id: self.id.to_owned(), version: held.envelope.version };
            match write::put(&*self.inner.engine, self.inner.spec, write).await {
                Ok(()) => {
                    relay.forget(D::COLLECTION, self.id);
                    return Ok(Removal::Removed);
                }
                Err(Unwritten::Stale) => {
                    tokio::time::sleep(full_jitter(BASE_WAIT, MAX_WAIT, attempt)).await;
                }
                Err(Unwritten::Failed(error)) => return Err(error),
            }
        }
        Err(StoreError::Contended { collection: D::COLLECTION, id: self.id.to_owned() })
    }
}

/// Those of these events that are not in the envelope (any more).
fn absent(delivered: &[EventId], envelope: &Envelope) -> Vec<EventId> {
    let is_there = |id| envelope.outbox.iter().any(|event| event.id == id);
    delivered.iter().copied().filter(|id| !is_there(*id)).collect()
}
