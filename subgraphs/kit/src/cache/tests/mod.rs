//! The promises of the cache. [`suite`] holds for every engine; the rest is about one: of that in memory its time and its bounds, of
//! that on Redis what the server may do to it; and the orders of events that only a machine finds.

mod interleavings;
mod memory;
mod server;
mod suite;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Instant,
};

use super::{
    memory::{Memory, Ticker},
    *,
};

const TTL: Duration = Duration::from_secs(10);

fn tags(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

async fn fill(cache: &Cache, key: &str) -> Fill {
    match cache.enter(key).await {
        Entry::Fill(fill) => fill,
        Entry::Hit(value) => panic!("a hit where a miss was due: {value:?}"),
        Entry::Bypass => panic!("sent past the cache"),
    }
}

async fn put(cache: &Cache, key: &str, value: &'static str, names: &[&str]) {
    fill(cache, key).await.put(Bytes::from_static(value.as_bytes()), tags(names), TTL).await;
}

async fn hit(cache: &Cache, key: &str) -> Option<Bytes> {
    match cache.enter(key).await {
        Entry::Hit(value) => Some(value),
        Entry::Fill(_) | Entry::Bypass => None,
    }
}

/// No test waits for ever, and none waits longer than it must.
async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it did not happen in time")
}
