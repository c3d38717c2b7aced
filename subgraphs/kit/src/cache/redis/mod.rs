//! The cache on a Redis server, shared by every process of the shop.
//!
//! One hash holds the epochs: of each tag the time of its last raise, by a clock that each raise moves, all of it by script. A *run* is one life of that hash: it
//! has a random name, and begins anew when the hash is gone (emptied, evicted) or is another start of the server's (which may have read
//! an old copy from its disk). Entries and fills belong to their run; those of another are dead. So nothing that Redis forgets or
//! brings back can make an old answer valid: epochs and clock are lost together, and what was valid under them with them.
//!
//! A copy of each answer that passed through stays in this process, and is never given without asking: while the clock has not moved since
//! the copy was last found valid, it is valid. One question is on its way at a time, for all who came before it was
//! sent ([`head`]); only when the clock has moved is the entry itself looked at. No value crosses the network twice.

mod head;

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use head::{Head, Heads};
use redis::Script;

use super::{CacheError, Engine, MAX_FILL, MAX_TTL, Stamp};
use crate::redis::{Options as LinkOptions, Redis, RedisError, Session};

/// What a call may take: ten times what a healthy server in the same data centre takes, a tenth of what making the answer takes
/// at worst. Who waited longer goes past the cache.
const DEADLINE: Duration = Duration::from_millis(50);

/// What a raise may take. A change has more time than a look: without it the shop would show an old answer for up to [`MAX_TTL`].
const RAISING: Duration = Duration::from_millis(250);

/// Larger answers are not kept: the server would be busy with one of them for longer than others wait.
const MAX_VALUE: usize = 1 << 20;

/// An answer under more tags than this is not kept (Lua's stack would not hold them).
const MAX_TAGS: usize = 4_000;

/// So many tags are remembered (some ten megabytes of the server's); beyond it everything is raised at once, which is always safe.
const MAX_EPOCHS: usize = 100_000;

/// What the copies in this process may take.
const COPIES: u64 = 16 << 20;

/// What a copy costs beside its bytes.
const COPY_OVERHEAD: usize = 256;

static STAMP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("stamp.lua")));
static GET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("get.lua")));
static PUT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("put.lua")));
static RAISE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("raise.lua")));

/// What a test sets otherwise.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// What the keys begin with. They share a hash tag, so that a cluster keeps them on one node, as the scripts need.
    pub(super) namespace: String,
    pub(super) deadline: Duration,
    pub(super) raising: Duration,
    pub(super) max_epochs: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: "larder:cache".to_owned(),
            deadline: DEADLINE,
            raising: RAISING,
            max_epochs: MAX_EPOCHS,
        }
    }
}

impl From<RedisError> for CacheError {
    fn from(error: RedisError) -> Self {
        if error.is_final() { Self::Unusable(Box::new(error)) } else { Self::Engine(Box::new(error)) }
    }
}

/// An answer as this process has it.
struct Copy {
    bytes: Bytes,
    run: u64,
    id: String,
    until: Instant,
    /// The clock at which it was last found valid.
    valid_at: AtomicU64,
}

/// What the server gives of an entry: its run, the clock, its id, its life, its value if that is wanted.
type Found = (u64, u64, String, u64, Option<Bytes>);

/// The engine.
pub(super) struct RedisCache {
    redis: Arc<Redis>,
    heads: Heads,
    copies: moka::sync::Cache<Arc<str>, Arc<Copy>>,
    epochs: Arc<str>,
    options: Options,
    started: Instant,
}

impl RedisCache {
    pub(super) async fn open(url: &str, options: Options) -> Result<Self, CacheError> {
        let link = LinkOptions { deadline: options.deadline, hears: None };
        let redis = Arc::new(Redis::open(url, link).await?);
        let epochs: Arc<str> = format!("{{{}}}:epochs", options.namespace).into();
        let copies = moka::sync::Cache::builder()
            .max_capacity(COPIES)
            .weigher(|key: &Arc<str>, copy: &Arc<Copy>| {
                u32::try_from(COPY_OVERHEAD + key.len() + copy.bytes.len()).unwrap_or(u32::MAX)
            })
            .time_to_live(MAX_TTL)
            .build();
        let heads = Heads::new(redis.clone(), epochs.clone());
        Ok(Self { redis, heads, copies, epochs, options, started: Instant::now() })
    }

    fn entry(&self, key: &str) -> String {
        format!("{{{}}}:e:{key}", self.options.namespace)
    }

