//! One document at a time.

use super::{
    super::{StoreError, UpdateError},
    lab::{BY_ISBN, Book, BookId, Database, Refused},
};
use crate::store::Find;

pub(super) async fn reads_back_what_was_inserted(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    let book = Book::new("Emma", "novels", 474).tagged(&["love", "manners"]).with_isbn("9780141439587");
    books.insert(&book, Vec::new()).await.unwrap();
    assert_eq!(books.get(&book.id).await.unwrap(), Some(book));
    assert_eq!(books.get(&BookId::new()).await.unwrap(), None);
}

pub(super) async fn refuses_a_second_document_with_the_same_id(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    let book = Book::new("Emma", "novels", 474).with_isbn("1");
    books.insert(&book, Vec::new()).await.unwrap();
    let other = Book { title: "Persuasion".to_owned(), ..book.clone() };
    let refused = books.insert(&other, Vec::new()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Exists { collection: "books", .. }), "{refused}");
    assert_eq!(books.get(&book.id).await.unwrap(), Some(book));
}

pub(super) async fn reads_many_at_once_and_leaves_out_unknown_ids(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    let (emma, ulysses) = (Book::new("Emma", "novels", 474), Book::new("Ulysses", "novels", 730));
    for book in [&emma, &ulysses] {
        books.insert(book, Vec::new()).await.unwrap();
    }
    let found = books.get_many(&[ulysses.id, BookId::new(), emma.id, ulysses.id]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((&found[&emma.id], &found[&ulysses.id]), (&emma, &ulysses));
    assert!(books.get_many(&[]).await.unwrap().is_empty());
}

pub(super) async fn an_update_is_durable_when_it_answers(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let books = database.books().await;
    let book = Book::new("Emma", "novels", 474);
    books.insert(&book, Vec::new()).await.unwrap();
    let before = books
        .update(&book.id, |book, _| {
            book.lent += 1;
            Ok::<_, Refused>(book.lent - 1)
        })
        .await
        .unwrap();
    assert_eq!(before, 0);
    let elsewhere = database.books().await;
    assert_eq!(elsewhere.get(&book.id).await.unwrap().unwrap().lent, 1);
}

pub(super) async fn removes_once_and_frees_what_was_unique(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    let book = Book::new("Emma", "novels", 474).with_isbn("1").tagged(&["love"]);
    books.insert(&book, Vec::new()).await.unwrap();
    assert!(books.remove(&book.id).await.unwrap());
    assert!(!books.remove(&book.id).await.unwrap());
    assert_eq!(books.get(&book.id).await.unwrap(), None);
    assert!(books.find(Find::by(&BY_ISBN)).await.unwrap().items.is_empty());
    books.insert(&Book::new("Emma", "novels", 474).with_isbn("1"), Vec::new()).await.unwrap();
}

pub(super) async fn an_update_of_nothing_is_not_found(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    let outcome = books.update(&BookId::new(), |_, _| Ok::<_, Refused>(())).await;
    assert!(matches!(outcome, Err(UpdateError::NotFound)));
}

pub(super) async fn answers_on_a_runtime_of_one_thread(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let books = database.books().await;
    let book = Book::new("Emma", "novels", 474);
    let (handle, id) = (books.clone(), book.id);
    // As the workers of the router are: a runtime of their own with one thread, on which nothing may block.
    let lent = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            handle.insert(&book, Vec::new()).await.unwrap();
            let updates = (0..20).map(|_| {
                handle.update(&id, |book, _| {
                    book.lent += 1;
                    Ok::<_, Refused>(())
                })
            });
            futures::future::try_join_all(updates).await.unwrap();
            handle.get(&id).await.unwrap().unwrap().lent
        })
    });
    assert_eq!(tokio::task::spawn_blocking(move || lent.join().unwrap()).await.unwrap(), 20);
    assert_eq!(books.get(&id).await.unwrap().unwrap().lent, 20);
}

pub(super) async fn a_closed_store_says_so(database: impl Fn() -> Box<dyn Database>) {
    let store = database().store(Vec::new()).await;
    let books = store.collection::<Book>().await.unwrap();
    let book = Book::new("Emma", "novels", 474);
    books.insert(&book, Vec::new()).await.unwrap();
    store.ping().await.unwrap();
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Closed)));
    assert!(matches!(books.get(&book.id).await, Err(StoreError::Closed)));
    assert!(matches!(books.insert(&Book::new("x", "y", 1), Vec::new()).await, Err(StoreError::Closed)));
    let update = books.update(&book.id, |_, _| Ok::<_, Refused>(())).await;
    assert!(matches!(update, Err(UpdateError::Store(StoreError::Closed))));
}
