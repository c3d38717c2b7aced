//! The log in a SQLite file of this process.
//!
//! One thread writes: it commits everything that waits with one fsync. What the groups have still to handle is in memory
//! (`group`), so that taking and acknowledging touch no disk; acknowledgements are written a moment later, without an fsync of
//! their own: a crash brings back the events of that moment, which handlers expect. Leases are in memory alone, so that a
//! crash ends them. The file has one owner (`schema::own`).

mod group;
mod queue;
mod schema;
mod sql;
mod trim;
mod writer;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use group::{Group, Plan, Seq, WINDOW};
use parking_lot::Mutex;
use queue::{Command, Queue, Reply};
use tokio::sync::{Semaphore, oneshot};

use super::{BusError, DeadLetter, Engine, Event, EventId, Taken};

/// So many callers wait for the writer at most; more wait for their turn before they are let in.
const WAITING_CALLS: usize = 1_024;

/// What can be set, so that a test need not wait for a week.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// How long a handled event stays, for groups to come and to know its id again.
    pub(super) retention: Duration,
    /// How many handled events keep their body; of older ones only the id is kept.
    pub(super) bodies: u32,
    /// A group that nobody has joined for so long is forgotten, so that the log need not be kept for it.
    pub(super) absence: Duration,
    /// How often that is looked at.
    pub(super) trim_every: Duration,
    /// How long an acknowledgement may be in memory alone.
    pub(super) ack_delay: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: 7 * DAY,
            bodies: 100_000,
            absence: 30 * DAY,
            trim_every: Duration::from_secs(600),
            ack_delay: Duration::from_millis(50),
        }
    }
}

/// The groups, and the end of the log.
#[derive(Default)]
struct State {
    groups: HashMap<String, Group>,
    head: Seq,
    closed: bool,
}

impl State {
    /// The event is the last of the log now; groups that have read it all up to here need not read it from the file.
    fn append(&mut self, seq: Seq, event: &Arc<Event>) {
        for group in self.groups.values_mut() {
            if group.loaded == self.head && group.len() < WINDOW {
                if group.topics.contains(&event.topic) {
                    group.add(seq, event.clone(), 0, Duration::ZERO);
                }
                group.loaded = seq;
            }
        }
        self.head = seq;
    }

    fn written(&mut self, plans: &[(String, Plan)]) {
        for (name, plan) in plans {
            if let Some(group) = self.groups.get_mut(name) {
                group.written(plan.cursor);
            }
        }
    }
}

struct Shared {
    path: PathBuf,
    options: Options,
    queue: Queue,
    state: Mutex<State>,
    #[cfg(test)]
    commits: std::sync::atomic::AtomicU64,
}

/// The engine.
pub(crate) struct SqliteBus {
    shared: Arc<Shared>,
    calls: Semaphore,
}

impl SqliteBus {
    pub(crate) async fn open(path: &Path) -> Result<Self, BusError> {
        Self::open_with(path, Options::default()).await
    }

    pub(super) async fn open_with(path: &Path, options: Options) -> Result<Self, BusError> {
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            options,
            queue: Queue::default(),
            state: Mutex::default(),
            #[cfg(test)]
            commits: std::sync::atomic::AtomicU64::default(),
        });
        let (opened, answer) = oneshot::channel();
        let writer = shared.clone();
        thread::Builder::new()
            .name("bus-writer".to_owned())
            .spawn(move || writer::run(writer, opened))
            .map_err(schema::engine)?;
        answer.await.map_err(|_| BusError::Closed)??;
        Ok(Self { shared, calls: Semaphore::new(WAITING_CALLS) })
    }

    /// Has the writer do something, and waits for it.
    async fn call<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, BusError> {
        let _turn = self.calls.acquire().await.map_err(|_| BusError::Closed)?;
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(command(reply))?;
        answer.await.map_err(|_| BusError::Closed)?
    }

    /// Does something with the group, then has written and loaded what that calls for.
    fn with_group<R>(&self, name: &str, act: impl FnOnce(&mut Group) -> R) -> Result<Option<R>, BusError> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(BusError::Closed);
        }
        let head = state.head;
        let Some(group) = state.groups.get_mut(name) else { return Ok(None) };
        let result = act(group);
        let (changed, hungry) = (group.is_changed(), group.is_hungry(head));
        group.loading |= hungry;
        drop(state);
        if changed {
            self.shared.queue.mark_changed(self.shared.options.ack_delay);
        }
        if hungry {
            self.shared.queue.push(Command::Load { group: name.to_owned() })?;
        }
        Ok(Some(result))
    }

    /// Ends the writer without letting it write what is in memory, as a crash would.
    #[cfg(test)]
    pub(super) async fn crash(&self) {
        self.end(false).await;
    }

    /// How many transactions were committed that waited for the disk.
    #[cfg(test)]
    pub(super) fn commits(&self) -> u64 {
        self.shared.commits.load(std::sync::atomic::Ordering::SeqCst)
    }

    async fn end(&self, orderly: bool) {
        self.shared.state.lock().closed = true;
        let (ended, answer) = oneshot::channel();
        self.shared.queue.end(orderly, Some(ended));
        // An error means that it has ended before.
        let _ = answer.await;
        for group in self.shared.state.lock().groups.values() {
            group.wake.notify_waiters();
            group.wake.notify_one();
        }
    }
}

