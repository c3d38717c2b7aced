//! The file: forgetting, ownership, versions, and what it costs.

use super::{super::sqlite::Options, *};

async fn open_with(site: &SqliteSite, options: Options) -> Bus {
    Bus { engine: Arc::new(SqliteBus::open_with(&site.path(), options).await.unwrap()) }
}

fn query(site: &SqliteSite, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(site.path()).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    db.query_row(sql, (), |row| row.get(0)).unwrap()
}

async fn until_is(site: &SqliteSite, sql: &str, expected: i64) {
    soon(async {
        while query(site, sql) != expected {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

const EVENTS: &str = "SELECT count(*) FROM events";
const BODIES: &str = "SELECT count(*) FROM events WHERE body IS NOT NULL";

/// Looks at what to forget all the time.
fn forgetful() -> Options {
    Options { trim_every: Duration::from_millis(1), ..Options::default() }
}

#[tokio::test]
async fn forgets_what_every_group_has_handled_long_ago_and_nothing_else() {
    let site = SqliteSite::new();
    let bus = open_with(&site, Options { retention: Duration::ZERO, ..forgetful() }).await;
    bus.engine.join("slow", TOPICS).await.unwrap();
    let (handler, _seen) = tells();
    let _quick = bus.subscribe("quick", TOPICS, QUICK, handler).await.unwrap();
    let events: Vec<_> = (0..2_500).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    settled(&bus, "quick").await;
    let mut left = 2_500;
    while left > 1 {
        assert_eq!(query(&site, EVENTS), left, "an event that a group has not handled is gone");
        let mut taken: Vec<_> =
            bus.engine.take("slow", 1_000, LEASE).await.unwrap().iter().map(|(event, _)| event.id).collect();
        if taken.contains(&events[2_499].id) {
            // The last stays in somebody's hands.
            taken.retain(|id| *id != events[2_499].id);
        }
        bus.engine.ack("slow", &taken).await.unwrap();
        left -= i64::try_from(taken.len()).unwrap();
        until_is(&site, EVENTS, left).await;
    }
}

#[tokio::test]
async fn an_event_that_is_held_up_is_kept_whole_while_those_after_it_are_forgotten() {
    let site = SqliteSite::new();
    let bus = open_with(&site, Options { retention: Duration::ZERO, bodies: 0, ..forgetful() }).await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let events: Vec<_> = (0..10).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    bus.engine.take("group", 10, LEASE).await.unwrap();
    bus.engine.ack("group", &ids(&events[1..])).await.unwrap();
    until_is(&site, EVENTS, 1).await;
    assert_eq!(query(&site, BODIES), 1);
    bus.engine.fail("group", events[0].id, "again", Some(Duration::ZERO)).await.unwrap();
    assert_eq!(*bus.engine.take("group", 1, LEASE).await.unwrap()[0].0, events[0]);
    bus.engine.ack("group", &[events[0].id]).await.unwrap();
    until_is(&site, EVENTS, 0).await;
}

#[tokio::test]
async fn the_body_of_an_event_that_is_held_up_is_kept() {
    let site = SqliteSite::new();
    let bus = open_with(&site, Options { bodies: 0, ..forgetful() }).await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let events: Vec<_> = (0..10).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    bus.engine.take("group", 10, LEASE).await.unwrap();
    bus.engine.ack("group", &ids(&events[1..])).await.unwrap();
    until_is(&site, BODIES, 1).await;
    bus.close().await;
    let bus = site.open().await;
    bus.engine.join("group", TOPICS).await.unwrap();
    assert_eq!(bus.lag("group").await.unwrap(), 1);
    soon(bus.engine.wait("group", Duration::from_secs(60))).await;
    assert_eq!(*bus.engine.take("group", 1, LEASE).await.unwrap()[0].0, events[0]);
}

#[tokio::test]
async fn keeps_what_was_handled_for_the_groups_to_come() {
    let site = SqliteSite::new();
    let bus = open_with(&site, forgetful()).await;
    let (handler, _seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&(0..10).map(|n| event("a", n)).collect::<Vec<_>>()).await.unwrap();
    settled(&bus, "group").await;
    // The cursor that a round of forgetting writes shows that there was one.
    until_is(&site, "SELECT cursor FROM groups", 10).await;
    assert_eq!(query(&site, BODIES), 10);
}

#[tokio::test]
async fn forgets_the_bodies_of_too_many_events_but_not_their_ids() {
    let site = SqliteSite::new();
    let bus = open_with(&site, Options { bodies: 100, ..forgetful() }).await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let events: Vec<_> = (0..3_000).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    told(&mut seen, 3_000).await;
    until_is(&site, BODIES, 100).await;
    assert_eq!(query(&site, EVENTS), 3_000);
    bus.publish(&events).await.unwrap();
    assert_eq!(bus.lag("group").await.unwrap(), 0);
    let (handler, mut seen) = tells();
    let _late = bus.subscribe("late", TOPICS, QUICK, handler).await.unwrap();
    let mut got = ids(&told(&mut seen, 100).await);
    got.sort();
    assert_eq!(got, ids(&events[2_900..]));
}

#[tokio::test]
async fn keeps_dead_letters_and_replays_them_when_the_log_has_forgotten_the_event() {
    let site = SqliteSite::new();
    let bus = open_with(&site, Options { retention: Duration::ZERO, ..forgetful() }).await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let poison = event("a", 1);
    bus.publish(&[poison.clone(), event("a", 2)]).await.unwrap();
    bus.engine.take("group", 1, LEASE).await.unwrap();
    bus.engine.fail("group", poison.id, "no", None).await.unwrap();
    until_is(&site, EVENTS, 1).await;
    assert!(bus.replay("group", poison.id).await.unwrap());
    let taken = bus.engine.take("group", 1, LEASE).await.unwrap();
    assert_eq!((taken[0].0.id, taken[0].1), (poison.id, 0));
}

#[tokio::test]
async fn a_group_that_nobody_joins_any_more_does_not_keep_the_log() {
    let site = SqliteSite::new();
    let bus = site.open().await;
    bus.engine.join("renamed", TOPICS).await.unwrap();
    bus.publish(&[event("a", 1)]).await.unwrap();
    bus.close().await;
    let options = Options { retention: Duration::ZERO, absence: Duration::from_millis(5), ..forgetful() };
    let bus = open_with(&site, options).await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("new-name", TOPICS, QUICK, handler).await.unwrap();
    told(&mut seen, 1).await;
    until_is(&site, EVENTS, 0).await;
    assert_eq!(query(&site, "SELECT count(*) FROM groups"), 1);
}

#[tokio::test]
async fn refuses_a_file_of_a_newer_version() {
    let site = SqliteSite::new();
    site.open().await.close().await;
    rusqlite::Connection::open(site.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = Bus::sqlite(site.path()).await;
    assert!(matches!(refused, Err(BusError::Newer { found: 99, known: 1 })), "{:?}", refused.err());
}

#[tokio::test]
async fn says_which_file_cannot_be_opened() {
    let site = SqliteSite::new();
    let refused = Bus::sqlite(site.folder.path().join("missing").join("bus.db")).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("missing")));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::MetadataExt as _;
    let site = SqliteSite::new();
    site.open().await.publish(&[event("a", 1)]).await.unwrap();
    for entry in std::fs::read_dir(site.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn another_process_may_look_but_not_write() {
    let site = SqliteSite::new();
    let owner = site.open().await;
    owner.publish(&[event("a", 1)]).await.unwrap();
    let guest = Bus::sqlite(site.path()).await.unwrap();
    assert!(guest.dead_letters("group", 1).await.unwrap().is_empty());
    // The guest's claim waits for the owner to go.
    let late = event("a", 2);
    let mut claim = Box::pin(guest.publish(std::slice::from_ref(&late)));
    assert!(futures::poll!(&mut claim).is_pending());
    owner.publish(&[event("a", 3)]).await.unwrap();
    assert!(futures::poll!(&mut claim).is_pending());
    owner.close().await;
    soon(claim).await.unwrap();
    assert_eq!(query(&site, EVENTS), 3);
}

#[tokio::test]
async fn an_idle_bus_and_its_members_do_nothing() {
    let site = SqliteSite::new();
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    bus.publish(&[event("a", 1)]).await.unwrap();
    told(&mut seen, 1).await;
    // Its acknowledgement is written by itself a moment later.
    until_is(&site, "SELECT cursor FROM groups", 1).await;
    let mut idle = Box::pin(bus.engine.wait("group", Duration::from_secs(3_600)));
    assert!(futures::poll!(&mut idle).is_pending());
}

#[tokio::test]
async fn publishers_that_come_together_share_a_commit() {
    let site = SqliteSite::new();
    let bus = site.open().await;
    let engine = site.opened.lock().clone().unwrap();
    bus.publish(&[event("a", 0)]).await.unwrap();
    let before = engine.commits();
    let publish = |n: usize| {
        let bus = bus.clone();
        async move { bus.publish(&[event("a", n)]).await.unwrap() }
    };
    futures::future::join_all((0..200).map(publish)).await;
    let commits = engine.commits() - before;
    assert!(commits <= 50, "{commits} commits for 200 publishers");
}
