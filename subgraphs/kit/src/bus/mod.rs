//! Events from service to service: published by topic, read by consumer groups, at least once.
//!
//! A [`Bus`] keeps a durable log. Each group is given every event of its topics until one of its members has handled it without
//! error; an event whose handler fails comes again with growing waits, and after [`Delivery::max_attempts`] attempts it becomes a dead
//! letter that an operator can list and replay. A group that is new starts at the beginning of the log, which keeps what
//! every group has handled for a week. Handlers are idempotent by event id. The bus does not know what events mean.
//!
//! Within a group the events of one key are handled one at a time, in the order in which they were published. While an event
//! waits for its next attempt the later ones of its key wait behind it; those of other keys go on. Only when it has
//! become a dead letter do they overtake it.

mod event;
mod letter;
#[cfg(any(test, feature = "faults"))]
mod memory;
mod redis;
pub mod sqlite;
#[cfg(test)]
mod tests;
mod worker;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
pub use event::{Event, EventId};
pub use letter::DeadLetter;
#[cfg(any(test, feature = "faults"))]
pub use memory::Log;
pub use worker::Subscription;

/// Why the bus did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// The engine is there and cannot be used: its address, its user or its version is wrong.
    #[error("the event log cannot be used: {0}")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine failed or could not be reached.
    #[error("the event log failed: {0}")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A newer version wrote the log.
    #[error("the event log was written by a newer version ({found}); this one knows {known}")]
    Newer {
        /// The version found.
        found: u32,
        /// The version known.
        known: u32,
    },
    /// The bus has been closed.
    #[error("the event log is closed")]
    Closed,
}

impl From<BusError> for crate::Error {
    fn from(error: BusError) -> Self {
        Self::unavailable("The shop", error)
    }
}

/// Takes events out of a store's outbox. Delivering the same event twice must be harmless.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Takes all of them, or none, durably.
    ///
    /// # Errors
    /// When they could not be taken; they will be offered again.
    async fn deliver(&self, events: &[Event]) -> crate::Result<()>;
}

/// Does something with an event. It may see an event again, and must then do nothing more.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles one event.
    ///
    /// # Errors
    /// When it is to be tried again later.
    async fn handle(&self, event: &Event) -> crate::Result<()>;
}

/// How a group is given its events.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// After this many failures an event is a dead letter.
    pub max_attempts: u32,
    /// The wait after the first failure; it doubles with each, with jitter.
    pub base_wait: Duration,
    /// The longest wait.
    pub max_wait: Duration,
    /// How many events of different keys are handled at once; events of one key are handled in order.
    pub concurrency: usize,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            base_wait: Duration::from_millis(200),
            max_wait: Duration::from_secs(60),
            concurrency: 16,
        }
    }
}

/// An event in the hands of a member, and how often it was tried before.
pub(crate) type Taken = (Arc<Event>, u32);

/// What an engine must give: an append-only log, and for each group what is still to be handled. It keeps the order of keys, so
/// that whoever takes may handle all that he took at once.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    /// Appends those whose ids are new, durably; all or none.
    async fn publish(&self, events: &[Event]) -> Result<(), BusError>;
    /// Makes the group known, from the log's beginning when it is new (or when the topic is new to it).
    async fn join(&self, group: &str, topics: &[&str]) -> Result<(), BusError>;
    /// Up to `limit` events that are due for the group, leased for `lease`: of each key the first that is not handled, and none
    /// while that one is leased or waits for its next attempt. A lease that ran out, or whose holder is dead, is offered
    /// again and counts as an attempt where the engine saw it run out.
    async fn take(&self, group: &str, limit: usize, lease: Duration) -> Result<Vec<Taken>, BusError>;
    /// The events are handled. An answer means that this process will not offer them again; a crash may yet.
    async fn ack(&self, group: &str, ids: &[EventId]) -> Result<(), BusError>;
    /// The event failed: again after `wait`, or a dead letter where there is none.
    async fn fail(
        &self,
        group: &str,
        id: EventId,
        error: &str,
        wait: Option<Duration>,
    ) -> Result<(), BusError>;
    /// Up to `limit` dead letters of the group, the oldest first, after that place (from the beginning where it is empty).
    async fn dead_letters(&self, group: &str, after: &str, limit: usize)
    -> Result<Vec<DeadLetter>, BusError>;
    async fn count_dead_letters(&self, group: &str) -> Result<u64, BusError>;
    /// The groups that are known, in any order.
    async fn groups(&self) -> Result<Vec<String>, BusError>;
    async fn replay(&self, group: &str, id: EventId) -> Result<bool, BusError>;
    /// How many events the group has still to handle (dead letters not counted).
    async fn lag(&self, group: &str) -> Result<u64, BusError>;
    /// Resolves when something may have become due for the group, or after the given time.
    async fn wait(&self, group: &str, at_most: Duration);
    /// The log's own name, given to it when it began; none where it cannot be lost apart from what the services keep.
    async fn identity(&self) -> Result<Option<String>, BusError>;
    async fn close(&self);
}

