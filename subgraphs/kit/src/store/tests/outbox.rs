//! Events on their way out.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, stream};

use super::{
    super::{Collection, Outbox, Store, StoreError, UpdateError},
    faults::{Fault, Faulty},
    lab::{Book, BookId, Database, Recorder, Refused, event},
};
use crate::bus::{Event, Sink};

async fn bought(books: &Collection<Book>) -> BookId {
    let book = Book::new("Emma", "novels", 1);
    books.insert(&book, vec![event("bought", book.id)]).await.unwrap();
    book.id
}

fn lend(book: &mut Book, outbox: &mut Outbox<'_>) -> Result<i64, Refused> {
    book.lent += 1;
    outbox.push(event(&format!("lent {}", book.lent), book.id));
    Ok(book.lent)
}

async fn lend_times(books: &Collection<Book>, id: BookId, times: usize) {
    for _ in 0..times {
        books.update(&id, lend).await.unwrap();
    }
}

fn history(lent: usize) -> Vec<String> {
    std::iter::once("bought".to_owned()).chain((1..=lent).map(|n| format!("lent {n}"))).collect()
}

async fn pending(books: &Collection<Book>, id: BookId) -> Vec<String> {
    let (_, pending) = books.get_with_pending(&id).await.unwrap().unwrap();
    pending.into_iter().map(|event| event.topic).collect()
}

pub(super) async fn delivers_in_order_to_every_sink_and_clears(database: impl Fn() -> Box<dyn Database>) {
    let (first, second) = (Recorder::new(), Recorder::new());
    let store = database().store(vec![first.clone(), second.clone()]).await;
    let books = store.collection().await.unwrap();
    let ids = futures::future::join_all((0..8).map(|_| bought(&books))).await;
    futures::future::join_all(ids.iter().map(|id| lend_times(&books, *id, 20))).await;
    store.settled().await;
    assert_eq!(store.undelivered(), 0);
    for sink in [first, second] {
        let by_key = sink.by_key();
        for id in &ids {
            assert_eq!(by_key[&id.to_string()], history(20));
            assert_eq!(pending(&books, *id).await, Vec::<String>::new());
        }
    }
}

pub(super) async fn delivers_after_a_crash_what_was_left(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let (id, quiet) = {
        let store = database.store(vec![Recorder::failing()]).await;
        let books = store.collection::<Book>().await.unwrap();
        let quiet = Book::new("quiet", "s", 1);
        books.insert(&quiet, Vec::new()).await.unwrap();
        let id = bought(&books).await;
        lend_times(&books, id, 3).await;
        (id, quiet.id)
    };
    let sink = Recorder::new();
    let store = database.store(vec![sink.clone()]).await;
    let books = store.collection::<Book>().await.unwrap();
    store.settled().await;
    assert_eq!(sink.topics(), history(3));
    assert!(pending(&books, id).await.is_empty());
    assert!(pending(&books, quiet).await.is_empty());
    // And not once more.
    let again = Recorder::new();
    let store = database.store(vec![again.clone()]).await;
    let _books = store.collection::<Book>().await.unwrap();
    store.settled().await;
    assert!(again.events().is_empty());
}

pub(super) async fn delivers_what_another_process_left(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let sink = Recorder::new();
    let store = database.store(vec![sink.clone()]).await;
    let _books = store.collection::<Book>().await.unwrap();
    {
        let other = database.store(vec![Recorder::failing()]).await.collection().await.unwrap();
        bought(&other).await;
    }
    // Nobody starts anew, and nobody writes: it is looked for.
    sink.taken(1).await;
}

pub(super) async fn a_failing_sink_gets_everything_when_it_recovers(
    database: impl Fn() -> Box<dyn Database>,
) {
    let (first, second) = (Recorder::new(), Recorder::failing());
    let store = database().store(vec![first.clone(), second.clone()]).await;
    let books = store.collection().await.unwrap();
    let ids = [bought(&books).await, bought(&books).await];
    second.called(3).await;
    lend_times(&books, ids[0], 3).await;
    assert_eq!(pending(&books, ids[0]).await, history(3), "nothing is cleared before every sink has it");
    second.failing.store(false, Ordering::SeqCst);
    store.settled().await;
    for sink in [&first, &second] {
        assert_eq!(sink.by_key()[&ids[0].to_string()], history(3));
        assert_eq!(sink.by_key()[&ids[1].to_string()], history(0));
    }
    assert!(pending(&books, ids[0]).await.is_empty());
}

