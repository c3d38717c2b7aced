//! The log on a Redis server: one stream, and for each group what it has still to handle, kept beside it by scripts.
//!
//! A group reads the stream up to its cursor and keeps what is open in sorted sets, so that one script, and no process alone, decides
//! what may go out: the first of each key, unless it is leased or waits. So the order of keys holds across all processes, and any number
//! of them may come and go. An owner (one per process) gives a sign of life while it runs; what it held goes back when that runs out.
//! All times are the server's. A log that was lost has another name ([`identity`](super::Bus::identity)); the groups are made anew, at its beginning.

mod entry;
mod groups;
mod keys;
mod scripts;
mod shared;
mod trim;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use entry::Letter;
use groups::Groups;
use keys::Keys;
use parking_lot::Mutex;
use redis::Cmd;
use shared::{BATCH, Shared, beat, fresh_run, millis};
use tokio::task::AbortHandle;

use super::{BusError, DeadLetter, Engine, Event, EventId, Taken};
use crate::redis::{Hears, Options as LinkOptions, Redis};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What can be set, so that a test need not wait for a week.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// What the keys begin with.
    pub(super) namespace: String,
    /// What a call may take: longer than the largest publication, shorter than the patience of a relay.
    pub(super) deadline: Duration,
    /// An owner without a sign of life for so long is dead, and what it holds goes to others.
    pub(super) alive: Duration,
    /// How long a handled event stays, for groups to come and to know its id again.
    pub(super) retention: Duration,
    /// How many events stay that every group has handled, however young; a server's memory is dearer than a disk.
    pub(super) bodies: u64,
    /// How many ids are known again at most.
    pub(super) ids: u64,
    /// A group that nobody has joined for so long is forgotten, so that the log need not be kept for it.
    pub(super) absence: Duration,
    /// How often that is looked at.
    pub(super) trim_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: "larder:bus".to_owned(),
            deadline: Duration::from_secs(5),
            alive: Duration::from_secs(10),
            retention: 7 * DAY,
            bodies: 50_000,
            ids: 1_000_000,
            absence: 30 * DAY,
            trim_every: Duration::from_secs(600),
        }
    }
}

/// The engine.
pub(crate) struct RedisBus {
    shared: Arc<Shared>,
    background: [AbortHandle; 2],
}

