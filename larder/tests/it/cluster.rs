//! What is true of the distributed shop alone: replicas share everything, processes die and come back, keys rotate, and a process says
//! what is wrong with its environment.

use std::{
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use kit::testing::TestClient;
use serde_json::{Value, json};

use crate::running::{Running, larder};

/// Longer than anything that is waited for takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
const BUY: &str =
    "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { _id status } }";
const LEFT: &str = "query($id: ID!) { product(id: $id) { quantity } }";

/// A process of a cluster.
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) pid: Option<u64>,
}

/// The processes as they are now.
pub(crate) fn processes(shop: &Running) -> Vec<Process> {
    let text = std::fs::read_to_string(shop.data().join("processes.json")).unwrap();
    let parts: Vec<Value> = serde_json::from_str(&text).unwrap();
    let text = |part: &Value, name: &str| part[name].as_str().unwrap().to_owned();
    let process = |part: &Value| Process {
        name: text(part, "name"),
        url: text(part, "url"),
        pid: part["pid"].as_u64(),
    };
    parts.iter().map(process).collect()
}

fn routers(shop: &Running) -> Vec<TestClient> {
    let routers = processes(shop).into_iter().filter(|process| process.name == "router");
    routers.map(|process| TestClient::new(&format!("{}/graphql", process.url))).collect()
}

/// Somebody who buys, as seen by this router; they are registered there first.
async fn buyer(router: &TestClient, name: &str) -> TestClient {
    let register = "mutation($n: String!) { registerUser(input: { username: $n, password: \"a long password\" }) { access_token } }";
    let answer = router.send(register, json!({ "n": name })).await;
    router.bearer(answer.data()["registerUser"]["access_token"].as_str().unwrap())
}

