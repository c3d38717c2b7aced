//! A collection's indexes, and who made them: everything here may be done by several replicas at once, and again after a crash.
//!
//! `_collections` has a document for each collection: the newest schema that has opened it, and its shape, which is a digest of schema and
//! declared indexes. Each document carries the shape that its keys were made for, and an index finds those of another: these
//! are what a new index or a raised schema must go through, at the start and then now and again, since replicas of the
//! version before go on writing until they are replaced. Only the version that was opened last does that.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use mongodb::{
    Collection, Database, IndexModel,
    bson::{Document, doc},
};
use serde::{Deserialize, Serialize};

use super::{
    super::{StoreError, engine::CollectionSpec},
    calls::{Calls, DUPLICATE_KEY, Failure, LONG_DEADLINE, conflict},
    indexes::{is_ours, is_unique, models, name_of, same, shape},
    kept::Kept,
};

/// The layout of the database. A program refuses a database of a newer layout than it knows.
pub(super) const FORMAT: i64 = 1;

const COLLECTIONS: &str = "_collections";

/// The layout's own document among the collections', whose names begin with a letter.
const FORMAT_ID: &str = "_format";

/// How many documents are renewed at once, and how many of them at the same time.
const PAGE: i64 = 500;
const AT_ONCE: usize = 16;

/// How often a collection is opened anew because another version of the program opened it at the same time.
const ATTEMPTS: u32 = 20;

/// What is remembered of a collection.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Opened {
    #[serde(rename = "_id")]
    id: String,
    /// Raised with every change of this.
    v: i64,
    /// The newest schema that was wholly opened.
    schema: i64,
    /// The shape that all documents and indexes have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ready: Option<i64>,
    /// The shape that they are being brought to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filling: Option<i64>,
}

/// Checks whose layout the database has, and gives an empty one ours.
pub(super) async fn prepare(database: &Database, calls: &Calls) -> Result<(), StoreError> {
    let collections = database.collection::<Document>(COLLECTIONS);
    for _ in 0..ATTEMPTS {
        let found = calls.make(collections.find_one(doc! { "_id": FORMAT_ID })).await?;
        if let Some(found) = found {
            let format = found.get_i64("v").unwrap_or(i64::MAX);
            return if format > FORMAT {
                let what = format!("the database {}", database.name());
                Err(newer(what, format, FORMAT))
            } else {
                Ok(())
            };
        }
        match calls.make(collections.insert_one(doc! { "_id": FORMAT_ID, "v": FORMAT })).await {
            // Another was quicker: look at what it wrote.
            Err(failure) if failure.is_of(DUPLICATE_KEY) => {}
            outcome => return outcome.map(|_| ()).map_err(StoreError::from),
        }
    }
    Err(StoreError::Busy)
}

const NAMESPACE_NOT_FOUND: i32 = 26;
const INDEX_NOT_FOUND: i32 = 27;

fn newer(what: String, found: i64, known: i64) -> StoreError {
    let number = |number: i64| number.try_into().unwrap_or(u32::MAX);
    StoreError::Newer { what, found: number(found), known: number(known) }
}

/// A collection on its way to what its type declares.
pub(super) struct Opening<'a> {
    pub(super) database: &'a Database,
    pub(super) calls: &'a Calls,
    pub(super) spec: CollectionSpec,
}