impl RedisBus {
    pub(super) async fn open(url: &str, options: Options) -> Result<Self, BusError> {
        let (keys, groups) = (Keys::new(&options.namespace), Arc::<Groups>::default());
        let hearer = groups.clone();
        let hears =
            Hears { channel: keys.channel.clone(), take: Arc::new(move |message| hearer.heard(message)) };
        let link = LinkOptions { deadline: options.deadline, hears: Some(hears) };
        let shared = Arc::new(Shared {
            redis: Redis::open(url, link).await?,
            keys,
            options,
            owner: format!("{:016x}", rand::random::<u64>()),
            groups,
            run: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let background = [
            tokio::spawn(beat(shared.clone())).abort_handle(),
            tokio::spawn(trim::run(shared.clone())).abort_handle(),
        ];
        Ok(Self { shared, background })
    }

    fn stop(&self) {
        self.shared.closed.store(true, SeqCst);
        self.background.iter().for_each(AbortHandle::abort);
        self.shared.groups.wake_all();
    }

    /// Ends the engine without a word to the server; what it holds is as after a crash, and its last sign of life has run out.
    #[cfg(test)]
    pub(super) async fn crash(&self) {
        self.stop();
        let session = self.shared.redis.session().unwrap();
        let mut beat = scripts::BEAT.key(&self.shared.keys.members);
        session.run::<()>(beat.arg(&self.shared.owner).arg(-1)).await.unwrap();
    }

    #[cfg(test)]
    pub(super) async fn trim(&self) -> Result<(), BusError> {
        trim::step(&self.shared).await
    }
}

impl Drop for RedisBus {
    fn drop(&mut self) {
        self.stop();
    }
}

#[async_trait]
impl Engine for RedisBus {
    async fn publish(&self, events: &[Event]) -> Result<(), BusError> {
        let session = self.shared.session()?;
        if events.is_empty() {
            return Ok(());
        }
        let keys = &self.shared.keys;
        let mut publish = scripts::PUBLISH.prepare_invoke();
        publish.key(&keys.log).key(&keys.head).key(&keys.seen).arg(fresh_run()).arg(&keys.channel);
        for event in events {
            let body = serde_json::to_vec(event).map_err(|error| BusError::Engine(Box::new(error)))?;
            publish.arg(event.id.to_string()).arg(&event.topic).arg(&event.key).arg(body);
        }
        session.run::<String>(&publish).await?;
        Ok(())
    }

    /// A server that is not there is no error: the group is made when it is.
    async fn join(&self, group: &str, topics: &[&str]) -> Result<(), BusError> {
        self.shared.groups.join(group, topics);
        let topics: Vec<_> = topics.iter().map(ToString::to_string).collect();
        match self.shared.join(group, &topics).await {
            Err(BusError::Engine(error)) => {
                tracing::warn!(group, error, "the group is joined when the server is back");
                Ok(())
            }
            joined => joined,
        }
    }

    async fn take(&self, group: &str, limit: usize, lease: Duration) -> Result<Vec<Taken>, BusError> {
        let owed = self.shared.groups.owed(group);
        if !owed.is_empty() {
            self.ack(group, &owed).await?;
        }
        loop {
            let (run, more, next, found) = self.shared.look(group, limit, lease).await?;
            let known = self.shared.run.lock().clone();
            if run != known || run.is_empty() {
                self.rejoin(&known).await?;
                if found.is_empty() {
                    continue;
                }
            }
            let full = found.len() >= limit;
            let taken = self.shared.understood(group, found).await?;
            let next = u64::try_from(next).ok().map(Duration::from_millis);
            // While something is leased its owner may die, which no timer tells.
            let next = next.map(|next| next.min(self.shared.options.alive));
            self.shared.groups.looked(group, next, full || (more && !taken.is_empty()));
            if taken.is_empty() && (more || full) {
                continue;
            }
            return Ok(taken);
        }
    }

    async fn ack(&self, group: &str, ids: &[EventId]) -> Result<(), BusError> {
        let acknowledged = self.shared.acknowledge(group, ids).await;
        if let Err(BusError::Engine(error)) = &acknowledged {
            tracing::debug!(group, error, "what was handled is said when the server is back");
            self.shared.groups.owe(group, ids);
        }
        acknowledged
    }

    async fn fail(
        &self,
        group: &str,
        id: EventId,
        error: &str,
        wait: Option<Duration>,
    ) -> Result<(), BusError> {
        let session = self.shared.session()?;
        let mut fail = self.shared.about(&scripts::FAIL, group);
        fail.arg(&self.shared.keys.channel).arg(group).arg(&self.shared.owner).arg(id.to_string()).arg(error);
        fail.arg(wait.map_or(-1, |wait| i64::try_from(millis(wait)).unwrap_or(i64::MAX))).arg(id.to_string());
        Ok(session.run(&fail).await?)
    }

    async fn dead_letters(
        &self,
        group: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BusError> {
        let session = self.shared.session()?;
        let (when, grave) = after.split_once(' ').unwrap_or_default();
        // What came from a client is a number, or stands at the beginning.
        let when: i64 = when.parse().unwrap_or_default();
        let mut letters = self.shared.about(&scripts::LETTERS, group);
        let letters: Vec<Letter> = session.run(letters.arg(limit).arg(when).arg(grave)).await?;
        Ok(letters.into_iter().map(|letter| entry::letter(group, letter)).collect())
    }

    async fn count_dead_letters(&self, group: &str) -> Result<u64, BusError> {
        let mut count = Cmd::new();
        count.arg("ZCARD").arg(self.shared.keys.graves(group));
        Ok(self.shared.session()?.query(&count).await?)
    }

    async fn groups(&self) -> Result<Vec<String>, BusError> {
        let mut names = Cmd::new();
        names.arg("ZRANGE").arg(&self.shared.keys.groups).arg(0).arg(-1);
        Ok(self.shared.session()?.query(&names).await?)
    }

    async fn replay(&self, group: &str, id: EventId) -> Result<bool, BusError> {
        let session = self.shared.session()?;
        let mut replay = self.shared.about(&scripts::REPLAY, group);
        Ok(session.run(replay.arg(&self.shared.keys.channel).arg(group).arg(id.to_string())).await?)
    }

    async fn lag(&self, group: &str) -> Result<u64, BusError> {
        let session = self.shared.session()?;
        let (mut total, mut from) = (0, String::new());
        loop {
            let mut count = self.shared.about(&scripts::COUNT, group);
            let (open, counted, next): (u64, u64, String) =
                session.run(count.arg(&from).arg(BATCH * 4)).await?;
            total += counted;
            if next.is_empty() {
                return Ok(total + open);
            }
            from = next;
        }
    }

    async fn wait(&self, group: &str, at_most: Duration) {
        self.shared.groups.wait(group, at_most).await;
    }

    async fn identity(&self) -> Result<Option<String>, BusError> {
        let session = self.shared.session()?;
        let keys = &self.shared.keys;
        let mut publish = scripts::PUBLISH.prepare_invoke();
        // Of nothing: it gives the log its name where it has none.
        publish.key(&keys.log).key(&keys.head).key(&keys.seen).arg(fresh_run()).arg(&keys.channel);
        Ok(Some(session.run(&publish).await?))
    }

    async fn close(&self) {
        if self.shared.closed.load(SeqCst) {
            return;
        }
        for (group, _) in self.shared.groups.all() {
            if let Err(error) = self.leave(&group).await {
                tracing::warn!(group, %error, "what is held here goes to others when its time has run out");
            }
        }
        self.stop();
    }
}

impl RedisBus {
    /// The log is another than the groups were joined in: they are made known to it.
    async fn rejoin(&self, known: &str) -> Result<(), BusError> {
        if !known.is_empty() {
            tracing::error!(
                "the event log was lost: groups begin anew, and services catch up from their own data"
            );
        }
        for (group, topics) in self.shared.groups.all() {
            self.shared.join(&group, &topics).await?;
        }
        Ok(())
    }

    async fn leave(&self, group: &str) -> Result<(), BusError> {
        let owed = self.shared.groups.owed(group);
        if !owed.is_empty() {
            self.shared.acknowledge(group, &owed).await?;
        }
        let session = self.shared.session()?;
        let mut leave = self.shared.about(&scripts::LEAVE, group);
        Ok(session.run(leave.arg(&self.shared.keys.channel).arg(group).arg(&self.shared.owner)).await?)
    }
}
