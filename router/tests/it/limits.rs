//! What is refused before it is executed: each with its code, a text that says what to do, and no call of a subgraph.

use router::Mode;
use serde_json::json;

use crate::support::{Reply, TestRouter, send};

/// Checks a refusal, and that nothing of how the shop is built is in it.
#[track_caller]
fn refused(reply: &Reply, code: &str, says: &str) {
    assert_eq!(reply.code(), code, "{reply:?}");
    let message = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(says), "{message}");
    for internal in ["catalog", "127.0.0.1", "panicked", ".rs", "hive", "sonic", "service"] {
        assert!(!reply.text.to_lowercase().contains(internal), "{internal}: {}", reply.text);
    }
    assert!(reply.json().get("data").is_none_or(serde_json::Value::is_null), "{reply:?}");
}

async fn untouched(router: &TestRouter) {
    assert!(router.subgraphs.calls.lock().await.is_empty());
}

#[tokio::test]
async fn documents_that_are_too_much() {
    let router = TestRouter::start().await;
    // Beyond the limit, and beyond what the parser itself takes.
    for depth in [13, 50, 400] {
        let deep = format!("{{ products {}{{ name }}{} }}", "{ with ".repeat(depth), " }".repeat(depth));
        refused(&router.ask(&deep).await, "OPERATION_TOO_COMPLEX", "nested too deeply");
    }

    let aliased: String = (0..31).map(|n| format!(" a{n}: name")).collect();
    refused(
        &router.ask(&format!("{{ products {{ {aliased} }} }}")).await,
        "OPERATION_TOO_COMPLEX",
        "too many aliases",
    );

    let directives = "@include(if: true) ".repeat(51);
    refused(
        &router.ask(&format!("{{ products {{ name {directives} }} }}")).await,
        "OPERATION_TOO_COMPLEX",
        "too many directives",
    );

    let long = "name ".repeat(2_100);
    refused(&router.ask(&format!("{{ products {{ {long} }} }}")).await, "OPERATION_TOO_COMPLEX", "too long");

    let mut bomb = "{ products { ...F0 } }".to_owned();
    for level in 0..40 {
        let next = level + 1;
        bomb.push_str(&format!(" fragment F{level} on Product {{ ...F{next} ...F{next} }}"));
    }
    bomb.push_str(" fragment F40 on Product { name }");
    refused(&router.ask(&bomb).await, "OPERATION_TOO_COMPLEX", "fragments are expanded");

    let schema = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }";
    refused(&router.ask(schema).await, "OPERATION_TOO_COMPLEX", "nests lists");
    untouched(&router).await;
}

#[tokio::test]
async fn documents_that_are_wrong() {
    let router = TestRouter::start().await;
    refused(&router.ask("{ products { name ").await, "GRAPHQL_PARSE_FAILED", "parse");
    refused(&router.ask("").await, "GRAPHQL_PARSE_FAILED", "parse");
    refused(&router.ask("{ products { nome } }").await, "GRAPHQL_VALIDATION_FAILED", "nome");
    refused(&router.ask("{ product(id: true) { name } }").await, "GRAPHQL_VALIDATION_FAILED", "ID");
    refused(&router.ask("{ products(first: \"x\") { name } }").await, "GRAPHQL_VALIDATION_FAILED", "Int");
    refused(
        &router.ask("{ products(first: 3000000000) { name } }").await,
        "GRAPHQL_VALIDATION_FAILED",
        "32-bit",
    );
    refused(&router.ask("{ ...A } fragment A on Query { ...A }").await, "GRAPHQL_VALIDATION_FAILED", "");
    refused(&router.ask("{ products(first: 99999999) { name } }").await, "BAD_USER_INPUT", "at most 250");
    let typed = "query($id: ID!) { product(id: $id) { name } }";
    refused(&router.ask(typed).await, "GRAPHQL_VALIDATION_FAILED", "variables do not fit");
    refused(&router.ask_with(typed, json!({ "id": [1] })).await, "GRAPHQL_VALIDATION_FAILED", "variables");
    let body = json!({ "query": "query A { products { name } } query B { products { name } }", "operationName": "C" });
    refused(&send(router.post().body(body.to_string())).await, "GRAPHQL_VALIDATION_FAILED", "operationName");
    refused(&router.ask("subscription { products }").await, "GRAPHQL_VALIDATION_FAILED", "");
    untouched(&router).await;
}

#[tokio::test]
async fn bodies_that_are_not_one_json_object() {
    let router = TestRouter::start().await;
    let post = |body: &str| send(router.post().body(body.to_owned()));
    let whole = json!({ "query": "{ products { name } }" }).to_string();
    refused(&post(&whole[..whole.len() / 2]).await, "BAD_REQUEST", "one complete JSON object");
    refused(&post(&format!("{whole} {whole}")).await, "BAD_REQUEST", "one complete JSON object");
    refused(&post("").await, "BAD_REQUEST", "one complete JSON object");
    refused(&post("\"query\"").await, "BAD_REQUEST", "one complete JSON object");
    refused(&post("{\"query\": 7}").await, "BAD_REQUEST", "one complete JSON object");
    refused(&post("{\"query\": \"{ products { name } }\", \"variables\": 7}").await, "BAD_REQUEST", "");
    refused(&post("{}").await, "BAD_REQUEST", "There is no `query`");
    refused(&post(&format!("[{whole}]")).await, "BAD_REQUEST", "Batches are not taken");
    refused(&post(&format!(" \n [{whole}, {whole}]")).await, "BAD_REQUEST", "Batches are not taken");
    let nested = format!(
        "{{\"query\": \"{{ products {{ name }} }}\", \"variables\": {{\"a\": {}}}}}",
        "[".repeat(100_000)
    );
    refused(&post(&nested).await, "OPERATION_TOO_COMPLEX", "nested too deeply");
    let get = router
        .get("/graphql")
        .query(&[("query", "{ products { name } }"), ("variables", &"[".repeat(10_000))])
        .header("x-larder-preflight", "1");
    refused(&send(get).await, "OPERATION_TOO_COMPLEX", "nested too deeply");
    untouched(&router).await;
}