impl Drop for SqliteBus {
    fn drop(&mut self) {
        self.shared.queue.end(true, None);
    }
}

#[async_trait]
impl Engine for SqliteBus {
    async fn publish(&self, events: &[Event]) -> Result<(), BusError> {
        if events.is_empty() {
            return Ok(());
        }
        let events = events.iter().cloned().map(Arc::new).collect();
        self.call(|reply| Command::Publish { events, reply }).await
    }

    async fn join(&self, group: &str, topics: &[&str]) -> Result<(), BusError> {
        let topics = topics.iter().map(ToString::to_string).collect();
        self.call(|reply| Command::Join { group: group.to_owned(), topics, reply }).await
    }

    async fn take(&self, group: &str, limit: usize, lease: Duration) -> Result<Vec<Taken>, BusError> {
        Ok(self.with_group(group, |group| group.take(limit, lease, Instant::now()))?.unwrap_or_default())
    }

    async fn ack(&self, group: &str, ids: &[EventId]) -> Result<(), BusError> {
        self.with_group(group, |group| ids.iter().for_each(|id| group.ack(*id)))?;
        Ok(())
    }

    async fn fail(
        &self,
        group: &str,
        id: EventId,
        error: &str,
        wait: Option<Duration>,
    ) -> Result<(), BusError> {
        self.with_group(group, |group| group.fail(id, error, wait, Instant::now()))?;
        Ok(())
    }

    async fn dead_letters(
        &self,
        group: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BusError> {
        let after = after.parse().unwrap_or_default();
        self.call(|reply| Command::DeadLetters { group: group.to_owned(), after, limit, reply }).await
    }

    async fn count_dead_letters(&self, group: &str) -> Result<u64, BusError> {
        self.call(|reply| Command::CountDead { group: group.to_owned(), reply }).await
    }

    async fn groups(&self) -> Result<Vec<String>, BusError> {
        self.call(|reply| Command::Groups { reply }).await
    }

    async fn replay(&self, group: &str, id: EventId) -> Result<bool, BusError> {
        self.call(|reply| Command::Replay { group: group.to_owned(), id, reply }).await
    }

    async fn lag(&self, group: &str) -> Result<u64, BusError> {
        {
            let state = self.shared.state.lock();
            if let Some(known) = state.groups.get(group).filter(|group| group.loaded == state.head) {
                return Ok(known.len() as u64);
            }
        }
        self.call(|reply| Command::Lag { group: group.to_owned(), reply }).await
    }

    async fn wait(&self, group: &str, at_most: Duration) {
        let found =
            self.shared.state.lock().groups.get(group).map(|group| (group.wake.clone(), group.next_timer()));
        let Some((wake, timer)) = found else { return tokio::time::sleep(at_most).await };
        let until = timer.map_or(at_most, |at| at.saturating_duration_since(Instant::now()).min(at_most));
        // Whoever is waked keeps the wake-up even when he came a moment too late: `notify_one` leaves a permit.
        let _ = tokio::time::timeout(until, wake.notified()).await;
    }

    async fn identity(&self) -> Result<Option<String>, BusError> {
        // The file is kept, backed up and brought back together with the services' own.
        Ok(None)
    }

    async fn close(&self) {
        self.end(true).await;
    }
}
