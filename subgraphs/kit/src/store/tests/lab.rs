//! Databases, documents and sinks to try the store with.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use chrono::DateTime;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::super::{
    Collection, Disk, Document, Index, Keys, Store, engine::Engine, memory::Memory, mongo::Mongo,
    sqlite::Sqlite,
};
use crate::{
    bus::{Event, Sink},
    testing::{Life, servers},
};

/// An empty database, which can be opened any number of times: by several processes, or again after a crash.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// What [`open`] takes, in this process or another.
    async fn address(&self) -> String;

    async fn engine(&self) -> Arc<dyn Engine> {
        open(&self.address().await).await
    }

    async fn store(&self, sinks: Vec<Arc<dyn Sink>>) -> Store {
        Store::on(self.engine().await, sinks)
    }

    async fn books(&self) -> Collection<Book> {
        self.store(Vec::new()).await.collection().await.unwrap()
    }
}

/// The engine of a database.
pub(crate) async fn open(address: &str) -> Arc<dyn Engine> {
    if let Some(path) = address.strip_prefix("sqlite ") {
        return Arc::new(Sqlite::open(path.as_ref()).await.unwrap());
    }
    let (url, name) = address.rsplit_once(' ').unwrap();
    if url == "memory" {
        let disk = DISKS.lock()[name.parse::<usize>().unwrap()].clone();
        return Arc::new(Memory::on(&disk, &Life::new()));
    }
    Arc::new(Mongo::open(url, name).await.unwrap())
}

pub(crate) struct SqliteFile {
    folder: tempfile::TempDir,
}

impl SqliteFile {
    pub(crate) fn fresh() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("library.db")
    }
}

#[async_trait]
impl Database for SqliteFile {
    async fn address(&self) -> String {
        format!("sqlite {}", self.path().display())
    }
}

/// A disk in memory, by its number among those of this process.
pub(crate) struct MemoryDisk(usize);

static DISKS: Mutex<Vec<Disk>> = parking_lot::const_mutex(Vec::new());

impl MemoryDisk {
    pub(crate) fn fresh() -> Self {
        let mut disks = DISKS.lock();
        disks.push(Disk::default());
        Self(disks.len() - 1)
    }
}

#[async_trait]
impl Database for MemoryDisk {
    async fn address(&self) -> String {
        format!("memory {}", self.0)
    }
}

/// A database of a new name on the test process's MongoDB, with which it goes.
pub(crate) struct MongoDatabase {
    pub(crate) name: String,
}

impl MongoDatabase {
    pub(crate) fn fresh() -> Self {
        Self { name: format!("larder-test-{}", uuid::Uuid::now_v7().simple()) }
    }
}

#[async_trait]
impl Database for MongoDatabase {
    async fn address(&self) -> String {
        format!("{} {}", servers::mongo().await, self.name)
    }
}

crate::typed_id! {
    /// The id of a book.
    pub(crate) struct BookId;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Book {
    pub(crate) id: BookId,
    pub(crate) title: String,
    pub(crate) shelf: String,
    pub(crate) pages: i64,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) isbn: Option<String>,
    #[serde(default)]
    pub(crate) lent: i64,
}

impl Book {
    pub(crate) fn new(title: &str, shelf: &str, pages: i64) -> Self {
        Self {
            id: BookId::new(),
            title: title.to_owned(),
            shelf: shelf.to_owned(),
            pages,
            tags: Vec::new(),
            isbn: None,
            lent: 0,
        }
    }

    pub(crate) fn tagged(mut self, tags: &[&str]) -> Self {
        self.tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        self
    }

    pub(crate) fn with_isbn(mut self, isbn: &str) -> Self {
        self.isbn = Some(isbn.to_owned());
        self
    }
}

pub(crate) const BY_TITLE: Index = Index::on("title", &["title"]);
pub(crate) const BY_SHELF: Index = Index::on("shelf", &["shelf", "pages"]);
pub(crate) const BY_TAG: Index = Index::on("tag", &["tag"]);
pub(crate) const BY_TAG_AND_PAGES: Index = Index::on("tag_pages", &["tag", "pages"]);
pub(crate) const BY_SHELF_AND_TAG: Index = Index::on("shelf_tag", &["shelf", "tag"]);
pub(crate) const BY_ISBN: Index = Index::unique("isbn", &["isbn"]);
pub(crate) const BY_SPINE: Index = Index::unique("spine", &["shelf", "spine"]);

impl Document for Book {
    type Id = BookId;
    const COLLECTION: &'static str = "books";
    const INDEXES: &'static [Index] =
        &[BY_TITLE, BY_SHELF, BY_TAG, BY_TAG_AND_PAGES, BY_SHELF_AND_TAG, BY_ISBN, BY_SPINE];

    fn id(&self) -> BookId {
        self.id
    }

    fn keys(&self) -> Keys {
        let keys = Keys::new()
            .with("title", self.title.as_str())
            .with("shelf", self.shelf.as_str())
            .with("pages", self.pages)
            .with("lent", self.lent)
            .with_all("tag", self.tags.iter().map(String::as_str));
        match &self.isbn {
            Some(isbn) => {
                keys.with("isbn", isbn.as_str()).with("spine", isbn.chars().take(3).collect::<String>())
            }
            None => keys,
        }
    }
}

/// An event about a book.
pub(crate) fn event(topic: &str, book: BookId) -> Event {
    Event::new(topic, book, DateTime::UNIX_EPOCH, &())
}

/// What went wrong in a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// A sink that remembers what it was given, and fails when it is told to.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<Event>>,
    calls: AtomicUsize,
    pub(crate) failing: AtomicBool,
    /// A topic that it never takes.
    pub(crate) poison: Mutex<Option<String>>,
    seen: watch::Sender<(usize, usize)>,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn failing() -> Arc<Self> {
        let recorder = Self::new();
        recorder.failing.store(true, Ordering::SeqCst);
        recorder
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().clone()
    }

    pub(crate) fn topics(&self) -> Vec<String> {
        self.events.lock().iter().map(|event| event.topic.clone()).collect()
    }

    /// The topics per key, in the order of delivery.
    pub(crate) fn by_key(&self) -> HashMap<String, Vec<String>> {
        let mut by_key: HashMap<String, Vec<String>> = HashMap::new();
        for event in self.events() {
            by_key.entry(event.key).or_default().push(event.topic);
        }
        by_key
    }

    /// Waits until it was called, well or badly, that often.
    pub(crate) async fn called(&self, times: usize) {
        self.seen.subscribe().wait_for(|(calls, _)| *calls >= times).await.unwrap();
    }

    /// Waits until it has taken that many events.
    pub(crate) async fn taken(&self, count: usize) {
        self.seen.subscribe().wait_for(|(_, events)| *events >= count).await.unwrap();
    }
}

#[async_trait]
impl Sink for Recorder {
    async fn deliver(&self, events: &[Event]) -> crate::Result<()> {
        let calls = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let poisoned =
            self.poison.lock().as_ref().is_some_and(|topic| events.iter().any(|e| e.topic == *topic));
        let refused = poisoned || self.failing.load(Ordering::SeqCst);
        if !refused {
            self.events.lock().extend_from_slice(events);
        }
        let total = self.events.lock().len();
        self.seen.send_replace((calls, total));
        if refused { Err(crate::Error::bug("the sink fails")) } else { Ok(()) }
    }
}
