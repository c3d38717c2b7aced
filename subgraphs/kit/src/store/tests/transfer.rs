//! Moving documents from one store to another.

use super::lab::{Book, Database, Recorder, event};
use crate::store::{Find, Index, StoreError};

pub(super) async fn a_transfer_makes_the_other_store_the_same(database: impl Fn() -> Box<dyn Database>) {
    let (old, new) = (database(), database());
    let (from, to) = (old.store(Vec::new()).await, new.store(Vec::new()).await);
    let books = from.collection::<Book>().await.unwrap();
    let mut kept = Vec::new();
    // More than are read at once.
    for n in 0..1_200 {
        let book = Book::new(&format!("{n:04}"), "s", n).tagged(&["a", "b"]);
        books.insert(&book, Vec::new()).await.unwrap();
        kept.push(book);
    }
    kept.sort_by_key(|book| book.id.to_string());
    let first = from.transfer::<Book>(&to).await.unwrap();
    assert_eq!((first.documents, first.written, first.there), (1_200, 1_200, 1_200));
    let copied = to.collection::<Book>().await.unwrap();
    let found = copied.find(Find::by(&Index::ID).limit(2_000)).await.unwrap().into_documents();
    assert!(found == kept, "every document is the same, under every index");
    let tagged = copied.count(Find::by(&super::lab::BY_TAG).eq("b")).await.unwrap();
    assert_eq!(tagged, 1_200);

    // Again: only what has changed meanwhile is written.
    let changed = books.update(&kept[7].id, |book, _| -> Result<(), std::convert::Infallible> {
        book.pages = 9_999;
        Ok(())
    });
    changed.await.unwrap();
    let again = from.transfer::<Book>(&to).await.unwrap();
    assert_eq!((again.documents, again.written, again.there), (1_200, 1, 1_200));
    assert_eq!(copied.get(&kept[7].id).await.unwrap().unwrap().pages, 9_999);
}

pub(super) async fn a_transfer_overwrites_nothing_that_was_changed_in_the_other_store(
    database: impl Fn() -> Box<dyn Database>,
) {
    let (old, new) = (database(), database());
    let (from, to) = (old.store(Vec::new()).await, new.store(Vec::new()).await);
    let book = Book::new("Emma", "novels", 1);
    from.collection::<Book>().await.unwrap().insert(&book, Vec::new()).await.unwrap();
    from.transfer::<Book>(&to).await.unwrap();
    let copied = to.collection::<Book>().await.unwrap();
    let lend = copied.update(&book.id, |book, _| -> Result<(), std::convert::Infallible> {
        book.lent += 1;
        Ok(())
    });
    lend.await.unwrap();
    let refused = from.transfer::<Book>(&to).await.unwrap_err();
    assert!(matches!(refused, StoreError::Engine(_)) && refused.to_string().contains("changed"), "{refused}");
    assert_eq!(copied.get(&book.id).await.unwrap().unwrap().lent, 1);
}

pub(super) async fn what_was_not_delivered_is_delivered_by_the_other_store(
    database: impl Fn() -> Box<dyn Database>,
) {
    let (old, new) = (database(), database());
    let book = Book::new("Emma", "novels", 1);
    let from = old.store(vec![Recorder::failing()]).await;
    from.collection::<Book>().await.unwrap().insert(&book, vec![event("book.added", book.id)]).await.unwrap();
    let heard = Recorder::new();
    let to = new.store(vec![heard.clone()]).await;
    from.transfer::<Book>(&to).await.unwrap();
    // The new store's own process finds them when it starts.
    to.close().await;
    let reopened = new.store(vec![heard.clone()]).await;
    reopened.collection::<Book>().await.unwrap();
    heard.taken(1).await;
    assert_eq!(heard.topics(), ["book.added"]);
}
