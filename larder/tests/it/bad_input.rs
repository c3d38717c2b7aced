//! What a client can do wrong, at the door of the delivered shop: each has its code and a text that says what to do, writes
//! nothing, and shows nothing of the inside.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{TimeDelta, Utc};
use kit::{
    clock::Clock,
    identity::{Issuer, KeyRing, Role, ServiceTokens, User, UserId},
    testing::Answer,
};
use serde_json::{Value, json};

use crate::running::{Kind, Running, on_both_shops};

/// Words of the inside that no client may ever read.
const INSIDE: [&str; 15] = [
    "panicked",
    "src/",
    ".rs:",
    "sqlite",
    "mongo",
    "redis",
    "database is",
    "async_graphql",
    "axum",
    "ntex",
    "tokio",
    "in-process",
    "127.0.0.1",
    "subgraph",
    "Hive",
];

#[track_caller]
fn refused(answer: &Answer, code: &str) {
    let error = &answer.body["errors"][0];
    assert_eq!(error["extensions"]["code"], code, "{}", answer.body);
    assert!(error["message"].as_str().is_some_and(|text| text.len() > 15), "says nothing: {}", answer.body);
    let text = answer.body.to_string();
    for word in INSIDE {
        assert!(!text.contains(word), "shows `{word}`: {text}");
    }
}

/// How much is in the shop: what a refused request must not change.
async fn counted(shop: &Running) -> Value {
    let admin = shop.demo("admin").await;
    let query = "{ productsConnection(first: 1) { totalCount } ordersConnection(first: 1) { totalCount } usersConnection(first: 1) { totalCount } }";
    admin.ask(query).await.data().clone()
}

async fn wrong_values_are_refused_and_write_nothing(kind: Kind) {
    let shop = Running::of(kind);
    let (customer, tool) = (shop.demo("customer").await, shop.tool());
    let id = shop.product("Plain tea", 50).await;
    let before = counted(&shop).await;
    let long = "x".repeat(10_000);

    let register = "mutation($u: String!, $p: String!) { registerUser(input: { username: $u, password: $p }) { access_token } }";
    for (name, password) in [
        ("", "long enough"),
        ("ab", "long enough"),
        (long.as_str(), "long enough"),
        ("new-name", ""),
        ("new-name", "short"),
        ("new-name", long.as_str()),
        (" padded ", "long enough"),
        ("zero\u{200b}width", "long enough"),
        ("bell\u{7}", "long enough"),
    ] {
        refused(&shop.nobody().send(register, json!({ "u": name, "p": password })).await, "BAD_USER_INPUT");
    }
    for name in ["customer", "CUSTOMER", "Customer", "ｃｕｓｔｏｍｅｒ"] {
        refused(&shop.nobody().send(register, json!({ "u": name, "p": "long enough" })).await, "CONFLICT");
    }

    let create = "mutation($i: CreateProductInput!) { createProduct(input: $i) { _id } }";
    for (name, price, quantity) in [
        ("", 1, 1),
        ("   ", 1, 1),
        (long.as_str(), 1, 1),
        ("tea", 0, 1),
        ("tea", -1, 1),
        ("tea", i32::MAX, 1),
        ("tea", 1, -1),
        ("tea", 1, i32::MAX),
        ("null\u{0}tea", 1, 1),
    ] {
        let input = json!({ "i": { "name": name, "price": price, "quantity": quantity } });
        refused(&tool.send(create, input).await, "BAD_USER_INPUT");
    }

    let place = "mutation($p: [OrderProductInput]) { placeOrder(products: $p) { _id } }";
    let line = |id: &str, quantity: i64| json!({ "_id": id, "quantity": quantity });
    let unknown = "01920000-0000-7000-8000-000000000000";
    let too_many: Vec<_> = (0..101).map(|_| line(&id, 1)).collect();
    for (lines, code) in [
        (json!(null), "BAD_USER_INPUT"),
        (json!([]), "BAD_USER_INPUT"),
        (json!([null]), "BAD_USER_INPUT"),
        (json!(too_many), "BAD_USER_INPUT"),
        (json!([line(&id, 0)]), "BAD_USER_INPUT"),
        (json!([line(&id, -1)]), "BAD_USER_INPUT"),
        (json!([line(&id, i64::from(i32::MAX))]), "BAD_USER_INPUT"),
        (json!([line("", 1)]), "BAD_USER_INPUT"),
        (json!([line("not an id", 1)]), "BAD_USER_INPUT"),
        (json!([line(&long, 1)]), "BAD_USER_INPUT"),
        (json!([line(unknown, 1)]), "NOT_FOUND"),
        (json!([line(&id, 51)]), "OUT_OF_STOCK"),
    ] {
        refused(&customer.send(place, json!({ "p": lines })).await, code);
    }
    // Refused for want of stock, an order is kept as REJECTED; nothing else was written.
    let mut after = counted(&shop).await;
    let orders = &mut after["ordersConnection"]["totalCount"];
    assert_eq!(orders.as_i64(), before["ordersConnection"]["totalCount"].as_i64().map(|count| count + 1));
    *orders = before["ordersConnection"]["totalCount"].clone();
    assert_eq!(after, before);

    // The same product on two lines is one line.
    let twice = customer.send(place, json!({ "p": [line(&id, 25), line(&id, 26)] })).await;
    refused(&twice, "OUT_OF_STOCK");
    assert_eq!(
        twice.error()["extensions"]["shortages"],
        json!([{ "_id": id, "requested": 51, "available": 50 }])
    );
}

