//! What a write costs.

use super::lab::{Book, Database};

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
