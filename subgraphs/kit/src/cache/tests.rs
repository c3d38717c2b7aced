//! The promises of the cache, for any engine that the functions here are given, and the bounds of the one in memory.

mod interleavings;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use super::{memory::Ticker, *};

const TTL: Duration = Duration::from_secs(10);

/// A cache whose time stands still until it is moved.
struct Timed {
    cache: Cache,
    time: Arc<AtomicU64>,
}

impl Timed {
    fn new(max_bytes: u64) -> Self {
        let time = Arc::new(AtomicU64::new(0));
        let engine = memory::Memory::with(max_bytes, 100_000, Ticker::Manual(time.clone()));
        Self { cache: Cache::on(engine, MAX_WAIT), time }
    }

    fn pass(&self, time: Duration) {
        self.time.fetch_add(u64::try_from(time.as_nanos()).unwrap(), SeqCst);
    }
}

fn tags(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

async fn fill(cache: &Cache, key: &str) -> Fill {
    match cache.enter(key).await {
        Entry::Fill(fill) => fill,
        Entry::Hit(value) => panic!("a hit where a miss was due: {value:?}"),
        Entry::Bypass => panic!("sent past the cache"),
    }
}

async fn put(cache: &Cache, key: &str, value: &'static str, names: &[&str]) {
    fill(cache, key).await.put(Bytes::from_static(value.as_bytes()), tags(names), TTL).await;
}

async fn hit(cache: &Cache, key: &str) -> Option<Bytes> {
    match cache.enter(key).await {
        Entry::Hit(value) => Some(value),
        Entry::Fill(_) | Entry::Bypass => None,
    }
}

type Entering<'a> = Pin<Box<dyn Future<Output = Entry> + Send + 'a>>;

/// A caller that has come and is not driven further than it gets at once.
fn entering<'a>(cache: &'a Cache, key: &'a str) -> (Entering<'a>, Option<Entry>) {
    let mut call: Entering<'a> = Box::pin(cache.enter(key));
    let now = step(&mut call);
    (call, now)
}

fn step(call: &mut Entering<'_>) -> Option<Entry> {
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(entry) => Some(entry),
        Poll::Pending => None,
    }
}

fn value(entry: Option<Entry>) -> Bytes {
    match entry {
        Some(Entry::Hit(value)) => value,
        Some(Entry::Fill(_)) => panic!("the task of filling, not an answer"),
        Some(Entry::Bypass) => panic!("sent past the cache"),
        None => panic!("still waiting"),
    }
}

#[tokio::test]
async fn gives_what_was_put_and_counts_it() {
    let Timed { cache, .. } = Timed::new(1 << 20);
    put(&cache, "k", "answer", &["a", "b"]).await;
    assert_eq!(hit(&cache, "k").await.unwrap(), "answer");
    assert_eq!(hit(&cache, "k").await.unwrap(), "answer");
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.fills, stats.raises, stats.entries), (2, 1, 1, 0, 1));
    assert!(stats.bytes > 6, "{stats:?}");
}

#[tokio::test]
async fn forgets_when_the_time_is_over() {
    let shop = Timed::new(1 << 20);
    fill(&shop.cache, "k").await.put(Bytes::from_static(b"x"), vec![], Duration::from_secs(2)).await;
    shop.pass(Duration::from_millis(1_999));
    assert!(hit(&shop.cache, "k").await.is_some());
    shop.pass(Duration::from_millis(1));
    assert!(hit(&shop.cache, "k").await.is_none());
}

#[tokio::test]
async fn keeps_nothing_longer_than_ten_seconds_whatever_it_is_told() {
    let shop = Timed::new(1 << 20);
    fill(&shop.cache, "k").await.put(Bytes::from_static(b"x"), vec![], Duration::from_secs(3_600)).await;
    shop.pass(MAX_TTL.checked_sub(Duration::from_nanos(1)).unwrap());
    assert!(hit(&shop.cache, "k").await.is_some());
    shop.pass(Duration::from_nanos(1));
    assert!(hit(&shop.cache, "k").await.is_none());
}

