//! The log in this process's memory: a true engine that keeps nothing, for simulations. What it stands on, a [`Log`], outlives the buses that are opened on
//! it, as a file outlives a process.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use super::{BusError, DeadLetter, Engine, Event, EventId, Taken};
use crate::testing::Life;

/// What buses in memory keep their events on.
#[derive(Clone, Default)]
pub struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    /// Moved with every change, so that whoever waits looks again.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    events: Vec<Arc<Event>>,
    known: HashSet<EventId>,
    groups: BTreeMap<String, Group>,
}

#[derive(Default)]
struct Group {
    topics: BTreeSet<String>,
    /// What is still to be handled, by its place in the log.
    open: BTreeMap<usize, Open>,
    /// By the number of its death: its place in the log and the letter.
    dead: BTreeMap<u64, (usize, DeadLetter)>,
    deaths: u64,
}

#[derive(Default)]
struct Open {
    attempts: u32,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Leased(Instant, Life),
    Waiting(Instant),
}

impl Open {
    /// From when on it may be given out; none where that is now.
    fn due(&self, now: Instant) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Leased(_, holder) if holder.is_over() => None,
            State::Leased(until, _) | State::Waiting(until) => (*until > now).then_some(*until),
        }
    }
}

impl Kept {
    fn join(&mut self, name: &str, topics: &[&str]) {
        let group = self.groups.entry(name.to_owned()).or_default();
        for topic in topics {
            if group.topics.insert((*topic).to_owned()) {
                let past = self.events.iter().enumerate().filter(|(_, event)| event.topic == *topic);
                group.open.extend(past.map(|(place, _)| (place, Open::default())));
            }
        }
    }

    fn publish(&mut self, events: &[Event]) {
        for event in events {
            if !self.known.insert(event.id) {
                continue;
            }
            let place = self.events.len();
            self.events.push(Arc::new(event.clone()));
            for group in self.groups.values_mut().filter(|group| group.topics.contains(&event.topic)) {
                group.open.insert(place, Open::default());
            }
        }
    }

    fn take(&mut self, name: &str, limit: usize, until: Instant, life: &Life) -> Vec<Taken> {
        let (now, mut taken) = (Instant::now(), Vec::new());
        let Some(group) = self.groups.get_mut(name) else { return taken };
        // Of a key only the first is given out, and none while another of it is being handled.
        let leased = group
            .open
            .iter()
            .filter(|(_, open)| matches!(open.state, State::Leased(..)) && open.due(now).is_some());
        let mut held: HashSet<String> = leased.map(|(place, _)| self.events[*place].key.clone()).collect();
        for (place, open) in &mut group.open {
            let event = &self.events[*place];
            if taken.len() == limit {
                break;
            }
            if !held.insert(event.key.clone()) || open.due(now).is_some() {
                continue;
            }
            // A lease that was not given back was an attempt.
            open.attempts += u32::from(matches!(open.state, State::Leased(..)));
            open.state = State::Leased(until, life.clone());
            taken.push((event.clone(), open.attempts));
        }
        taken
    }

    fn place(&self, group: &str, id: EventId) -> Option<usize> {
        let open = self.groups.get(group)?.open.keys();
        open.copied().find(|place| self.events[*place].id == id)
    }

    fn fail(&mut self, name: &str, id: EventId, error: &str, wait: Option<Duration>) {
        let Some(place) = self.place(name, id) else { return };
        let event = Event::clone(&self.events[place]);
        let Some(group) = self.groups.get_mut(name) else { return };
        let Some(open) = group.open.get_mut(&place) else { return };
        open.attempts += 1;
        if let Some(wait) = wait {
            open.state = State::Waiting(Instant::now() + wait);
            return;
        }
        group.deaths += 1;
        let letter = DeadLetter {
            event,
            group: name.to_owned(),
            attempts: open.attempts,
            error: error.to_owned(),
            at: chrono::Utc::now(),
            place: format!("{:020}", group.deaths),
        };
        group.open.remove(&place);
        group.dead.insert(group.deaths, (place, letter));
    }

    fn replay(&mut self, name: &str, id: EventId) -> bool {
        let Some(group) = self.groups.get_mut(name) else { return false };
        let found = group.dead.iter().find(|(_, (_, letter))| letter.event.id == id);
        let Some((number, place)) = found.map(|(number, (place, _))| (*number, *place)) else { return false };
        group.dead.remove(&number);
        group.open.insert(place, Open::default());
        true
    }
}

