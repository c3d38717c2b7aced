//! The way of a request through the pipeline to the subgraphs and back.

use std::sync::Arc;

use axum::{body::Bytes, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use serde_json::{Value, json};

use crate::{
    subgraphs::Subgraphs,
    support::{TestRouter, send},
};

#[tokio::test]
async fn a_query_over_two_subgraphs_is_answered_in_this_process() {
    let router = TestRouter::start().await;
    let reply = router.ask("{ products { _id name quantity with { name quantity } } }").await;
    assert_eq!(
        reply.json(),
        json!({ "data": { "products": [
            { "_id": "1", "name": "Milk", "quantity": 10, "with": null },
            { "_id": "2", "name": "Bread", "quantity": 20, "with": { "name": "Milk", "quantity": 10 } },
        ] } })
    );
    assert_eq!(reply.status, 200);
    assert_eq!(router.subgraphs.calls_of("catalog").await, 1);
}

#[tokio::test]
async fn variables_reach_the_subgraph_as_values_and_as_representations() {
    let router = TestRouter::start().await;
    let query = "query One($id: ID!) { product(id: $id) { name quantity } }";
    let reply = router.ask_with(query, json!({ "id": "2" })).await;
    assert_eq!(reply.json()["data"]["product"], json!({ "name": "Bread", "quantity": 20 }));
}

#[tokio::test]
async fn what_is_inaccessible_is_neither_seen_nor_called() {
    let router = TestRouter::start().await;
    let reply = router.ask("mutation { purge }").await;
    assert_eq!(reply.code(), "GRAPHQL_VALIDATION_FAILED", "{}", reply.text);
    let schema = router.ask("{ __schema { mutationType { fields { name } } } }").await;
    assert!(!schema.text.contains("purge") && schema.text.contains("createProduct"), "{}", schema.text);
}

#[tokio::test]
async fn subgraphs_get_the_callers_headers_and_the_routers_own_word_on_who_it_is() {
    let router = TestRouter::start().await;
    let request = router
        .post()
        .header("authorization", "Bearer t")
        .header("x-api-key", "k")
        .header("idempotency-key", "i")
        .header("x-request-id", "r-1")
        .header("x-larder-client-ip", "203.0.113.7")
        .header("x-forwarded-for", "203.0.113.8")
        .header("x-unknown", "u")
        .header("cookie", "refresh=1")
        .body(json!({ "query": "{ authorization products { name } }" }).to_string());
    let reply = send(request).await;
    assert_eq!(reply.json()["data"]["authorization"], "Bearer t");
    assert_eq!(reply.header("x-request-id"), "r-1");

    let catalog = router.subgraphs.last_call_of("catalog").await.headers;
    for (name, value) in [
        ("authorization", "Bearer t"),
        ("x-api-key", "k"),
        ("idempotency-key", "i"),
        ("x-request-id", "r-1"),
        ("x-larder-client-ip", "127.0.0.1"),
    ] {
        assert_eq!(catalog[name], value);
    }
    assert!(!catalog.contains_key("x-unknown") && !catalog.contains_key("cookie"));
    assert_eq!(router.subgraphs.last_call_of("auth").await.headers["cookie"], "refresh=1");
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_client_is_who_the_proxy_saw() {
    let router = TestRouter::with(|options| options.trusted_proxies = 1).await;
    let forwarded = |value: &'static str| {
        send(
            router
                .post()
                .header("x-forwarded-for", value)
                .body(json!({ "query": "{ authorization }" }).to_string()),
        )
    };
    forwarded("198.51.100.1, 203.0.113.8").await;
    assert_eq!(router.subgraphs.last_call_of("auth").await.headers["x-larder-client-ip"], "203.0.113.8");
}

#[tokio::test]
async fn only_the_subgraph_that_keeps_cookies_sets_them() {
    let router = TestRouter::start().await;
    let reply = router.ask("mutation { login(name: \"ann\") }").await;
    assert_eq!(reply.header("set-cookie"), "refresh=ann; HttpOnly; SameSite=Strict");
}

#[tokio::test]
async fn a_subgraph_elsewhere_is_called_by_http_with_the_same_headers() {
    let mut subgraphs = Subgraphs::new();
    subgraphs.remote = Some("inventory".to_owned());
    let elsewhere = Arc::new(Subgraphs::new());
    let server = axum::Router::new().route("/graphql", post(over_http)).with_state(elsewhere.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut schemas = subgraphs.schemas();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    schemas.iter_mut().find(|schema| schema.name == "inventory").unwrap().url = url;
    tokio::spawn(async move { axum::serve(listener, server).await });

    let router = TestRouter::over_schemas(subgraphs, &schemas, |options| options.cache = None).await;
    let request = router
        .post()
        .header("authorization", "Bearer t")
        .header("x-larder-client-ip", "203.0.113.7")
        .body(json!({ "query": "{ products { name quantity } }" }).to_string());
    let reply = send(request).await;
    assert_eq!(reply.json()["data"]["products"][1], json!({ "name": "Bread", "quantity": 20 }));
    let headers = elsewhere.last_call_of("inventory").await.headers;
    assert_eq!(headers["authorization"], "Bearer t");
    assert_eq!(headers["x-larder-client-ip"], "127.0.0.1");
    assert_eq!(router.subgraphs.calls_of("inventory").await, 0);
}

async fn over_http(
    State(subgraphs): State<Arc<Subgraphs>>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let variables = body.get("variables").map(Value::to_string).unwrap_or_default();
    let answer =
        subgraphs.answer("inventory", &headers, body["query"].as_str().unwrap(), variables.as_bytes()).await;
    ([("content-type", "application/json")], answer.body)
}

#[tokio::test]
async fn pages_of_named_origins_may_call_and_others_may_not() {
    let router =
        TestRouter::with(|options| options.cors_origins = vec!["https://shop.example".to_owned()]).await;
    let from = |origin: &'static str| {
        send(
            router
                .post()
                .header("origin", origin)
                .body(json!({ "query": "{ products { name } }" }).to_string()),
        )
    };
    for _ in 0..2 {
        assert_eq!(
            from("https://shop.example").await.header("access-control-allow-origin"),
            "https://shop.example"
        );
        assert_ne!(
            from("https://evil.example").await.header("access-control-allow-origin"),
            "https://evil.example"
        );
    }
}
