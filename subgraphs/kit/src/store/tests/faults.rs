//! Answers that are lost, writes that are lost, and writers that are quicker.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, watch};

use super::{
    super::{
        Collection, Find, Index, Outbox, Stats, Store, StoreError, UpdateError,
        engine::{CollectionSpec, Engine, Envelope, Placed, Write, WriteFailure},
    },
    lab::{BY_ISBN, Book, Database, Recorder, Refused, event},
};

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// It is made, and its answer is lost.
    LostAnswer,
    /// It is not made, and nobody knows.
    LostWrite,
    /// It is not made because another was quicker, who says so.
    Stale,
    /// It is refused, for a reason that will pass.
    Busy,
}

/// An engine with faults, and counters of what it was asked.
pub(super) struct Faulty {
    engine: Arc<dyn Engine>,
    faults: Mutex<VecDeque<Fault>>,
    always: Mutex<Option<Fault>>,
    gate: Arc<RwLock<()>>,
    /// What another does right after the next write.
    after: Mutex<Option<BoxFuture<'static, ()>>>,
    reads: AtomicU64,
    deaf: AtomicBool,
    writes: watch::Sender<u64>,
}

impl Faulty {
    pub(super) fn on(engine: Arc<dyn Engine>) -> Arc<Self> {
        Arc::new(Self {
            engine,
            faults: Mutex::default(),
            always: Mutex::default(),
            gate: Arc::default(),
            after: Mutex::default(),
            reads: AtomicU64::new(0),
            deaf: AtomicBool::new(false),
            writes: watch::Sender::new(0),
        })
    }

    /// What happens to the next writes.
    pub(super) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().extend(faults);
    }

    pub(super) fn always(&self, fault: Fault) {
        *self.always.lock() = Some(fault);
    }

    /// Whether reads fail.
    pub(super) fn deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }

    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    pub(super) fn writes(&self) -> u64 {
        *self.writes.borrow()
    }

    /// Waits until that many writes have arrived.
    pub(super) async fn wait_for_writes(&self, count: u64) {
        self.writes.subscribe().wait_for(|writes| *writes >= count).await.unwrap();
    }

    /// Right after the next write, before it is answered, another does this.
    pub(super) fn after_next_write(&self, other: impl Future<Output = ()> + Send + 'static) {
        *self.after.lock() = Some(Box::pin(other));
    }

    /// Writes arrive but are not made until the guard is dropped.
    pub(super) async fn hold_writes(&self) -> OwnedRwLockWriteGuard<()> {
        self.gate.clone().write_owned().await
    }
}