#[tokio::test]
async fn a_raise_kills_the_entries_under_its_tags_and_no_others() {
    let Timed { cache, .. } = Timed::new(1 << 20);
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

#[tokio::test]
async fn a_raise_before_the_fill_does_not_harm_it() {
    let Timed { cache, .. } = Timed::new(1 << 20);
    cache.raise(&tags(&["t"])).await.unwrap();
    put(&cache, "k", "new", &["t"]).await;
    assert_eq!(hit(&cache, "k").await.unwrap(), "new");
}

#[tokio::test]
async fn a_raise_during_the_fill_keeps_the_old_answer_out() {
    let Timed { cache, .. } = Timed::new(1 << 20);
    let late = fill(&cache, "k").await;
    cache.raise(&tags(&["t"])).await.unwrap();
    late.put(Bytes::from_static(b"old"), tags(&["t"]), TTL).await;
    assert!(hit(&cache, "k").await.is_none());
    assert_eq!(cache.stats().fills, 0);
}

#[tokio::test]
async fn a_late_fill_does_not_take_the_place_of_a_newer_answer() {
    let shop = Timed::new(1 << 20);
    let late = fill(&shop.cache, "k").await;
    // The maker of the first hangs, so that another takes over.
    shop.pass(MAX_WAIT);
    shop.cache.raise(&tags(&["t"])).await.unwrap();
    put(&shop.cache, "k", "new", &["t"]).await;
    late.put(Bytes::from_static(b"old"), tags(&["t"]), TTL).await;
    assert_eq!(hit(&shop.cache, "k").await.unwrap(), "new");
}

#[tokio::test]
async fn a_fill_of_more_than_half_a_minute_is_not_kept() {
    let shop = Timed::new(1 << 20);
    let slow = fill(&shop.cache, "k").await;
    shop.cache.raise(&tags(&["t"])).await.unwrap();
    shop.pass(MAX_FILL + Duration::from_secs(1));
    // The sweep that this raise brings about forgets the epoch of `t`.
    shop.cache.raise(&tags(&["other"])).await.unwrap();
    slow.put(Bytes::from_static(b"old"), tags(&["t"]), TTL).await;
    assert!(hit(&shop.cache, "k").await.is_none());
}

#[tokio::test]
async fn many_callers_of_one_miss_make_one_answer() {
    let cache = Cache::memory(1 << 20);
    let (maker, mut waiting) = (fill(&cache, "k").await, Vec::new());
    for _ in 0..100 {
        let (call, now) = entering(&cache, "k");
        assert!(now.is_none());
        waiting.push(call);
    }
    maker.put(Bytes::from_static(b"x"), vec![], TTL).await;
    for mut call in waiting {
        assert_eq!(value(step(&mut call)), "x");
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.fills), (100, 1, 1));
    assert_eq!(cache.inner.flights.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_callers_of_one_miss_make_one_answer() {
    for round in 0..50 {
        let cache = Cache::memory(1 << 20);
        let made = Arc::new(AtomicU64::new(0));
        let callers = (0..32).map(|_| {
            let (cache, made) = (cache.clone(), made.clone());
            tokio::spawn(async move {
                cache
                    .get_or_fill("k", TTL, || async {
                        made.fetch_add(1, SeqCst);
                        tokio::task::yield_now().await;
                        Ok::<_, CacheError>((Bytes::from_static(b"x"), vec![]))
                    })
                    .await
                    .unwrap()
            })
        });
        for answer in futures::future::join_all(callers).await {
            assert_eq!(answer.unwrap(), "x");
        }
        assert_eq!(made.load(SeqCst), 1, "in round {round}");
    }
}

#[tokio::test]
async fn a_fill_that_is_given_up_passes_to_one_of_those_who_wait() {
    let cache = Cache::memory(1 << 20);
    let maker = fill(&cache, "k").await;
    let (mut first, now) = entering(&cache, "k");
    assert!(now.is_none());
    let (mut second, now) = entering(&cache, "k");
    assert!(now.is_none());
    drop(maker);
    let Some(Entry::Fill(next)) = step(&mut first) else { panic!("nobody took over") };
    assert!(step(&mut second).is_none(), "two make the same answer");
    next.put(Bytes::from_static(b"x"), vec![], TTL).await;
    assert_eq!(value(step(&mut second)), "x");
}

#[tokio::test]
async fn callers_do_not_fail_one_after_the_other_when_no_answer_can_be_made() {
    let cache = Cache::memory(1 << 20);
    let maker = fill(&cache, "k").await;
    let mut waiting: Vec<_> = (0..10).map(|_| entering(&cache, "k").0).collect();
    drop(maker);
    let Some(Entry::Fill(second)) = step(&mut waiting[0]) else { panic!("nobody took over") };
    for call in &mut waiting[1..] {
        assert!(step(call).is_none());
    }
    drop(second);
    for call in &mut waiting[1..] {
        assert!(matches!(step(call), Some(Entry::Bypass)));
    }
}

#[tokio::test]
async fn who_came_before_a_raise_may_have_the_answer_that_was_begun_after_he_came() {
    let cache = Cache::memory(1 << 20);
    let maker = fill(&cache, "k").await;
    let (mut early, now) = entering(&cache, "k");
    assert!(now.is_none());
    cache.raise(&tags(&["t"])).await.unwrap();
    maker.put(Bytes::from_static(b"1"), tags(&["t"]), TTL).await;
    assert_eq!(value(step(&mut early)), "1");
}

#[tokio::test]
async fn who_came_after_a_raise_never_gets_an_answer_begun_before_it() {
    let cache = Cache::memory(1 << 20);
    let maker = fill(&cache, "k").await;
    cache.raise(&tags(&["t"])).await.unwrap();
    let (mut first, now) = entering(&cache, "k");
    assert!(now.is_none());
    let (mut second, now) = entering(&cache, "k");
    assert!(now.is_none());
    maker.put(Bytes::from_static(b"old"), tags(&["t"]), TTL).await;
    let Some(Entry::Fill(next)) = step(&mut first) else { panic!("an old answer") };
    assert!(step(&mut second).is_none());
    // Raised again while it is made: still newer than the call of the second, who must not wait for ever on a busy tag.
    cache.raise(&tags(&["t"])).await.unwrap();
    next.put(Bytes::from_static(b"new"), tags(&["t"]), TTL).await;
    assert_eq!(value(step(&mut second)), "new");
}

#[tokio::test]
async fn who_came_after_a_raise_of_something_else_gets_the_answer() {
    let cache = Cache::memory(1 << 20);
    let maker = fill(&cache, "k").await;
    cache.raise(&tags(&["other"])).await.unwrap();
    let (mut call, now) = entering(&cache, "k");
    assert!(now.is_none());
    maker.put(Bytes::from_static(b"x"), tags(&["t"]), TTL).await;
    assert_eq!(value(step(&mut call)), "x");
}

#[tokio::test]
async fn nobody_waits_longer_than_the_deadline() {
    let cache = Cache::on(memory::Memory::new(1 << 20), Duration::from_millis(10));
    let _hanging = fill(&cache, "k").await;
    let patient = tokio::time::timeout(Duration::from_secs(20), cache.enter("k")).await.unwrap();
    assert!(matches!(patient, Entry::Bypass | Entry::Fill(_)));
}

#[tokio::test]
async fn holds_no_more_bytes_than_it_was_given() {
    const MAX: u64 = 64 << 10;
    let cache = Cache::memory(MAX);
    for n in 0..2_000 {
        let key = format!("key-{n}");
        let long: Vec<String> = (0..n % 7).map(|t| format!("tag-{n}-{t}")).collect();
        fill(&cache, &key).await.put(Bytes::from(vec![b'x'; n % 3_000]), long, TTL).await;
        let stats = cache.stats();
        assert!(stats.bytes <= MAX, "{stats:?} after {n}");
    }
    assert!(cache.stats().entries > 5);
    // What could never fit is not kept, and harms nothing.
    fill(&cache, "huge").await.put(Bytes::from(vec![0; 128 << 10]), vec![], TTL).await;
    assert!(hit(&cache, "huge").await.is_none());
    assert!(cache.stats().bytes <= MAX);
}

#[tokio::test]
async fn remembers_a_raised_tag_only_as_long_as_a_fill_may_last() {
    let time = Arc::new(AtomicU64::new(0));
    let engine = Arc::new(memory::Memory::with(1 << 20, 100_000, Ticker::Manual(time.clone())));
    for n in 0..5_000 {
        engine.raise(&[format!("tag-{n}")]).await.unwrap();
    }
    assert_eq!(engine.remembered_tags(), 5_000);
    time.fetch_add(u64::try_from((MAX_FILL + Duration::from_secs(1)).as_nanos()).unwrap(), SeqCst);
    engine.raise(&tags(&["one"])).await.unwrap();
    assert_eq!(engine.remembered_tags(), 1);
}

#[tokio::test]
async fn a_flood_of_raises_is_bounded_and_lets_no_old_answer_in() {
    let time = Arc::new(AtomicU64::new(0));
    let engine = memory::Memory::with(1 << 20, 1_000, Ticker::Manual(time));
    let (key, old) = (Arc::from("k"), engine.stamp().await.unwrap());
    engine.raise(&tags(&["t"])).await.unwrap();
    for n in 0..50_000 {
        engine.raise(&[format!("tag-{n}")]).await.unwrap();
        assert!(engine.remembered_tags() <= 1_200);
    }
    assert!(!engine.put(&key, Bytes::from_static(b"old"), &tags(&["t"]), old, TTL).await.unwrap());
    let new = engine.stamp().await.unwrap();
    assert!(engine.put(&key, Bytes::from_static(b"new"), &tags(&["t"]), new, TTL).await.unwrap());
    assert_eq!(engine.get("k").await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn a_tag_that_an_entry_holds_outlives_every_sweep() {
    let shop = Timed::new(1 << 20);
    put(&shop.cache, "k", "old", &["t"]).await;
    for _ in 0..9 {
        shop.pass(Duration::from_secs(1));
        shop.cache.raise(&tags(&["other"])).await.unwrap();
    }
    assert!(hit(&shop.cache, "k").await.is_some());
    shop.cache.raise(&tags(&["t"])).await.unwrap();
    assert!(hit(&shop.cache, "k").await.is_none());
}

#[tokio::test]
async fn a_failed_making_is_told_and_not_kept() {
    let cache = Cache::memory(1 << 20);
    let failed = cache.get_or_fill("k", TTL, || async { Err::<(Bytes, Vec<String>), _>("no") }).await;
    assert_eq!(failed, Err("no"));
    assert!(hit(&cache, "k").await.is_none());
}
