//! The groups that this process has joined: what wakes their members, and what is still owed to the server.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::EventId;

/// So many acknowledgements that could not be sent are kept; beyond it their events come again.
const OWED: usize = 10_000;

struct Group {
    topics: BTreeSet<String>,
    wake: Arc<Notify>,
    /// When a wait or a lease ends next, as of the last look.
    due: Option<Instant>,
    /// Handled, and the server does not know yet.
    owed: Vec<EventId>,
}

/// The groups by name.
#[derive(Default)]
pub(super) struct Groups(Mutex<HashMap<String, Group>>);

impl Groups {
    pub(super) fn join(&self, name: &str, topics: &[&str]) {
        let mut groups = self.0.lock();
        let group = groups.entry(name.to_owned()).or_insert_with(|| Group {
            topics: BTreeSet::new(),
            wake: Arc::default(),
            due: None,
            owed: Vec::new(),
        });
        group.topics.extend(topics.iter().map(ToString::to_string));
    }

    /// Every group with its topics.
    pub(super) fn all(&self) -> Vec<(String, Vec<String>)> {
        let groups = self.0.lock();
        groups.iter().map(|(name, group)| (name.clone(), group.topics.iter().cloned().collect())).collect()
    }

    pub(super) fn owe(&self, name: &str, ids: &[EventId]) {
        if let Some(group) = self.0.lock().get_mut(name)
            && group.owed.len() < OWED
        {
            group.owed.extend(ids);
        }
    }

    pub(super) fn owed(&self, name: &str) -> Vec<EventId> {
        self.0.lock().get_mut(name).map(|group| std::mem::take(&mut group.owed)).unwrap_or_default()
    }

    /// What a look has found: when to look again at the latest, and whether another member should look now, as this one is full.
    pub(super) fn looked(&self, name: &str, next: Option<Duration>, goes_on: bool) {
        if let Some(group) = self.0.lock().get_mut(name) {
            group.due = next.map(|next| Instant::now() + next);
            if goes_on {
                group.wake.notify_one();
            }
        }
    }

    /// A message of the channel: a group, or topics. Without one anything may have happened.
    pub(super) fn heard(&self, message: Option<&str>) {
        for (name, group) in &*self.0.lock() {
            let concerns = match message.and_then(|message| message.split_once(':')) {
                Some(("g", one)) => one == name,
                Some(("t", topics)) => topics.split(',').any(|topic| group.topics.contains(topic)),
                _ => true,
            };
            if concerns {
                // One is enough: who finds more than he can take wakes the next.
                group.wake.notify_one();
            }
        }
    }

    /// The end: nobody waits any more.
    pub(super) fn wake_all(&self) {
        for group in self.0.lock().values() {
            group.wake.notify_waiters();
            group.wake.notify_one();
        }
    }

    pub(super) async fn wait(&self, name: &str, at_most: Duration) {
        let found = self.0.lock().get(name).map(|group| (group.wake.clone(), group.due));
        let Some((wake, due)) = found else { return tokio::time::sleep(at_most).await };
        let until = due.map_or(at_most, |due| due.saturating_duration_since(Instant::now()).min(at_most));
        let _woken = tokio::time::timeout(until, wake.notified()).await;
    }
}