/// The engine: one process's way to a log.
pub(super) struct MemoryBus {
    log: Log,
    life: Life,
    closed: AtomicBool,
    /// Of each group the state of the log when it was last asked for events.
    looked: Mutex<HashMap<String, u64>>,
}

impl MemoryBus {
    pub(super) fn on(log: &Log, life: &Life) -> Self {
        let (log, life) = (log.clone(), life.clone());
        Self { log, life, closed: AtomicBool::new(false), looked: Mutex::default() }
    }

    async fn begin(&self) -> Result<(), BusError> {
        self.life.step().await;
        if self.closed.load(Relaxed) { Err(BusError::Closed) } else { Ok(()) }
    }

    /// Does it, and wakes whoever waits.
    async fn change<T: Send>(&self, change: impl FnOnce(&mut Kept) -> T + Send) -> Result<T, BusError> {
        self.begin().await?;
        let changed = change(&mut self.log.0.kept.lock());
        self.log.0.changed.send_modify(|number| *number += 1);
        self.life.step().await;
        Ok(changed)
    }

    async fn look<T: Send>(&self, look: impl FnOnce(&Kept) -> T + Send) -> Result<T, BusError> {
        self.begin().await?;
        Ok(look(&self.log.0.kept.lock()))
    }
}

#[async_trait]
impl Engine for MemoryBus {
    async fn publish(&self, events: &[Event]) -> Result<(), BusError> {
        self.change(|kept| kept.publish(events)).await
    }

    async fn join(&self, group: &str, topics: &[&str]) -> Result<(), BusError> {
        self.change(|kept| kept.join(group, topics)).await
    }

    async fn take(&self, group: &str, limit: usize, lease: Duration) -> Result<Vec<Taken>, BusError> {
        self.begin().await?;
        self.looked.lock().insert(group.to_owned(), *self.log.0.changed.borrow());
        Ok(self.log.0.kept.lock().take(group, limit, Instant::now() + lease, &self.life))
    }

    async fn ack(&self, group: &str, ids: &[EventId]) -> Result<(), BusError> {
        let done = |kept: &mut Kept| {
            for id in ids {
                let place = kept.place(group, *id);
                if let (Some(place), Some(group)) = (place, kept.groups.get_mut(group)) {
                    group.open.remove(&place);
                }
            }
        };
        self.change(done).await
    }

    async fn fail(
        &self,
        group: &str,
        id: EventId,
        error: &str,
        wait: Option<Duration>,
    ) -> Result<(), BusError> {
        self.change(|kept| kept.fail(group, id, error, wait)).await
    }

    async fn dead_letters(
        &self,
        group: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BusError> {
        let read = |kept: &Kept| {
            let dead = kept.groups.get(group).into_iter().flat_map(|group| group.dead.values());
            let dead = dead.map(|(_, letter)| letter).filter(|letter| letter.place.as_str() > after);
            dead.take(limit).cloned().collect()
        };
        self.look(read).await
    }

    async fn count_dead_letters(&self, group: &str) -> Result<u64, BusError> {
        self.look(|kept| kept.groups.get(group).map_or(0, |group| group.dead.len() as u64)).await
    }

    async fn groups(&self) -> Result<Vec<String>, BusError> {
        self.look(|kept| kept.groups.keys().cloned().collect()).await
    }

    async fn replay(&self, group: &str, id: EventId) -> Result<bool, BusError> {
        self.change(|kept| kept.replay(group, id)).await
    }

    async fn lag(&self, group: &str) -> Result<u64, BusError> {
        self.look(|kept| kept.groups.get(group).map_or(0, |group| group.open.len() as u64)).await
    }

    async fn wait(&self, group: &str, at_most: Duration) {
        let looked = self.looked.lock().get(group).copied().unwrap_or_default();
        let mut changed = self.log.0.changed.subscribe();
        let now = Instant::now();
        let next = {
            let kept = self.log.0.kept.lock();
            let open = kept.groups.get(group).into_iter().flat_map(|group| group.open.values());
            open.filter_map(|open| open.due(now)).min()
        };
        let until = next.map_or(now + at_most, |next| next.min(now + at_most));
        // A change between the look and this is seen too, as the number is another one then.
        let _ = tokio::time::timeout_at(until, changed.wait_for(|number| *number != looked)).await;
    }

    async fn identity(&self) -> Result<Option<String>, BusError> {
        Ok(None)
    }

    async fn close(&self) {
        self.closed.store(true, Relaxed);
        self.log.0.changed.send_modify(|number| *number += 1);
    }
}
