//! Answers that are worth keeping for a moment, by key, under tags that can be raised.
//!
//! One logical clock orders everything. [`Cache::raise`] sets the epoch of its tags to a new time; a [`Fill`] bears
//! the time at which it began, before its answer was even planned. An entry is valid only while the epoch of every one of its tags is no
//! later than that time, looked at when it is put and again at every hit: a late fill can never bring back an old answer.
//! A miss is filled once for all who wait for it. The cache does not know what is in an answer or which tags it
//! needs, and nothing may depend on it: where it does not help, the caller is sent past it ([`Entry::Bypass`]).

mod flight;
mod memory;
mod redis;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
pub use flight::Fill;
use flight::{Flights, Joined, Outcome};

/// The longest life of an entry, whatever it was put with: it bounds how long an answer can be old when a raise was lost.
pub const MAX_TTL: Duration = Duration::from_secs(10);

/// How long somebody waits for another's fill before going past the cache: longer than a healthy answer takes, shorter than
/// the patience of a client.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A fill that took longer may not put: the epochs of so long ago may have been forgotten.
const MAX_FILL: Duration = Duration::from_secs(30);

/// Somebody whose awaited fills came to nothing this often goes past the cache: when answers cannot be made at all, those who wait
/// must not fail one after the other.
const MAX_LOST_FILLS: u32 = 2;

/// Why the cache did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The engine is there and cannot be used: its address, its user or its version is wrong.
    #[error("the cache cannot be used: {0}")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine failed or could not be reached.
    #[error("the cache failed: {0}")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<CacheError> for crate::Error {
    fn from(error: CacheError) -> Self {
        Self::unavailable("The shop", error)
    }
}

/// What the cache has counted since it was made, and what it holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Answers given from the cache, those of a fill that the caller waited for included.
    pub hits: u64,
    /// Answers that the caller had to make.
    pub misses: u64,
    /// Answers taken in; one that was out of date when it came is not.
    pub fills: u64,
    /// Tags raised.
    pub raises: u64,
    /// Entries held, dead ones that nobody has looked for included.
    pub entries: u64,
    /// Their size: keys, answers, tags and the bookkeeping.
    pub bytes: u64,
}

/// A moment of the cache: on the logical clock that orders raises and fills, and on this process's own, which measures how long
/// a fill takes (nanoseconds since some start).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    /// Which life of the logical clock: one that was lost and begun anew says nothing about moments of the one before.
    pub(crate) run: u64,
    pub(crate) epoch: u64,
    pub(crate) at: u64,
}

impl Stamp {
    /// Whether this moment is known not to lie before the other.
    const fn is_no_earlier_than(&self, other: &Self) -> bool {
        self.run == other.run && self.epoch >= other.epoch
    }
}

/// What an engine must give. All of it is one round trip on a server that has counters, expiring keys and scripts.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    /// Now.
    async fn stamp(&self) -> Result<Stamp, CacheError>;
    /// The entry, if it is valid.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError>;
    /// Takes an answer of which the making began at `began`, unless it is out of date already.
    async fn put(
        &self,
        key: &Arc<str>,
        value: Bytes,
        tags: &[String],
        began: Stamp,
        ttl: Duration,
    ) -> Result<bool, CacheError>;
    /// Raises the epochs: one new time for all of the tags. When it has returned, nothing begun before is valid under them.
    async fn raise(&self, tags: &[String]) -> Result<(), CacheError>;
    /// The numbers of entries and of bytes held.
    fn held(&self) -> (u64, u64);
}

/// What [`Cache::enter`] found.
#[must_use]
pub enum Entry {
    /// A valid answer.
    Hit(Bytes),
    /// There is none, and the caller is the one to make it; others wait for it.
    Fill(Fill),
    /// The cache cannot help now; make the answer and keep it to yourself.
    Bypass,
}

/// A cheap handle on a cache.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) flights: Flights,
    pub(crate) counts: Counts,
    max_wait: Duration,
}

/// Counted here and not in the engine, as they are about this process.
#[derive(Default)]
pub(crate) struct Counts {
    hits: Count,
    misses: Count,
    pub(crate) fills: Count,
    raises: Count,
}

