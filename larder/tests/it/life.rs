//! Starting, stopping, dying and coming back.

use std::{
    os::unix::fs::PermissionsExt,
    process::Stdio,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::running::{Running, larder};

#[test]
fn the_first_start_makes_private_secrets_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let shop = Running::open(&data, &[]);
    assert!(shop.wait_for("secrets").contains("secrets.env"));
    let private = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o077 == 0;
    assert!(private(&data.join("secrets.env")));
    for key in std::fs::read_dir(data.join("keys")).unwrap() {
        assert!(private(&key.unwrap().path()));
    }
}

#[tokio::test]
async fn without_demo_nobody_can_sign_in_with_a_demo_account() {
    let folder = tempfile::tempdir().unwrap();
    let shop = Running::open(&folder.path().join("data"), &[]);
    let query = "mutation($n: String!, $p: String!) { login(input: { username: $n, password: $p }) { access_token } }";
    for (name, _) in larder::seed::ACCOUNTS {
        let password = larder::seed::demo_password(name);
        let answer = shop.nobody().send(query, json!({ "n": name, "p": password })).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED");
    }
    assert_eq!(shop.nobody().ask("{ products { _id } }").await.data()["products"], json!([]));
}

#[test]
fn demo_data_is_refused_in_production() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        larder().args(["up", "--production", "--demo", "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--demo"));
}

#[test]
fn a_second_shop_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Running::open(folder.path(), &[]);
    let second =
        larder().args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"));
}

#[test]
fn a_taken_address_is_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = larder().args(["up", "--listen", &address, "--data"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
}

#[tokio::test]
async fn sigterm_answers_what_was_asked_and_exits_0() {
    let shop = Running::stocked();
    let id = shop.product("The last tea", 1_000).await;
    let customer = shop.demo("customer").await;
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { status } }";
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (customer, id) = (customer.clone(), id.clone());
            tokio::spawn(async move { customer.send(query, json!({ "id": id })).await })
        })
        .collect();
    let mut first = None;
    for task in asked {
        let answer = task.await.unwrap();
        // The first answer proves that the others are on their way; from then on the shop is stopping.
        if first.is_none() {
            shop.signal("-TERM");
            first = Some(());
        }
        assert_eq!(answer.data()["placeOrder"]["status"], "CONFIRMED");
    }
    assert!(shop.wait().success());
}

#[tokio::test]
async fn sigterm_does_not_wait_for_connections_that_are_idle() {
    let shop = Running::stocked();
    // The pool of this client keeps its connection open.
    let idle = shop.demo("customer").await;
    assert_eq!(idle.ask("{ me { username } }").await.data()["me"]["username"], "customer");
    let began = std::time::Instant::now();
    shop.signal("-TERM");
    assert!(shop.wait().success());
    // The drain may take 20 s; nothing was there to wait for.
    assert!(began.elapsed() < std::time::Duration::from_secs(8), "{:?}", began.elapsed());
    drop(idle);
}

#[tokio::test]
async fn metrics_tell_of_writes_events_and_the_list_cache() {
    let shop = Running::stocked();
    let customer = shop.demo("customer").await;
    let product = shop.product("Counted", 3).await;
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { status } }";
    assert_eq!(
        customer.send(query, json!({ "id": product })).await.data()["placeOrder"]["status"],
        "CONFIRMED"
    );
    let figure = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let text = reqwest::get(shop.at("/metrics")).await.unwrap().text().await.unwrap();
        assert!(figure(&text, "larder_store_commits_total{service=\"order\"}") > Some(0.0), "{text}");
        assert!(figure(&text, "larder_list_cache_misses_total").is_some(), "{text}");
        assert!(figure(&text, "larder_subgraph_request_seconds_count{subgraph=\"order\"}") > Some(0.0));
        // The sale is heard a moment after its answer.
        if figure(&text, "larder_events_total{group=\"inventory\",outcome=\"handled\"}") > Some(0.0) {
            assert!(text.contains("larder_events_waiting{group=\"inventory\"}"), "{text}");
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{text}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stocking_an_already_stocked_shop_changes_nothing() {
    let shop = Running::stocked();
    let count = "{ productsConnection(first: 1) { totalCount } }";
    let before = shop.nobody().ask(count).await.data().clone();
    let output = larder()
        .args(["seed", "--url", &shop.at(""), "--data"])
        .arg(shop.data())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("0 of them new"));
    assert_eq!(shop.nobody().ask(count).await.data(), &before);
}

