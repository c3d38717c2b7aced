//! Many changes of one document.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use super::{
    super::{Collection, Outbox, Store, StoreError, UpdateError},
    faults::Faulty,
    lab::{Book, BookId, Database, Refused, event},
};

fn lend(book: &mut Book, _: &mut Outbox<'_>) -> Result<i64, Refused> {
    book.lent += 1;
    Ok(book.lent)
}

async fn one_book(store: &Store) -> (Collection<Book>, BookId) {
    let books = store.collection().await.unwrap();
    let book = Book::new("x", "s", 1);
    books.insert(&book, Vec::new()).await.unwrap();
    (books, book.id)
}

async fn lend_from_many_tasks(stores: &[Collection<Book>], id: BookId) {
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let books = stores[task % stores.len()].clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    books.update(&id, lend).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(stores[0].get(&id).await.unwrap().unwrap().lent, 16 * 50);
}

pub(super) async fn increments_from_many_tasks_lose_nothing(database: impl Fn() -> Box<dyn Database>) {
    let store = database().store(Vec::new()).await;
    let (books, id) = one_book(&store).await;
    lend_from_many_tasks(&[books], id).await;
}

pub(super) async fn increments_from_two_processes_lose_nothing(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let (books, id) = one_book(&database.store(Vec::new()).await).await;
    lend_from_many_tasks(&[books, database.books().await], id).await;
}

pub(super) async fn a_busy_process_lets_another_in(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let (books, id) = one_book(&database.store(Vec::new()).await).await;
    let (end, ended) = tokio::sync::watch::channel(false);
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let (books, ended) = (books.clone(), ended.clone());
            tokio::spawn(async move {
                let mut made = 0;
                while !*ended.borrow() {
                    books.update(&id, lend).await.unwrap();
                    made += 1;
                }
                made
            })
        })
        .collect();
    let other = database.books().await;
    for _ in 0..10 {
        other.update(&id, lend).await.unwrap();
    }
    end.send_replace(true);
    let mut made = 10;
    for task in busy {
        made += task.await.unwrap();
    }
    assert_eq!(books.get(&id).await.unwrap().unwrap().lent, made);
}

pub(super) async fn waiting_changes_share_writes(database: impl Fn() -> Box<dyn Database>) {
    let faulty = Faulty::on(database().engine().await);
    let store = Store::on(faulty.clone(), Vec::new());
    let (books, id) = one_book(&store).await;
    let (reads, writes) = (faulty.reads(), faulty.writes());
    let held = faulty.hold_writes().await;
    let begin = || {
        let books = books.clone();
        tokio::spawn(async move { books.update(&id, lend).await.unwrap() })
    };
    // The first is being written; all the others wait until it is.
    let mut changes = vec![begin()];
    faulty.wait_for_writes(writes + 1).await;
    changes.extend((1..100).map(|_| begin()));
    while books.waiting(&id) < 99 {
        tokio::task::yield_now().await;
    }
    drop(held);
    let mut seen = Vec::new();
    for change in changes {
        seen.push(change.await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    assert_eq!((faulty.reads() - reads, faulty.writes() - writes), (1, 2));
}

pub(super) async fn a_refusing_rule_leaves_the_others(database: impl Fn() -> Box<dyn Database>) {
    let (books, id) = one_book(&database().store(Vec::new()).await).await;
    let changes = (0..40).map(|n| {
        books.update(&id, move |book, outbox| {
            // Even what was changed before the refusal must not remain.
            book.lent += if n % 4 == 0 { 1_000 } else { 1 };
            outbox.push(event("lent", book.id));
            if n % 4 == 0 { Err(Refused) } else { Ok(()) }
        })
    });
    let outcomes = futures::future::join_all(changes).await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let refused = matches!(outcome, Err(UpdateError::Rule(Refused)));
        assert!(if n % 4 == 0 { refused } else { outcome.is_ok() });
    }
    assert_eq!(books.get(&id).await.unwrap().unwrap().lent, 30);
}

pub(super) async fn rules_see_what_those_before_them_made(database: impl Fn() -> Box<dyn Database>) {
    let (books, id) = one_book(&database().store(Vec::new()).await).await;
    // There are five copies, and twenty want one.
    let changes = (0..20).map(|_| {
        books.update(&id, |book, outbox| {
            if book.lent == 5 {
                return Err(Refused);
            }
            let pending = outbox.pending().len();
            outbox.push(event("lent", book.id));
            book.lent += 1;
            Ok(pending)
        })
    });
    let outcomes = futures::future::join_all(changes).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    assert_eq!(books.get(&id).await.unwrap().unwrap().lent, 5);
}

pub(super) async fn a_rule_that_changes_nothing_writes_nothing(database: impl Fn() -> Box<dyn Database>) {
    let store = database().store(Vec::new()).await;
    let (books, id) = one_book(&store).await;
    let writes = store.stats().writes;
    let title = books.update(&id, |book, _| Ok::<_, Refused>(book.title.clone())).await.unwrap();
    assert_eq!(title, "x");
    let back_and_forth = books.update(&id, |book, _| {
        book.lent += 1;
        book.lent -= 1;
        Ok::<_, Refused>(())
    });
    back_and_forth.await.unwrap();
    assert_eq!(store.stats().writes, writes);
    let tells = books.update(&id, |book, outbox| {
        outbox.push(event("seen", book.id));
        Ok::<_, Refused>(())
    });
    tells.await.unwrap();
    assert!(store.stats().writes > writes, "an event alone is a change");
}

pub(super) async fn a_panicking_rule_harms_nobody_else(database: impl Fn() -> Box<dyn Database>) {
    let (books, id) = one_book(&database().store(Vec::new()).await).await;
    let changes: Vec<_> = (0..20)
        .map(|n| {
            let books = books.clone();
            tokio::spawn(async move {
                let rule = move |book: &mut Book, outbox: &mut Outbox<'_>| {
                    book.lent += 1;
                    assert!(n % 5 != 0, "this rule is broken");
                    lend(book, outbox).map(|lent| book.lent = lent - 1)
                };
                books.update(&id, rule).await
            })
        })
        .collect();
    for (n, change) in changes.into_iter().enumerate() {
        match change.await {
            Ok(outcome) => assert!(outcome.is_ok() && n % 5 != 0),
            Err(panic) => assert!(panic.is_panic() && n % 5 == 0),
        }
    }
    assert_eq!(books.get(&id).await.unwrap().unwrap().lent, 16);
    assert_eq!(books.update(&id, lend).await.unwrap(), 17);
}