/// A cheap handle on the event log.
#[derive(Clone)]
pub struct Bus {
    engine: Arc<dyn Engine>,
}

impl Bus {
    /// Opens (and creates) the log in a SQLite file. The first publish or subscription makes this process the file's owner, of
    /// which there can be one; others may still list dead letters.
    ///
    /// # Errors
    /// When the file cannot be opened, or a newer version wrote it.
    pub async fn sqlite(path: impl AsRef<Path>) -> Result<Self, BusError> {
        Ok(Self { engine: Arc::new(sqlite::SqliteBus::open(path.as_ref()).await?) })
    }

    /// Opens (and creates) the log on a Redis server, which every process that names it shares. While the server is away publishing
    /// fails, and subscriptions wait for it; it is found again by itself.
    ///
    /// # Errors
    /// When the address is none, or the server refuses this user or is too old. One that cannot be reached is no error.
    pub async fn redis(url: &str) -> Result<Self, BusError> {
        Ok(Self { engine: Arc::new(redis::RedisBus::open(url, redis::Options::default()).await?) })
    }

    /// A log in this process's memory, for simulations: on what outlives it, and as part of a process that may be ended.
    #[cfg(any(test, feature = "faults"))]
    #[must_use]
    pub fn memory(log: &Log, life: &crate::testing::Life) -> Self {
        Self { engine: Arc::new(memory::MemoryBus::on(log, life)) }
    }

    /// Appends events; one whose id is already in the log is left out.
    ///
    /// # Errors
    /// When the log could not take them; none was taken.
    pub async fn publish(&self, events: &[Event]) -> Result<(), BusError> {
        self.engine.publish(events).await
    }

    /// Gives the group's events to the handler until the subscription is dropped or stopped; what is being handled then is
    /// finished. Any number of members (and, where the engine is a server, of processes) may subscribe the same group, for
    /// the same topics: each event goes to one of them. A handler that takes longer than half a minute is dropped, which counts as a
    /// failure, as does a panic. Call it inside a Tokio runtime: the handlers run there.
    ///
    /// # Errors
    /// When the group could not be made known.
    pub async fn subscribe(
        &self,
        group: &'static str,
        topics: &[&str],
        delivery: Delivery,
        handler: impl Handler,
    ) -> Result<Subscription, BusError> {
        self.engine.join(group, topics).await?;
        Ok(worker::start(self.engine.clone(), group, delivery, Arc::new(handler)))
    }

    /// The events that a group gave up on, the oldest first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn dead_letters(&self, group: &str, limit: usize) -> Result<Vec<DeadLetter>, BusError> {
        self.engine.dead_letters(group, "", limit).await
    }

    /// Gives a dead letter to its group again, with its attempts at zero. False where there is no such dead letter.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn replay(&self, group: &str, id: EventId) -> Result<bool, BusError> {
        self.engine.replay(group, id).await
    }

    /// How many events the group has still to handle, dead letters not counted.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn lag(&self, group: &str) -> Result<u64, BusError> {
        self.engine.lag(group).await
    }

    /// The log's own name, given to it when it began. Who remembers it notices when the log that he knew was lost, and with it what had
    /// not been heard yet; he then says again, from his own data, what others must know.
    /// None where the log is kept together with the services' data.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn identity(&self) -> Result<Option<String>, BusError> {
        self.engine.identity().await
    }

    /// Finishes what is being written and closes the log. Stop the subscriptions first: what is being handled could no longer be
    /// acknowledged, and would come again at the next start.
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

#[async_trait]
impl Sink for Bus {
    async fn deliver(&self, events: &[Event]) -> crate::Result<()> {
        Ok(self.publish(events).await?)
    }
}
