//! Waiting for servers, and the life of an endpoint.

use std::{
    cell::Cell,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
use tokio::{net::TcpListener, sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Service, StartError, process::patiently, variables};
use crate::{
    clock::Clock,
    identity::Verifier,
    server::{Endpoint, Served},
    store::StoreError,
    subgraph::Subgraph,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn away() -> StartError {
    StoreError::Engine("the server is away".into()).into()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_up_late_is_waited_for() {
    let attempts = Cell::new(0);
    let opened = patiently(PATIENCE, || async {
        attempts.set(attempts.get() + 1);
        if attempts.get() < 20 { Err(away()) } else { Ok("open") }
    });
    assert_eq!(opened.await.unwrap(), "open");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_comes_is_given_up_with_its_reason() {
    let began = Instant::now();
    let error = patiently(PATIENCE, || async { Err::<(), _>(away()) }).await.unwrap_err().to_string();
    assert!(error.contains("given up after 60s") && error.contains("the server is away"), "{error}");
    assert_eq!(began.elapsed(), PATIENCE);
    // One that accepts and never answers.
    let began = Instant::now();
    let error = patiently(PATIENCE, std::future::pending::<Result<(), _>>).await.unwrap_err().to_string();
    assert!(error.contains("does not answer"), "{error}");
    assert_eq!(began.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn what_waiting_cannot_mend_is_not_waited_for() {
    let began = Instant::now();
    let newer = || StoreError::Newer { what: "the database".to_owned(), found: 2, known: 1 };
    let error = patiently(PATIENCE, || async { Err::<(), _>(newer().into()) }).await.unwrap_err();
    assert!(matches!(error, StartError::Store(StoreError::Newer { .. })));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[test]
fn a_process_needs_the_addresses_of_those_it_calls_and_those_whose_keys_it_looks_at() {
    let service = Service {
        name: "catalog",
        calls: &["inventory"],
        grants: &[("order", &["catalog:offers"]), ("inventory", &["catalog:all"])],
        takes_api_key: true,
        signs_for_people: false,
    };
    let urls = |service: &Service| -> Vec<String> {
        let table = variables(service).into_iter().map(|variable| variable.name.into_owned());
        table.filter(|name| name.ends_with("_URL")).collect()
    };
    assert_eq!(urls(&service), ["LARDER_AUTH_URL", "LARDER_INVENTORY_URL", "LARDER_ORDER_URL"]);
    let auth =
        Service { name: "auth", calls: &[], grants: &[], takes_api_key: false, signs_for_people: true };
    assert!(urls(&auth).is_empty());
    let secret = |service: &Service| variables(service).iter().any(|variable| variable.name == "API_SECRET");
    assert!(secret(&service) && !secret(&auth));
}

/// A field that answers when it is let.
struct Slow {
    began: Arc<Notify>,
    let_go: Arc<Notify>,
}

#[Object(name = "Query")]
impl Slow {
    async fn slow(&self) -> &str {
        self.began.notify_one();
        self.let_go.notified().await;
        "answered"
    }
}

struct Place {
    endpoint: Endpoint,
    address: SocketAddr,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    began: Arc<Notify>,
    let_go: Arc<Notify>,
}

async fn endpoint() -> Place {
    let endpoint = Endpoint::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(endpoint.clone().serve(listener, stop.clone().cancelled_owned()));
    Place { endpoint, address, stop, server, began: Arc::default(), let_go: Arc::default() }
}

impl Place {
    fn open(&self) {
        let query = Slow { began: self.began.clone(), let_go: self.let_go.clone() };
        let schema = Schema::new(query, EmptyMutation, EmptySubscription);
        let verifier = Verifier::new("slow", Vec::new(), Clock::system());
        let subgraph = Arc::new(Subgraph::new("slow", schema, verifier));
        self.endpoint.open(Served { subgraph, store: None, keys: None });
    }

    async fn status(&self, path: &str) -> u16 {
        reqwest::get(format!("http://{}{path}", self.address)).await.unwrap().status().as_u16()
    }

    fn ask(&self) -> tokio::task::JoinHandle<String> {
        let url = format!("http://{}/graphql", self.address);
        tokio::spawn(async move {
            let body = serde_json::json!({ "query": "{ slow }" });
            reqwest::Client::new().post(url).json(&body).send().await.unwrap().text().await.unwrap()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_alive_before_it_is_ready_and_ready_until_it_drains() {
    let served = endpoint().await;
    assert_eq!((served.status("/health/live").await, served.status("/health/ready").await), (200, 503));
    assert!(served.ask().await.unwrap().contains("UNAVAILABLE"));
    served.open();
    assert_eq!(served.status("/health/ready").await, 200);
    served.endpoint.drain();
    assert_eq!((served.status("/health/live").await, served.status("/health/ready").await), (200, 503));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_was_asked_and_closes_what_is_idle() {
    let served = endpoint().await;
    served.open();
    // One connection that never said anything, and one that is kept after its answer.
    let mut silent = TcpStream::connect(served.address).unwrap();
    let mut kept = TcpStream::connect(served.address).unwrap();
    kept.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut head = [0; 12];
    kept.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");

    let asked = served.ask();
    served.began.notified().await;
    served.stop.cancel();
    // Closed by the other side: a read ends. (It would wait for ever otherwise, which the deadline turns into an error.)
    for idle in [&mut silent, &mut kept] {
        idle.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut rest = Vec::new();
        tokio::task::block_in_place(|| idle.read_to_end(&mut rest)).unwrap();
    }
    assert!(!served.server.is_finished(), "it waits for the answer in flight");
    served.let_go.notify_one();
    assert!(asked.await.unwrap().contains("answered"));
    tokio::time::timeout(Duration::from_secs(10), served.server).await.unwrap().unwrap().unwrap();
}