#[async_trait]
impl Engine for Faulty {
    async fn open(&self, spec: CollectionSpec) -> Result<(), StoreError> {
        self.engine.open(spec).await
    }
    async fn get(&self, spec: CollectionSpec, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.deaf.load(Ordering::SeqCst) {
            return Err(StoreError::Engine("the line was cut".into()));
        }
        self.engine.get(spec, ids).await
    }
    async fn find(&self, spec: CollectionSpec, find: Find) -> Result<Vec<Placed>, StoreError> {
        self.engine.find(spec, find).await
    }
    async fn count(&self, spec: CollectionSpec, find: Find) -> Result<u64, StoreError> {
        self.engine.count(spec, find).await
    }
    async fn write(&self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure> {
        self.writes.send_modify(|writes| *writes += 1);
        let _open = self.gate.read().await;
        let next = self.faults.lock().pop_front();
        let fault = next.or(*self.always.lock()).unwrap_or(Fault::None);
        let lost = || WriteFailure::Unknown(StoreError::Engine("the line was cut".into()));
        match fault {
            Fault::None => {
                let outcome = self.engine.write(spec, write).await;
                let other = self.after.lock().take();
                if let Some(other) = other {
                    other.await;
                }
                outcome
            }
            Fault::LostAnswer => {
                // Whatever it was.
                let _ = self.engine.write(spec, write).await;
                Err(lost())
            }
            Fault::LostWrite => Err(lost()),
            Fault::Stale => Err(WriteFailure::Stale),
            Fault::Busy => Err(WriteFailure::Store(StoreError::Busy)),
        }
    }
    async fn undelivered(
        &self,
        spec: CollectionSpec,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        self.engine.undelivered(spec, after, limit).await
    }
    async fn ping(&self) -> Result<(), StoreError> {
        self.engine.ping().await
    }
    fn stats(&self) -> Stats {
        self.engine.stats()
    }
    async fn close(&self) {
        self.engine.close().await;
    }
}

async fn library(database: &dyn Database) -> (Arc<Faulty>, Collection<Book>, Arc<Recorder>, Store) {
    let faulty = Faulty::on(database.engine().await);
    let recorder = Recorder::new();
    let store = Store::on(faulty.clone(), vec![recorder.clone()]);
    let books = store.collection().await.unwrap();
    (faulty, books, recorder, store)
}

fn lend(book: &mut Book, outbox: &mut Outbox<'_>) -> Result<i64, Refused> {
    book.lent += 1;
    outbox.push(event("lent", book.id));
    Ok(book.lent)
}

pub(super) async fn an_insert_whose_answer_was_lost_is_not_done_twice(
    database: impl Fn() -> Box<dyn Database>,
) {
    let (faulty, books, recorder, store) = library(&*database()).await;
    faulty.next([Fault::LostAnswer]);
    let book = Book::new("Emma", "novels", 1).with_isbn("1");
    books.insert(&book, vec![event("bought", book.id)]).await.unwrap();
    assert_eq!(books.count(Find::by(&BY_ISBN)).await.unwrap(), 1);
    store.settled().await;
    assert_eq!(recorder.topics(), ["bought"]);
    // Somebody else's document is refused as ever, even where an answer is lost on the way.
    faulty.next([Fault::LostAnswer]);
    let exists = books.insert(&book, Vec::new()).await.unwrap_err();
    assert!(matches!(exists, StoreError::Exists { .. }), "{exists}");
    faulty.next([Fault::LostWrite]);
    let duplicate = books.insert(&Book::new("x", "y", 1).with_isbn("1"), Vec::new()).await.unwrap_err();
    assert!(matches!(duplicate, StoreError::Duplicate { .. }), "{duplicate}");
}

pub(super) async fn an_update_whose_answer_was_lost_is_not_done_twice(
    database: impl Fn() -> Box<dyn Database>,
) {
    let (faulty, books, recorder, store) = library(&*database()).await;
    let book = Book::new("Emma", "novels", 1);
    books.insert(&book, Vec::new()).await.unwrap();
    faulty.next([Fault::LostAnswer]);
    assert_eq!(books.update(&book.id, lend).await.unwrap(), 1);
    faulty.next([Fault::LostAnswer, Fault::None]);
    let changes = futures::future::try_join_all((0..10).map(|_| books.update(&book.id, lend))).await;
    assert_eq!(changes.unwrap().len(), 10);
    assert_eq!(books.get(&book.id).await.unwrap().unwrap().lent, 11);
    store.settled().await;
    assert_eq!(recorder.events().len(), 11);
}

pub(super) async fn a_lost_write_is_made_again(database: impl Fn() -> Box<dyn Database>) {
    let (faulty, books, ..) = library(&*database()).await;
    faulty.next([Fault::LostWrite, Fault::LostWrite]);
    let book = Book::new("Emma", "novels", 1);
    books.insert(&book, Vec::new()).await.unwrap();
    faulty.next([Fault::LostWrite, Fault::LostWrite, Fault::LostAnswer]);
    assert_eq!(books.update(&book.id, lend).await.unwrap(), 1);
    assert_eq!(books.get(&book.id).await.unwrap().unwrap().lent, 1);
}

pub(super) async fn a_removal_whose_answer_was_lost_is_a_removal(database: impl Fn() -> Box<dyn Database>) {
    let (faulty, books, ..) = library(&*database()).await;
    for fault in [Fault::LostAnswer, Fault::LostWrite] {
        let book = Book::new("Emma", "novels", 1);
        books.insert(&book, Vec::new()).await.unwrap();
        faulty.next([fault]);
        assert!(books.remove(&book.id).await.unwrap());
        assert_eq!(books.get(&book.id).await.unwrap(), None);
    }
}

pub(super) async fn a_stale_write_is_tried_again_on_what_is_there(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let (faulty, books, ..) = library(&*database).await;
    let book = Book::new("Emma", "novels", 1);
    books.insert(&book, Vec::new()).await.unwrap();
    let held = faulty.hold_writes().await;
    let writes = faulty.writes();
    let ours = {
        let (books, id) = (books.clone(), book.id);
        tokio::spawn(async move { books.update(&id, lend).await })
    };
    faulty.wait_for_writes(writes + 1).await;
    // Another process is quicker.
    let elsewhere = database.books().await;
    let theirs = elsewhere.update(&book.id, |book, _| {
        book.lent = 41;
        Ok::<_, Refused>(())
    });
    theirs.await.unwrap();
    drop(held);
    assert_eq!(ours.await.unwrap().unwrap(), 42);
}

pub(super) async fn a_refusal_from_what_was_held_is_looked_at_again(
    database: impl Fn() -> Box<dyn Database>,
) {
    let database = database();
    let (faulty, books, ..) = library(&*database).await;
    let book = Book::new("Emma", "novels", 1);
    books.insert(&book, Vec::new()).await.unwrap();
    let other = database.books().await;
    let held = faulty.hold_writes().await;
    let writes = faulty.writes();
    let begin = |rule: fn(&mut Book, &mut Outbox<'_>) -> Result<i64, Refused>| {
        let (books, id) = (books.clone(), book.id);
        tokio::spawn(async move { books.update(&id, rule).await })
    };
    // While the first is written, the second waits, and is then tried on what the first left.
    let first = begin(lend);
    faulty.wait_for_writes(writes + 1).await;
    let second = begin(|book, _| if book.lent == 2 { Ok(2) } else { Err(Refused) });
    while books.waiting(&book.id) < 1 {
        tokio::task::yield_now().await;
    }
    faulty.after_next_write({
        let (other, id) = (other.clone(), book.id);
        async move {
            other.update(&id, lend).await.unwrap();
        }
    });
    drop(held);
    first.await.unwrap().unwrap();
    assert_eq!(second.await.unwrap().unwrap(), 2, "it was another process that made it so");
}

pub(super) async fn an_engine_that_never_answers_is_reported(database: impl Fn() -> Box<dyn Database>) {
    let (faulty, books, ..) = library(&*database()).await;
    let book = Book::new("Emma", "novels", 1);
    books.insert(&book, Vec::new()).await.unwrap();
    faulty.always(Fault::Busy);
    assert!(matches!(books.insert(&Book::new("x", "y", 1), Vec::new()).await, Err(StoreError::Busy)));
    let changes = (0..3).map(|_| books.update(&book.id, lend));
    for outcome in futures::future::join_all(changes).await {
        assert!(matches!(outcome, Err(UpdateError::Store(StoreError::Busy))));
    }
    faulty.always(Fault::LostWrite);
    let lost = books.update(&book.id, lend).await.unwrap_err();
    assert!(matches!(lost, UpdateError::Store(StoreError::Engine(_))), "{lost}");
    faulty.always(Fault::None);
    assert_eq!(books.update(&book.id, lend).await.unwrap(), 1);
    assert_eq!(books.count(Find::by(&Index::ID)).await.unwrap(), 1);
}

pub(super) async fn events_of_a_write_that_was_reported_lost_are_delivered(
    database: impl Fn() -> Box<dyn Database>,
) {
    let (faulty, books, recorder, store) = library(&*database()).await;
    // All is made, and neither an answer nor a read comes back while the caller waits.
    faulty.always(Fault::LostAnswer);
    faulty.deaf(true);
    let book = Book::new("Emma", "novels", 1);
    let lost = books.insert(&book, vec![event("bought", book.id)]).await.unwrap_err();
    assert!(matches!(lost, StoreError::Engine(_)), "{lost}");
    faulty.always(Fault::None);
    faulty.deaf(false);
    store.settled().await;
    assert_eq!(recorder.topics(), ["bought"]);
}

pub(super) async fn endless_contention_is_reported(database: impl Fn() -> Box<dyn Database>) {
    let (faulty, books, ..) = library(&*database()).await;
    let book = Book::new("Emma", "novels", 1);
    books.insert(&book, Vec::new()).await.unwrap();
    faulty.always(Fault::Stale);
    let contended = books.update(&book.id, lend).await.unwrap_err();
    assert!(matches!(contended, UpdateError::Store(StoreError::Contended { .. })), "{contended}");
    faulty.always(Fault::None);
    assert_eq!(books.update(&book.id, lend).await.unwrap(), 1);
}