pub(super) async fn one_event_that_cannot_be_taken_does_not_hold_up_others(
    database: impl Fn() -> Box<dyn Database>,
) {
    let sink = Recorder::new();
    *sink.poison.lock() = Some("bought".to_owned());
    let store = database().store(vec![sink.clone()]).await;
    let books = store.collection().await.unwrap();
    let poisoned = bought(&books).await;
    sink.called(2).await;
    let others: Vec<Book> = (0..10).map(|n| Book::new("x", "s", n)).collect();
    for book in &others {
        books.insert(book, vec![event("given", book.id)]).await.unwrap();
    }
    sink.taken(10).await;
    assert!(!sink.by_key().contains_key(&poisoned.to_string()));
    *sink.poison.lock() = None;
    store.settled().await;
    assert_eq!(sink.events().len(), 11);
}

pub(super) async fn delivers_each_event_once_when_nothing_fails(database: impl Fn() -> Box<dyn Database>) {
    let sink = Recorder::new();
    let store = database().store(vec![sink.clone()]).await;
    let books = store.collection().await.unwrap();
    let id = bought(&books).await;
    let tasks = (0..8).map(|_| lend_times(&books, id, 40));
    futures::future::join_all(tasks).await;
    store.settled().await;
    assert_eq!(sink.topics(), history(320));
}

pub(super) async fn clearing_rides_along_with_changes(database: impl Fn() -> Box<dyn Database>) {
    let sink = Recorder::new();
    let faulty = Faulty::on(database().engine().await);
    let store = Store::on(faulty.clone(), vec![sink.clone()]);
    let books = store.collection().await.unwrap();
    let id = bought(&books).await;
    sink.taken(1).await;
    let before = faulty.writes();
    for n in 2..=20 {
        lend_times(&books, id, 1).await;
        sink.taken(n).await;
    }
    // Without riding along there would be a clearing for every change.
    let clearings = faulty.writes() - before - 19;
    assert!(clearings <= 19 / 2, "{clearings} writes only to clear");
    store.settled().await;
    assert!(pending(&books, id).await.is_empty());
}

pub(super) async fn a_document_is_removed_only_when_its_events_are_out(
    database: impl Fn() -> Box<dyn Database>,
) {
    let sink = Recorder::failing();
    let store = database().store(vec![sink.clone()]).await;
    let books = store.collection::<Book>().await.unwrap();
    let id = bought(&books).await;
    let removal = {
        let books = books.clone();
        tokio::spawn(async move { books.remove(&id).await })
    };
    sink.called(2).await;
    assert!(books.get(&id).await.unwrap().is_some());
    sink.failing.store(false, Ordering::SeqCst);
    assert!(removal.await.unwrap().unwrap());
    assert_eq!(sink.topics(), ["bought"]);
    assert_eq!(books.get(&id).await.unwrap(), None);
    store.settled().await;
    assert_eq!(store.undelivered(), 0);
}

pub(super) async fn a_rule_sees_the_events_that_are_pending(database: impl Fn() -> Box<dyn Database>) {
    let store = database().store(vec![Recorder::failing()]).await;
    let books = store.collection::<Book>().await.unwrap();
    let id = bought(&books).await;
    // The same request several times: whoever finds the event of the first does nothing.
    let once = |book: &mut Book, outbox: &mut Outbox<'_>| {
        if outbox.pending().iter().any(|event| event.topic == "lent 1") {
            return Ok(false);
        }
        lend(book, outbox).map(|_| true)
    };
    let outcomes = futures::future::join_all((0..10).map(|_| books.update(&id, once))).await;
    assert_eq!(outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 1);
    let seen = books.update(&id, |_, outbox| Ok::<_, Refused>(outbox.pending().len())).await.unwrap();
    assert_eq!(seen, 2);
    assert_eq!(pending(&books, id).await, history(1));
}

