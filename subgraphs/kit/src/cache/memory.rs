//! The cache in this process's memory: entries bounded by bytes, and the epochs of tags.
//!
//! A tag has one cell, which every entry under it holds, so that a hit compares numbers and looks nothing up. The cell of a tag that no
//! entry holds is forgotten once every fill that began before its last raise is too old to put.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use dashmap::DashMap;

use super::{CacheError, Engine, MAX_FILL, MAX_TTL, Stamp};

/// So many tags that no entry holds are remembered at most (some ten megabytes; those of entries are counted with the
/// entries). Beyond it everything is raised at once, which is always safe.
const MAX_TAGS: usize = 100_000;

/// How often forgotten tags are looked for, in nanoseconds.
const SWEEP_EVERY: u64 = 5_000_000_000;

/// What an entry and a tag cost beside their own bytes: the maps' slots, the counters and the allocations.
const ENTRY_OVERHEAD: usize = 256;
const TAG_OVERHEAD: usize = 96;

/// The time for expiry, or one that a test moves.
#[derive(Debug, Clone)]
pub(super) enum Ticker {
    System(Instant),
    #[cfg(test)]
    Manual(Arc<AtomicU64>),
}

impl Ticker {
    fn now(&self) -> u64 {
        match self {
            Self::System(start) => nanos(start.elapsed()),
            #[cfg(test)]
            Self::Manual(time) => time.load(SeqCst),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The epoch of one tag.
#[derive(Default)]
struct Tag {
    epoch: AtomicU64,
    raised_at: AtomicU64,
}

struct Value {
    bytes: Bytes,
    began: u64,
    expires_at: u64,
    tags: Box<[Arc<Tag>]>,
    /// The number of raises that had been made when the tags were last compared: while it stands, they need not be again.
    compared_at: AtomicU64,
    weight: u32,
}

/// The engine.
pub(super) struct Memory {
    ticker: Ticker,
    entries: moka::sync::Cache<Arc<str>, Arc<Value>>,
    tags: DashMap<Box<str>, Arc<Tag>>,
    /// The logical clock. A raise moves it before it touches its tags: a fill that begins later reads what was changed.
    clock: AtomicU64,
    /// Raises that are complete; moved after the tags were touched.
    raises: AtomicU64,
    /// Nothing that began before this is valid, whatever its tags.
    floor: AtomicU64,
    next_sweep: AtomicU64,
    /// Room for tags until a sweep is due.
    room: AtomicUsize,
    max_tags: usize,
}

impl Memory {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self::with(max_bytes, MAX_TAGS, Ticker::System(Instant::now()))
    }

    pub(super) fn with(max_bytes: u64, max_tags: usize, ticker: Ticker) -> Self {
        let entries = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Arc<str>, value: &Arc<Value>| value.weight)
            .time_to_live(MAX_TTL)
            .build();
        Self {
            entries,
            tags: DashMap::new(),
            clock: AtomicU64::new(1),
            raises: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            next_sweep: AtomicU64::new(ticker.now().saturating_add(SWEEP_EVERY)),
            room: AtomicUsize::new(max_tags),
            max_tags,
            ticker,
        }
    }

    fn valid(&self, value: &Value) -> bool {
        if self.ticker.now() >= value.expires_at {
            return false;
        }
        // Read before the tags are: a raise that is missed below has not counted yet, and is seen next time.
        let raises = self.raises.load(SeqCst);
        if value.compared_at.load(SeqCst) == raises {
            return true;
        }
        let valid = value.began >= self.floor.load(SeqCst)
            && value.tags.iter().all(|tag| tag.epoch.load(SeqCst) <= value.began);
        if valid {
            value.compared_at.store(raises, SeqCst);
        }
        valid
    }

    /// The tag's cell, with the map's lock held, so that a sweep does not forget it meanwhile.
    fn with_tag<R>(&self, name: &str, then: impl FnOnce(&Arc<Tag>) -> R) -> R {
        if let Some(tag) = self.tags.get(name) {
            return then(&tag);
        }
        let tag = self.tags.entry(name.into()).or_insert_with(|| {
            let _ = self.room.fetch_update(SeqCst, SeqCst, |room| Some(room.saturating_sub(1)));
            Arc::default()
        });
        then(&tag)
    }

    fn sweep_if_due(&self) {
        let (now, due) = (self.ticker.now(), self.next_sweep.load(SeqCst));
        if now < due && self.room.load(SeqCst) > 0 {
            return;
        }
        // One sweeper is enough; whoever loses the exchange goes on.
        if self.next_sweep.compare_exchange(due, now.saturating_add(SWEEP_EVERY), SeqCst, SeqCst).is_err() {
            return;
        }
        let forgettable = now.saturating_sub(nanos(MAX_FILL));
        self.entries.run_pending_tasks();
        let mut remembered = 0;
        self.tags.retain(|_, tag| {
            let held = Arc::strong_count(tag) > 1;
            let needed = tag.raised_at.load(SeqCst) >= forgettable;
            remembered += usize::from(!held && needed);
            held || needed
        });
        if remembered >= self.max_tags {
            self.raise_all();
            remembered = 0;
        }
        // Never so little that sweep follows sweep.
        self.room.store((self.max_tags - remembered).max(self.max_tags / 10), SeqCst);
    }

    /// Everything begun so far is dead; then no epoch is needed any more.
    fn raise_all(&self) {
        let epoch = self.clock.fetch_add(1, SeqCst) + 1;
        self.floor.fetch_max(epoch, SeqCst);
        self.raises.fetch_add(1, SeqCst);
        self.entries.invalidate_all();
        self.entries.run_pending_tasks();
        // A cell that a put has taken meanwhile stays: its entry is dead, but it may be looked at.
        self.tags.retain(|_, tag| Arc::strong_count(tag) > 1);
    }

    #[cfg(test)]
    pub(super) fn remembered_tags(&self) -> usize {
        self.tags.len()
    }
}

#[async_trait]
impl Engine for Memory {
    async fn stamp(&self) -> Result<Stamp, CacheError> {
        // In this order, so that the age of a fill is never taken for less than the age of a raise that it does not know of.
        let at = self.ticker.now();
        Ok(Stamp { run: 0, epoch: self.clock.load(SeqCst), at })
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        Ok(self.entries.get(key).filter(|value| self.valid(value)).map(|value| value.bytes.clone()))
    }

