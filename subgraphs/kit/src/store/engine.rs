//! What an engine must give: one document at a time, by version, and walks of declared indexes. Nothing more is asked, so
//! that any document database can stand behind it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Find, Index, Key, Keys, Stats, StoreError};
use crate::bus::Event;

/// How many write ids an envelope remembers: enough that an answer lost on the way is found while its writer still waits.
pub(crate) const REMEMBERED_WRITES: usize = 32;

/// How many calls may wait for an engine. At some thousand calls a second this is about a second of work.
pub(crate) const QUEUE: usize = 4_096;

/// How long a call waits for a place in the queue before it is told that the store is busy.
const PLACE_WAIT: Duration = Duration::from_secs(2);

/// A place in a bounded queue, or `Busy` after a while.
pub(crate) async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    if let Ok(place) = places.clone().try_acquire_owned() {
        return Ok(place);
    }
    match tokio::time::timeout(PLACE_WAIT, places.clone().acquire_owned()).await {
        Ok(Ok(place)) => Ok(place),
        Ok(Err(_)) => Err(StoreError::Closed),
        Err(_) => Err(StoreError::Busy),
    }
}

/// What an engine needs to know of a collection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CollectionSpec {
    pub(crate) name: &'static str,
    pub(crate) schema: u32,
    pub(crate) indexes: &'static [Index],
    /// The keys of a body of that schema version, for indexes that are newer than the document.
    pub(crate) keys: fn(schema: u32, body: &str) -> Result<Keys, StoreError>,
}

impl CollectionSpec {
    /// Names become names in the database: lower-case letters, digits and underscores, and a letter first.
    pub(crate) fn check_names(&self) -> Result<(), StoreError> {
        let proper = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let mut names = std::collections::HashSet::new();
        for index in self.indexes {
            let fields = !index.fields.is_empty() && index.fields.iter().all(|field| proper(field));
            if !proper(index.name) || !fields || !names.insert(index.name) || index.name == "id" {
                return Err(StoreError::NoIndex(format!(
                    "{}.{} has no proper name or fields, or its name is taken",
                    self.name, index.name
                )));
            }
        }
        if !proper(self.name) {
            return Err(StoreError::NoIndex(format!("{} is no name for a collection", self.name)));
        }
        Ok(())
    }

    /// The collection's own index of that name; refused where the find names another.
    pub(crate) fn index(&self, find: &Find) -> Result<&'static Index, StoreError> {
        let known = if *find.index == Index::ID {
            Some(find.index)
        } else {
            self.indexes.iter().find(|index| *index == find.index)
        };
        match known {
            None => Err(StoreError::NoIndex(format!("{}.{}", self.name, find.index.name))),
            Some(index) if find.prefix.len() > index.fields.len() => {
                Err(StoreError::NoIndex(format!("{}.{} has fewer fields", self.name, index.name)))
            }
            Some(index) => match &find.after {
                Some(cursor) if cursor.check(find).is_err() => Err(StoreError::NoIndex(format!(
                    "{}.{}: a cursor of another order",
                    self.name, index.name
                ))),
                _ => Ok(index),
            },
        }
    }
}

/// A document and what is kept beside it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    pub(crate) id: String,
    /// Raised by one with every write; the first is 1.
    pub(crate) version: u64,
    /// The version of the body's shape.
    pub(crate) schema: u32,
    /// In a write: what the document is found by, or none where that has not changed. Reads leave it out.
    pub(crate) keys: Option<Keys>,
    /// The document as JSON.
    pub(crate) body: String,
    /// Events not yet delivered.
    pub(crate) outbox: Vec<Event>,
    /// The ids of the latest writes, the newest last.
    pub(crate) writes: Vec<uuid::Uuid>,
}

/// One write to one document.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// A new document; refused where the id or a unique value is there already.
    Insert(Arc<Envelope>),
    /// In place of the version before (`envelope.version - 1`); refused where that is not the current one.
    Replace(Arc<Envelope>),
    /// Gone, if this is still its version.
    Remove { id: String, version: u64 },
}

/// How a write ended that was not made.
#[derive(Debug)]
pub(crate) enum WriteFailure {
    /// The version is not the one expected (or the document is gone).
    Stale,
    /// Anything else.
    Store(StoreError),
    /// The engine does not know whether the write was made: read it back by its write id.
    Unknown(StoreError),
}

/// An envelope and its place in a walk: its values of the fields after the equal ones.
pub(crate) type Placed = (Vec<Key>, Envelope);

#[async_trait]
pub(crate) trait Engine: Send + Sync {
    /// Makes the collection and its indexes where they are missing, fills new ones from the documents, and drops those that
    /// are no longer declared. Refused where a newer schema has been here.
    async fn open(&self, spec: CollectionSpec) -> Result<(), StoreError>;
    /// The envelopes of these ids, in any order; unknown ids are left out.
    async fn get(&self, spec: CollectionSpec, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError>;
    /// Up to `find.limit` envelopes in order. A document with several values in a field that is walked stands once, at
    /// the first of them within the bounds.
    async fn find(&self, spec: CollectionSpec, find: Find) -> Result<Vec<Placed>, StoreError>;
    /// How many documents the find would give without limit and cursor.
    async fn count(&self, spec: CollectionSpec, find: Find) -> Result<u64, StoreError>;
    /// One durable write.
    async fn write(&self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure>;
    /// Up to `limit` envelopes with undelivered events, after this id, in order of id.
    async fn undelivered(
        &self,
        spec: CollectionSpec,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Envelope>, StoreError>;
    async fn ping(&self) -> Result<(), StoreError>;
    fn stats(&self) -> Stats;
    async fn close(&self);
}
