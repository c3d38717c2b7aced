//! What a group has still to handle, in memory: who holds which event, which key is next, and what has changed since it was last
//! written. It does no I/O, and knows no SQL.
//!
//! On disk a group is a cursor and a set of open events. All events up to the cursor are handled, except the open ones; no
//! event after it is. So a group that keeps up writes one number, and only what is held up costs a row.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::super::{Event, EventId, Taken};

/// The place of an event in the log.
pub(super) type Seq = i64;

/// So many events of a group are in memory at most (replayed dead letters come on top); the rest waits in the file.
pub(super) const WINDOW: usize = 4_096;

enum State {
    /// To be given out when it is the first of its key.
    Idle,
    /// Given out, until then.
    Leased(Instant),
    /// Failed; not before then.
    Waiting(Instant),
}

struct Item {
    event: Arc<Event>,
    attempts: u32,
    state: State,
}

/// The events of one key that are not handled yet.
#[derive(Default)]
struct Lane {
    seqs: BTreeSet<Seq>,
    leased: Option<Seq>,
    /// The one in `ready`.
    offered: Option<Seq>,
}

/// An open event as it is written.
pub(super) struct Open {
    pub(super) seq: Seq,
    pub(super) attempts: u32,
    /// How long it has to wait yet.
    pub(super) wait: Duration,
}

/// An event that was given up.
#[derive(Clone)]
pub(super) struct Dead {
    pub(super) seq: Seq,
    pub(super) event: Arc<Event>,
    pub(super) attempts: u32,
    pub(super) error: String,
    pub(super) at: DateTime<Utc>,
}

/// What has changed since the last write.
#[derive(Default)]
struct Changes {
    /// Handled or dead.
    done: BTreeSet<Seq>,
    /// Tried once more.
    failed: BTreeSet<Seq>,
    dead: Vec<Dead>,
}

/// What is to be written of a group, and how to undo the thought when it could not be.
pub(super) struct Plan {
    pub(super) cursor: Seq,
    /// Whether that is another than is written.
    pub(super) moved: bool,
    pub(super) open: Vec<Open>,
    pub(super) closed: Vec<Seq>,
    changes: Changes,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        !self.moved && self.open.is_empty() && self.closed.is_empty() && self.changes.dead.is_empty()
    }

    pub(super) fn dead(&self) -> &[Dead] {
        &self.changes.dead
    }
}

/// A group that this process has joined.
pub(super) struct Group {
    pub(super) topics: BTreeSet<String>,
    /// As it is written.
    cursor: Seq,
    /// Every event of the group up to here is handled or in `items`.
    pub(super) loaded: Seq,
    /// Somebody is loading more.
    pub(super) loading: bool,
    items: BTreeMap<Seq, Item>,
    lanes: HashMap<String, Lane>,
    ready: BTreeSet<Seq>,
    timers: BTreeSet<(Instant, Seq)>,
    by_id: HashMap<EventId, Seq>,
    changes: Changes,
    pub(super) wake: Arc<Notify>,
}