pub(super) async fn callers_that_go_away_hold_up_nobody(database: impl Fn() -> Box<dyn Database>) {
    let faulty = Faulty::on(database().engine().await);
    let (books, id) = one_book(&Store::on(faulty.clone(), Vec::new())).await;
    let held = faulty.hold_writes().await;
    let writes = faulty.writes();
    let applied = Arc::new(AtomicUsize::new(0));
    let begin = || {
        let (books, applied) = (books.clone(), applied.clone());
        tokio::spawn(async move {
            let rule = move |book: &mut Book, outbox: &mut Outbox<'_>| {
                applied.fetch_add(1, Ordering::SeqCst);
                lend(book, outbox)
            };
            books.update(&id, rule).await
        })
    };
    // The first is at its write when it is cancelled, the second waits behind it, the third stays.
    let first = begin();
    faulty.wait_for_writes(writes + 1).await;
    let second = begin();
    while books.waiting(&id) < 1 {
        tokio::task::yield_now().await;
    }
    let third = begin();
    while books.waiting(&id) < 2 {
        tokio::task::yield_now().await;
    }
    for gone in [first, second] {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    drop(held);
    // What was at its write is made; what had not begun is not, since nobody wants to know.
    assert_eq!(third.await.unwrap().unwrap(), 2);
    assert_eq!(applied.load(Ordering::SeqCst), 2);
    assert_eq!(books.update(&id, lend).await.unwrap(), 3);
}

pub(super) async fn too_many_waiting_changes_are_told_so(database: impl Fn() -> Box<dyn Database>) {
    let faulty = Faulty::on(database().engine().await);
    let (books, id) = one_book(&Store::on(faulty.clone(), Vec::new())).await;
    let held = faulty.hold_writes().await;
    let writes = faulty.writes();
    let refused = Arc::new(Notify::new());
    let begin = || {
        let (books, refused) = (books.clone(), refused.clone());
        tokio::spawn(async move {
            let outcome = books.update(&id, lend).await;
            if matches!(outcome, Err(UpdateError::Store(StoreError::Busy))) {
                refused.notify_one();
            }
            outcome
        })
    };
    let mut changes = vec![begin()];
    faulty.wait_for_writes(writes + 1).await;
    changes.extend((0..1_100).map(|_| begin()));
    refused.notified().await;
    while books.waiting(&id) < 1_024 {
        tokio::task::yield_now().await;
    }
    drop(held);
    let mut made = 0;
    for change in changes {
        match change.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, UpdateError::Store(StoreError::Busy)), "{error}"),
        }
    }
    assert!((1_025..1_100).contains(&made), "{made}");
    assert_eq!(books.get(&id).await.unwrap().unwrap().lent, made);
}
