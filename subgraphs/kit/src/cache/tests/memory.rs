//! Time and bounds. The time stands still until a test moves it.

use super::*;

/// A cache, and its time.
pub(super) struct Timed {
    pub(super) cache: Cache,
    time: Arc<AtomicU64>,
}

impl Timed {
    pub(super) fn new(max_bytes: u64) -> Self {
        let time = Arc::new(AtomicU64::new(0));
        let engine = Memory::with(max_bytes, 100_000, Ticker::Manual(time.clone()));
        Self { cache: Cache::on(engine, MAX_WAIT), time }
    }

    pub(super) fn pass(&self, time: Duration) {
        self.time.fetch_add(u64::try_from(time.as_nanos()).unwrap(), SeqCst);
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_the_deadline() {
    let cache = Cache::on(Memory::new(1 << 20), Duration::from_millis(10));
    let _hanging = fill(&cache, "k").await;
    let patient = soon(cache.enter("k")).await;
    assert!(matches!(patient, Entry::Bypass | Entry::Fill(_)));
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
    let engine = Arc::new(Memory::with(1 << 20, 100_000, Ticker::Manual(time.clone())));
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
    let engine = Memory::with(1 << 20, 1_000, Ticker::Manual(time));
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
