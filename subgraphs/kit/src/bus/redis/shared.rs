//! What the parts of the engine have in common: the link, the keys, the groups, and the scripts about them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use parking_lot::Mutex;
use redis::{Script, ScriptInvocation};

use super::{
    super::{BusError, EventId, Taken},
    Options,
    entry::{self, Fields},
    groups::Groups,
    keys::Keys,
    scripts,
};
use crate::redis::{Redis, RedisError, Session};

/// The version of the keys and scripts.
const VERSION: u32 = 1;

/// How much of a script's work is done in one call, so that no other caller waits for more than a few milliseconds.
pub(super) const BATCH: usize = 256;

/// So many events of a group are open before no more is read.
const WINDOW: usize = 4_096;

impl From<RedisError> for BusError {
    fn from(error: RedisError) -> Self {
        if error.is_final() { Self::Unusable(Box::new(error)) } else { Self::Engine(Box::new(error)) }
    }
}

/// What a look gives: the log's run, whether there is more to read, when the next wait or lease ends, and the events.
pub(super) type Look = (String, bool, i64, Vec<(String, u32, Fields)>);

pub(super) struct Shared {
    pub(super) redis: Redis,
    pub(super) keys: Keys,
    pub(super) options: Options,
    /// The name of this process among those that take events.
    pub(super) owner: String,
    pub(super) groups: Arc<Groups>,
    /// The run of the log that the groups were joined in.
    pub(super) run: Mutex<String>,
    pub(super) closed: AtomicBool,
}

/// Gives signs of life while groups are joined.
pub(super) async fn beat(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.options.alive / 4).await;
        if !shared.groups.all().is_empty()
            && let Ok(session) = shared.redis.session()
        {
            let mut beat = scripts::BEAT.key(&shared.keys.members);
            beat.arg(&shared.owner).arg(millis(shared.options.alive));
            // Without an answer others take over what is held here, which is what they should do.
            let _sent = session.run::<()>(&beat).await;
        }
    }
}

impl Shared {
    pub(super) fn session(&self) -> Result<Session, BusError> {
        if self.closed.load(SeqCst) {
            return Err(BusError::Closed);
        }
        Ok(self.redis.session()?)
    }

    /// A script about a group, with its keys.
    pub(super) fn about<'a>(&self, script: &'a Script, group: &str) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        for key in self.keys.of(group) {
            call.key(key);
        }
        call
    }

    pub(super) async fn join(&self, group: &str, topics: &[String]) -> Result<(), BusError> {
        *self.run.lock() = self.announce(group, topics).await?;
        Ok(())
    }

    /// Makes the group known, or says that it is still there. Gives the run of the log.
    pub(super) async fn announce(&self, group: &str, topics: &[String]) -> Result<String, BusError> {
        let session = self.session()?;
        let mut join = scripts::JOIN.prepare_invoke();
        join.key(&self.keys.head).key(self.keys.topics(group)).key(&self.keys.groups);
        join.arg(fresh_run()).arg(group);
        for topic in topics {
            join.arg(topic);
        }
        let (run, version): (String, u32) = session.run(&join).await?;
        if version > VERSION {
            return Err(BusError::Newer { found: version, known: VERSION });
        }
        Ok(run)
    }

    pub(super) async fn look(&self, group: &str, limit: usize, lease: Duration) -> Result<Look, BusError> {
        let session = self.session()?;
        let mut take = self.about(&scripts::TAKE, group);
        take.arg(&self.owner)
            .arg(limit)
            .arg(millis(lease))
            .arg(millis(self.options.alive))
            .arg(WINDOW)
            .arg(BATCH);
        Ok(session.run(&take).await?)
    }

    /// Events that were taken, less those that are none: they become dead letters here.
    pub(super) async fn understood(
        &self,
        group: &str,
        found: Vec<(String, u32, Fields)>,
    ) -> Result<Vec<Taken>, BusError> {
        let mut taken = Vec::with_capacity(found.len());
        for (place, attempts, fields) in found {
            match entry::event(&fields) {
                Ok(event) => taken.push((Arc::new(event), attempts)),
                Err(reason) => {
                    tracing::error!(
                        group,
                        place,
                        reason,
                        "an entry of the log is no event, it is a dead letter now"
                    );
                    self.bury(group, &place, &fields, &reason).await?;
                }
            }
        }
        Ok(taken)
    }

    async fn bury(&self, group: &str, place: &str, fields: &Fields, reason: &str) -> Result<(), BusError> {
        // Under the name that the group knows it by.
        let whole =
            |name: &[u8]| fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
        let named = (whole(b"id"), whole(b"topic"), whole(b"key"));
        let id = match named {
            (Some(id), Some(_), Some(_)) => id,
            _ => format!("raw:{place}").into_bytes(),
        };
        let session = self.session()?;
        let mut fail = self.about(&scripts::FAIL, group);
        fail.arg(&self.keys.channel).arg(group).arg(&self.owner).arg(id).arg(reason).arg(-1);
        fail.arg(entry::name_of(place).to_string());
        Ok(session.run(&fail).await?)
    }

    pub(super) async fn acknowledge(&self, group: &str, ids: &[EventId]) -> Result<(), BusError> {
        let session = self.session()?;
        let mut ack = self.about(&scripts::ACK, group);
        ack.arg(&self.keys.channel).arg(group);
        for id in ids {
            ack.arg(id.to_string());
        }
        Ok(session.run(&ack).await?)
    }
}

/// A name that no other log has.
pub(super) fn fresh_run() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
