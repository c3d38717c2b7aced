//! Documents in one SQLite file: WAL, `synchronous=FULL`, one writer thread that commits every write that is waiting with one fsync,
//! and a few reader threads.
//!
//! A collection is a table of envelopes, and each of its indexes a table of its own that is sorted as it is walked, so
//! that several values per field need nothing special and no walk depends on how much else there is. All of SQLite runs on threads of
//! this module: no executor thread is ever blocked, whatever kind of runtime asks.

mod candidates;
mod query;
mod reader;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;

use super::{
    Find, Stats, StoreError,
    engine::{CollectionSpec, Engine, Envelope, Placed, Write, WriteFailure},
};
use reader::Readers;
use writer::Writer;

/// The engine on one database file.
pub(crate) struct Sqlite {
    writer: Writer,
    readers: Readers,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    commits: AtomicU64,
    /// Whether the disk has failed, so that nothing is written any more.
    broken: AtomicBool,
}

/// An error of the database as the store's.
fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Engine(error.into())
}

impl Sqlite {
    /// Opens the file, which is made where there is none.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let counters = Arc::new(Counters::default());
        let writer = Writer::open(path, counters.clone()).await?;
        let readers = Readers::open(path).await?;
        Ok(Self { writer, readers, counters })
    }

    fn count_read(&self) {
        self.counters.reads.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Engine for Sqlite {
    async fn open(&self, spec: CollectionSpec) -> Result<(), StoreError> {
        self.writer.run(move |connection| schema::open_collection(connection, spec)).await
    }

    async fn get(&self, spec: CollectionSpec, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError> {
        self.count_read();
        self.readers.run(move |connection| query::get(connection, spec, &ids)).await
    }

    async fn find(&self, spec: CollectionSpec, find: Find) -> Result<Vec<Placed>, StoreError> {
        self.count_read();
        self.readers.run(move |connection| query::find(connection, spec, &find)).await
    }

    async fn count(&self, spec: CollectionSpec, find: Find) -> Result<u64, StoreError> {
        self.count_read();
        self.readers.run(move |connection| query::count(connection, spec, &find)).await
    }

    async fn write(&self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure> {
        self.writer.write(spec, write).await
    }

    async fn undelivered(
        &self,
        spec: CollectionSpec,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        let after = after.to_owned();
        self.readers.run(move |connection| query::undelivered(connection, spec, &after, limit)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        if self.counters.broken.load(Ordering::Relaxed) {
            return Err(failed("the disk failed"));
        }
        self.readers.run(|connection| connection.query_row("SELECT 1", [], |_| Ok(())).map_err(failed)).await
    }

    fn stats(&self) -> Stats {
        Stats {
            reads: self.counters.reads.load(Ordering::Relaxed),
            writes: self.counters.writes.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
        }
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}