#[tokio::test]
async fn documents_that_nest_as_deep_as_their_length_allows_do_not_exhaust_the_stack() {
    let router = TestRouter::start().await;
    let nest = |open: &str, inner: &str, close: &str, n: usize| open.repeat(n) + inner + &close.repeat(n);
    for document in [
        format!("{{ products {} }}", nest("{ with ", "{ name }", " }", 600)),
        format!("{{ product(id: {}) {{ name }} }}", nest("[", "1", "]", 900)),
        format!("{{ product(id: {}) {{ name }} }}", nest("{ a: ", "1", "}", 400)),
        format!("query($a: {}) {{ products {{ name }} }}", nest("[", "Int", "]", 900)),
        format!("{{ products {} }}", nest("{ ... on Product ", "{ name }", "}", 450)),
        nest("{ a ", "", "", 120_000),
        format!("{{ product(id: {}", "[".repeat(200_000)),
    ] {
        let reply = router.ask(&document).await;
        assert!(reply.json()["errors"][0]["extensions"]["code"].is_string(), "{}", reply.text);
    }
    untouched(&router).await;
}

#[tokio::test]
async fn requests_that_are_too_large() {
    let router = TestRouter::start().await;
    let large = json!({ "query": "{ products { name } }", "variables": { "a": "x".repeat(300_000) } });
    let reply = send(router.post().body(large.to_string())).await;
    refused(&reply, "REQUEST_TOO_LARGE", "body is too large");
    assert_eq!(reply.status, 413);

    let body = json!({ "query": "{ products { name } }" }).to_string();
    let reply = send(router.post().header("x-padding", "x".repeat(20_000)).body(body)).await;
    refused(&reply, "REQUEST_TOO_LARGE", "headers are too large");
    assert_eq!(reply.status, 431);
    untouched(&router).await;
}

#[tokio::test]
async fn a_compressed_body_counts_by_what_it_unpacks_to() {
    let router = TestRouter::start().await;
    // gzip of 8 MiB of spaces is 8 KiB; here a header that promises gzip over a body that is none.
    let reply = send(router.post().header("content-encoding", "gzip").body("not gzip")).await;
    refused(&reply, "BAD_REQUEST", "Content-Encoding");
    let reply = send(router.post().header("content-encoding", "lzma").body("x")).await;
    refused(&reply, "BAD_REQUEST", "Content-Encoding");
}

#[tokio::test]
async fn requests_that_a_browser_sends_for_any_page() {
    let router = TestRouter::start().await;
    let body = json!({ "query": "{ products { name } }" }).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request =
            router.client().post(router.url("/graphql")).header("content-type", kind).body(body.clone());
        let reply = send(request).await;
        refused(&reply, "BAD_REQUEST", "x-larder-preflight");
        assert_eq!(reply.status, 403);
    }
    let get = || router.get("/graphql").query(&[("query", "{ products { name } }")]);
    refused(&send(get()).await, "BAD_REQUEST", "x-larder-preflight");
    untouched(&router).await;
    assert_eq!(send(get().header("x-larder-preflight", "1")).await.status, 200);
}

#[tokio::test]
async fn methods_and_content_types_that_do_not_fit() {
    let router = TestRouter::start().await;
    let mutation = "mutation { createProduct(name: \"x\") { _id } }";
    let get = router.get("/graphql").query(&[("query", mutation)]).header("x-larder-preflight", "1");
    let reply = send(get).await;
    refused(&reply, "BAD_REQUEST", "has to be sent with POST");
    assert_eq!(reply.status, 405);

    let request = router.client().put(router.url("/graphql")).header("content-type", "application/json");
    refused(&send(request.body("{}")).await, "BAD_REQUEST", "Use POST");

    let request = router.client().post(router.url("/graphql")).header("content-type", "application/xml");
    refused(&send(request.body("<a/>")).await, "BAD_REQUEST", "application/json");
    let request = router.client().post(router.url("/graphql")).header("x-larder-preflight", "1");
    refused(&send(request.body("{}")).await, "BAD_REQUEST", "application/json");
    untouched(&router).await;
}

#[tokio::test]
async fn a_body_that_is_cut_off_writes_nothing_and_the_router_lives_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let router = TestRouter::start().await;
    let body = json!({ "query": "mutation { createProduct(name: \"x\") { _id } }" }).to_string();
    for declared in [body.len(), 100_000] {
        let mut socket = tokio::net::TcpStream::connect(router.address).await.unwrap();
        let head = format!(
            "POST /graphql HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {declared}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&body.as_bytes()[..body.len() / 2]).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = String::new();
        let _closed = socket.read_to_string(&mut answer).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    untouched(&router).await;
    assert_eq!(router.ask("{ products { name } }").await.status, 200);
}

#[tokio::test]
async fn introspection_is_answered_in_development_and_refused_in_production_unless_asked_for() {
    let query = "{ __schema { queryType { name } } }";
    assert_eq!(TestRouter::start().await.ask(query).await.status, 200);
    let production = TestRouter::with(|options| options.mode = Mode::Production).await;
    refused(&production.ask(query).await, "FORBIDDEN", "switched off");
    let open = TestRouter::with(|options| {
        options.mode = Mode::Production;
        options.introspection = Some(true);
    })
    .await;
    assert_eq!(open.ask(query).await.json()["data"]["__schema"]["queryType"]["name"], "Query");
}
