//! Documents, durably: one aggregate is one document is one transaction.
//!
//! The door is [`Collection`]: `insert`, `get`, `get_many`, `find` (on declared indexes only), `count`, `update` by a pure rule, and
//! `remove`. There are no transactions over several documents, so the same code runs on one SQLite file and on a sharded
//! cluster. Every write takes the events that it causes and keeps them in the document's envelope (the outbox) until
//! the relay has delivered them. What is in a document is the service's business; how it is kept is this module's.

mod codec;
mod collection;
mod document;
mod engine;
#[cfg(feature = "faults")]
mod faulty;
mod find;
mod lane;
#[cfg(any(test, feature = "faults"))]
mod memory;
mod mongo;
mod outbox;
mod relay;
pub mod sqlite;
#[cfg(test)]
pub(crate) mod tests;
mod transfer;
mod update;
mod walk;
mod write;

use std::{path::Path, sync::Arc};

pub use collection::Collection;
pub use document::{Document, Index, Key, Keys};
pub use find::{Cursor, Find, Found, InvalidCursor};
#[cfg(any(test, feature = "faults"))]
pub use memory::Disk;
pub use outbox::Outbox;
pub use transfer::Transferred;

use chrono::{DateTime, Utc};

use crate::bus::Sink;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A document with this id is there already.
    #[error("a document with the id {id} exists in {collection}")]
    Exists {
        /// The collection.
        collection: &'static str,
        /// The id.
        id: String,
    },
    /// Another document has the same value under a unique index.
    #[error("the unique index {index} of {collection} has that value already")]
    Duplicate {
        /// The collection.
        collection: &'static str,
        /// The name of the index.
        index: &'static str,
        /// The field that the conflict is on (the last of the index).
        field: &'static str,
    },
    /// Too many other writers changed the document between every read and write of ours.
    #[error("{collection}/{id} is changed too often to be updated")]
    Contended {
        /// The collection.
        collection: &'static str,
        /// The id.
        id: String,
    },
    /// More writes wait than the store takes.
    #[error("too many writes are waiting")]
    Busy,
    /// The find names a field or an order that the document type does not declare.
    #[error("no such index: {0}")]
    NoIndex(String),
    /// The data was written by a newer version of this program.
    #[error(
        "{what} was written by a newer version ({found}); this one knows {known}. Start the newer program."
    )]
    Newer {
        /// The database or document.
        what: String,
        /// The version found.
        found: u32,
        /// The version known.
        known: u32,
    },
    /// What was read is not what was written.
    #[error("{what} cannot be read: {source}")]
    Corrupt {
        /// The document.
        what: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine failed or could not be reached.
    #[error("the database failed: {0}")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// Why an update was not made.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E> {
    /// There is no document with that id.
    #[error("no such document")]
    NotFound,
    /// The rule refused; nothing was written.
    #[error("refused by the rule")]
    Rule(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StoreError {
    /// Whether it may be gone when it is tried again; anything else is a fault of ours.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Busy | Self::Engine(_) | Self::Closed | Self::Contended { .. })
    }
}

impl From<StoreError> for crate::Error {
    fn from(error: StoreError) -> Self {
        if error.may_pass() { Self::unavailable("The shop", error) } else { Self::internal(error) }
    }
}

impl<E: Into<crate::Error>> UpdateError<E> {
    /// The error for a client, where a missing document is `NOT_FOUND` of that kind and id.
    pub fn or_not_found(self, what: &str, id: impl std::fmt::Display) -> crate::Error {
        match self {
            Self::NotFound => crate::Error::not_found(what, id),
            Self::Rule(error) => error.into(),
            Self::Store(error) => error.into(),
        }
    }
}

/// A service's database: hands out its collections.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn engine::Engine>,
    relay: relay::Relay,
}

impl Store {
    /// Opens (and creates) a SQLite database at `path`. Events are delivered to every sink, in this order, before they
    /// are cleared from their envelopes. Delivery runs on the tokio runtime that this is called on, until the store and its
    /// collections are dropped or closed.
    ///
    /// # Errors
    /// When the file cannot be opened, or a newer version wrote it.
    pub async fn sqlite(path: impl AsRef<Path>, sinks: Vec<Arc<dyn Sink>>) -> Result<Self, StoreError> {
        let engine = Arc::new(sqlite::Sqlite::open(path.as_ref()).await?);
        Ok(Self::on(engine, sinks))
    }

    /// Opens (and creates) a database of a MongoDB deployment: a lone server, a replica set or a sharded cluster. The rest is as with
    /// [`Store::sqlite`].
    ///
    /// # Errors
    /// When the address is none, the deployment cannot be reached or refuses the user, or a newer version wrote the database. The
    /// message shows hosts and user, and never the password.
    pub async fn mongo(url: &str, database: &str, sinks: Vec<Arc<dyn Sink>>) -> Result<Self, StoreError> {
        let engine = Arc::new(mongo::Mongo::open(url, database).await?);
        Ok(Self::on(engine, sinks))
    }

    /// A database in this process's memory, for simulations: on a disk that outlives it, and as part of a process that may be ended.
    #[cfg(any(test, feature = "faults"))]
    #[must_use]
    pub fn memory(disk: &Disk, life: &crate::testing::Life, sinks: Vec<Arc<dyn Sink>>) -> Self {
        Self::on(Arc::new(memory::Memory::on(disk, life)), sinks)
    }

    /// Delivers events to this sink before the others. For a sink that keeps them in this very store, which must exist first;
    /// call it before the collections are opened whose events it is to see, since opening delivers what a crash left over.
    /// Such a sink keeps the store open until [`Store::close`].
    pub fn deliver_first_to(&self, sink: Arc<dyn Sink>) {
        self.relay.add_first(sink);
    }

    fn on(engine: Arc<dyn engine::Engine>, sinks: Vec<Arc<dyn Sink>>) -> Self {
        #[cfg(feature = "faults")]
        let engine = faulty::around(engine);
        Self { relay: relay::Relay::new(sinks), engine }
    }

    /// The collection of a document type, made (with its indexes) if it is new. Events left over from before a crash are
    /// found again and delivered.
    ///
    /// # Errors
    /// When the engine fails, or when a newer version wrote the collection.
    pub async fn collection<D: Document>(&self) -> Result<Collection<D>, StoreError> {
        Collection::open(self.engine.clone(), self.relay.clone()).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.engine.ping().await
    }

    /// Waits until every event written so far has been delivered and cleared.
    pub async fn settled(&self) {
        self.relay.settled().await;
    }

    /// How many documents have events that are not yet delivered and cleared, as far as this process knows (a collection
    /// with thousands of them is not counted to its end). Zero when all is well and quiet.
    #[must_use]
    pub fn undelivered(&self) -> usize {
        self.relay.waiting()
    }

    /// The documents with undelivered events in the collections that were opened here, up to so many of each, and since when the oldest of
    /// those events waits. It asks the database, so that it also sees what other processes should have delivered.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn stuck(&self, limit: usize) -> Result<Vec<(String, DateTime<Utc>)>, StoreError> {
        self.relay.stuck(limit).await
    }

    /// What the engine has counted since it was opened, for metrics and benchmarks.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// Finishes what is waiting and closes the database.
    pub async fn close(&self) {
        self.relay.close().await;
        self.engine.close().await;
    }
}

/// Counters of an engine since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Reads: each is one question, however many documents it asks for.
    pub reads: u64,
    /// Documents written (inserted, replaced, removed).
    pub writes: u64,
    /// Commits, each one fsync.
    pub commits: u64,
}