#[derive(Default)]
pub(crate) struct Count(std::sync::atomic::AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Cache {
    /// A cache in this process's memory of at most so many bytes.
    #[must_use]
    pub fn memory(max_bytes: u64) -> Self {
        Self::on(memory::Memory::new(max_bytes), MAX_WAIT)
    }

    /// A cache on a Redis server, which every process that names it shares. Each use has a deadline of milliseconds; while the
    /// server is away the callers are sent past it, and it is found again by itself.
    ///
    /// # Errors
    /// When the address is none, or the server refuses this user or is too old. One that cannot be reached is no error.
    pub async fn redis(url: &str) -> Result<Self, CacheError> {
        Ok(Self::on(redis::RedisCache::open(url, redis::Options::default()).await?, MAX_WAIT))
    }

    fn on(engine: impl Engine + 'static, max_wait: Duration) -> Self {
        let (flights, counts) = (Flights::default(), Counts::default());
        Self { inner: Arc::new(Inner { engine: Box::new(engine), flights, counts, max_wait }) }
    }

    /// The valid answer under this key, or the task of making it. While somebody else makes it the call waits, for at most a few
    /// seconds. What it gives was computed after every raise (of the answer's tags) that had returned before this call.
    pub async fn enter(&self, key: &str) -> Entry {
        let entry = match self.inner.engine.get(key).await {
            Ok(Some(value)) => Entry::Hit(value),
            Ok(None) => self.miss(key).await.unwrap_or_else(|error| past(&error)),
            Err(error) => past(&error),
        };
        match entry {
            Entry::Hit(_) => self.inner.counts.hits.add(1),
            Entry::Fill(_) | Entry::Bypass => self.inner.counts.misses.add(1),
        }
        entry
    }

    async fn miss(&self, key: &str) -> Result<Entry, CacheError> {
        let key: Arc<str> = key.into();
        let patience = tokio::time::Instant::now() + self.inner.max_wait;
        let mut arrived = None;
        let mut lost = 0;
        loop {
            // Taken before the flight is found or made, so that it is never later than the beginning of a fill.
            let stamp = self.inner.engine.stamp().await?;
            let arrived = *arrived.get_or_insert(stamp);
            let flight = match self.inner.flights.join(&key, stamp, self.inner.max_wait) {
                Joined::Own(flight) => {
                    let fill = Fill::new(self.inner.clone(), key.clone(), flight);
                    // Another fill may have ended between the look that missed and the taking of the flight.
                    return Ok(match self.inner.engine.get(&key).await? {
                        Some(value) => fill.found(value),
                        None => Entry::Fill(fill),
                    });
                }
                Joined::Other(flight) => flight,
            };
            let Ok(outcome) = tokio::time::timeout_at(patience, flight.landed()).await else {
                return Ok(Entry::Bypass);
            };
            match outcome {
                // Begun after this caller came: whatever is raised meanwhile, it is no older than the call.
                Outcome::Made(value) if flight.began.is_no_earlier_than(&arrived) => {
                    return Ok(Entry::Hit(value));
                }
                // Begun before: a raise may lie between its beginning and this call, which the engine knows. Where it
                // does, the next fill begins after this call, so that nobody waits for more than two.
                Outcome::Made(_) | Outcome::Moot => {
                    if let Some(value) = self.inner.engine.get(&key).await? {
                        return Ok(Entry::Hit(value));
                    }
                }
                Outcome::Lost => {
                    lost += 1;
                    if lost >= MAX_LOST_FILLS {
                        return Ok(Entry::Bypass);
                    }
                }
            }
        }
    }

    /// The valid answer under this key; where there is none it is made by `make`, which gives it with its tags.
    ///
    /// # Errors
    /// When `make` fails; nothing is kept then.
    pub async fn get_or_fill<E, F>(
        &self,
        key: &str,
        ttl: Duration,
        make: impl FnOnce() -> F,
    ) -> Result<Bytes, E>
    where
        F: Future<Output = Result<(Bytes, Vec<String>), E>>,
    {
        match self.enter(key).await {
            Entry::Hit(value) => Ok(value),
            Entry::Fill(fill) => {
                let (value, tags) = make().await?;
                fill.put(value.clone(), tags, ttl).await;
                Ok(value)
            }
            Entry::Bypass => make().await.map(|(value, _)| value),
        }
    }

    /// Raises the epochs of the tags: when it has returned, every entry under any of them is dead, those that are still
    /// being filled included.
    ///
    /// # Errors
    /// When the engine could not be reached. The entries may live on then, up to [`MAX_TTL`]; raise again.
    pub async fn raise(&self, tags: &[String]) -> Result<(), CacheError> {
        if tags.is_empty() {
            return Ok(());
        }
        self.inner.engine.raise(tags).await?;
        self.inner.counts.raises.add(tags.len());
        Ok(())
    }

    /// What has been counted, and what is held.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let Counts { hits, misses, fills, raises } = &self.inner.counts;
        let (entries, bytes) = self.inner.engine.held();
        CacheStats {
            hits: hits.get(),
            misses: misses.get(),
            fills: fills.get(),
            raises: raises.get(),
            entries,
            bytes,
        }
    }
}

/// The shop works without its cache: a fault is worth a line, not an error.
fn past(error: &CacheError) -> Entry {
    tracing::debug!(error = error as &dyn std::error::Error, "going past the cache");
    Entry::Bypass
}