async fn wrong_types_and_documents_are_refused(kind: Kind) {
    let shop = Running::of(kind);
    let customer = shop.demo("customer").await;
    let deep =
        format!("{{ categories {}{}", "{ children ".repeat(40), "{ slug }".to_owned() + &"}".repeat(41));
    let wide = format!("{{ {} }}", (0..200).map(|n| format!("a{n}: shop {{ name }} ")).collect::<String>());
    let long = format!("{{ {} }}", "shop { name } ".repeat(2_000));
    for (operation, code) in [
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ shop { name }", "GRAPHQL_PARSE_FAILED"),
        ("{ noSuchField }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ product(id: 1.5) { name } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ products(first: \"ten\") { name } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ products(first: 0) { name } }", "BAD_USER_INPUT"),
        ("{ products(first: 251) { name } }", "BAD_USER_INPUT"),
        ("{ product(id: \"nonsense\") { name } }", "BAD_USER_INPUT"),
        ("{ product(id: \"01920000-0000-7000-8000-000000000000\") { name } }", "NOT_FOUND"),
        ("{ productsConnection(after: \"nonsense\") { nodes { name } } }", "BAD_USER_INPUT"),
        (deep.as_str(), "OPERATION_TOO_COMPLEX"),
        (wide.as_str(), "OPERATION_TOO_COMPLEX"),
        (long.as_str(), "OPERATION_TOO_COMPLEX"),
    ] {
        refused(&customer.ask(operation).await, code);
    }
    for (variables, code) in [
        (json!({ "q": "ten" }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({ "q": 2_147_483_648_i64 }), "BAD_USER_INPUT"),
        (json!({ "q": 1.5 }), "GRAPHQL_VALIDATION_FAILED"),
        (json!({}), "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let query = "query($q: Int!) { products(first: $q) { name } }";
        refused(&customer.send(query, variables).await, code);
    }
}

async fn requests_that_are_none_are_refused(kind: Kind) {
    let shop = Running::of(kind);
    let http = reqwest::Client::new();
    let ask = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        Answer { status, cookies: Vec::new(), body: response.json().await.expect("the answer is JSON") }
    };
    let url = shop.url();
    let good = json!({ "query": "{ shop { name } }" }).to_string();
    let post = |body: String| http.post(url).header("content-type", "application/json").body(body);

    let mutation = [("query", "mutation { logout(refresh_token: \"x\") }")];
    refused(&ask(http.get(url).query(&mutation).header("x-larder-preflight", "1")).await, "BAD_REQUEST");
    refused(
        &ask(http.post(url).header("content-type", "text/plain").body(good.clone())).await,
        "BAD_REQUEST",
    );
    refused(&ask(http.post(url).body(good.clone())).await, "BAD_REQUEST");
    refused(&ask(http.delete(url)).await, "BAD_REQUEST");
    refused(&ask(post(format!("[{good},{good}]"))).await, "BAD_REQUEST");
    refused(&ask(post("not json".to_owned())).await, "BAD_REQUEST");
    refused(&ask(post("{}".to_owned())).await, "BAD_REQUEST");
    refused(&ask(post(good[..good.len() - 3].to_owned())).await, "BAD_REQUEST");
    refused(&ask(post("\u{feff}".repeat(3))).await, "BAD_REQUEST");
    // Just over the limit: of a much longer body the shop does not wait for the end, and the client may see the connection close.
    let large =
        json!({ "query": "{ shop { name } }", "variables": { "x": "x".repeat(256 * 1024) } }).to_string();
    refused(&ask(post(large)).await, "REQUEST_TOO_LARGE");
    // The shop is none the worse for it.
    assert_eq!(ask(post(good)).await.data()["shop"]["name"], "Larder");
}

/// A body that is announced and does not come, then a closed connection: nothing is done, and the shop goes on.
async fn a_body_that_is_cut_off_does_nothing(kind: Kind) {
    let shop = Running::of(kind);
    let before = counted(&shop).await;
    let key = shop.api_secret();
    let host = shop.url().trim_start_matches("http://").trim_end_matches("/graphql").to_owned();
    let query = "mutation { createProduct(input: { name: \\\"cut\\\", price: 1, quantity: 1 }) { _id } }";
    let body = format!("{{\"query\":\"{query}\"}}");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    for cut in [0, 1, body.len() / 2, body.len() - 1] {
        let mut stream = TcpStream::connect(&host).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body.as_bytes()[..cut]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(!answer.contains("\"_id\""), "{answer}");
    }
    assert_eq!(counted(&shop).await, before);
}

async fn credentials_that_do_not_hold_are_refused(kind: Kind) {
    let shop = Running::of(kind);
    let user = User { id: UserId::new(), username: "ann".to_owned(), role: Role::Admin, session: None };
    let token =
        |ring: Arc<KeyRing>, clock: Clock| Issuer::users(ring, clock).access_token(&user).unwrap().token;
    let now = Clock::system();
    let good = token(shop.ring("auth", "people"), now.clone());
    assert_eq!(
        shop.nobody().bearer(&good).ask("{ lowStock(first: 1) { nodes { available } } }").await.status,
        200
    );

    let expired = token(shop.ring("auth", "people"), Clock::manual(Utc::now() - TimeDelta::hours(1)));
    let stranger = token(Arc::new(KeyRing::ephemeral().unwrap()), now.clone());
    let order = shop.ring("order", "order");
    let other_issuer = token(order.clone(), now.clone());
    let other_audience = ServiceTokens::new("order", order, now).token("inventory", "stock:reserve").unwrap();
    let claims = good.split('.').nth(1).unwrap();
    let unsigned = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\",\"typ\":\"JWT\"}"));
    let other_algorithm =
        format!("{}.{claims}.c2ln", URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    let mut bent = good.clone();
    bent.replace_range(good.len() - 4.., "AAAA");

    for bad in
        [&expired, &stranger, &other_issuer, &other_audience, &unsigned, &other_algorithm, &bent, "x", ""]
    {
        for operation in
            ["{ products { _id } }", "{ me { _id } }", "mutation { placeOrder(products: []) { _id } }"]
        {
            refused(&shop.nobody().bearer(bad).ask(operation).await, "UNAUTHENTICATED");
        }
    }
    let create = "mutation { createProduct(input: { name: \"tea\", price: 1, quantity: 1 }) { _id } }";
    refused(&shop.nobody().ask(create).await, "UNAUTHENTICATED");
    refused(&shop.nobody().header("x-api-key", "wrong").ask(create).await, "UNAUTHENTICATED");
    refused(&shop.demo("customer").await.ask(create).await, "FORBIDDEN");
    // An identity that is merely claimed is nobody's.
    let claimed = shop.nobody().header("x-user-id", &user.id.to_string()).header("x-role", "ADMIN");
    refused(&claimed.ask("{ me { _id } }").await, "UNAUTHENTICATED");
}

async fn too_many_attempts_are_told_when_to_come_back(kind: Kind) {
    let shop = Running::of_with(kind, &[]);
    let query = "mutation { login(input: { username: \"customer\", password: \"wrong-password\" }) { access_token } }";
    for _ in 0..100 {
        let answer = shop.nobody().ask(query).await;
        if answer.code() == "RATE_LIMITED" {
            refused(&answer, "RATE_LIMITED");
            assert!(answer.error()["extensions"]["retryAfter"].as_i64().unwrap() >= 1);
            return;
        }
        refused(&answer, "UNAUTHENTICATED");
    }
    panic!("a hundred wrong passwords, and nobody minded");
}

on_both_shops![
    wrong_values_are_refused_and_write_nothing,
    wrong_types_and_documents_are_refused,
    requests_that_are_none_are_refused,
    a_body_that_is_cut_off_does_nothing,
    credentials_that_do_not_hold_are_refused,
    too_many_attempts_are_told_when_to_come_back,
];