#[track_caller]
fn check(data: &std::path::Path) {
    let output = larder().args(["check", "--data"]).arg(data).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
}

#[tokio::test]
async fn a_backup_of_a_running_shop_is_a_shop() {
    let shop = Running::stocked();
    let id = shop.product("Kept tea", 10).await;
    let customer = shop.demo("customer").await;
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 4 }]) { _id } }";
    let order = customer.send(query, json!({ "id": id })).await.data()["placeOrder"]["_id"].clone();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let backup = || larder().arg("backup").arg(&copy).arg("--data").arg(shop.data()).output().unwrap();
    assert!(backup().status.success());
    assert_eq!(backup().status.code(), Some(2), "a backup never overwrites");
    drop(shop);

    check(&copy);
    let restored = Running::open(&copy, &[]);
    let customer = restored.demo("customer").await;
    let answer = customer.send("query($id: ID!) { order(id: $id) { status } }", json!({ "id": order })).await;
    assert_eq!(answer.data()["order"]["status"], "CONFIRMED");
    let answer = restored
        .nobody()
        .send("query($id: ID!) { product(id: $id) { quantity } }", json!({ "id": id }))
        .await;
    assert_eq!(answer.data()["product"]["quantity"], 6);
}

/// Kills the shop in the middle of a rush, several times: what was answered is there, and everything adds up.
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_loses_no_answered_order_and_the_next_start_repairs_the_rest() {
    const BUYERS: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut shop = Running::open(&data, &["--no-rate-limits"]);
    let ids = [shop.product("Tea", 100_000).await, shop.product("Milk", 100_000).await];
    shop.nobody()
        .ask("mutation { registerUser(input: { username: \"buyer\", password: \"buyer-password\" }) { access_token } }")
        .await
        .data();
    let answered: Arc<Mutex<Vec<String>>> = Arc::default();
    for round in 1..=4 {
        let buyer = shop.sign_in("buyer", "buyer-password").await;
        let mut buyers = Vec::new();
        for _ in 0..BUYERS {
            let (buyer, ids, answered) = (buyer.clone(), ids.clone(), answered.clone());
            buyers.push(tokio::spawn(buy_until_it_dies(buyer.url().to_owned(), buyer, ids, answered)));
        }
        // Killed once it is busy: after some more orders than the round before.
        while answered.lock().unwrap().len() < round * 60 {
            tokio::task::yield_now().await;
        }
        shop.kill();
        for task in buyers {
            task.await.unwrap();
        }
        check_no_answer_is_lost(&data, &answered).await;
        shop = Running::open(&data, &["--no-rate-limits"]);
    }
    drop(shop);
    check(&data);
}

/// Buys one of each until the shop does not answer.
async fn buy_until_it_dies(
    url: String,
    buyer: kit::testing::TestClient,
    ids: [String; 2],
    answered: Arc<Mutex<Vec<String>>>,
) {
    let token = buyer.header_value("authorization").unwrap().to_owned();
    let http = reqwest::Client::new();
    let query = "mutation($a: String!, $b: String!) {
        placeOrder(products: [{ _id: $a, quantity: 1 }, { _id: $b, quantity: 2 }]) { _id status } }";
    let body = json!({ "query": query, "variables": { "a": ids[0], "b": ids[1] } });
    loop {
        let sent = http.post(&url).header("authorization", &token).json(&body).send().await;
        let Ok(response) = sent else { return };
        let Ok(answer) = response.json::<Value>().await else { return };
        let order = &answer["data"]["placeOrder"];
        if order["status"] == "CONFIRMED" {
            answered.lock().unwrap().push(order["_id"].as_str().unwrap().to_owned());
        }
    }
}

/// Every order that was answered is in the data, and no promise is broken.
async fn check_no_answer_is_lost(data: &std::path::Path, answered: &Mutex<Vec<String>>) {
    let shop = Running::open(data, &["--no-rate-limits"]);
    let buyer = shop.sign_in("buyer", "buyer-password").await;
    let answered = answered.lock().unwrap().clone();
    for id in &answered {
        let answer = buyer.send("query($id: ID!) { order(id: $id) { status } }", json!({ "id": id })).await;
        assert_eq!(answer.data()["order"]["status"], "CONFIRMED", "{id}");
    }
    shop.signal("-TERM");
    assert!(shop.wait().success());
}