impl Group {
    pub(super) fn new(cursor: Seq, topics: BTreeSet<String>) -> Self {
        Self {
            topics,
            cursor,
            loaded: 0,
            loading: false,
            items: BTreeMap::new(),
            lanes: HashMap::new(),
            ready: BTreeSet::new(),
            timers: BTreeSet::new(),
            by_id: HashMap::new(),
            changes: Changes::default(),
            wake: Arc::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// An event that is not handled. One that is here already, or was handled since the last write, stays as it is.
    pub(super) fn add(&mut self, seq: Seq, event: Arc<Event>, attempts: u32, wait: Duration) {
        if self.items.contains_key(&seq) || self.changes.done.contains(&seq) {
            return;
        }
        let state = if wait.is_zero() { State::Idle } else { State::Waiting(Instant::now() + wait) };
        if let State::Waiting(until) = state {
            self.timers.insert((until, seq));
        }
        self.by_id.insert(event.id, seq);
        self.lanes.entry(event.key.clone()).or_default().seqs.insert(seq);
        let key = event.key.clone();
        self.items.insert(seq, Item { event, attempts, state });
        self.offer(&key);
    }

    /// A dead letter that comes back. Where it is not loaded yet it is found in the file.
    pub(super) fn revive(&mut self, seq: Seq, event: Arc<Event>) {
        self.changes.done.remove(&seq);
        if seq <= self.loaded {
            self.add(seq, event, 0, Duration::ZERO);
        }
    }

    /// The group hears of these too from now on. What they have in the log already is to be loaded: all is looked through again.
    pub(super) fn widen(&mut self, topics: BTreeSet<String>) {
        if !topics.is_subset(&self.topics) {
            self.topics.extend(topics);
            self.loaded = 0;
        }
    }

    /// Up to `limit` events, the earliest first, of each key the first.
    pub(super) fn take(&mut self, limit: usize, lease: Duration, now: Instant) -> Vec<Taken> {
        self.expire(now);
        let until = now + lease;
        let mut taken = Vec::new();
        while taken.len() < limit
            && let Some(seq) = self.ready.pop_first()
        {
            let Some(item) = self.items.get_mut(&seq) else { continue };
            item.state = State::Leased(until);
            self.timers.insert((until, seq));
            if let Some(lane) = self.lanes.get_mut(&item.event.key) {
                (lane.leased, lane.offered) = (Some(seq), None);
            }
            taken.push((item.event.clone(), item.attempts));
        }
        taken
    }

    /// The event is handled. Whose lease it was does not matter.
    pub(super) fn ack(&mut self, id: EventId) {
        self.finish(id);
    }

    /// The event was tried once more: again later, or never.
    pub(super) fn fail(&mut self, id: EventId, error: &str, wait: Option<Duration>, now: Instant) {
        let Some(wait) = wait else {
            if let Some((seq, item)) = self.finish(id) {
                let (event, attempts) = (item.event, item.attempts.saturating_add(1));
                self.changes.dead.push(Dead {
                    seq,
                    event,
                    attempts,
                    error: error.to_owned(),
                    at: Utc::now(),
                });
            }
            return;
        };
        if let Some(&seq) = self.by_id.get(&id) {
            self.tried(seq, State::Waiting(now + wait));
        }
    }

    fn finish(&mut self, id: EventId) -> Option<(Seq, Item)> {
        let seq = self.by_id.remove(&id)?;
        let item = self.items.remove(&seq)?;
        self.clear_timer(seq, &item.state);
        self.changes.failed.remove(&seq);
        self.changes.done.insert(seq);
        self.ready.remove(&seq);
        if let Some(lane) = self.lanes.get_mut(&item.event.key) {
            lane.seqs.remove(&seq);
            lane.leased = lane.leased.filter(|leased| *leased != seq);
            lane.offered = lane.offered.filter(|offered| *offered != seq);
            if lane.seqs.is_empty() {
                self.lanes.remove(&item.event.key);
            } else {
                self.offer(&item.event.key);
            }
        }
        Some((seq, item))
    }

    /// An attempt at the event is over.
    fn tried(&mut self, seq: Seq, next: State) {
        let Some(item) = self.items.get_mut(&seq) else { return };
        let old = mem::replace(&mut item.state, next);
        item.attempts = item.attempts.saturating_add(1);
        let (key, until) =
            (item.event.key.clone(), if let State::Waiting(until) = item.state { Some(until) } else { None });
        self.clear_timer(seq, &old);
        self.timers.extend(until.map(|until| (until, seq)));
        self.changes.failed.insert(seq);
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.leased = lane.leased.filter(|leased| *leased != seq);
        }
        self.offer(&key);
        // Those who wait must learn of the new time.
        self.wake.notify_one();
    }

    fn clear_timer(&mut self, seq: Seq, state: &State) {
        if let State::Leased(until) | State::Waiting(until) = state {
            self.timers.remove(&(*until, seq));
        }
    }

    /// Waits that are over, and leases whose holders are lost.
    fn expire(&mut self, now: Instant) {
        while let Some(&(at, seq)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            match self.items.get_mut(&seq) {
                Some(item) if matches!(item.state, State::Leased(_)) => self.tried(seq, State::Idle),
                Some(item) => {
                    item.state = State::Idle;
                    let key = item.event.key.clone();
                    self.offer(&key);
                }
                None => {}
            }
        }
    }

    /// Puts the first of the key up, if it may go out, and takes down whatever was up before.
    fn offer(&mut self, key: &str) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if let Some(seq) = lane.offered.take() {
            self.ready.remove(&seq);
        }
        if lane.leased.is_some() {
            return;
        }
        let Some(&first) = lane.seqs.first() else { return };
        if self.items.get(&first).is_some_and(|item| matches!(item.state, State::Idle)) {
            lane.offered = Some(first);
            self.ready.insert(first);
            // One member for one event; if none waits, the next to come finds it.
            self.wake.notify_one();
        }
    }

