//! Carries events out of the envelopes: every event to every sink in order, then out of its envelope, across failures and restarts.
//!
//! What is remembered here are ids. The events are read from the envelopes when they are delivered, so that it does not matter how
//! many wait, and beyond a number of documents not even their ids are kept: the collection is then scanned. Clearing goes
//! through the documents' lanes and is put off a little, since a change of the same document takes the delivered events along for nothing.

mod state;

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use parking_lot::{Mutex, RwLock};
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{StoreError, engine::Envelope};
use crate::{
    backoff::full_jitter,
    bus::{Event, EventId, Sink},
};
use state::{Place, State, Taken};

/// How many documents' events are delivered at once, and how many events a sink is given in one call.
const DOCUMENTS: usize = 256;
const EVENTS: usize = 512;

/// The waits after a failed delivery.
const BASE_WAIT: Duration = Duration::from_millis(20);
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A sink that has not answered for so long has failed.
const SINK_DEADLINE: Duration = Duration::from_secs(30);

/// How long a delivered event stays in its envelope in the hope of a change that takes it along. Then all that are due are cleared
/// together, in one or two commits.
const PATIENCE: Duration = Duration::from_millis(50);

/// How many documents are cleared together.
const CLEARED_AT_ONCE: usize = 512;

/// How often the collections are looked through for what another process left that has died since. It is one seek per
/// collection where there is nothing. In tests it is short, so that they need not wait.
const LOOK_AGAIN: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(60) };

/// How long a store that is closed tries to deliver what is left. The rest is found at the next start.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// Where events come from: a collection without its type.
#[async_trait]
pub(super) trait Outlet: Any + Send + Sync {
    async fn envelopes(&self, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError>;
    async fn undelivered(&self, after: &str, limit: usize) -> Result<Vec<Envelope>, StoreError>;
    /// Takes the delivered events out of the document's envelope, in the document's lane.
    fn clear(self: Arc<Self>, id: &str) -> oneshot::Receiver<Result<(), StoreError>>;
}

/// A handle that keeps the relay running.
#[derive(Clone)]
pub(crate) struct Relay {
    shared: Arc<Shared>,
    _stop: Arc<Stop>,
}

/// Ends the relay when nobody holds it any more.
struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What the relay, its tasks and the collections share.
pub(super) struct Shared {
    sinks: RwLock<Vec<Arc<dyn Sink>>>,
    outlets: Mutex<BTreeMap<&'static str, Arc<dyn Outlet>>>,
    state: Mutex<State>,
    /// There is something to deliver.
    announced: Notify,
    /// There is something to clear, or it has become urgent.
    delivered: Notify,
    /// Something has been delivered or cleared.
    progress: Notify,
    stop: CancellationToken,
    home: Handle,
}

impl Relay {
    pub(crate) fn new(sinks: Vec<Arc<dyn Sink>>) -> Self {
        let home = Handle::current();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::with_sinks(sinks.len())),
            sinks: RwLock::new(sinks),
            outlets: Mutex::default(),
            announced: Notify::new(),
            delivered: Notify::new(),
            progress: Notify::new(),
            stop: CancellationToken::new(),
            home: home.clone(),
        });
        for task in [deliver(shared.clone()).boxed(), clear(shared.clone()).boxed()] {
            let stop = shared.stop.clone();
            home.spawn(async move { stop.run_until_cancelled(task).await });
        }
        Self { _stop: Arc::new(Stop(shared.clone())), shared }
    }

    /// Puts a sink before the others. What they have already is delivered again.
    pub(crate) fn add_first(&self, sink: Arc<dyn Sink>) {
        {
            let mut sinks = self.shared.sinks.write();
            sinks.insert(0, sink);
            self.shared.state.lock().start_over(sinks.len());
        }
        self.shared.announced.notify_one();
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    pub(super) fn home(&self) -> Handle {
        self.shared.home.clone()
    }

    /// The collection of that name, if it is open already.
    pub(super) fn opened(&self, collection: &'static str) -> Option<Arc<dyn Outlet>> {
        self.shared.outlets.lock().get(collection).cloned()
    }

    /// Makes a collection known, and looks for events that an earlier process left in it. Where another was quicker, that one is
    /// given.
    pub(super) fn register(&self, collection: &'static str, outlet: Arc<dyn Outlet>) -> Arc<dyn Outlet> {
        let mut outlets = self.shared.outlets.lock();
        if let Some(earlier) = outlets.get(collection) {
            return earlier.clone();
        }
        outlets.insert(collection, outlet.clone());
        self.shared.state.lock().scan(collection);
        self.shared.announced.notify_one();
        outlet
    }

    /// Which documents have undelivered events, up to so many of each collection, and since when.
    pub(super) async fn stuck(&self, limit: usize) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        let outlets: Vec<_> = self.shared.outlets.lock().values().cloned().collect();
        let mut stuck = Vec::new();
        for outlet in outlets {
            for envelope in outlet.undelivered("", limit).await? {
                let oldest = envelope.outbox.iter().map(|event| event.at).min();
                stuck.extend(oldest.map(|oldest| (envelope.id, oldest)));
            }
        }
        Ok(stuck)
    }

    /// How many documents wait.
    pub(super) fn waiting(&self) -> usize {
        self.shared.state.lock().waiting()
    }

    /// Waits until what is announced by now is delivered and cleared.
    pub(crate) async fn settled(&self) {
        let shared = &self.shared;
        let now = {
            let mut state = shared.state.lock();
            state.hurried += 1;
            state.now()
        };
        let _calm = Hurry(shared);
        loop {
            let progress = shared.next_progress();
            if shared.state.lock().settled(now) || shared.stop.is_cancelled() {
                return;
            }
            shared.delivered.notify_one();
            tokio::select! {
                biased;
                () = progress => {}
                () = shared.stop.cancelled() => {}
            }
        }
    }

    /// Delivers what it can within some seconds, and stops.
    pub(crate) async fn close(&self) {
        if tokio::time::timeout(LAST_CHANCE, self.settled()).await.is_err() {
            let left = self.waiting();
            tracing::warn!(
                documents = left,
                "closed before all events were delivered; they are found at the next start"
            );
        }
        self.shared.end();
    }
}

