//! Documents in MongoDB: each envelope is one document, and each declared index one index of the server.
//!
//! Nothing is asked that a lone server, a replica set and a sharded cluster do not give alike: single-document writes by id and
//! version, finds and counts, and plain, unique and sparse indexes. Writes wait for the journals of a majority; reads are from the
//! primary, and (where there are replicas) of what a majority has, so that a read sees every write that was answered, and
//! a write that is found by its id will not be lost. A sharded collection can be distributed by the hash of `_id` unless it has a
//! unique index, which MongoDB keeps within one shard.
//!
//! What the calls cost, in operations sent to the server:
//!
//! | call | operations |
//! | --- | --- |
//! | `get`, whatever the number of ids | 1 |
//! | `find` | 1; 2 side by side where it begins at a bound of the field that it walks |
//! | `count` | 1, which goes through what it counts |
//! | `write` (insert, replace, remove) | 1 |
//! | `undelivered` | 1 |
//! | `open`, when nothing is to be made | 3, and 2 a minute to renew what older replicas write |

mod address;
mod calls;
mod indexes;
mod kept;
mod query;
mod schema;
#[cfg(test)]
mod tests;

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use futures::TryStreamExt as _;
use mongodb::{
    Client, Collection, Database,
    bson::{Document, doc},
    options::{
        Acknowledgment, DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
    },
};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{
    Find, Index, Stats, StoreError,
    engine::{CollectionSpec, Engine, Envelope, Placed, Write, WriteFailure},
    walk,
};
use calls::{Calls, DEADLINE, Failure};
use kept::Kept;
use query::Question;

/// The engine on one database of a deployment.
pub(crate) struct Mongo {
    client: Client,
    database: Database,
    calls: Arc<Calls>,
    /// What renews the keys of documents in the background; it ends with the engine.
    renewing: Mutex<JoinSet<()>>,
}

/// What the server says of itself. Older ones know only the older name of the command.
async fn hello(client: &Client, calls: &Calls) -> Result<Document, Failure> {
    const COMMAND_NOT_FOUND: i32 = 59;
    let admin = client.database("admin");
    match calls.make(admin.run_command(doc! { "hello": 1 })).await {
        Err(failure) if failure.is_of(COMMAND_NOT_FOUND) => {
            calls.make(admin.run_command(doc! { "isMaster": 1 })).await
        }
        outcome => outcome,
    }
}

impl Mongo {
    /// Opens a database, which MongoDB makes with its first collection.
    pub(crate) async fn open(url: &str, database: &str) -> Result<Self, StoreError> {
        let (options, connections) = address::options(url).await?;
        address::check_name(database)?;
        let client = Client::with_options(options.clone())
            .map_err(|error| address::unreachable(&options, Failure::Driver(error)))?;
        let calls = Arc::new(Calls::on(connections));
        let hello =
            hello(&client, &calls).await.map_err(|failure| address::unreachable(&options, failure))?;
        // A lone server has no majority to ask.
        let replicated =
            hello.contains_key("setName") || hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid");
        let concern = if replicated { ReadConcern::majority() } else { ReadConcern::local() };
        let settings = DatabaseOptions::builder()
            .read_concern(concern)
            .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        let database = client.database_with_options(database, settings);
        schema::prepare(&database, &calls).await?;
        Ok(Self { client, database, calls, renewing: Mutex::default() })
    }

    fn documents(&self, spec: CollectionSpec) -> Collection<Kept> {
        self.database.collection(spec.name)
    }

    /// Up to `limit` documents, in one batch.
    async fn page(
        &self,
        spec: CollectionSpec,
        filter: Document,
        sort: Document,
        limit: usize,
    ) -> mongodb::error::Result<Vec<Kept>> {
        let documents = self.documents(spec);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // One more than can come, so that the server need not keep a cursor for what does not.
        let batch = u32::try_from(limit.saturating_add(1)).unwrap_or(u32::MAX);
        let find = documents.find(filter).sort(sort).limit(limit).batch_size(batch).max_time(DEADLINE);
        find.await?.try_collect().await
    }

    /// The documents that MongoDB sorts elsewhere than they stand. All of them must be looked at, since only here their places
    /// are known; no more than are asked for are kept.
    async fn straddlers(
        &self,
        spec: CollectionSpec,
        index: &'static Index,
        find: &Find,
        filter: Document,
    ) -> Result<Vec<Placed>, StoreError> {
        let documents = self.documents(spec);
        let walk = async {
            let mut best: Vec<Placed> = Vec::new();
            let mut found = documents.find(filter).max_time(DEADLINE).await?;
            let mut broken = None;
            while let Some(kept) = found.try_next().await? {
                match placed(spec, index, find, kept) {
                    Ok(placed) => best.extend(placed),
                    Err(error) => broken = Some(error),
                }
                if best.len() >= find.limit.saturating_mul(2).max(64) {
                    in_order(&mut best, find);
                }
            }
            Ok((best, broken))
        };
        let (mut best, broken) = self.calls.read(walk).await?;
        if let Some(error) = broken {
            return Err(error);
        }
        in_order(&mut best, find);
        Ok(best)
    }
}