    /// When a wait or a lease ends next.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Whether more of the log should be read.
    pub(super) fn is_hungry(&self, head: Seq) -> bool {
        !self.loading && self.loaded < head && self.items.len() < WINDOW / 2
    }

    pub(super) fn is_changed(&self) -> bool {
        !(self.changes.done.is_empty() && self.changes.failed.is_empty())
    }

    /// What is to be written, so that the file says what the memory says. Follow with [`Group::written`] or [`Group::not_written`].
    pub(super) fn plan(&mut self, now: Instant) -> Plan {
        let mut cursor = self.cursor.max(latest(&self.changes.done)).max(latest(&self.changes.failed));
        if self.items.is_empty() {
            cursor = cursor.max(self.loaded);
        }
        // Never past what was loaded: there may be events there that are in nobody's hands yet.
        let cursor = cursor.min(self.loaded.max(self.cursor));
        let (done, done_later) = split(mem::take(&mut self.changes.done), cursor);
        let (failed, failed_later) = split(mem::take(&mut self.changes.failed), cursor);
        let changes = Changes { done, failed, dead: mem::take(&mut self.changes.dead) };
        (self.changes.done, self.changes.failed) = (done_later, failed_later);
        // The cursor passes these, so that they must be named; those before it that were tried are named already.
        let passed =
            self.items.range(self.cursor + 1..).take_while(|(seq, _)| **seq <= cursor).map(|(seq, _)| seq);
        let tried = changes.failed.range(..=self.cursor);
        let open = passed.chain(tried).filter_map(|seq| Some((*seq, self.items.get(seq)?)));
        let open = open
            .map(|(seq, item)| {
                let wait = match item.state {
                    State::Waiting(until) => until.saturating_duration_since(now),
                    State::Idle | State::Leased(_) => Duration::ZERO,
                };
                Open { seq, attempts: item.attempts, wait }
            })
            .collect();
        let closed = changes.done.range(..=self.cursor).copied().collect();
        Plan { cursor, moved: cursor > self.cursor, open, closed, changes }
    }

    pub(super) const fn written(&mut self, cursor: Seq) {
        self.cursor = cursor;
    }

    pub(super) fn not_written(&mut self, plan: Plan) {
        let Changes { done, failed, mut dead } = plan.changes;
        self.changes.failed.extend(failed);
        self.changes.done.extend(done);
        dead.append(&mut self.changes.dead);
        self.changes.dead = dead;
    }
}

fn split(mut seqs: BTreeSet<Seq>, cursor: Seq) -> (BTreeSet<Seq>, BTreeSet<Seq>) {
    let later = seqs.split_off(&(cursor + 1));
    (seqs, later)
}

fn latest(seqs: &BTreeSet<Seq>) -> Seq {
    seqs.last().copied().unwrap_or(0)
}
