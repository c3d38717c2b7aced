//! The link: it comes back by itself, and what is wrong with a server is said clearly.

use super::*;
use crate::testing::servers::RedisServer;

const OPTIONS: Options = Options { deadline: Duration::from_secs(10), hears: None };

fn ping() -> Cmd {
    let mut ping = Cmd::new();
    ping.arg("PING");
    ping
}

#[tokio::test]
async fn a_server_that_comes_later_is_found() {
    let server = RedisServer::start(&[]);
    server.kill();
    let redis = Redis::open(&server.url(), OPTIONS).await.unwrap();
    assert!(matches!(redis.session().err(), Some(RedisError::Down(_))));
    server.start_again();
    timeout(Duration::from_secs(20), redis.until_up()).await.unwrap();
    redis.session().unwrap().query::<String>(&ping()).await.unwrap();
}

#[tokio::test]
async fn another_start_of_the_server_is_another_run() {
    let server = RedisServer::start(&[]);
    let redis = Redis::open(&server.url(), OPTIONS).await.unwrap();
    let before = redis.session().unwrap();
    server.kill();
    server.start_again();
    assert!(before.query::<String>(&ping()).await.is_err());
    let after = timeout(Duration::from_secs(20), async {
        loop {
            match redis.session() {
                Ok(session) if session.query::<String>(&ping()).await.is_ok() => return session,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    assert_ne!(after.await.unwrap().server(), before.server());
}

#[tokio::test]
async fn a_user_who_may_not_what_is_needed_is_told() {
    let server = RedisServer::start(&[]);
    let _ok = server.tell("ACL SETUSER larder on >secret ~* +ping");
    let url = server.url().replace("redis://", "redis://larder:secret@");
    let error = Redis::open(&url, OPTIONS).await.err().unwrap();
    assert!(matches!(&error, RedisError::Refused(_)), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_connection_ends_with_the_last_handle() {
    let server = RedisServer::start(&[]);
    let redis = Redis::open(&server.url(), OPTIONS).await.unwrap();
    redis.session().unwrap().query::<String>(&ping()).await.unwrap();
    drop(redis);
    timeout(Duration::from_secs(20), async {
        // The asker's own is one.
        while server.tell("INFO clients").contains("connected_clients:2") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

#[test]
fn a_server_that_is_too_old_or_no_server_of_this_kind_is_refused() {
    let run = link::run_of("redis_version:7.0.15\r\nrun_id:abc\r\n").unwrap();
    assert_eq!(&*run, "abc");
    for facts in ["redis_version:6.0.9\r\nrun_id:abc\r\n", "redis_version:7.2.0\r\n", ""] {
        assert!(matches!(link::run_of(facts), Err(RedisError::Unfit(_))), "{facts}");
    }
}
