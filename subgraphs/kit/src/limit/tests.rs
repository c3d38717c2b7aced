//! What every engine promises, and what happens when the server is away.

use chrono::TimeDelta;

use super::{redis::RedisLimits, *};
use crate::testing::servers::{RedisServer, redis};

const START: DateTime<Utc> = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
const PATIENT: Duration = Duration::from_secs(20);

fn later(seconds: i64) -> DateTime<Utc> {
    START + TimeDelta::seconds(seconds)
}

/// In this process, as an engine like the other.
struct Own(Memory);

#[async_trait]
impl Engine for Own {
    async fn take(
        &self,
        bucket: &str,
        rule: Rule,
        n: u32,
        now: DateTime<Utc>,
    ) -> Result<Verdict, LimitError> {
        Ok(self.0.take(bucket, rule, n, now))
    }
    async fn charge(&self, rows: &[(Subject, Policy)], now: DateTime<Utc>) -> Result<Verdict, LimitError> {
        Ok(self.0.charge(rows, now))
    }
    async fn give_back(&self, rows: &[(Subject, Policy)]) -> Result<(), LimitError> {
        self.0.give_back(rows);
        Ok(())
    }
    async fn clear(&self, row: (Subject, Policy)) -> Result<(), LimitError> {
        self.0.clear(row);
        Ok(())
    }
}

async fn on_server(namespace: &str) -> RedisLimits {
    let options = super::redis::Options { namespace: namespace.to_owned(), deadline: PATIENT };
    RedisLimits::open(&redis().await.url(), options).await.unwrap()
}

async fn engines() -> [Box<dyn Engine>; 2] {
    let namespace = format!("test-{}", uuid::Uuid::new_v4());
    [Box::new(Own(Memory::default())), Box::new(on_server(&namespace).await)]
}

#[tokio::test]
async fn a_bucket_empties_refills_evenly_and_never_overflows() {
    for engine in engines().await {
        let rule = Rule::per_minute(6);
        let take = async |n, at| engine.take("b", rule, n, later(at)).await.unwrap();
        for _ in 0..6 {
            take(1, 0).await.unwrap();
        }
        assert_eq!(take(1, 0).await, Err(Duration::from_secs(10)));
        take(1, 10).await.unwrap();
        assert!(take(1, 10).await.is_err());
        take(6, 3_600).await.unwrap();
        assert!(take(1, 3_600).await.is_err());
        // A clock that is behind neither fills nor empties.
        assert!(take(1, 3_000).await.is_err());
        take(1, 3_610).await.unwrap();
        // More than it holds is never there.
        assert_eq!(take(7, 9_000).await, Err(Duration::from_secs(10)));
        assert!(engine.take("other", rule, 1, later(0)).await.unwrap().is_ok());
    }
}

const POLICY: Policy = Policy { free: 2, ..Policy::ACCOUNT };

#[tokio::test]
async fn waits_grow_with_the_failures_and_end_with_a_success() {
    let row = (Subject::of("account", b"ann"), POLICY);
    for engine in engines().await {
        let charge = async |at| engine.charge(&[row], later(at)).await.unwrap();
        charge(0).await.unwrap();
        charge(0).await.unwrap();
        assert_eq!(charge(0).await, Err(Duration::from_secs(1)));
        charge(1).await.unwrap();
        assert_eq!(charge(1).await, Err(Duration::from_secs(2)));
        assert_eq!(charge(2).await, Err(Duration::from_secs(1)));
        charge(3).await.unwrap();
        assert_eq!(charge(3).await, Err(Duration::from_secs(4)));
        engine.clear(row).await.unwrap();
        charge(3).await.unwrap();
        charge(3).await.unwrap();
        assert!(charge(3).await.is_err());
        let mut now = 10;
        for _ in 0..12 {
            charge(now).await.unwrap();
            now += 900;
        }
        charge(now).await.unwrap();
        assert_eq!(charge(now).await, Err(POLICY.cap));
    }
}

