//! What a `kill -9` leaves behind. The test plays both parts: started again with a log in its environment it is the victim.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use super::*;

const LOG: &str = "KIT_BUS_TEST_VICTIM";

fn say(word: &str, id: EventId) {
    let mut out = std::io::stdout().lock();
    // In one piece, and on a line of its own: the harness writes here as well.
    out.write_all(format!("\n{word} {id}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Handles some events, keeps one in its hands, goes on publishing, and waits for the end.
async fn victim(log: &str) {
    let bus = match log.split_once(' ') {
        Some((url, namespace)) => {
            let options = redis::Options { namespace: namespace.to_owned(), ..redis::Options::default() };
            Bus { engine: Arc::new(RedisBus::open(url, options).await.unwrap()) }
        }
        None => Bus::sqlite(log).await.unwrap(),
    };
    let handler = Does(|event: Event| async move {
        if event.key == "held" {
            say("held", event.id);
            std::future::pending::<()>().await;
        }
        say("handled", event.id);
        Ok(())
    });
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    for n in 0.. {
        let key = if n == 20 { "held".to_owned() } else { format!("key-{}", n % 7) };
        let event = event(&key, n);
        bus.publish(std::slice::from_ref(&event)).await.unwrap();
        say("published", event.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_published_or_held_is_delivered_by_the_next() {
    let site = SqliteSite::new();
    let log = site.path().to_str().unwrap().to_owned();
    killed("what_a_killed_process_published_or_held_is_delivered_by_the_next", &log, site).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_published_or_held_on_a_server_is_delivered_by_another() {
    let site = RedisSite::new();
    let log = format!("{} {}", servers::redis().await.url(), site.options.namespace);
    killed("what_a_killed_process_published_or_held_on_a_server_is_delivered_by_another", &log, site).await;
}

async fn killed(name: &str, log: &str, site: impl Site) {
    if let Ok(log) = std::env::var(LOG) {
        return victim(&log).await;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("bus::tests::killed::{name}"), "--exact", "--nocapture"])
        .env(LOG, log)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut published, mut handled, mut held) = (Vec::new(), Vec::new(), None);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut read = |line: &str| match line.split_once(' ').map(|(word, id)| (word, EventId::parse(id))) {
        Some(("published", Ok(id))) => published.push(id),
        Some(("handled", Ok(id))) => handled.push(id),
        Some(("held", Ok(id))) => held = Some(id),
        _ => {}
    };
    let mut count = 0;
    while count < 200 {
        let line = lines.next().expect("the victim ended by itself").unwrap();
        count += usize::from(!line.is_empty());
        read(&line);
    }
    child.kill().unwrap();
    // What it had said before it died counts as well; a line cut off does not.
    lines.map_while(Result::ok).for_each(|line| read(&line));
    child.wait().unwrap();
    let held = held.expect("it held none");

    let bus = site.open().await;
    let (handler, mut seen) = tells();
    let _member = bus.subscribe("group", TOPICS, QUICK, handler).await.unwrap();
    // In time, which a lease of a minute would not be.
    settled(&bus, "group").await;
    let mut again = Vec::new();
    while let Ok(event) = seen.try_recv() {
        again.push(event.id);
    }
    assert!(again.contains(&held), "the event in its hands is lost");
    for id in &published {
        assert!(handled.contains(id) || again.contains(id), "{id} was published and is lost");
    }
    assert!(bus.dead_letters("group", 10).await.unwrap().is_empty());
    // It is safe to offer them all once more.
    let repeated = published.iter().map(|id| {
        let mut value = serde_json::to_value(event("any", 0)).unwrap();
        value["id"] = serde_json::to_value(id).unwrap();
        serde_json::from_value(value).unwrap()
    });
    bus.publish(&repeated.collect::<Vec<Event>>()).await.unwrap();
    assert_eq!(bus.lag("group").await.unwrap(), 0);
}