impl Opening<'_> {
    fn remembered(&self) -> Collection<Opened> {
        self.database.collection(COLLECTIONS)
    }

    fn documents(&self) -> Collection<Kept> {
        self.database.collection(self.spec.name)
    }

    /// Makes the collection's indexes as its type declares them.
    pub(super) async fn open(&self) -> Result<(), StoreError> {
        self.spec.check_names()?;
        let shape = shape(self.spec);
        for _ in 0..ATTEMPTS {
            let known = self.known().await?;
            let existing = self.existing().await?;
            // That of the ids is there besides.
            let complete =
                self.missing(&existing).is_empty() && existing.len() == models(self.spec).len() + 1;
            if known.as_ref().is_some_and(|known| known.ready == Some(shape)) && complete {
                return self.renew().await;
            }
            let Some(begun) = self.begin(known, shape).await? else { continue };
            self.make(existing, begun.schema < i64::from(self.spec.schema)).await?;
            if self.finish(begun, shape).await? {
                return Ok(());
            }
        }
        Err(StoreError::Busy)
    }

    /// What is remembered of the collection; refused where a newer schema has been here.
    async fn known(&self) -> Result<Option<Opened>, StoreError> {
        let known = self.calls.make(self.remembered().find_one(doc! { "_id": self.spec.name })).await?;
        match known {
            Some(known) if known.schema > i64::from(self.spec.schema) => {
                let what = format!("the collection {}", self.spec.name);
                Err(newer(what, known.schema, self.spec.schema.into()))
            }
            known => Ok(known),
        }
    }

    /// Says that this shape is being made, so that no replica takes the collection for ready; none where another version said so at
    /// the same time. A replica of the same version makes the same, and may well help.
    async fn begin(&self, known: Option<Opened>, shape: i64) -> Result<Option<Opened>, StoreError> {
        let Some(known) = known else {
            let first = Opened {
                id: self.spec.name.to_owned(),
                v: 1,
                schema: self.spec.schema.into(),
                ready: None,
                filling: Some(shape),
            };
            return match self.calls.make(self.remembered().insert_one(&first)).await {
                Err(failure) if failure.is_of(DUPLICATE_KEY) => Ok(None),
                outcome => outcome.map(|_| Some(first)).map_err(StoreError::from),
            };
        };
        if known.filling == Some(shape) {
            return Ok(Some(known));
        }
        let next = Opened { v: known.v + 1, ready: None, filling: Some(shape), ..known };
        Ok(self.replace(&next).await?.then_some(next))
    }

    /// Says that the shape is made. False where another version has begun to make its own meanwhile.
    async fn finish(&self, begun: Opened, shape: i64) -> Result<bool, StoreError> {
        let mut begun = Some(begun);
        for _ in 0..ATTEMPTS {
            match begun.take() {
                Some(begun) if begun.filling == Some(shape) => {
                    let schema = self.spec.schema.into();
                    let next = Opened { v: begun.v + 1, schema, ready: Some(shape), filling: None, ..begun };
                    if self.replace(&next).await? {
                        return Ok(true);
                    }
                }
                Some(other) => return Ok(other.ready == Some(shape)),
                None => {}
            }
            begun = self.known().await?;
        }
        Ok(false)
    }

    async fn replace(&self, next: &Opened) -> Result<bool, StoreError> {
        let current = doc! { "_id": &next.id, "v": next.v - 1 };
        let outcome = self.calls.make(self.remembered().replace_one(current, next)).await?;
        Ok(outcome.matched_count == 1)
    }

    /// The store's own indexes that the collection has.
    async fn existing(&self) -> Result<Vec<IndexModel>, StoreError> {
        let documents = self.documents();
        let listing = async { documents.list_indexes().await?.try_collect::<Vec<_>>().await };
        let mut indexes = match self.calls.make(listing).await {
            Err(failure) if failure.is_of(NAMESPACE_NOT_FOUND) => Vec::new(),
            outcome => outcome?,
        };
        indexes.retain(|index| is_ours(self.spec, index));
        Ok(indexes)
    }

    fn missing(&self, existing: &[IndexModel]) -> Vec<IndexModel> {
        let mut wanted = models(self.spec);
        wanted.retain(|model| !existing.iter().any(|index| same(model, index)));
        wanted
    }

    /// Brings indexes and documents to the declared shape. A new schema may give other values: while some documents have those of
    /// the old one and some those of the new, they must not conflict.
    async fn make(&self, existing: Vec<IndexModel>, raised: bool) -> Result<(), StoreError> {
        let documents = self.documents();
        let wanted = models(self.spec);
        let stays = |index: &IndexModel| {
            wanted.iter().any(|model| same(model, index)) && !(raised && is_unique(index))
        };
        let (staying, leaving): (Vec<_>, Vec<_>) = existing.into_iter().partition(stays);
        for index in &leaving {
            match self.calls.make(documents.drop_index(name_of(index))).await {
                Err(failure) if failure.is_of(INDEX_NOT_FOUND) || failure.is_of(NAMESPACE_NOT_FOUND) => {}
                outcome => outcome?,
            }
        }
        self.renew().await?;
        let missing = self.missing(&staying);
        if missing.is_empty() {
            return Ok(());
        }
        match self.calls.within(LONG_DEADLINE, documents.create_indexes(missing)).await {
            Ok(_) => Ok(()),
            Err(Failure::Driver(error)) => {
                Err(conflict(self.spec, "", &error).unwrap_or_else(|| Failure::Driver(error).into()))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Gives the documents of another shape the keys of this one.
    async fn renew(&self) -> Result<(), StoreError> {
        let documents = self.documents();
        loop {
            let others = doc! { "f": { "$ne": shape(self.spec) } };
            let page = async { documents.find(others).limit(PAGE).await?.try_collect::<Vec<_>>().await };
            let page = self.calls.within(LONG_DEADLINE, page).await?;
            if page.is_empty() {
                return Ok(());
            }
            let renewals = page.into_iter().map(|kept| self.renew_one(kept));
            stream::iter(renewals).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        }
    }

    /// The version stays, since nothing of what it counts has changed. Where somebody was quicker, the document is met again.
    async fn renew_one(&self, kept: Kept) -> Result<(), StoreError> {
        let documents = self.documents();
        let current = doc! { "_id": &kept.id, "v": kept.v };
        let id = kept.id.clone();
        let renewed = kept.renewed(self.spec)?;
        match self.calls.make(documents.replace_one(current, &renewed)).await {
            Ok(_) => Ok(()),
            Err(Failure::Driver(error)) => {
                Err(conflict(self.spec, &id, &error).unwrap_or_else(|| Failure::Driver(error).into()))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// The same once more, if this is still the version that was opened last.
    async fn renew_if_ours(&self) -> Result<(), StoreError> {
        if self.known().await?.is_some_and(|known| known.ready == Some(shape(self.spec))) {
            self.renew().await?;
        }
        Ok(())
    }
}

/// How often documents that replicas of an older version have written are looked for. It is two small reads.
const LOOK_AGAIN: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(60) };

/// Renews for ever what replicas of an older version write; until a newer one takes over.
pub(super) async fn keep_renewing(database: Database, calls: Arc<Calls>, spec: CollectionSpec) {
    let collection = spec.name;
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let opening = Opening { database: &database, calls: &calls, spec };
        match opening.renew_if_ours().await {
            Ok(()) => {}
            Err(StoreError::Newer { .. }) => {
                return tracing::info!(
                    collection,
                    "a newer version of the program has opened the collection"
                );
            }
            Err(error) => {
                tracing::warn!(%error, collection, "the keys of documents were not renewed; it is tried again");
            }
        }
    }
}