pub(super) async fn a_lost_clearing_is_made_up_for(database: impl Fn() -> Box<dyn Database>) {
    for fault in [Fault::LostAnswer, Fault::LostWrite, Fault::Busy, Fault::Stale] {
        let sink = Recorder::new();
        let faulty = Faulty::on(database().engine().await);
        let store = Store::on(faulty.clone(), vec![sink.clone()]);
        let books = store.collection().await.unwrap();
        let id = bought(&books).await;
        faulty.next([fault]);
        store.settled().await;
        assert!(pending(&books, id).await.is_empty());
        assert_eq!(sink.topics(), history(0));
    }
}

pub(super) async fn an_insert_whose_caller_goes_away_is_delivered(database: impl Fn() -> Box<dyn Database>) {
    let sink = Recorder::new();
    let faulty = Faulty::on(database().engine().await);
    let store = Store::on(faulty.clone(), vec![sink.clone()]);
    let books = store.collection::<Book>().await.unwrap();
    let held = faulty.hold_writes().await;
    let insertion = {
        let books = books.clone();
        tokio::spawn(async move { bought(&books).await })
    };
    faulty.wait_for_writes(1).await;
    insertion.abort();
    assert!(insertion.await.unwrap_err().is_cancelled());
    drop(held);
    sink.taken(1).await;
}

pub(super) async fn more_documents_than_are_remembered_are_all_delivered(
    database: impl Fn() -> Box<dyn Database>,
) {
    const MANY: usize = 10_500;
    let sink = Recorder::failing();
    let store = database().store(vec![sink.clone()]).await;
    let books = store.collection().await.unwrap();
    let purchases = stream::iter((0..MANY).map(|_| bought(&books)));
    purchases.for_each_concurrent(1_000, |bought| bought.map(|_| ())).await;
    assert!(store.undelivered() <= 10_000);
    sink.failing.store(false, Ordering::SeqCst);
    store.settled().await;
    let by_key = sink.by_key();
    assert_eq!(by_key.len(), MANY);
    assert!(by_key.values().all(|topics| topics.contains(&"bought".to_owned())));
}

pub(super) async fn a_sink_added_first_hears_first(database: impl Fn() -> Box<dyn Database>) {
    /// Notes what another sink had when it was called itself.
    struct Witness(Arc<Recorder>, parking_lot::Mutex<HashMap<String, usize>>);
    #[async_trait]
    impl Sink for Witness {
        async fn deliver(&self, events: &[Event]) -> crate::Result<()> {
            for event in events {
                self.1.lock().insert(event.topic.clone(), self.0.events().len());
            }
            Ok(())
        }
    }
    let last = Recorder::new();
    let store = database().store(vec![last.clone()]).await;
    let witness = Arc::new(Witness(last.clone(), parking_lot::Mutex::default()));
    store.deliver_first_to(witness.clone());
    let books = store.collection().await.unwrap();
    bought(&books).await;
    store.settled().await;
    assert_eq!(*witness.1.lock(), HashMap::from([("bought".to_owned(), 0)]));
    assert_eq!(last.topics(), ["bought"]);
}

pub(super) async fn closing_delivers_what_it_can(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let sink = Recorder::new();
    let store = database.store(vec![sink.clone()]).await;
    let books = store.collection().await.unwrap();
    let ids = futures::future::join_all((0..50).map(|_| bought(&books))).await;
    store.close().await;
    assert_eq!(sink.events().len(), 50);
    let books = database.books().await;
    assert!(pending(&books, ids[0]).await.is_empty());
}

pub(super) async fn an_outbox_that_nobody_empties_is_bounded(database: impl Fn() -> Box<dyn Database>) {
    let store = database().store(vec![Recorder::failing()]).await;
    let books = store.collection::<Book>().await.unwrap();
    let id = bought(&books).await;
    let push = |count: usize| {
        books.update(&id, move |book, outbox| {
            (0..count).for_each(|_| outbox.push(event("lent", book.id)));
            Ok::<_, Refused>(())
        })
    };
    push(4_000).await.unwrap();
    assert!(matches!(push(200).await, Err(UpdateError::Store(StoreError::Busy))));
    let quietly = books.update(&id, |book, _| {
        book.lent += 1;
        Ok::<_, Refused>(())
    });
    quietly.await.unwrap();
    assert_eq!(pending(&books, id).await.len(), 4_001);
}
