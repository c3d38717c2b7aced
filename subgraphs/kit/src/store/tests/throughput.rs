//! How many writes share a commit.

use super::lab::{Book, Database, Refused};

pub(super) async fn many_writers_share_commits(database: impl Fn() -> Box<dyn Database>) {
    let store = database().store(Vec::new()).await;
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

pub(super) async fn a_lone_writer_commits_each_write(database: impl Fn() -> Box<dyn Database>) {
    let store = database().store(Vec::new()).await;
    let books = store.collection::<Book>().await.unwrap();
    let before = store.stats();
    for n in 0..10 {
        books.insert(&Book::new("x", "s", n), Vec::new()).await.unwrap();
    }
    let after = store.stats();
    assert_eq!((after.writes - before.writes, after.commits - before.commits), (10, 10));
}
