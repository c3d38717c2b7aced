//! What every engine promises.

use tokio::{sync::mpsc, task::JoinHandle};

use super::*;

/// Somebody who has come for the key and waits for another's fill, as the last of so many.
async fn comes(cache: &Cache, key: &'static str, waiting: usize) -> JoinHandle<Entry> {
    let caller = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.enter(key).await })
    };
    until_waiting(cache, key, waiting).await;
    caller
}

async fn until_waiting(cache: &Cache, key: &str, count: usize) {
    soon(async {
        while cache.inner.flights.waiting(key) != count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn value(caller: JoinHandle<Entry>) -> Bytes {
    match soon(caller).await.unwrap() {
        Entry::Hit(value) => value,
        Entry::Fill(_) => panic!("the task of filling, not an answer"),
        Entry::Bypass => panic!("sent past the cache"),
    }
}

/// The one of the two who has the task now, and the other, who waits for him.
async fn successor(one: JoinHandle<Entry>, two: JoinHandle<Entry>) -> (Fill, JoinHandle<Entry>) {
    let (entry, other) = match soon(futures::future::select(one, two)).await {
        futures::future::Either::Left((entry, two)) => (entry, two),
        futures::future::Either::Right((entry, one)) => (entry, one),
    };
    match entry.unwrap() {
        Entry::Fill(fill) => (fill, other),
        Entry::Hit(value) => panic!("an old answer: {value:?}"),
        Entry::Bypass => panic!("sent past the cache"),
    }
}

async fn gives_what_was_put_and_counts_it(cache: Cache) {
    put(&cache, "k", "answer", &["a", "b"]).await;
    assert_eq!(hit(&cache, "k").await.unwrap(), "answer");
    assert_eq!(hit(&cache, "k").await.unwrap(), "answer");
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.fills, stats.raises, stats.entries), (2, 1, 1, 0, 1));
    assert!(stats.bytes > 6, "{stats:?}");
}

async fn a_raise_kills_the_entries_under_its_tags_and_no_others(cache: Cache) {
    put(&cache, "milk", "1", &["list", "milk"]).await;
    put(&cache, "fruit", "2", &["list", "apple", "pear"]).await;
    put(&cache, "shop", "3", &["shop"]).await;
    cache.raise(&tags(&["pear", "unknown"])).await.unwrap();
    assert!(hit(&cache, "milk").await.is_some());
    assert!(hit(&cache, "fruit").await.is_none());
    cache.raise(&tags(&["list"])).await.unwrap();
    assert!(hit(&cache, "milk").await.is_none());
    assert!(hit(&cache, "shop").await.is_some());
}

async fn a_raise_before_the_fill_does_not_harm_it(cache: Cache) {
    cache.raise(&tags(&["t"])).await.unwrap();
    put(&cache, "k", "new", &["t"]).await;
    assert_eq!(hit(&cache, "k").await.unwrap(), "new");
}

async fn a_raise_during_the_fill_keeps_the_old_answer_out(cache: Cache) {
    let late = fill(&cache, "k").await;
    cache.raise(&tags(&["t"])).await.unwrap();
    late.put(Bytes::from_static(b"old"), tags(&["t"]), TTL).await;
    assert!(hit(&cache, "k").await.is_none());
    assert_eq!(cache.stats().fills, 0);
}

async fn many_callers_of_one_miss_make_one_answer(cache: Cache) {
    let (maker, mut waiting) = (fill(&cache, "k").await, Vec::new());
    for n in 1..=100 {
        waiting.push(comes(&cache, "k", n).await);
    }
    maker.put(Bytes::from_static(b"x"), vec![], TTL).await;
    for caller in waiting {
        assert_eq!(value(caller).await, "x");
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.fills), (100, 1, 1));
    assert!(cache.inner.flights.is_empty());
}

