//! What may happen to a log on a server: several processes at it, malformed entries, a server that is killed, emptied or away, and the forgetting.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Instant,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{redis::Options, servers::RedisServer, *};

async fn open(url: &str, options: &Options) -> (Bus, Arc<RedisBus>) {
    let engine = Arc::new(RedisBus::open(url, options.clone()).await.unwrap());
    (Bus { engine: engine.clone() }, engine)
}

/// Two processes at one log.
async fn two(options: &Options) -> [(Bus, Arc<RedisBus>); 2] {
    let url = servers::redis().await.url();
    [open(&url, options).await, open(&url, options).await]
}

fn options() -> Options {
    RedisSite::new().options
}

/// On a server of the test's own, whose calls end soon where it does not answer.
fn impatient() -> Options {
    // A publish waits for the disk, which others may be using.
    Options { deadline: Duration::from_millis(1_500), ..Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_one_key_are_handled_one_at_a_time_in_order_by_all_processes_together() {
    const EVENTS: usize = 600;
    let [(one, _a), (two, _b)] = two(&options()).await;
    let busy: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let by = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let (tell, mut seen) = mpsc::unbounded_channel();
    let handler = |process: usize| {
        let (busy, tell, by) = (busy.clone(), tell.clone(), by[process].clone());
        Does(move |event: Event| {
            let (busy, tell, by) = (busy.clone(), tell.clone(), by.clone());
            async move {
                *busy.lock().entry(event.key.clone()).or_default() += 1;
                tokio::time::sleep(Duration::from_micros(200)).await;
                let at_once = std::mem::take(busy.lock().get_mut(&event.key).unwrap());
                by.fetch_add(1, SeqCst);
                tell.send((event, at_once)).unwrap();
                Ok(())
            }
        })
    };
    let _one = one.subscribe("group", TOPICS, QUICK, handler(0)).await.unwrap();
    let _two = two.subscribe("group", TOPICS, QUICK, handler(1)).await.unwrap();
    let events: Vec<_> = (0..EVENTS).map(|n| event(&format!("key-{}", n % 20), n)).collect();
    for some in events.chunks(50) {
        one.publish(some).await.unwrap();
    }
    let mut last: HashMap<String, usize> = HashMap::new();
    for _ in 0..EVENTS {
        let (event, at_once) = soon(seen.recv()).await.unwrap();
        assert_eq!(at_once, 1, "two events of one key at once");
        let number = event.data::<usize>().unwrap();
        if let Some(before) = last.insert(event.key, number) {
            assert_eq!(before + 20, number, "out of order");
        }
    }
    assert!(by.iter().all(|by| by.load(SeqCst) > 0), "one process did all of the work: {by:?}");
}

#[tokio::test]
async fn what_a_silent_process_held_goes_to_another() {
    let options = Options { alive: Duration::from_millis(500), ..options() };
    let url = servers::redis().await.url();
    let (lost, engine) = open(&url, &options).await;
    lost.engine.join("group", TOPICS).await.unwrap();
    lost.publish(&[event("a", 1), event("a", 2)]).await.unwrap();
    assert_eq!(lost.engine.take("group", 9, LEASE).await.unwrap().len(), 1);
    let (heir, _b) = open(&url, &options).await;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let handler = Does(move |event: Event| {
        tell.send(event).unwrap();
        std::future::ready(Ok(()))
    });
    // Alive while it gives signs, however long it takes.
    let _member = heir.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(2), seen.recv()).await.is_err());
    drop((lost, engine));
    assert_eq!(told(&mut seen, 2).await.iter().map(|event| event.data.clone()).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn who_has_lost_an_event_does_not_say_how_it_ends() {
    let [(slow, _a), (heir, _b)] = two(&options()).await;
    slow.engine.join("group", TOPICS).await.unwrap();
    heir.engine.join("group", TOPICS).await.unwrap();
    let events = [event("a", 1), event("a", 2)];
    slow.publish(&events).await.unwrap();
    assert_eq!(slow.engine.take("group", 9, Duration::ZERO).await.unwrap().len(), 1);
    let taken = heir.engine.take("group", 9, LEASE).await.unwrap();
    assert_eq!((taken[0].0.id, taken[0].1), (events[0].id, 1));
    slow.engine.fail("group", events[0].id, "too late", None).await.unwrap();
    assert!(slow.engine.take("group", 9, LEASE).await.unwrap().is_empty());
    assert!(slow.dead_letters("group", 9).await.unwrap().is_empty());
    heir.engine.ack("group", &[events[0].id]).await.unwrap();
    assert_eq!(slow.engine.take("group", 9, LEASE).await.unwrap()[0].0.id, events[1].id);
}

#[tokio::test]
async fn a_replay_by_one_process_wakes_the_members_in_another() {
    let [(one, _a), (two, _b)] = two(&options()).await;
    let (tell, mut seen) = mpsc::unbounded_channel();
    let handler = Does(move |event: Event| {
        tell.send(event).unwrap();
        std::future::ready(Err(crate::Error::bug("never")))
    });
    let once = Delivery { max_attempts: 1, ..QUICK };
    let _member = one.subscribe("group", TOPICS, once, handler).await.unwrap();
    let poison = event("a", 1);
    two.publish(std::slice::from_ref(&poison)).await.unwrap();
    told(&mut seen, 1).await;
    settled(&two, "group").await;
    assert!(two.replay("group", poison.id).await.unwrap());
    // Not at the next look, which is half a minute away.
    tokio::time::timeout(Duration::from_secs(10), seen.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_no_event_becomes_a_dead_letter_with_its_bytes_and_the_rest_goes_on() {
    let site = RedisSite::new();
    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let log = format!("{{{}}}:log", site.options.namespace);
    let id = EventId::new();
    let server = servers::redis().await;
    for entry in [
        "nonsense rubbish".to_owned(),
        format!("id {id} topic thing.happened key a body rubbish"),
        format!("id {} topic thing.happened key b body {{}}", EventId::new()),
        format!("id {} topic thing.happened body {{}}", EventId::new()),
    ] {
        assert!(server.tell(&format!("XADD {log} * {entry}")).starts_with('$'));
    }
    let (good, lies) = (event("a", 1), event("a", 2));
    let mut body = serde_json::to_value(&lies).unwrap();
    body["key"] = "another".into();
    let lie = format!("XADD {log} * id {} topic thing.happened key a body '{body}'", lies.id);
    assert!(server.tell(&lie).starts_with('$'));
    bus.publish(std::slice::from_ref(&good)).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].id, good.id);
    settled(&bus, "group").await;

    let letters = bus.dead_letters("group", 10).await.unwrap();
    assert_eq!(letters.len(), 5);
    assert!(letters.iter().all(|letter| letter.event.topic == "malformed"));
    assert!(letters[0].error.contains("no field"), "{}", letters[0].error);
    assert_eq!(letters[0].event.data["base64"]["nonsense"], STANDARD.encode("rubbish"));
    let unread =
        letters.iter().find(|letter| letter.event.data["base64"]["id"] == STANDARD.encode(id.to_string()));
    let unread = unread.unwrap();
    assert!(unread.error.contains("no event"), "{}", unread.error);
    assert_eq!(unread.event.data["base64"]["body"], STANDARD.encode("rubbish"));
    // A replay changes nothing about it.
    assert!(bus.replay("group", unread.event.id).await.unwrap());
    settled(&bus, "group").await;
    assert_eq!(bus.dead_letters("group", 10).await.unwrap().len(), 5);
    assert!(seen.try_recv().is_err());
}

#[tokio::test]
async fn a_killed_server_makes_publishing_fail_in_time_and_loses_nothing_that_it_took() {
    let server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (bus, _engine) = open(&server.url(), &impatient()).await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let events: Vec<_> = (0..100).map(|n| event("a", n)).collect();
    bus.publish(&events[..50]).await.unwrap();
    server.kill();
    let before = Instant::now();
    assert!(matches!(bus.publish(&events[50..]).await, Err(BusError::Engine(_))));
    assert!(before.elapsed() < Duration::from_secs(5));
    // Who subscribes meanwhile waits with the others.
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    server.start_again();
    soon(async {
        while bus.publish(&events[50..]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(ids(&told(&mut seen, 100).await), ids(&events));
}

#[tokio::test]
async fn what_was_handled_while_the_server_was_away_does_not_come_again() {
    let server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (bus, _engine) = open(&server.url(), &impatient()).await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let (first, second) = (event("a", 1), event("a", 2));
    bus.publish(&[first.clone(), second.clone()]).await.unwrap();
    assert_eq!(bus.engine.take("group", 9, LEASE).await.unwrap()[0].0.id, first.id);
    server.kill();
    assert!(bus.engine.ack("group", &[first.id]).await.is_err());
    server.start_again();
    let next = soon(async {
        loop {
            match bus.engine.take("group", 9, LEASE).await {
                Ok(taken) if !taken.is_empty() => return taken,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    assert_eq!(next.await[0].0.id, second.id);
}

#[tokio::test]
async fn an_emptied_log_has_another_name_and_its_groups_go_on_from_its_beginning() {
    let server = RedisServer::start(&[]);
    let (bus, _engine) = open(&server.url(), &impatient()).await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let before = event("a", 1);
    bus.publish(std::slice::from_ref(&before)).await.unwrap();
    told(&mut seen, 1).await;
    settled(&bus, "group").await;
    let name = bus.identity().await.unwrap();
    assert_eq!(bus.identity().await.unwrap(), name);
    let _ok = server.tell("FLUSHALL");
    assert_ne!(bus.identity().await.unwrap(), name);
    // What is said again is heard again: the log does not know it any more.
    let after = event("a", 2);
    bus.publish(&[before.clone(), after.clone()]).await.unwrap();
    assert_eq!(ids(&told(&mut seen, 2).await), [before.id, after.id]);
}

#[tokio::test]
async fn a_server_that_is_emptied_by_a_restart_is_noticed_too() {
    let server = RedisServer::start(&[]);
    let (bus, _engine) = open(&server.url(), &impatient()).await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    let name = bus.identity().await.unwrap();
    server.kill();
    server.start_again();
    let next = soon(async {
        loop {
            match bus.identity().await {
                Ok(name) => return name,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    assert_ne!(next.await, name);
    let after = event("a", 2);
    bus.publish(std::slice::from_ref(&after)).await.unwrap();
    assert_eq!(told(&mut seen, 1).await[0].id, after.id);
}

#[tokio::test]
async fn only_what_every_group_has_handled_is_forgotten() {
    let options = Options { bodies: 3, ids: 5, ..options() };
    let (bus, engine) = open(&servers::redis().await.url(), &options).await;
    for group in ["slow", "fast"] {
        bus.engine.join(group, TOPICS).await.unwrap();
    }
    let events: Vec<_> = (0..10).map(|n| event(&format!("key-{n}"), n)).collect();
    bus.publish(&events).await.unwrap();
    let length = async || {
        let answer = servers::redis().await.tell(&format!("XLEN {{{}}}:log", options.namespace));
        answer.trim().trim_start_matches(':').parse::<usize>().unwrap()
    };
    let fast = bus.engine.take("fast", 99, LEASE).await.unwrap();
    let all: Vec<_> = fast.iter().map(|(event, _)| event.id).collect();
    bus.engine.ack("fast", &all).await.unwrap();
    engine.trim().await.unwrap();
    assert_eq!(length().await, 10, "the slow group has read nothing");

    bus.engine.take("slow", 99, LEASE).await.unwrap();
    bus.engine.ack("slow", &ids(&events[..2])).await.unwrap();
    // One is given up and one waits: the first needs the log no more, the second does.
    bus.engine.fail("slow", events[2].id, "enough", None).await.unwrap();
    bus.engine.fail("slow", events[3].id, "later", Some(Duration::from_secs(600))).await.unwrap();
    bus.engine.ack("slow", &ids(&events[4..])).await.unwrap();
    engine.trim().await.unwrap();
    assert_eq!(length().await, 7);
    assert_eq!(bus.dead_letters("slow", 9).await.unwrap()[0].event, events[2]);
    // Replayed, it brings its body along.
    assert!(bus.replay("slow", events[2].id).await.unwrap());
    assert_eq!(*bus.engine.take("slow", 9, LEASE).await.unwrap()[0].0, events[2]);
    bus.engine.ack("slow", &ids(&events[2..4])).await.unwrap();
    engine.trim().await.unwrap();
    assert_eq!(length().await, 3, "so many stay for groups that come later");
    let seen = servers::redis().await.tell(&format!("ZCARD {{{}}}:seen", options.namespace));
    assert_eq!(seen.trim(), ":5");
}

#[tokio::test]
async fn old_events_and_ids_are_forgotten_and_what_is_not_handled_is_not() {
    let options = Options { retention: Duration::ZERO, ..options() };
    let (bus, engine) = open(&servers::redis().await.url(), &options).await;
    bus.engine.join("group", TOPICS).await.unwrap();
    let events = [event("a", 1), event("b", 2)];
    bus.publish(&events).await.unwrap();
    bus.engine.take("group", 9, LEASE).await.unwrap();
    bus.engine.ack("group", &[events[0].id]).await.unwrap();
    let count = async |command: &str, key: &str| {
        let answer = servers::redis().await.tell(&format!("{command} {{{}}}:{key}", options.namespace));
        answer.trim().trim_start_matches(':').parse::<usize>().unwrap()
    };
    soon(async {
        while count("XLEN", "log").await > 1 || count("ZCARD", "seen").await > 0 {
            engine.trim().await.unwrap();
        }
    })
    .await;
    assert_eq!(count("XLEN", "log").await, 1);
    bus.engine.ack("group", &[events[1].id]).await.unwrap();
    engine.trim().await.unwrap();
    assert_eq!(count("XLEN", "log").await, 0);
}

#[tokio::test]
async fn a_group_that_nobody_joins_any_more_does_not_keep_the_log() {
    let options = Options { retention: Duration::ZERO, absence: Duration::ZERO, ..options() };
    let [(gone, _a), (_b, other)] = two(&options).await;
    gone.engine.join("group", TOPICS).await.unwrap();
    gone.publish(&[event("a", 1)]).await.unwrap();
    gone.close().await;
    soon(async {
        let kept = format!("KEYS {{{}}}:*", options.namespace);
        while servers::redis().await.tell(&kept).contains(":group:group:") {
            other.trim().await.unwrap();
        }
    })
    .await;
    soon(async {
        let log = format!("XLEN {{{}}}:log", options.namespace);
        while servers::redis().await.tell(&log).trim() != ":0" {
            other.trim().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_refused() {
    let site = RedisSite::new();
    let bus = site.open().await;
    bus.identity().await.unwrap();
    let head = format!("{{{}}}:head", site.options.namespace);
    let _set = servers::redis().await.tell(&format!("HSET {head} version 2"));
    let (handler, _seen) = tells();
    let refused = bus.subscribe("group", TOPICS, QUICK, handler).await.err().unwrap();
    assert!(matches!(refused, BusError::Newer { found: 2, known: 1 }), "{refused}");
}

#[tokio::test]
async fn a_wrong_address_or_password_is_said_at_once_and_never_shown() {
    const SECRET: &str = "hush-hush";
    let server = RedisServer::start(&["--requirepass", "another"]);
    for url in [format!("redis://:{SECRET}@{}/0", server.address()), format!("http://:{SECRET}@here/0")] {
        let error = soon(Bus::redis(&url)).await.err().unwrap_or_else(|| panic!("{url} was taken"));
        let text = format!("{error} {error:?}");
        assert!(matches!(error, BusError::Unusable(_)) && !text.contains(SECRET), "{text}");
    }
}
