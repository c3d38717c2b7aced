//! Unique indexes.

use super::{
    super::{Find, StoreError, UpdateError},
    lab::{BY_ISBN, Book, Database, Refused},
};

pub(super) async fn a_conflict_names_the_field(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    books.insert(&Book::new("Emma", "novels", 1).with_isbn("111-1"), Vec::new()).await.unwrap();
    let refused = books.insert(&Book::new("x", "other", 1).with_isbn("111-1"), Vec::new()).await.unwrap_err();
    let expected = StoreError::Duplicate { collection: "books", index: "isbn", field: "isbn" };
    assert_eq!(refused.to_string(), expected.to_string());
    // The last field of an index of several is the one to name.
    let refused =
        books.insert(&Book::new("x", "novels", 1).with_isbn("111-2"), Vec::new()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate { index: "spine", field: "spine", .. }), "{refused}");

    let other = Book::new("x", "stories", 1).with_isbn("111-3");
    books.insert(&other, Vec::new()).await.unwrap();
    let refused = books
        .update(&other.id, |book, _| {
            book.isbn = Some("111-1".to_owned());
            book.title = "y".to_owned();
            Ok::<_, Refused>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(refused, UpdateError::Store(StoreError::Duplicate { field: "isbn", .. })), "{refused}");
    assert_eq!(books.get(&other.id).await.unwrap(), Some(other), "nothing of it was written");
}

pub(super) async fn of_two_who_race_for_a_value_exactly_one_wins(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    // Two processes on the same database.
    let stores = [database.books().await, database.books().await];
    for round in 0..20 {
        let isbn = format!("{round:03}");
        let inserts = stores.iter().flat_map(|books| [books, books]).map(|books| {
            let book = Book::new("x", &isbn, 1).with_isbn(&isbn);
            async move { books.insert(&book, Vec::new()).await }
        });
        let outcomes = futures::future::join_all(inserts).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for outcome in outcomes {
            assert!(matches!(outcome, Ok(()) | Err(StoreError::Duplicate { field: "isbn" | "spine", .. })));
        }
        assert_eq!(stores[0].count(Find::by(&BY_ISBN).eq(isbn)).await.unwrap(), 1);
    }
}

pub(super) async fn absent_values_do_not_conflict(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    for _ in 0..3 {
        books.insert(&Book::new("no number", "s", 1), Vec::new()).await.unwrap();
    }
}

pub(super) async fn a_value_is_free_again_after_an_update(database: impl Fn() -> Box<dyn Database>) {
    let books = database().books().await;
    let (first, second) = (Book::new("a", "s", 1).with_isbn("1"), Book::new("b", "s", 1));
    for book in [&first, &second] {
        books.insert(book, Vec::new()).await.unwrap();
    }
    let without = |book: &mut Book, _: &mut crate::store::Outbox<'_>| {
        book.isbn = None;
        Ok::<_, Refused>(())
    };
    let with = |book: &mut Book, _: &mut crate::store::Outbox<'_>| {
        book.isbn = Some("1".to_owned());
        Ok::<_, Refused>(())
    };
    assert!(books.update(&second.id, with).await.is_err());
    books.update(&first.id, without).await.unwrap();
    books.update(&second.id, with).await.unwrap();
    assert!(books.update(&first.id, with).await.is_err());
}

pub(super) async fn in_a_coalesced_write_only_the_guilty_change_is_refused(
    database: impl Fn() -> Box<dyn Database>,
) {
    let books = database().books().await;
    let book = Book::new("x", "s", 1);
    books.insert(&Book::new("taken", "s", 1).with_isbn("999"), Vec::new()).await.unwrap();
    books.insert(&book, Vec::new()).await.unwrap();
    let changes = (0..30).map(|n| {
        books.update(&book.id, move |book, _| {
            book.lent += 1;
            if n % 10 == 5 {
                book.isbn = Some("999".to_owned());
            }
            Ok::<_, Refused>(())
        })
    });
    let outcomes = futures::future::join_all(changes).await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let guilty = matches!(outcome, Err(UpdateError::Store(StoreError::Duplicate { .. })));
        assert!(if n % 10 == 5 { guilty } else { outcome.is_ok() }, "{n}");
    }
    let after = books.get(&book.id).await.unwrap().unwrap();
    assert_eq!((after.lent, after.isbn), (27, None));
}