/// Somebody waits until all is cleared: then nothing is put off.
struct Hurry<'a>(&'a Shared);

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.state.lock().hurried -= 1;
    }
}

impl Shared {
    /// Stops, and lets go of collections and sinks, which may hold the relay in turn.
    fn end(&self) {
        self.stop.cancel();
        let outlets = std::mem::take(&mut *self.outlets.lock());
        let sinks = std::mem::take(&mut *self.sinks.write());
        drop((outlets, sinks));
    }

    /// A document's envelope has new events, durably.
    pub(super) fn announce(&self, collection: &'static str, id: &str) {
        self.state.lock().announce(collection, id);
        self.announced.notify_one();
    }

    /// The events of a document that every sink has, so that they need not be written again.
    pub(super) fn delivered(&self, collection: &'static str, id: &str) -> Vec<EventId> {
        self.state.lock().delivered(collection, id)
    }

    /// These events are no longer in the document's envelope.
    pub(super) fn cleared(&self, collection: &'static str, id: &str, events: &[EventId]) {
        if !events.is_empty() {
            self.state.lock().cleared(collection, id, events);
            self.made_room();
        }
    }

    /// There is no such document (any more).
    pub(super) fn forget(&self, collection: &'static str, id: &str) {
        self.state.lock().forget(collection, id);
        self.made_room();
    }

    /// A document less to remember.
    fn made_room(&self) {
        self.progress.notify_waiters();
        if self.state.lock().is_scanning() {
            self.announced.notify_one();
        }
    }

    /// Resolves with the next delivery or clearing after this call.
    pub(super) fn next_progress(&self) -> impl Future<Output = ()> + Send + '_ {
        let mut progress = Box::pin(self.progress.notified());
        // From now on, not from the first poll.
        progress.as_mut().enable();
        progress
    }

    fn outlet(&self, collection: &'static str) -> Option<Arc<dyn Outlet>> {
        self.outlets.lock().get(collection).cloned()
    }

    /// Delivers what these documents' envelopes hold.
    async fn deliver(&self, taken: &[Taken]) -> Result<(), String> {
        let mut by_collection: BTreeMap<&'static str, Vec<&Taken>> = BTreeMap::new();
        for one in taken {
            by_collection.entry(one.place.collection).or_default().push(one);
        }
        for (collection, documents) in by_collection {
            let Some(outlet) = self.outlet(collection) else { continue };
            let ids = documents.iter().map(|one| one.place.id.to_string()).collect();
            let envelopes = outlet.envelopes(ids).await.map_err(|error| error.to_string())?;
            let envelopes: HashMap<&str, &Envelope> =
                envelopes.iter().map(|envelope| (envelope.id.as_str(), envelope)).collect();
            let mut events = Vec::new();
            for one in documents {
                let found = envelopes.get(&*one.place.id);
                let outbox = found.map_or(&[][..], |envelope| &envelope.outbox);
                events.extend(outbox.iter().map(|event| Due {
                    place: &one.place,
                    event,
                    reached:
                        one.reached.iter().find(|(id, _)| *id == event.id).map_or(0, |(_, sinks)| *sinks),
                }));
            }
            self.pour(events).await?;
        }
        Ok(())
    }

    /// Gives events to every sink that does not have them yet, in order, a bounded number at a time.
    async fn pour(&self, events: Vec<Due<'_>>) -> Result<(), String> {
        let sinks = self.sinks.read().clone();
        if self.stop.is_cancelled() {
            // There are no sinks because they were let go of.
            return Err("the store is closed".to_owned());
        }
        if sinks.is_empty() {
            // Nobody wants to know.
            self.state.lock().reached(events.iter().map(|due| (due.place, due.event.id)), 0, 0);
        }
        for part in events.chunks(EVENTS) {
            for (place, sink) in sinks.iter().enumerate() {
                let due: Vec<&Due<'_>> = part.iter().filter(|due| due.reached <= place).collect();
                if due.is_empty() {
                    continue;
                }
                let events: Vec<Event> = due.iter().map(|due| due.event.clone()).collect();
                give(sink.as_ref(), &events).await?;
                let ids = due.iter().map(|due| (due.place, due.event.id));
                self.state.lock().reached(ids, place + 1, sinks.len());
            }
        }
        Ok(())
    }

    /// Every collection is to be looked through.
    fn look_again(&self) {
        let collections: Vec<_> = self.outlets.lock().keys().copied().collect();
        let mut state = self.state.lock();
        collections.into_iter().for_each(|collection| state.scan(collection));
    }

    /// Reads the next page of a collection that is being looked through.
    async fn look_through(&self, collection: &'static str, after: &str) -> Result<(), String> {
        let Some(outlet) = self.outlet(collection) else {
            self.state.lock().scanned(collection, std::iter::empty());
            return Ok(());
        };
        let found = outlet.undelivered(after, DOCUMENTS).await.map_err(|error| error.to_string())?;
        self.state.lock().scanned(collection, found.iter().map(|envelope| envelope.id.as_str()));
        Ok(())
    }
}