    async fn head(&self) -> Result<Head, CacheError> {
        if let Some(head) = self.heads.read().await? {
            return Ok(head);
        }
        let session = self.redis.session()?;
        let mut stamp = STAMP.key(&*self.epochs);
        let (run, clock) = session.run(stamp.arg(session.server()).arg(fresh_run())).await?;
        Ok(Head { run, clock })
    }

    /// Looks at the entry itself, whatever copy there is.
    async fn find(&self, key: &str, copy: Option<&Arc<Copy>>) -> Result<Option<Bytes>, CacheError> {
        let session = self.redis.session()?;
        let mut get = GET.key(&*self.epochs);
        get.key(self.entry(key)).arg(session.server()).arg(copy.map_or("", |copy| &*copy.id));
        let asked = Instant::now();
        let found: Option<Found> = session.run(&get).await?;
        let Some((run, clock, id, life, value)) = found else {
            self.copies.invalidate(key);
            return Ok(None);
        };
        // Counted from before the server was asked, so that the copy never outlives the entry.
        let until = asked + Duration::from_millis(life).min(MAX_TTL);
        let bytes = match (value, copy) {
            (None, Some(copy)) => {
                copy.valid_at.fetch_max(clock, SeqCst);
                return Ok((asked < copy.until).then(|| copy.bytes.clone()));
            }
            (Some(value), _) => value,
            (None, None) => return Ok(None),
        };
        let copy = Copy { bytes: bytes.clone(), run, id, until, valid_at: AtomicU64::new(clock) };
        self.copies.insert(key.into(), Arc::new(copy));
        Ok(Some(bytes))
    }
}

/// A name for a run that no other has.
fn fresh_run() -> u64 {
    rand::random()
}

#[async_trait]
impl Engine for RedisCache {
    async fn stamp(&self) -> Result<Stamp, CacheError> {
        // The time is this process's: who puts an answer is who began it.
        let at = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let Head { run, clock } = self.head().await?;
        Ok(Stamp { run, epoch: clock, at })
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let Some(copy) = self.copies.get(key).filter(|copy| Instant::now() < copy.until) else {
            return self.find(key, None).await;
        };
        match self.heads.read().await? {
            Some(head) if head.run == copy.run && head.clock == copy.valid_at.load(SeqCst) => {
                Ok(Some(copy.bytes.clone()))
            }
            _ => self.find(key, Some(&copy)).await,
        }
    }

    async fn put(
        &self,
        key: &Arc<str>,
        value: Bytes,
        tags: &[String],
        began: Stamp,
        ttl: Duration,
    ) -> Result<bool, CacheError> {
        let age = self.started.elapsed().saturating_sub(Duration::from_nanos(began.at));
        let life = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        if age >= MAX_FILL || value.len() > MAX_VALUE || tags.len() > MAX_TAGS || life == 0 {
            return Ok(false);
        }
        let session = self.redis.session()?;
        let id = format!("{:016x}", rand::random::<u64>());
        let mut put = PUT.key(&*self.epochs);
        put.key(self.entry(key)).arg(session.server()).arg(began.run).arg(began.epoch).arg(&id).arg(life);
        put.arg(&value[..]);
        for tag in tags {
            put.arg(field(tag));
        }
        let until = Instant::now() + ttl;
        let Some(clock) = session.run::<Option<u64>>(&put).await? else { return Ok(false) };
        let copy = Copy { bytes: value, run: began.run, id, until, valid_at: AtomicU64::new(clock) };
        self.copies.insert(key.clone(), Arc::new(copy));
        Ok(true)
    }

    async fn raise(&self, tags: &[String]) -> Result<(), CacheError> {
        let session: Session = self.redis.session()?.within(self.options.raising);
        let mut raise = RAISE.key(&*self.epochs);
        // What belongs to the hash itself is no tag.
        let fields = self.options.max_epochs + 3;
        raise.arg(session.server()).arg(fresh_run()).arg(fields);
        for tag in tags {
            raise.arg(field(tag));
        }
        Ok(session.run(&raise).await?)
    }

    /// The copies in this process. What the server holds is in its own figures.
    fn held(&self) -> (u64, u64) {
        self.copies.run_pending_tasks();
        (self.copies.entry_count(), self.copies.weighted_size())
    }
}

/// The field of a tag's epoch, apart from those of the hash itself.
fn field(tag: &str) -> String {
    format!("t:{tag}")
}
