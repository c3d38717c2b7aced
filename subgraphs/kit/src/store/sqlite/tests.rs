//! What is promised of the SQLite file alone: whose it is, and that no walk depends on how much else there is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params_from_iter};

use super::{
    super::{
        Cursor, Document as _, Find, Index, Key, Store, StoreError, codec,
        engine::CollectionSpec,
        tests::lab::{BY_ISBN, BY_SHELF, BY_TAG, BY_TITLE, Book, Database as _, Refused, SqliteFile},
    },
    query::Walk,
    schema,
};

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let file = SqliteFile::fresh();
    file.store(Vec::new()).await.close().await;
    let connection = Connection::open(file.path()).unwrap();
    connection.pragma_update(None, "user_version", schema::FORMAT + 1).unwrap();
    drop(connection);
    let before = std::fs::read(file.path()).unwrap();
    let Err(error) = Store::sqlite(file.path(), Vec::new()).await else { panic!("it was opened") };
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("library.db") && text.contains("Start the newer program"), "{text}");
    assert_eq!(std::fs::read(file.path()).unwrap(), before);
}

#[tokio::test]
async fn another_programs_file_is_refused() {
    let file = SqliteFile::fresh();
    Connection::open(file.path()).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Store::sqlite(file.path(), Vec::new()).await, Err(StoreError::Engine(_))));
    std::fs::write(file.path(), "no database, but a text that is long enough to be looked at".repeat(20))
        .unwrap();
    assert!(matches!(Store::sqlite(file.path(), Vec::new()).await, Err(StoreError::Engine(_))));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::MetadataExt as _;
    let file = SqliteFile::fresh();
    let books = file.books().await;
    books.insert(&Book::new("Emma", "novels", 1), Vec::new()).await.unwrap();
    for entry in std::fs::read_dir(file.path().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn every_commit_is_synchronous() {
    let file = SqliteFile::fresh();
    let _store = file.store(Vec::new()).await;
    let connection = schema::connect(&file.path()).unwrap();
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, Key>(0)).unwrap();
    assert_eq!(pragma("synchronous"), Key::Int(2), "FULL");
    assert_eq!(pragma("journal_mode"), Key::from("wal"));
}

const BOOKS: CollectionSpec = CollectionSpec {
    name: Book::COLLECTION,
    schema: 1,
    indexes: Book::INDEXES,
    keys: codec::keys_of::<Book>,
};

fn plan(connection: &Connection, find: &Find) -> String {
    let index = BOOKS.index(find).unwrap();
    let query = Walk::of(BOOKS, index, find).select(find);
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql)).unwrap();
    let lines = statement
        .query_map(params_from_iter(&query.parameters), |row| row.get::<_, String>("detail"))
        .unwrap();
    lines.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn walks_seek_and_never_sort() {
    let file = SqliteFile::fresh();
    let _books = file.books().await;
    let connection = schema::connect(&file.path()).unwrap();
    let cursor = |find: &Find, keys: &[Key]| {
        Some(Cursor { order: find.order(), keys: keys.to_vec(), id: "x".to_owned() })
    };
    let walks = |find: Find, keys: &[Key]| {
        let down = find.clone().descending();
        let (after, down_after) = (cursor(&find, keys), cursor(&down, keys));
        [find.clone().after(after), down.clone().after(down_after), find, down]
    };
    let (novels, five) = (Find::by(&BY_SHELF).eq("novels"), Key::Int(5));
    for (find, keys) in [
        (novels.clone(), vec![five.clone()]),
        (novels.clone().from(3), vec![five.clone()]),
        (novels.clone().from(3).below(9), vec![five]),
        (novels.clone().eq(5), vec![]),
        (Find::by(&BY_TITLE).starts_with("E"), vec!["Emma".into()]),
        (Find::by(&BY_TAG).eq("love"), vec![]),
        (Find::by(&BY_ISBN).eq("1"), vec![]),
        (Find::by(&BY_ISBN).from("1"), vec!["2".into()]),
        (Find::by(&Index::ID).from("a"), vec![]),
    ] {
        for find in walks(find, &keys) {
            let plan = plan(&connection, &find);
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{find:?}\n{plan}");
        }
    }
    // Without any bound a walk begins at the beginning, which SQLite calls a scan; the limit ends it.
    for (index, keys) in
        [(&BY_TITLE, vec![Key::from("E")]), (&BY_ISBN, vec!["1".into()]), (&Index::ID, vec![])]
    {
        for find in walks(Find::by(index), &keys) {
            let plan = plan(&connection, &find);
            assert!(!plan.contains("TEMP B-TREE"), "{find:?}\n{plan}");
            assert!(find.after.is_none() || !plan.contains("SCAN"), "{find:?}\n{plan}");
        }
    }
    // What a cursor skips is not walked: the seek uses all of its values, also where there is a bound besides.
    for find in [novels.clone(), novels.from(3).below(9)] {
        let [after, down_after, ..] = walks(find, &[Key::Int(5)]);
        assert!(plan(&connection, &after).contains("(f1,id)>(?,?)"), "{}", plan(&connection, &after));
        assert!(
            plan(&connection, &down_after).contains("(f1,id)<(?,?)"),
            "{}",
            plan(&connection, &down_after)
        );
    }
}

/// The 99th percentile of many pages read from anywhere in the walk.
async fn page_time(rows: i64) -> Duration {
    let file = SqliteFile::fresh();
    let store = file.store(Vec::new()).await;
    let books = Arc::new(store.collection::<Book>().await.unwrap());
    let inserts = (0..rows).map(|n| {
        let books = books.clone();
        async move {
            let book = Book::new(&format!("{n:07}"), &format!("s{}", n % 10), n).tagged(&["a", "b"]);
            books.insert(&book, Vec::new()).await.unwrap();
        }
    });
    futures::StreamExt::for_each_concurrent(futures::stream::iter(inserts), 2_000, |insert| insert).await;
    let mut times = Vec::new();
    for n in 0..400 {
        let from = n * 7_919 % rows;
        let find = Find::by(&BY_SHELF).eq(format!("s{}", from % 10)).from(from).limit(20);
        let started = Instant::now();
        books.find(find).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_takes_as_long_among_many_rows_as_among_few() {
    let (few, many) = (page_time(1_000).await, page_time(20_000).await);
    // Twice is the promise; the rest is for a machine that is busy with other tests. A walk of all rows would be 20 times.
    assert!(many < few * 4, "{few:?} among 1,000, {many:?} among 20,000");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_share_commits() {
    let file = SqliteFile::fresh();
    let store = file.store(Vec::new()).await;
    let books = store.collection::<Book>().await.unwrap();
    let before = store.stats();
    // As orders are placed: each client writes a document of its own, then changes it.
    let clients = (0..64).map(|_| {
        let books = books.clone();
        tokio::spawn(async move {
            for _ in 0..8 {
                let book = Book::new("x", "s", 1);
                books.insert(&book, Vec::new()).await.unwrap();
                let confirm = books.update(&book.id, |book, _| {
                    book.lent = 1;
                    Ok::<_, Refused>(())
                });
                confirm.await.unwrap();
            }
        })
    });
    futures::future::try_join_all(clients).await.unwrap();
    let after = store.stats();
    let (writes, commits) = (after.writes - before.writes, after.commits - before.commits);
    assert_eq!(writes, 64 * 8 * 2);
    assert!(writes >= commits * 16, "{writes} writes in {commits} commits");
}