/// Waits until there is what is looked for.
pub(crate) async fn until<T, Fut: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> Fut,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_sell_the_last_fifty_once() {
    const STOCK: i32 = 50;
    let shop = Running::empty_cluster(&["--no-rate-limits", "--replicas", "2"]);
    let routers = routers(&shop);
    assert_eq!(routers.len(), 2);
    let id = shop.product("The last tea", STOCK).await;
    let buyers = [buyer(&routers[0], "ann").await, buyer(&routers[1], "ben").await];
    let (sold, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = Vec::new();
    for n in 0..16 {
        let (buyer, id) = (buyers[n % 2].clone(), id.clone());
        let (sold, refused) = (sold.clone(), refused.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let answer = buyer.send(BUY, json!({ "id": id })).await;
                match answer.body["data"]["placeOrder"]["status"].as_str() {
                    Some("CONFIRMED") => sold.fetch_add(1, SeqCst),
                    _ if answer.code() == "OUT_OF_STOCK" => refused.fetch_add(1, SeqCst),
                    _ => panic!("{}", answer.body),
                };
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((sold.load(SeqCst), refused.load(SeqCst)), (50, 30));
    // Both routers, whichever sold it, show what is left.
    for router in &routers {
        let answer = router.send(LEFT, json!({ "id": id })).await;
        assert_eq!(answer.data()["product"]["quantity"], 0);
    }
}

/// Each service and Redis is killed while people buy: what is answered as sold is sold, nothing more is, and the shop comes back.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_under_load_comes_back() {
    const STOCK: i32 = 1_000_000;
    let shop = Running::empty_cluster(&["--no-rate-limits"]);
    let id = shop.product("Hardy tea", STOCK).await;
    let buyer = buyer(&shop.nobody(), "ann").await;
    let (stop, sold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let buyers: Vec<_> = (0..4)
        .map(|_| {
            let (buyer, id, stop, sold) = (buyer.clone(), id.clone(), stop.clone(), sold.clone());
            tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    let answer = buyer.send(BUY, json!({ "id": id })).await;
                    if answer.body["data"]["placeOrder"]["status"] == "CONFIRMED" {
                        sold.fetch_add(1, SeqCst);
                    } else {
                        assert_eq!(answer.code(), "UNAVAILABLE", "{}", answer.body);
                    }
                }
            })
        })
        .collect();
    for victim in ["redis", "auth", "catalog", "inventory", "order"] {
        let died = processes(&shop).into_iter().find(|process| process.name == victim).unwrap();
        let pid = died.pid.unwrap();
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        until(&format!("another {victim}"), || async {
            let now = processes(&shop).into_iter().find(|process| process.name == victim)?;
            now.pid.filter(|now| *now != pid)
        })
        .await;
        let before = sold.load(SeqCst);
        until(&format!("a sale after {victim} was killed"), || async {
            (sold.load(SeqCst) > before + 5).then_some(())
        })
        .await;
    }
    stop.store(true, SeqCst);
    for task in buyers {
        task.await.unwrap();
    }
    // What was given up in between is given back by and by: then as many are gone as were answered, or were sold to somebody who did
    // not hear the answer, whose orders are there.
    let count = "{ ordersConnection(first: 1, filter: { status: CONFIRMED }) { totalCount } }";
    until("that stock and orders agree", || async {
        let answer = buyer.ask(count).await;
        let orders = answer.body["data"]["ordersConnection"]["totalCount"].as_i64()?;
        let answer = shop.nobody().send(LEFT, json!({ "id": id })).await;
        let left = answer.body["data"]["product"]["quantity"].as_i64()?;
        assert!(orders >= i64::try_from(sold.load(SeqCst)).unwrap());
        (i64::from(STOCK) - left == orders).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_while_the_shop_runs() {
    let shop = Running::empty_cluster(&[]);
    let ann = buyer(&shop.nobody(), "ann").await;
    let me = async || ann.ask("{ me { username } }").await;
    assert_eq!(me().await.data()["me"]["username"], "ann");
    let auth = processes(&shop).into_iter().find(|process| process.name == "auth").unwrap();
    let published = async || {
        let keys: Value =
            reqwest::get(format!("{}/.well-known/jwks.json", auth.url)).await.unwrap().json().await.unwrap();
        keys["keys"].as_array().unwrap().len()
    };
    assert_eq!(published().await, 1);
    let rotate = |more: &[&str]| {
        let secrets = shop.data().join("secrets");
        let output = larder().args(["keys", "rotate", "--of"]).arg(secrets).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    rotate(&[]);
    assert_eq!(published().await, 2);
    assert_eq!(me().await.data()["me"]["username"], "ann");
    // At once: the key that the token was signed with is gone, and new ones are made with a key that every service comes to know.
    rotate(&["--now"]);
    let again = shop.sign_in("ann", "a long password").await;
    until("that the new key is known", || async {
        let answer = again.ask("{ me { username } orders { _id } }").await;
        (answer.body["data"]["me"]["username"] == "ann").then_some(())
    })
    .await;
    let id = shop.product("Signed tea", 5).await;
    until("that services know each other's new keys", || async {
        let answer = again.send(BUY, json!({ "id": id })).await;
        (answer.body["data"]["placeOrder"]["status"] == "CONFIRMED").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_tells_how_it_is_and_stops_when_it_is_told_to() {
    let shop = Running::empty_cluster(&[]);
    for process in processes(&shop).into_iter().filter(|process| process.name != "redis") {
        let get = async |path: &str| reqwest::get(format!("{}{path}", process.url)).await.unwrap();
        for path in ["/health/live", "/health/ready", "/metrics"] {
            assert_eq!(get(path).await.status().as_u16(), 200, "{}{path}", process.name);
        }
        let port = process.url.rsplit(':').next().unwrap().to_owned();
        let probe =
            beside(&process.name).arg("--ready").env("LARDER_LISTEN", format!("0.0.0.0:{port}")).status();
        assert!(probe.unwrap().success(), "{}", process.name);
    }
    let began = Instant::now();
    shop.signal("-TERM");
    let urls: Vec<_> = processes(&shop).into_iter().map(|process| process.url).collect();
    assert!(shop.wait().success());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    for url in urls {
        let address = url.split("//").nth(1).unwrap();
        assert!(std::net::TcpStream::connect(address).is_err(), "{url} still listens");
    }
}

/// What Redis says to these commands, sent by one of its users.
fn redis_says(url: &str, commands: &str) -> String {
    use std::io::{Read as _, Write as _};
    let url = reqwest::Url::parse(url).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let password = url.password().unwrap();
    write!(stream, "AUTH {} {password}\r\n{commands}QUIT\r\n", url.username()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a_user_of_redis_reaches_its_own_keys_and_nothing_else() {
    let shop = Running::empty_cluster(&[]);
    let secret = |file: &str| std::fs::read_to_string(shop.data().join("secrets").join(file)).unwrap();
    for (file, own, others) in [
        ("router/cache", "cache", ["bus", "limits"]),
        ("order/bus", "bus", ["cache", "limits"]),
        ("router/limits", "limits", ["cache", "bus"]),
    ] {
        let get = |purpose: &str| format!("GET {{larder:{purpose}}}:nothing\r\n");
        assert!(redis_says(&secret(file), &get(own)).contains("$-1"), "{own}");
        for forbidden in [get(others[0]), get(others[1]), "GET x\r\n".to_owned(), "FLUSHALL\r\n".to_owned()]
            .into_iter()
            .chain([
                "CONFIG GET requirepass\r\n".to_owned(),
                "ACL LIST\r\n".to_owned(),
                "KEYS *\r\n".to_owned(),
            ])
        {
            let said = redis_says(&secret(file), &forbidden);
            assert!(said.contains("NOPERM"), "{own}: {forbidden}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_could_not_handle_is_listed_and_handed_to_it_again() {
    let shop = Running::empty_cluster(&[]);
    let bus = std::fs::read_to_string(shop.data().join("secrets/order/bus")).unwrap();
    let dead_letters = |arguments: &[&str]| {
        let output = larder().arg("dead-letters").args(arguments).env("LARDER_BUS", &bus).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned(), said(&output))
    };
    let (listed, text, _) = dead_letters(&[]);
    assert!(listed && text.starts_with("0 dead letters"), "{text}");
    assert!(redis_says(&bus, "XADD {larder:bus}:log * rubbish 1\r\n").contains('$'));
    let line = until("that it is listed", || async {
        let (_, text, _) = dead_letters(&[]);
        text.lines().find(|line| line.starts_with("inventory ")).map(str::to_owned)
    })
    .await;
    assert!(line.contains("malformed"), "{line}");
    let id = line.split_whitespace().nth(1).unwrap();
    let (_, others, _) = dead_letters(&["--group", "inventory"]);
    assert!(others.contains(id) && others.ends_with("1 dead letters of inventory\n"), "{others}");

    let (handed, text, _) = dead_letters(&["--group", "inventory", "--replay", id]);
    assert!(handed && text.contains("again"), "{text}");
    let unknown = kit::bus::EventId::new().to_string();
    let (handed, _, error) = dead_letters(&["--group", "inventory", "--replay", &unknown]);
    assert!(!handed && error.contains("no such dead letter"), "{error}");
    let (listed, _, error) = dead_letters(&["--group", "nobody"]);
    assert!(!listed && error.contains("there are catalog"), "{error}");
    let password = reqwest::Url::parse(&bus).unwrap().password().unwrap().to_owned();
    let wrong = larder().arg("dead-letters").env("LARDER_BUS", bus.replace(&password, "hunter2")).output();
    let error = said(&wrong.unwrap());
    assert!(error.contains("refuses this user") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let shop = Running::empty_cluster(&[]);
    let secrets = shop.data().join("secrets/order");
    let bus = std::fs::read_to_string(secrets.join("bus")).unwrap();
    let password = reqwest::Url::parse(&bus).unwrap().password().unwrap().to_owned();
    let began = Instant::now();
    let output = beside("order")
        .env("LARDER_LISTEN", "127.0.0.1:0")
        .env("LARDER_KEYS", secrets.join("keys"))
        .env("LARDER_STORE_FILE", secrets.join("store"))
        .env("LARDER_CACHE_FILE", secrets.join("cache"))
        .env("LARDER_BUS", bus.replace(&password, "hunter2hunter2"))
        .envs(
            ["AUTH", "CATALOG", "INVENTORY"].map(|name| (format!("LARDER_{name}_URL"), "http://127.0.0.1:9")),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("refuses this user") && !said.contains("hunter2"), "{said}");
    // Waiting does not mend it.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// The program of a part, with no environment.
fn beside(part: &str) -> Command {
    let larder = std::path::Path::new(env!("CARGO_BIN_EXE_larder"));
    let mut command = Command::new(larder.with_file_name(format!("larder-{part}")));
    command.env_clear();
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_process_says_everything_that_is_wrong_with_its_environment_and_no_secret() {
    for part in larder::distributed::parts() {
        let output = beside(&part.name).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", part.name);
        let text = said(&output);
        for variable in part.table.iter().filter(|one| one.unset == kit::config::Unset::Refused) {
            assert!(text.contains(&format!("{} ", variable.name)), "{}: {text}", variable.name);
        }
        let wrong = beside(&part.name)
            .envs([("LARDER_CACHE", "http://user:hunter2@host/"), ("API_SECRET", "hunter2")])
            .output()
            .unwrap();
        assert_eq!(wrong.status.code(), Some(2));
        assert!(
            said(&wrong).contains("LARDER_CACHE must be") && !said(&wrong).contains("hunter2"),
            "{}",
            said(&wrong)
        );
        let help = beside(&part.name).arg("--help").output().unwrap();
        assert!(help.status.success());
        for variable in &part.table {
            assert!(String::from_utf8_lossy(&help.stdout).contains(&*variable.name), "{}", variable.name);
        }
        assert_eq!(beside(&part.name).arg("--port=1").output().unwrap().status.code(), Some(2));
    }
}
