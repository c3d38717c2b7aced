//! Processes that are cut off from Redis: how old an answer can get, for each that can be.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use kit::{cache::MAX_TTL, testing::TestClient};
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    cluster::{processes, until},
    running::Running,
};

/// What asking and answering may take on a busy machine, beside the life of an entry.
const SLACK: Duration = Duration::from_secs(3);

/// A way to Redis that can be cut.
struct Line {
    port: u16,
    whole: watch::Sender<bool>,
}

impl Line {
    async fn to(redis: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (whole, seen) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (redis, mut seen) = (redis.clone(), seen.clone());
                tokio::spawn(async move {
                    if !*seen.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(&redis).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = seen.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Self { port, whole }
    }
}

/// The shop, with a line of its own to the cache for each part that uses it.
struct Shop {
    running: Running,
    operator: TestClient,
    lines: Vec<(&'static str, Line)>,
}

impl Shop {
    async fn start() -> Self {
        let running = Running::empty_cluster(&["--no-rate-limits"]);
        let redis = processes(&running).into_iter().find(|process| process.name == "redis").unwrap();
        let redis = redis.url.trim_start_matches("redis://").to_owned();
        let mut lines = Vec::new();
        for part in ["catalog", "inventory", "router"] {
            let line = Line::to(redis.clone()).await;
            let file = running.data().join("secrets").join(part).join("cache");
            let address = std::fs::read_to_string(&file).unwrap();
            let rerouted = address.replace(&redis, &format!("127.0.0.1:{}", line.port));
            assert_ne!(address, rerouted);
            std::fs::write(&file, rerouted).unwrap();
            lines.push((part, line));
            begun_anew(&running, part).await;
        }
        let operator = running.operator().await;
        Self { running, operator, lines }
    }

    /// What a shopper sees of a product.
    async fn seen(&self, product: &str) -> i64 {
        let query = "query($id: ID!) { product(id: $id) { quantity } }";
        let answer = self.running.nobody().send(query, json!({ "id": product })).await;
        answer.data()["product"]["quantity"].as_i64().unwrap()
    }

    /// How many answers the router has given from the cache.
    async fn hits(&self) -> u64 {
        let text = reqwest::get(self.running.at("/metrics")).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("larder_list_cache_hits_total "));
        line.unwrap().parse().unwrap()
    }

    fn set(&self, parts: &[&str], whole: bool) {
        for (part, line) in &self.lines {
            if parts.contains(part) {
                line.whole.send_replace(whole);
            }
        }
    }

    /// How old an answer gets while these parts are cut off: from the answer to a change of stock until it is seen.
    async fn age_without(&self, parts: &[&str]) -> Duration {
        let mut oldest = Duration::ZERO;
        for _ in 0..2 {
            let product = self.running.product("Watched tea", 1).await;
            until("that the answer is kept, so that there is something to be old", || async {
                let before = self.hits().await;
                assert_eq!(self.seen(&product).await, 1);
                (self.hits().await > before).then_some(())
            })
            .await;
            self.set(parts, false);
            let change = json!({ "product": product, "expected": 1, "quantity": 2, "reason": "a count" });
            let query = "mutation($input: AdjustStockInput!) { adjustStock(input: $input) { available } }";
            let answer = self.operator.send(query, json!({ "input": change })).await;
            assert_eq!(answer.data()["adjustStock"]["available"], 2);
            let changed = Instant::now();
            // What is new at the first look was never old.
            if self.seen(&product).await == 1 {
                while self.seen(&product).await == 1 {
                    assert!(changed.elapsed() < MAX_TTL + SLACK, "an answer is older than an entry lives");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                oldest = oldest.max(changed.elapsed());
            }
            self.set(parts, true);
        }
        larder::say!("cut off: {parts:?}; oldest answer: {oldest:?}");
        oldest
    }
}

/// Kills a part and waits for its next process.
async fn begun_anew(shop: &Running, part: &str) {
    let find = || processes(shop).into_iter().find(|process| process.name == part).unwrap();
    let died = find().pid.unwrap();
    assert!(Command::new("kill").args(["-9", &died.to_string()]).status().unwrap().success());
    until(&format!("another {part}"), || async {
        let now = find();
        now.pid.filter(|pid| *pid != died)?;
        let ready = reqwest::get(format!("{}/health/ready", now.url)).await.ok()?;
        ready.status().is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_gets_no_older_than_an_entry_lives_whoever_is_cut_off() {
    let shop = Shop::start().await;
    // A service that cannot say what it has changed: an entry lives on until its time is over, and no longer.
    assert!(shop.age_without(&["inventory"]).await <= MAX_TTL + SLACK);
    // A router that cannot ask whether an entry is still valid gives none.
    assert_eq!(shop.age_without(&["router"]).await, Duration::ZERO);
    assert_eq!(shop.age_without(&["catalog", "inventory", "router"]).await, Duration::ZERO);
}
