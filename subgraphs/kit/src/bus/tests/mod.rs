//! The promises of the bus. [`suite`] and [`random`] hold for every engine; the rest is about the file of the SQLite one, and about
//! what may happen to a server.

mod killed;
mod random;
mod server;
mod sqlite;
mod suite;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{redis::RedisBus, sqlite::SqliteBus, *};
use crate::testing::{Life, servers};

/// Where a log is kept: it can be opened again after its process has ended, in order or not.
#[async_trait]
trait Site: Send + Sync {
    async fn open(&self) -> Bus;
    /// Ends the bus as a crash of its process would. Its subscriptions are to be dropped before.
    async fn crash(&self, bus: Bus);
}

struct SqliteSite {
    folder: tempfile::TempDir,
    opened: Mutex<Option<Arc<SqliteBus>>>,
}

impl SqliteSite {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), opened: Mutex::default() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("bus.db")
    }
}

#[async_trait]
impl Site for SqliteSite {
    async fn open(&self) -> Bus {
        let engine = Arc::new(SqliteBus::open(&self.path()).await.unwrap());
        *self.opened.lock() = Some(engine.clone());
        Bus { engine }
    }

    async fn crash(&self, _: Bus) {
        let opened = self.opened.lock().take();
        opened.unwrap().crash().await;
    }
}

/// A log of its own on the server that all tests share.
struct RedisSite {
    options: redis::Options,
    opened: Mutex<Option<Arc<RedisBus>>>,
}

impl RedisSite {
    fn new() -> Self {
        let namespace = format!("test-{}", uuid::Uuid::new_v4());
        let options =
            redis::Options { namespace, deadline: Duration::from_secs(20), ..redis::Options::default() };
        Self { options, opened: Mutex::default() }
    }
}

#[async_trait]
impl Site for RedisSite {
    async fn open(&self) -> Bus {
        let url = servers::redis().await.url();
        let engine = Arc::new(RedisBus::open(&url, self.options.clone()).await.unwrap());
        *self.opened.lock() = Some(engine.clone());
        Bus { engine }
    }

    async fn crash(&self, _: Bus) {
        let opened = self.opened.lock().take();
        opened.unwrap().crash().await;
    }
}

/// A log in memory.
#[derive(Default)]
struct MemorySite {
    log: Log,
    life: Mutex<Life>,
}

#[async_trait]
impl Site for MemorySite {
    async fn open(&self) -> Bus {
        let life = Life::new();
        *self.life.lock() = life.clone();
        Bus::memory(&self.log, &life)
    }

    async fn crash(&self, _: Bus) {
        self.life.lock().end();
    }
}

/// A handler made of a function.
struct Does<F>(F);

#[async_trait]
impl<F, R> Handler for Does<F>
where
    F: Fn(Event) -> R + Send + Sync + 'static,
    R: Future<Output = crate::Result<()>> + Send,
{
    async fn handle(&self, event: &Event) -> crate::Result<()> {
        (self.0)(event.clone()).await
    }
}

/// A handler that tells what it has seen, and what has been seen.
fn tells() -> (impl Handler, mpsc::UnboundedReceiver<Event>) {
    let (tell, told) = mpsc::unbounded_channel();
    let handler = Does(move |event| {
        tell.send(event).unwrap();
        std::future::ready(Ok(()))
    });
    (handler, told)
}

/// No test waits for ever, and none waits longer than it must.
async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it did not happen in time")
}

async fn told(events: &mut mpsc::UnboundedReceiver<Event>, count: usize) -> Vec<Event> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(soon(events.recv()).await.unwrap());
    }
    all
}

/// Until the group has handled (or given up) everything.
async fn settled(bus: &Bus, group: &str) {
    soon(async {
        while bus.lag(group).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

fn event(key: &str, number: usize) -> Event {
    Event::new("thing.happened", key, Utc::now(), &number)
}

fn ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

const QUICK: Delivery = Delivery {
    max_attempts: 3,
    base_wait: Duration::from_millis(2),
    max_wait: Duration::from_millis(10),
    concurrency: 8,
};
const TOPICS: &[&str] = &["thing.happened"];
const LEASE: Duration = Duration::from_secs(60);
