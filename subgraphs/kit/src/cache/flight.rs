//! One fill per key at a time, and all who wait for it. What is filled in, and whether it is valid, is the engine's.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use dashmap::{DashMap, Entry as Slot};
use tokio::sync::Notify;

use super::{Entry, Inner, MAX_TTL, Stamp};
use crate::fault;

/// How a fill ended.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// With an answer, which need not be valid any more.
    Made(Bytes),
    /// The answer had been there already.
    Moot,
    /// Its maker gave it up.
    Lost,
}

/// A fill in the making.
pub(super) struct Flight {
    pub(super) began: Stamp,
    outcome: OnceLock<Outcome>,
    landed: Notify,
}

impl Flight {
    /// Waits for the end.
    pub(super) async fn landed(&self) -> Outcome {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            // Enlisted before looking, so that an end between the two is not missed.
            landed.as_mut().enable();
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            landed.await;
        }
    }
}

/// A place in a flight.
pub(super) enum Joined {
    /// The caller is the one who makes the answer.
    Own(Arc<Flight>),
    /// Somebody else makes it.
    Other(Arc<Flight>),
}

/// The flights of this process, by key.
#[derive(Default)]
pub(crate) struct Flights {
    by_key: DashMap<Arc<str>, Arc<Flight>>,
}

impl Flights {
    /// Joins the flight of the key, or begins it. One that takes longer than anybody waits for it is replaced: its maker may hang.
    pub(super) fn join(&self, key: &Arc<str>, now: Stamp, too_long: Duration) -> Joined {
        let slot = self.by_key.entry(key.clone());
        if let Slot::Occupied(other) = &slot {
            let age = Duration::from_nanos(now.at.saturating_sub(other.get().began.at));
            if age < too_long {
                return Joined::Other(other.get().clone());
            }
        }
        let own = Arc::new(Flight { began: now, outcome: OnceLock::new(), landed: Notify::new() });
        slot.insert(own.clone());
        Joined::Own(own)
    }

    fn land(&self, key: &Arc<str>, flight: &Arc<Flight>, outcome: Outcome) {
        // Only the first end counts, and only the flight's own place is cleared.
        if flight.outcome.set(outcome).is_ok() {
            self.by_key.remove_if(key, |_, current| Arc::ptr_eq(current, flight));
            flight.landed.notify_waiters();
        }
    }

    /// How many wait for the key's flight: all who hold it but the map and its maker.
    #[cfg(test)]
    pub(super) fn waiting(&self, key: &str) -> usize {
        self.by_key.get(key).map_or(0, |flight| Arc::strong_count(&flight).saturating_sub(2))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

/// The task of making an answer. Dropped without [`Fill::put`], it wakes those who wait, and one of them takes the task over.
#[must_use = "others wait for it"]
pub struct Fill {
    cache: Arc<Inner>,
    key: Arc<str>,
    flight: Arc<Flight>,
}

impl Fill {
    pub(super) const fn new(cache: Arc<Inner>, key: Arc<str>, flight: Arc<Flight>) -> Self {
        Self { cache, key, flight }
    }

    /// Gives the answer to all who wait, and keeps it for `ttl` (at most [`MAX_TTL`]) unless one of its tags was raised after this
    /// fill began, or the fill took longer than half a minute. The tags must name all that the answer depends on.
    pub async fn put(self, value: Bytes, tags: Vec<String>, ttl: Duration) {
        let began = self.began().await;
        match self.cache.engine.put(&self.key, value.clone(), &tags, began, ttl.min(MAX_TTL)).await {
            Ok(true) => self.cache.counts.fills.add(1),
            Ok(false) => tracing::trace!(key = &*self.key, "an answer was out of date when it came"),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "an answer was not cached");
            }
        }
        self.cache.flights.land(&self.key, &self.flight, Outcome::Made(value));
    }

    /// The moment as of which the answer is taken to be.
    async fn began(&self) -> Stamp {
        // What a cache does that does not ask how old a fill is, for whoever tries this promise.
        if fault::is_broken("cache.forgets_epochs")
            && let Ok(now) = self.cache.engine.stamp().await
        {
            return now;
        }
        self.flight.began
    }

    /// The answer had been there already. Those who joined look for it themselves: when it was begun is not known.
    pub(super) fn found(self, value: Bytes) -> Entry {
        self.cache.flights.land(&self.key, &self.flight, Outcome::Moot);
        Entry::Hit(value)
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.cache.flights.land(&self.key, &self.flight, Outcome::Lost);
    }
}