/// The document as it stands in the walk, if it does.
fn placed(
    spec: CollectionSpec,
    index: &'static Index,
    find: &Find,
    kept: Kept,
) -> Result<Option<Placed>, StoreError> {
    let place = walk::place(spec, index, find, &kept.keys(spec)?, &kept.id)?;
    place.map(|values| Ok((values, kept.envelope(spec)?))).transpose()
}

/// Puts them in the order of the walk, and keeps as many as are asked for.
fn in_order(found: &mut Vec<Placed>, find: &Find) {
    // A document that was changed between two reads may be in both.
    let mut seen = HashSet::new();
    found.retain(|(_, envelope)| seen.insert(envelope.id.clone()));
    found.sort_unstable_by(|(one, first), (other, second)| {
        let order = (one, &first.id).cmp(&(other, &second.id));
        if find.descending { order.reverse() } else { order }
    });
    found.truncate(find.limit);
}

#[async_trait]
impl Engine for Mongo {
    async fn open(&self, spec: CollectionSpec) -> Result<(), StoreError> {
        schema::Opening { database: &self.database, calls: &self.calls, spec }.open().await?;
        let renewing = schema::keep_renewing(self.database.clone(), self.calls.clone(), spec);
        self.renewing.lock().spawn(renewing);
        Ok(())
    }

    async fn get(&self, spec: CollectionSpec, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError> {
        let count = ids.len();
        let page = self.page(spec, doc! { "_id": { "$in": ids } }, Document::new(), count);
        let found = self.calls.read(page).await?;
        found.into_iter().map(|kept| kept.envelope(spec)).collect()
    }

    async fn find(&self, spec: CollectionSpec, find: Find) -> Result<Vec<Placed>, StoreError> {
        let index = spec.index(&find)?;
        let Some(question) = Question::of(index, &find).filter(|_| find.limit > 0) else {
            return Ok(Vec::new());
        };
        let walked = async {
            let page = self.page(spec, question.filter, question.sort, find.limit);
            let found = self.calls.read(page).await?;
            let placed = found.into_iter().map(|kept| placed(spec, index, &find, kept));
            placed.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()
        };
        let Some(filter) = question.straddlers else { return walked.await };
        let (mut found, straddlers) =
            futures::try_join!(walked, self.straddlers(spec, index, &find, filter))?;
        if !straddlers.is_empty() {
            found.extend(straddlers);
            in_order(&mut found, &find);
        }
        Ok(found)
    }

    async fn count(&self, spec: CollectionSpec, find: Find) -> Result<u64, StoreError> {
        let index = spec.index(&find)?;
        match query::matching(index, &find) {
            None => Ok(0),
            Some(filter) => {
                let documents = self.documents(spec);
                Ok(self.calls.read(documents.count_documents(filter).max_time(DEADLINE)).await?)
            }
        }
    }

    async fn write(&self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure> {
        let documents = self.documents(spec);
        let kept = |envelope: &Envelope| Kept::of(spec, envelope).map_err(WriteFailure::Store);
        let by_version =
            |id: &str, version: u64| doc! { "_id": id, "v": i64::try_from(version).unwrap_or(i64::MAX) };
        let made = match &write {
            Write::Insert(envelope) => {
                let kept = kept(envelope)?;
                let insert = self.calls.write(documents.insert_one(kept), |_| true).await;
                insert.map(|_| true).map_err(|failure| failure.of_write(spec, &envelope.id))?
            }
            Write::Replace(envelope) => {
                let (current, kept) = (by_version(&envelope.id, envelope.version - 1), kept(envelope)?);
                let replace = documents.replace_one(current, kept);
                let replace = self.calls.write(replace, |outcome| outcome.matched_count > 0).await;
                let outcome = replace.map_err(|failure| failure.of_write(spec, &envelope.id))?;
                outcome.matched_count > 0
            }
            Write::Remove { id, version } => {
                let remove = documents.delete_one(by_version(id, *version));
                let remove = self.calls.write(remove, |outcome| outcome.deleted_count > 0).await;
                remove.map_err(|failure| failure.of_write(spec, id))?.deleted_count > 0
            }
        };
        if made { Ok(()) } else { Err(WriteFailure::Stale) }
    }

    async fn undelivered(
        &self,
        spec: CollectionSpec,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        let page = self.page(spec, doc! { "p": { "$gt": after } }, doc! { "p": 1 }, limit);
        let found = self.calls.make(page).await?;
        found.into_iter().map(|kept| kept.envelope(spec)).collect()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.calls.make(self.database.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    fn stats(&self) -> Stats {
        self.calls.stats()
    }

    async fn close(&self) {
        self.renewing.lock().abort_all();
        self.calls.close().await;
        self.client.clone().shutdown().immediate(true).await;
    }
}
