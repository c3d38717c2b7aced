//! Documents in this process's memory: a true engine that keeps nothing, for simulations. What it stands on, a [`Disk`], outlives the stores that are opened
//! on it, as a file outlives a process.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{
    Find, Index, Key, Keys, Stats, StoreError,
    engine::{CollectionSpec, Engine, Envelope, Placed, Write, WriteFailure},
    walk,
};
use crate::testing::Life;

/// What stores in memory keep their documents on.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<BTreeMap<&'static str, Table>>>);

/// A collection: its envelopes by id, with the keys that each is found by.
#[derive(Default)]
struct Table {
    schema: u32,
    indexes: Vec<&'static Index>,
    rows: BTreeMap<String, (Envelope, Keys)>,
}

impl Table {
    /// The index under which another document has a value of this one, if there is one.
    fn taken(&self, spec: CollectionSpec, id: &str, keys: &Keys) -> Result<(), StoreError> {
        for index in spec.indexes {
            let mine = walk::places(spec, index, keys)?;
            if !index.unique || mine.is_empty() {
                continue;
            }
            for (other, (_, keys)) in &self.rows {
                if other != id && walk::places(spec, index, keys)?.iter().any(|place| mine.contains(place)) {
                    let field = index.fields.last().copied().unwrap_or_default();
                    return Err(StoreError::Duplicate { collection: spec.name, index: index.name, field });
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, spec: CollectionSpec) -> Result<(), StoreError> {
        if self.schema > spec.schema {
            return Err(StoreError::Newer {
                what: spec.name.to_owned(),
                found: self.schema,
                known: spec.schema,
            });
        }
        let same = self.schema == spec.schema && self.indexes.iter().copied().eq(spec.indexes);
        if !same {
            let mut renewed =
                Self { schema: spec.schema, indexes: spec.indexes.iter().collect(), ..Self::default() };
            for (id, (envelope, _)) in &self.rows {
                let keys = (spec.keys)(envelope.schema, &envelope.body)?;
                renewed.taken(spec, id, &keys)?;
                renewed.rows.insert(id.clone(), (envelope.clone(), keys));
            }
            *self = renewed;
        }
        Ok(())
    }

    fn find(&self, spec: CollectionSpec, find: &Find) -> Result<Vec<Placed>, StoreError> {
        let index = spec.index(find)?;
        let mut found: Vec<(Vec<Key>, &Envelope)> = Vec::new();
        for (id, (envelope, keys)) in &self.rows {
            if let Some(place) = walk::place(spec, index, find, keys, id)? {
                found.push((place, envelope));
            }
        }
        found.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.id.cmp(&b.id)));
        if find.descending {
            found.reverse();
        }
        Ok(found.into_iter().take(find.limit).map(|(place, envelope)| (place, envelope.clone())).collect())
    }

    fn write(&mut self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure> {
        match write {
            Write::Insert(envelope) => {
                if self.rows.contains_key(&envelope.id) {
                    let id = envelope.id.clone();
                    return Err(WriteFailure::Store(StoreError::Exists { collection: spec.name, id }));
                }
                self.keep(spec, &envelope)
            }
            Write::Replace(envelope) => {
                let now = self.rows.get(&envelope.id).map(|(now, _)| now.version + 1);
                if now != Some(envelope.version) {
                    return Err(WriteFailure::Stale);
                }
                self.keep(spec, &envelope)
            }
            Write::Remove { id, version } => {
                if self.rows.get(&id).is_none_or(|(now, _)| now.version != version) {
                    return Err(WriteFailure::Stale);
                }
                self.rows.remove(&id);
                Ok(())
            }
        }
    }

    fn keep(&mut self, spec: CollectionSpec, envelope: &Envelope) -> Result<(), WriteFailure> {
        let mut kept = envelope.clone();
        let before = || self.rows.get(&envelope.id).map(|(_, keys)| keys.clone());
        let keys = kept.keys.take().or_else(before).unwrap_or_default();
        self.taken(spec, &envelope.id, &keys).map_err(WriteFailure::Store)?;
        self.rows.insert(envelope.id.clone(), (kept, keys));
        Ok(())
    }
}

/// The engine: one process's way to a disk.
pub(super) struct Memory {
    disk: Disk,
    life: Life,
    closed: AtomicBool,
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Memory {
    pub(super) fn on(disk: &Disk, life: &Life) -> Self {
        Self {
            disk: disk.clone(),
            life: life.clone(),
            closed: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.closed.load(Relaxed) { Err(StoreError::Closed) } else { Ok(()) }
    }

    async fn read<T>(
        &self,
        spec: CollectionSpec,
        look: impl FnOnce(&Table) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        self.life.step().await;
        self.check()?;
        self.reads.fetch_add(1, Relaxed);
        let mut tables = self.disk.0.lock();
        look(tables.entry(spec.name).or_default())
    }
}

#[async_trait]
impl Engine for Memory {
    async fn open(&self, spec: CollectionSpec) -> Result<(), StoreError> {
        spec.check_names()?;
        self.life.step().await;
        self.check()?;
        self.disk.0.lock().entry(spec.name).or_default().open(spec)
    }

    async fn get(&self, spec: CollectionSpec, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError> {
        let pick = |table: &Table| {
            let found = ids.iter().filter_map(|id| table.rows.get(id));
            Ok(found.map(|(envelope, _)| envelope.clone()).collect())
        };
        self.read(spec, pick).await
    }

    async fn find(&self, spec: CollectionSpec, find: Find) -> Result<Vec<Placed>, StoreError> {
        self.read(spec, |table| table.find(spec, &find)).await
    }

    async fn count(&self, spec: CollectionSpec, find: Find) -> Result<u64, StoreError> {
        let all = Find { after: None, limit: usize::MAX, ..find };
        self.read(spec, |table| Ok(table.find(spec, &all)?.len() as u64)).await
    }

    async fn write(&self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure> {
        self.life.step().await;
        self.check().map_err(WriteFailure::Store)?;
        let written = self.disk.0.lock().entry(spec.name).or_default().write(spec, write);
        self.writes.fetch_add(u64::from(written.is_ok()), Relaxed);
        // A process that ends here has written and does not know it.
        self.life.step().await;
        written
    }

    async fn undelivered(
        &self,
        spec: CollectionSpec,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        let look = |table: &Table| {
            let rows = table.rows.values().map(|(envelope, _)| envelope);
            let due = rows.filter(|envelope| envelope.id.as_str() > after && !envelope.outbox.is_empty());
            Ok(due.take(limit).cloned().collect())
        };
        self.read(spec, look).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check()
    }

    fn stats(&self) -> Stats {
        let writes = self.writes.load(Relaxed);
        Stats { reads: self.reads.load(Relaxed), writes, commits: writes }
    }

    async fn close(&self) {
        self.closed.store(true, Relaxed);
    }
}
