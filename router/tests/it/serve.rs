//! Starting and stopping.

use std::{sync::atomic::Ordering, time::Duration};

use router::{Options, RouterError, Supergraph};
use serde_json::json;

use crate::support::{TestRouter, send, until};

#[tokio::test]
async fn a_request_in_flight_is_answered_while_the_router_stops() {
    let router = TestRouter::start().await;
    let request = router.post().body(json!({ "query": "{ products { name } }" }).to_string());
    let subgraphs = router.subgraphs.clone();
    let closed = subgraphs.catalog_gate.write().await;
    let asked = tokio::spawn(send(request));
    until("it is in flight", async || subgraphs.at_gate.load(Ordering::SeqCst) == 1).await;
    let stopped = tokio::spawn(router.stop());
    drop(closed);
    assert_eq!(asked.await.unwrap().status, 200);
    tokio::time::timeout(Duration::from_secs(10), stopped).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_router_stops_at_once() {
    let router = TestRouter::start().await;
    router.ask("{ products { name } }").await;
    tokio::time::timeout(Duration::from_secs(5), router.stop()).await.unwrap().unwrap();
}

#[test]
fn a_router_that_cannot_start_says_why() {
    let listen = "127.0.0.1:0".parse().unwrap();
    let options = Options::new(listen, Supergraph::Path("/nowhere/supergraph.graphql".into()));
    let error = router::run(options).unwrap_err();
    assert!(error.to_string().contains("/nowhere/supergraph.graphql"), "{error}");

    let options = Options::new(listen, Supergraph::Sdl("type Query {".to_owned()));
    assert!(matches!(router::run(options).unwrap_err(), RouterError::Schema(_)));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let options =
        Options::new(taken.local_addr().unwrap(), Supergraph::Sdl("type Query { a: Int }".to_owned()));
    assert!(matches!(router::run(options).unwrap_err(), RouterError::Listen { .. }));
}
