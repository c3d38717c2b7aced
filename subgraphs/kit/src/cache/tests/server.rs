//! What a server may do to the cache on it: be emptied, killed, paused, brought back from an old copy, or never answer.

use proptest::prelude::*;
use tokio::net::TcpListener;

use super::{redis::Options, *};
use crate::{
    cache::redis::RedisCache,
    testing::servers::{RedisServer, redis},
};

/// A place of its own on the server that all tests share, and the patience that a busy machine needs.
pub(super) fn options() -> Options {
    let namespace = format!("test-{}", uuid::Uuid::new_v4());
    let patient = Duration::from_secs(20);
    Options { namespace, deadline: patient, raising: patient, ..Options::default() }
}

pub(super) async fn open(options: &Options) -> Cache {
    Cache::on(engine(&redis().await.url(), options).await, MAX_WAIT)
}

pub(super) async fn cache() -> Cache {
    open(&options()).await
}

async fn engine(url: &str, options: &Options) -> RedisCache {
    RedisCache::open(url, options.clone()).await.unwrap()
}

/// As it would be in the shop, on a server of the test's own.
async fn impatient(server: &RedisServer) -> Cache {
    let options = Options { deadline: Duration::from_millis(200), ..Options::default() };
    Cache::on(engine(&server.url(), &options).await, MAX_WAIT)
}

