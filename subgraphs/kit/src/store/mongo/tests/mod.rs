//! What is promised of MongoDB alone: lost lines and silent servers, replicas of different versions, and what a call costs.

mod proxy;
mod replicas;

use std::time::{Duration, Instant};

use mongodb::{
    Client,
    bson::{Document, doc},
};

use super::{
    super::{
        Collection, Find, Index, Outbox, Store, StoreError, UpdateError,
        tests::lab::{
            BY_SHELF, BY_TAG_AND_PAGES, BY_TITLE, Book, Database as _, MongoDatabase, Recorder, Refused,
            event,
        },
    },
    calls::DEADLINE,
};
use crate::{Code, Error, testing::servers};
use proxy::{Cut, Line, Proxy};

/// A store at the other end of a line that can be cut.
async fn library() -> (Proxy, Store, Collection<Book>, std::sync::Arc<Recorder>) {
    let proxy = Proxy::to(&servers::mongo().await).await;
    let recorder = Recorder::new();
    let store =
        Store::mongo(proxy.url(), &MongoDatabase::fresh().name, vec![recorder.clone()]).await.unwrap();
    let books = store.collection().await.unwrap();
    (proxy, store, books, recorder)
}

fn lend(book: &mut Book, outbox: &mut Outbox<'_>) -> Result<i64, Refused> {
    book.lent += 1;
    outbox.push(event(&format!("lent {}", book.lent), book.id));
    Ok(book.lent)
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_made_once_wherever_the_line_is_cut() {
    for cuts in
        [vec![Cut::After], vec![Cut::Before], vec![Cut::Before, Cut::Before], vec![Cut::Before, Cut::After]]
    {
        let (proxy, store, books, recorder) = library().await;
        let book = Book::new("Emma", "novels", 1).with_isbn("1");
        proxy.cut(cuts.clone());
        books.insert(&book, vec![event("bought", book.id)]).await.unwrap();
        assert_eq!(proxy.left(), 0, "{cuts:?}");
        store.settled().await;
        for lent in 1..4 {
            proxy.cut(cuts.clone());
            assert_eq!(books.update(&book.id, lend).await.unwrap(), lent);
            store.settled().await;
            assert_eq!(proxy.left(), 0, "{cuts:?}");
        }
        assert_eq!(books.get(&book.id).await.unwrap().unwrap().lent, 3);
        assert_eq!(recorder.topics(), ["bought", "lent 1", "lent 2", "lent 3"]);
        proxy.cut(cuts.clone());
        assert!(books.remove(&book.id).await.unwrap());
        assert_eq!(proxy.left(), 0, "{cuts:?}");
        assert_eq!(books.count(Find::by(&Index::ID)).await.unwrap(), 0);
    }
}

/// What is said must be fit for a client, and come soon.
fn is_unavailable(since: Instant, error: impl Into<Error>) {
    let error = error.into();
    assert_eq!(error.code(), Code::Unavailable, "{error:?}");
    // A write that is in doubt is looked for once more; a page or a health check waits for one deadline.
    assert!(since.elapsed() < DEADLINE * 4, "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_or_silent_or_deaf_is_reported_in_time_and_used_again() {
    for line in [Line::Gone, Line::Silent, Line::Deaf] {
        let (proxy, store, books, recorder) = library().await;
        let book = Book::new("Emma", "novels", 1);
        books.insert(&book, vec![event("bought", book.id)]).await.unwrap();
        store.settled().await;
        proxy.set(line);
        let begun = Instant::now();
        let other = Book::new("Persuasion", "novels", 1);
        let (ping, get, find, insert, update) = tokio::join!(
            store.ping(),
            books.get(&book.id),
            books.find(Find::by(&BY_TITLE)),
            books.insert(&other, vec![event("bought", other.id)]),
            books.update(&book.id, lend),
        );
        is_unavailable(begun, ping.unwrap_err());
        is_unavailable(begun, get.unwrap_err());
        is_unavailable(begun, find.unwrap_err());
        is_unavailable(begun, insert.unwrap_err());
        let Err(UpdateError::Store(error)) = update else { panic!("{update:?}") };
        is_unavailable(begun, error);
        proxy.set(Line::Passes);
        let until = Instant::now() + Duration::from_secs(30);
        while let Err(error) = store.ping().await {
            assert!(Instant::now() < until, "it does not recover: {error}");
        }
        let lent = books.update(&book.id, lend).await.unwrap();
        store.settled().await;
        assert_eq!(books.get(&book.id).await.unwrap().unwrap().lent, lent);
        assert_eq!(
            recorder.topics().iter().filter(|topic| topic.starts_with("lent")).count(),
            usize::try_from(lent).unwrap()
        );
    }
}

#[tokio::test]
async fn a_wrong_address_or_password_is_said_without_the_password() {
    let name = MongoDatabase::fresh().name;
    let server = servers::mongo().await;
    let hosts = proxy::hosts(&server);
    for (url, expected) in [
        ("mongodb://larder:s3cret/word@db.example/shop".to_owned(), "not of the form"),
        ("redis://larder:s3cret@db.example/0".to_owned(), "not of the form"),
        ("s3cret".to_owned(), "not of the form"),
        ("mongodb://larder:s3cret@127.0.0.1:1/shop".to_owned(), "MongoDB at 127.0.0.1:1 cannot be used"),
        (format!("mongodb://larder:s3cret@{hosts}/shop"), "does not let larder in"),
    ] {
        let Err(error) = Store::mongo(&url, &name, Vec::new()).await else { panic!("{url} was opened") };
        let text = format!("{error} {error:?}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
    for name in ["", "a/b", "a.b", "a b", &"a".repeat(64)] {
        assert!(
            matches!(Store::mongo(&server, name, Vec::new()).await, Err(StoreError::Engine(_))),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let database = MongoDatabase::fresh();
    database.store(Vec::new()).await.close().await;
    let client = Client::with_uri_str(servers::mongo().await).await.unwrap();
    let collections = client.database(&database.name).collection::<Document>("_collections");
    let newer = doc! { "_id": "_format", "v": super::schema::FORMAT + 1 };
    collections.replace_one(doc! { "_id": "_format" }, &newer).await.unwrap();
    let server = servers::mongo().await;
    let Err(error) = Store::mongo(&server, &database.name, Vec::new()).await else { panic!("it was opened") };
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains(&database.name), "{error}");
    assert_eq!(collections.find_one(doc! {}).await.unwrap(), Some(newer));
}

#[tokio::test]
async fn a_page_is_one_operation() {
    let database = MongoDatabase::fresh();
    let store = database.store(Vec::new()).await;
    let books = store.collection::<Book>().await.unwrap();
    for n in 0..250 {
        let tags: &[&str] = if n % 2 == 0 { &["a", "b"] } else { &["a"] };
        let book = Book::new(&format!("{n:03}"), "novels", n).tagged(tags);
        books.insert(&book, Vec::new()).await.unwrap();
    }
    let cost = async |find: Find, operations: u64| {
        let before = store.stats().reads;
        let found = books.find(find.clone()).await.unwrap();
        assert_eq!(store.stats().reads - before, operations, "{find:?}");
        found
    };
    // As the shop's lists are: in a category, by price, both ways, page after page, up to all that a page may have.
    for find in [
        Find::by(&BY_TAG_AND_PAGES).eq("a").limit(100),
        Find::by(&BY_TAG_AND_PAGES).eq("a").descending().limit(20),
        Find::by(&BY_TITLE)
            .only("tag", "b")
            .only_between("pages", Some(7.into()), Some(240.into()))
            .limit(250),
        Find::by(&BY_SHELF).eq("novels").to(200),
        Find::by(&Index::ID),
    ] {
        let page = cost(find.clone(), 1).await;
        assert!(!page.items.is_empty());
        let next = cost(find.after(page.items.last().map(|(cursor, _)| cursor.clone())), 1).await;
        assert!(next.items.iter().all(|(_, book)| page.items.iter().all(|(_, other)| other.id != book.id)));
    }
    cost(Find::by(&BY_SHELF).eq("novels").from(7), 2).await;
    let ids: Vec<_> =
        cost(Find::by(&Index::ID).limit(200), 1).await.items.iter().map(|(_, book)| book.id).collect();
    let before = store.stats().reads;
    assert_eq!(books.get_many(&ids).await.unwrap().len(), 200);
    assert_eq!(store.stats().reads - before, 1);
}