/// An event on its way, and how many of the sinks have it.
struct Due<'a> {
    place: &'a Place,
    event: &'a Event,
    reached: usize,
}

async fn give(sink: &dyn Sink, events: &[Event]) -> Result<(), String> {
    let delivery = AssertUnwindSafe(tokio::time::timeout(SINK_DEADLINE, sink.deliver(events))).catch_unwind();
    match delivery.await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(format!("{error:?}")),
        Ok(Err(_)) => Err("the sink did not answer in time".to_owned()),
        Err(_) => Err("the sink panicked".to_owned()),
    }
}

/// Delivers for ever. After a failure fewer documents are tried at once, and one that fails alone goes to the end of the line, so that
/// one event that a sink cannot take does not hold up the others.
async fn deliver(shared: Arc<Shared>) {
    let (mut failures, mut at_once) = (0_u32, DOCUMENTS);
    let mut looked = Instant::now();
    loop {
        if looked.elapsed() >= LOOK_AGAIN {
            shared.look_again();
            looked = Instant::now();
        }
        let announced = shared.announced.notified();
        let taken = shared.state.lock().take(at_once);
        let outcome = if taken.is_empty() {
            let scan = shared.state.lock().next_scan(DOCUMENTS);
            let Some((collection, after)) = scan else {
                // With nothing left to do, whoever waits for that is told.
                shared.progress.notify_waiters();
                let rest = LOOK_AGAIN.saturating_sub(looked.elapsed());
                // Whichever it is that comes, there is something to do.
                let _ = tokio::time::timeout(rest, announced).await;
                continue;
            };
            shared.look_through(collection, &after).await
        } else {
            let outcome = shared.deliver(&taken).await;
            shared.state.lock().give_back(taken, outcome.is_ok());
            outcome
        };
        shared.progress.notify_waiters();
        shared.delivered.notify_one();
        match outcome {
            Ok(()) => {
                failures = 0;
                at_once = (at_once * 2).min(DOCUMENTS);
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                at_once = (at_once / 2).max(1);
                tracing::warn!(error, failures, "events could not be delivered; they are tried again");
                tokio::time::sleep(full_jitter(BASE_WAIT, MAX_WAIT, failures)).await;
            }
        }
    }
}

/// Clears for ever what has been delivered and was not taken along by a change in time.
async fn clear(shared: Arc<Shared>) {
    let mut failures = 0_u32;
    loop {
        let delivered = shared.delivered.notified();
        let (due, next) = shared.state.lock().clearable(Instant::now(), CLEARED_AT_ONCE);
        if due.is_empty() {
            match next {
                None => delivered.await,
                Some(next) => {
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep_until(next) => {}
                        () = delivered => {}
                    }
                }
            }
            continue;
        }
        let replies: Vec<_> =
            due.iter().filter_map(|place| Some(shared.outlet(place.collection)?.clear(&place.id))).collect();
        let failed = futures::future::join_all(replies)
            .await
            .into_iter()
            .filter(|reply| !matches!(reply, Ok(Ok(()))))
            .count();
        shared.state.lock().still_clearable(due, Instant::now() + PATIENCE);
        shared.progress.notify_waiters();
        if failed == 0 {
            failures = 0;
        } else {
            failures = failures.saturating_add(1);
            tracing::warn!(documents = failed, "delivered events could not be cleared; they are tried again");
            tokio::time::sleep(full_jitter(BASE_WAIT, MAX_WAIT, failures)).await;
        }
    }
}