async fn racing_callers_of_one_miss_make_one_answer(cache: Cache) {
    for round in 0..50 {
        let (key, made) = (format!("key-{round}"), Arc::new(AtomicU64::new(0)));
        let callers = (0..32).map(|_| {
            let (cache, key, made) = (cache.clone(), key.clone(), made.clone());
            tokio::spawn(async move {
                let make = || async {
                    made.fetch_add(1, SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, CacheError>((Bytes::from_static(b"x"), vec![]))
                };
                cache.get_or_fill(&key, TTL, make).await.unwrap()
            })
        });
        for answer in futures::future::join_all(callers).await {
            assert_eq!(answer.unwrap(), "x");
        }
        assert_eq!(made.load(SeqCst), 1, "in round {round}");
    }
}

async fn a_fill_that_is_given_up_passes_to_one_of_those_who_wait(cache: Cache) {
    let maker = fill(&cache, "k").await;
    let (one, two) = (comes(&cache, "k", 1).await, comes(&cache, "k", 2).await);
    drop(maker);
    let (next, other) = successor(one, two).await;
    until_waiting(&cache, "k", 1).await;
    next.put(Bytes::from_static(b"x"), vec![], TTL).await;
    assert_eq!(value(other).await, "x");
}

async fn callers_do_not_fail_one_after_the_other_when_no_answer_can_be_made(cache: Cache) {
    const CALLERS: usize = 10;
    let maker = fill(&cache, "k").await;
    let (tell, mut told) = mpsc::unbounded_channel();
    for n in 1..=CALLERS {
        let (cache, tell) = (cache.clone(), tell.clone());
        let came = cache.clone();
        tokio::spawn(async move { tell.send(cache.enter("k").await) });
        until_waiting(&came, "k", n).await;
    }
    drop(maker);
    let Some(Entry::Fill(second)) = soon(told.recv()).await else { panic!("nobody took over") };
    until_waiting(&cache, "k", CALLERS - 1).await;
    drop(second);
    for _ in 1..CALLERS {
        assert!(matches!(soon(told.recv()).await, Some(Entry::Bypass)));
    }
}

async fn who_came_before_a_raise_may_have_the_answer_that_was_begun_no_earlier(cache: Cache) {
    let maker = fill(&cache, "k").await;
    let early = comes(&cache, "k", 1).await;
    cache.raise(&tags(&["t"])).await.unwrap();
    maker.put(Bytes::from_static(b"1"), tags(&["t"]), TTL).await;
    assert_eq!(value(early).await, "1");
}

async fn who_came_after_a_raise_never_gets_an_answer_begun_before_it(cache: Cache) {
    let maker = fill(&cache, "k").await;
    cache.raise(&tags(&["t"])).await.unwrap();
    let (one, two) = (comes(&cache, "k", 1).await, comes(&cache, "k", 2).await);
    maker.put(Bytes::from_static(b"old"), tags(&["t"]), TTL).await;
    let (next, other) = successor(one, two).await;
    until_waiting(&cache, "k", 1).await;
    // Raised again while it is made: still newer than the call of the other, who must not wait for ever on a busy tag.
    cache.raise(&tags(&["t"])).await.unwrap();
    next.put(Bytes::from_static(b"new"), tags(&["t"]), TTL).await;
    assert_eq!(value(other).await, "new");
}

async fn who_came_after_a_raise_of_something_else_gets_the_answer(cache: Cache) {
    let maker = fill(&cache, "k").await;
    cache.raise(&tags(&["other"])).await.unwrap();
    let caller = comes(&cache, "k", 1).await;
    maker.put(Bytes::from_static(b"x"), tags(&["t"]), TTL).await;
    assert_eq!(value(caller).await, "x");
}

async fn a_failed_making_is_told_and_not_kept(cache: Cache) {
    let failed = cache.get_or_fill("k", TTL, || async { Err::<(Bytes, Vec<String>), _>("no") }).await;
    assert_eq!(failed, Err("no"));
    assert!(hit(&cache, "k").await.is_none());
}

/// The suite on every engine: a test per promise.
macro_rules! suite {
    ([$($promise:ident),* $(,)?]) => {
        suite!(in_memory, Cache::memory(1 << 20), [$($promise),*]);
        suite!(on_redis, server::cache().await, [$($promise),*]);
    };
    ($engine:ident, $cache:expr, [$($promise:ident),*]) => {
        mod $engine {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    super::$promise($cache).await;
                }
            )*
        }
    };
}

suite!([
    gives_what_was_put_and_counts_it,
    a_raise_kills_the_entries_under_its_tags_and_no_others,
    a_raise_before_the_fill_does_not_harm_it,
    a_raise_during_the_fill_keeps_the_old_answer_out,
    many_callers_of_one_miss_make_one_answer,
    racing_callers_of_one_miss_make_one_answer,
    a_fill_that_is_given_up_passes_to_one_of_those_who_wait,
    callers_do_not_fail_one_after_the_other_when_no_answer_can_be_made,
    who_came_before_a_raise_may_have_the_answer_that_was_begun_no_earlier,
    who_came_after_a_raise_never_gets_an_answer_begun_before_it,
    who_came_after_a_raise_of_something_else_gets_the_answer,
    a_failed_making_is_told_and_not_kept,
]);