#[tokio::test]
async fn what_is_given_back_leaves_the_row_as_it_was() {
    let row = (Subject::of("account", b"ann"), POLICY);
    for engine in engines().await {
        engine.give_back(&[row]).await.unwrap();
        for _ in 0..10 {
            engine.charge(&[row], START).await.unwrap().unwrap();
            engine.give_back(&[row]).await.unwrap();
        }
        engine.charge(&[row], START).await.unwrap().unwrap();
        engine.charge(&[row], START).await.unwrap().unwrap();
        engine.give_back(&[row]).await.unwrap();
        engine.charge(&[row], START).await.unwrap().unwrap();
        assert_eq!(engine.charge(&[row], START).await.unwrap(), Err(Duration::from_secs(1)));
    }
}

#[tokio::test]
async fn nothing_is_charged_while_one_of_the_rows_must_wait() {
    let (ann, here) = (Subject::of("account", b"ann"), Subject::of("v4", b"here"));
    let bob = (Subject::of("account", b"bob"), POLICY);
    let rows = [(ann, POLICY), (here, Policy { free: 3, ..POLICY })];
    for engine in engines().await {
        engine.charge(&rows, START).await.unwrap().unwrap();
        engine.charge(&rows, START).await.unwrap().unwrap();
        for _ in 0..5 {
            assert!(engine.charge(&rows, START).await.unwrap().is_err());
        }
        // The address has two failures yet.
        engine.charge(&[bob, rows[1]], START).await.unwrap().unwrap();
        assert!(engine.charge(&[bob, rows[1]], START).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn processes_share_what_they_count() {
    let namespace = format!("test-{}", uuid::Uuid::new_v4());
    let (one, two) = (Buckets::on(on_server(&namespace).await), Buckets::on(on_server(&namespace).await));
    let rule = Rule { burst: 50, per: Duration::from_secs(3_600) };
    let takers = (0..200).map(|n| {
        let buckets = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move { buckets.take("b", rule, 1).await.is_ok() })
    });
    let taken = futures::future::join_all(takers).await.into_iter().filter(|taken| *taken.as_ref().unwrap());
    assert_eq!(taken.count(), 50);
    let row = (Subject::of("account", b"ann"), POLICY);
    one.charge(&[row], START).await.unwrap();
    two.charge(&[row], START).await.unwrap();
    assert!(one.charge(&[row], START).await.is_err());
    two.clear(row.0, row.1).await;
    one.charge(&[row], START).await.unwrap();
}

#[tokio::test]
async fn each_process_counts_by_itself_while_the_server_is_away() {
    let server = RedisServer::start(&[]);
    let (one, two) =
        (Buckets::redis(&server.url()).await.unwrap(), Buckets::redis(&server.url()).await.unwrap());
    server.kill();
    let rule = Rule { burst: 3, per: Duration::from_secs(3_600) };
    let row = (Subject::of("account", b"ann"), POLICY);
    for buckets in [&one, &two] {
        for _ in 0..3 {
            buckets.take("b", rule, 1).await.unwrap();
        }
        assert!(buckets.take("b", rule, 1).await.is_err());
        buckets.charge(&[row], START).await.unwrap();
        buckets.charge(&[row], START).await.unwrap();
        assert!(buckets.charge(&[row], START).await.is_err());
    }
}

#[tokio::test]
async fn what_is_counted_is_forgotten_by_the_server_too() {
    let namespace = format!("test-{}", uuid::Uuid::new_v4());
    let engine = on_server(&namespace).await;
    engine.take("b", Rule::per_minute(6), 1, START).await.unwrap().unwrap();
    engine.charge(&[(Subject::of("account", b"ann"), POLICY)], START).await.unwrap().unwrap();
    let row = Subject::of("account", b"ann").to_hex();
    for key in [format!("{{{namespace}}}:bucket:b"), format!("{{{namespace}}}:row:{row}")] {
        let life = redis().await.tell(&format!("PTTL {key}"));
        let life: i64 = life.trim().trim_start_matches(':').parse().unwrap();
        assert!(life > 0 && life <= 3_600_000, "{life}");
    }
}