    async fn put(
        &self,
        key: &Arc<str>,
        bytes: Bytes,
        names: &[String],
        began: Stamp,
        ttl: Duration,
    ) -> Result<bool, CacheError> {
        let tags: Box<[Arc<Tag>]> = names.iter().map(|name| self.with_tag(name, Arc::clone)).collect();
        // Looked at only now that the cells are held: had an epoch been forgotten before, the fill is too old.
        let now = self.ticker.now();
        if now.saturating_sub(began.at) >= nanos(MAX_FILL) {
            return Ok(false);
        }
        let weight = ENTRY_OVERHEAD
            + key.len()
            + bytes.len()
            + names.iter().map(|name| name.len() + TAG_OVERHEAD).sum::<usize>();
        let value = Arc::new(Value {
            bytes,
            began: began.epoch,
            expires_at: now.saturating_add(nanos(ttl)),
            tags,
            compared_at: AtomicU64::new(u64::MAX),
            weight: u32::try_from(weight).unwrap_or(u32::MAX),
        });
        let valid = self.valid(&value);
        if valid {
            self.entries.insert(key.clone(), value);
            // At once, not some time later: the bound holds after every put. A put is rare beside the work of its answer.
            self.entries.run_pending_tasks();
        }
        self.sweep_if_due();
        Ok(valid)
    }

    async fn raise(&self, names: &[String]) -> Result<(), CacheError> {
        let epoch = self.clock.fetch_add(1, SeqCst) + 1;
        let now = self.ticker.now();
        for name in names {
            self.with_tag(name, |tag| {
                tag.epoch.fetch_max(epoch, SeqCst);
                tag.raised_at.fetch_max(now, SeqCst);
            });
        }
        self.raises.fetch_add(1, SeqCst);
        self.sweep_if_due();
        Ok(())
    }

    fn held(&self) -> (u64, u64) {
        self.entries.run_pending_tasks();
        (self.entries.entry_count(), self.entries.weighted_size())
    }
}