/// Until the cache is used again.
async fn back(cache: &Cache) {
    soon(async {
        while cache.inner.engine.stamp().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

const OLD: Bytes = Bytes::from_static(b"old");

#[tokio::test]
async fn one_process_gets_what_another_has_put_and_loses_what_it_raises() {
    let options = options();
    let (one, two) = (open(&options).await, open(&options).await);
    put(&one, "k", "answer", &["t"]).await;
    assert_eq!(hit(&two, "k").await.unwrap(), "answer");
    two.raise(&tags(&["t"])).await.unwrap();
    assert!(hit(&one, "k").await.is_none());
    put(&one, "k", "next", &["t"]).await;
    assert_eq!(hit(&two, "k").await.unwrap(), "next");
}

#[tokio::test]
async fn a_raise_of_something_else_costs_a_question_and_not_the_answer() {
    let options = options();
    let (one, two) = (open(&options).await, open(&options).await);
    put(&one, "k", "answer", &["t"]).await;
    for _ in 0..3 {
        two.raise(&tags(&["other"])).await.unwrap();
        assert_eq!(hit(&one, "k").await.unwrap(), "answer");
        assert_eq!(hit(&two, "k").await.unwrap(), "answer");
    }
    assert_eq!((one.stats().entries, two.stats().entries), (1, 1));
}

#[tokio::test]
async fn an_entry_and_its_copies_end_with_its_time() {
    let options = options();
    let one = engine(&redis().await.url(), &options).await;
    let two = engine(&redis().await.url(), &options).await;
    let (key, began) = (Arc::from("k"), one.stamp().await.unwrap());
    let life = Duration::from_millis(300);
    let put = Instant::now();
    assert!(one.put(&key, OLD, &tags(&["t"]), began, life).await.unwrap());
    // Time goes on, and the copy is made of an entry that has less of it left.
    assert!(two.get("k").await.unwrap().is_some() || put.elapsed() >= life);
    soon(async {
        while two.get("k").await.unwrap().is_some() || one.get("k").await.unwrap().is_some() {
            // The server's own clock says when: it may be a moment late.
            assert!(put.elapsed() < life + Duration::from_secs(5));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_is_not_kept() {
    let cache = cache().await;
    fill(&cache, "large").await.put(Bytes::from(vec![0; (1 << 20) + 1]), vec![], TTL).await;
    assert!(hit(&cache, "large").await.is_none());
    let many = (0..5_000).map(|n| format!("tag-{n}")).collect();
    fill(&cache, "many").await.put(OLD, many, TTL).await;
    assert!(hit(&cache, "many").await.is_none());
    assert_eq!(cache.stats().fills, 0);
}

#[tokio::test]
async fn a_flood_of_raises_is_bounded_and_lets_no_old_answer_in() {
    let options = Options { max_epochs: 100, ..options() };
    let engine = engine(&redis().await.url(), &options).await;
    let (key, old) = (Arc::from("k"), engine.stamp().await.unwrap());
    engine.raise(&tags(&["t"])).await.unwrap();
    for n in 0..50 {
        let names: Vec<_> = (0..7).map(|m| format!("tag-{n}-{m}")).collect();
        engine.raise(&names).await.unwrap();
        let held = redis().await.tell(&format!("HLEN {{{}}}:epochs", options.namespace));
        let held: usize = held.trim().trim_start_matches(':').parse().unwrap();
        assert!(held <= 103, "{held}");
    }
    assert!(!engine.put(&key, OLD, &tags(&["t"]), old, TTL).await.unwrap());
    let new = engine.stamp().await.unwrap();
    assert!(engine.put(&key, Bytes::from_static(b"new"), &tags(&["t"]), new, TTL).await.unwrap());
    assert_eq!(engine.get("k").await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn a_server_that_was_emptied_lets_no_old_answer_in() {
    let server = RedisServer::start(&[]);
    let cache = impatient(&server).await;
    // A clock that is far on, so that numbers of the new run are smaller.
    for _ in 0..10 {
        cache.raise(&tags(&["other"])).await.unwrap();
    }
    let (key, late) = (Arc::from("k"), cache.inner.engine.stamp().await.unwrap());
    put(&cache, "held", "old", &["t"]).await;
    let _ok = server.tell("FLUSHALL");
    cache.raise(&tags(&["t"])).await.unwrap();
    assert!(
        !cache.inner.engine.put(&key, OLD, &tags(&["t"]), late, TTL).await.unwrap(),
        "a late fill got in"
    );
    assert!(hit(&cache, "held").await.is_none(), "a copy outlived its entry's epochs");
    put(&cache, "k", "new", &["t"]).await;
    assert_eq!(hit(&cache, "k").await.unwrap(), "new");
}

#[tokio::test]
async fn who_came_after_an_emptying_does_not_get_the_answer_of_a_fill_from_before() {
    let server = RedisServer::start(&[]);
    let cache = impatient(&server).await;
    for _ in 0..10 {
        cache.raise(&tags(&["t"])).await.unwrap();
    }
    let early = fill(&cache, "k").await;
    let _ok = server.tell("FLUSHALL");
    cache.raise(&tags(&["t"])).await.unwrap();
    let caller = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.enter("k").await })
    };
    soon(async {
        while cache.inner.flights.waiting("k") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    early.put(OLD, tags(&["t"]), TTL).await;
    assert!(matches!(soon(caller).await.unwrap(), Entry::Fill(_)));
}

#[tokio::test]
async fn a_server_that_comes_back_with_an_old_copy_of_its_data_makes_nothing_valid_again() {
    let server = RedisServer::start(&[]);
    let cache = impatient(&server).await;
    put(&cache, "k", "old", &["t"]).await;
    let late = cache.inner.engine.stamp().await.unwrap();
    assert!(server.tell("SAVE").starts_with("+OK"));
    cache.raise(&tags(&["t"])).await.unwrap();
    server.kill();
    server.start_again();
    assert!(server.tell("DBSIZE").starts_with(":2"), "the old copy was not read");
    back(&cache).await;
    assert!(hit(&cache, "k").await.is_none());
    assert!(!cache.inner.engine.put(&Arc::from("k"), OLD, &tags(&["t"]), late, TTL).await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_gone_makes_answers_slower_and_raises_fail_until_it_is_back() {
    let server = RedisServer::start(&[]);
    let cache = impatient(&server).await;
    put(&cache, "k", "old", &["t"]).await;
    server.kill();
    assert!(matches!(soon(cache.enter("k")).await, Entry::Bypass));
    assert!(cache.raise(&tags(&["t"])).await.is_err());
    // Nobody waits for what is known to be gone.
    let before = Instant::now();
    for _ in 0..1_000 {
        assert!(matches!(cache.enter("k").await, Entry::Bypass));
    }
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    server.start_again();
    back(&cache).await;
    assert!(hit(&cache, "k").await.is_none());
    put(&cache, "k", "new", &["t"]).await;
    assert_eq!(hit(&cache, "k").await.unwrap(), "new");
}

#[tokio::test]
async fn a_server_that_stops_to_answer_costs_one_deadline_and_not_one_for_each_request() {
    let server = RedisServer::start(&[]);
    let cache = impatient(&server).await;
    put(&cache, "k", "old", &["t"]).await;
    let _ok = server.tell("CLIENT PAUSE 3000 ALL");
    let before = Instant::now();
    let mut longest = Duration::ZERO;
    for _ in 0..1_000 {
        let came = Instant::now();
        assert!(matches!(cache.enter("k").await, Entry::Bypass));
        longest = longest.max(came.elapsed());
    }
    assert!(longest >= Duration::from_millis(200), "nobody waited: {longest:?}");
    assert!(before.elapsed() < Duration::from_millis(2_500), "{:?}", before.elapsed());
    back(&cache).await;
    assert_eq!(hit(&cache, "k").await.unwrap(), "old");
}

#[tokio::test]
async fn something_that_accepts_and_never_answers_is_no_cache_and_no_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/0", listener.local_addr().unwrap());
    let _silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let cache = soon(Cache::redis(&url)).await.unwrap();
    let before = Instant::now();
    for _ in 0..100 {
        assert!(matches!(cache.enter("k").await, Entry::Bypass));
    }
    assert!(before.elapsed() < Duration::from_secs(5));
    assert!(cache.raise(&tags(&["t"])).await.is_err());
}

#[tokio::test]
async fn a_wrong_address_or_password_is_said_at_once_and_never_shown() {
    const SECRET: &str = "hush-hush";
    let server = RedisServer::start(&["--requirepass", "another"]);
    let here = server.address();
    for url in [
        format!("redis://:{SECRET}@{here}/0"),
        format!("redis://larder:{SECRET}@{here}/0"),
        format!("mongodb://:{SECRET}@{here}/0"),
        format!("rediss://:{SECRET}@{here}/0"),
        format!("redis://:{SECRET}@{here}/zero"),
        format!("redis:{SECRET}"),
        SECRET.to_owned(),
    ] {
        let error = soon(Cache::redis(&url)).await.err().unwrap_or_else(|| panic!("{url} was taken"));
        let text = format!("{error} {error:?}");
        assert!(!text.contains(SECRET), "{text}");
    }
    let unsaid = soon(Cache::redis(&server.url())).await.err().unwrap();
    assert!(unsaid.to_string().contains("refuses"), "{unsaid}");
    assert!(soon(Cache::redis(&format!("redis://:another@{here}/0"))).await.is_ok());
}

/// What two processes, a shop and a server do, one after the other.
#[derive(Debug, Clone)]
enum Step {
    Write,
    Raise,
    Begin(usize),
    Put(usize),
    Get(usize),
    Empty,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Write),
        3 => Just(Step::Raise),
        4 => (0..2_usize).prop_map(Step::Begin),
        4 => any::<usize>().prop_map(Step::Put),
        6 => (0..2_usize).prop_map(Step::Get),
        1 => Just(Step::Empty),
    ];
    proptest::collection::vec(step, 1..80)
}

/// Any history: what is got was read no earlier than the last raise that was complete when it was asked for.
async fn live(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let options = options();
    let url = redis().await.url();
    let engines = [engine(&url, &options).await, engine(&url, &options).await];
    let (key, names) = (Arc::from("k"), tags(&["t", "u"]));
    let (mut row, mut raised) = (0_u8, 0);
    let mut fills = Vec::new();
    for step in steps {
        match step {
            Step::Write => row += 1,
            Step::Raise => {
                engines[usize::from(row) % 2].raise(&tags(&["t"])).await.unwrap();
                raised = row;
            }
            Step::Begin(n) => fills.push((n, engines[n].stamp().await.unwrap(), row)),
            Step::Put(n) if !fills.is_empty() => {
                let (n, began, read) = fills.swap_remove(n % fills.len());
                let value = Bytes::copy_from_slice(&[read]);
                engines[n].put(&key, value, &names, began, TTL).await.unwrap();
            }
            Step::Put(_) => {}
            Step::Get(n) => {
                if let Some(got) = engines[n].get("k").await.unwrap() {
                    prop_assert!(got[0] >= raised, "{} is older than {}", got[0], raised);
                }
            }
            Step::Empty => {
                let epochs = format!("{{{}}}:epochs", options.namespace);
                let _one = redis().await.tell(&format!("DEL {epochs}"));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_history_of_two_processes_gives_an_answer_from_before_a_raise(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(steps))?;
    }
}
