//! The list cache: what is kept, what makes it stale, and what never gets in.

use std::{sync::atomic::Ordering, time::Duration};

use kit::{
    clock::Clock,
    identity::{ApiKey, Trust, Verifier},
};
use serde_json::json;

use crate::support::{TestRouter, send, until};

const LIST: &str = "{ products { _id name quantity } }";

async fn fetches(router: &TestRouter) -> usize {
    router.subgraphs.calls_of("catalog").await
}

/// Asks until the answer has been taken in: the cache is filled after the client has its answer.
async fn warm(router: &TestRouter, query: &str) {
    router.ask(query).await;
    until("the answer is kept", async || {
        let before = fetches(router).await;
        router.ask(query).await;
        fetches(router).await == before
    })
    .await;
}

async fn set_stock(router: &TestRouter, id: &str, quantity: i32) {
    let query = format!("mutation {{ adjustStock(id: \"{id}\", quantity: {quantity}) }}");
    assert_eq!(router.ask(&query).await.json()["data"]["adjustStock"], quantity);
    router.cache.raise(&[format!("product:{id}")]).await.unwrap();
}

#[tokio::test]
async fn an_answer_is_fetched_once_and_then_given_from_the_cache() {
    let router = TestRouter::start().await;
    let first = router.ask(LIST).await;
    warm(&router, LIST).await;
    let before = fetches(&router).await;
    let again = router.ask(LIST).await;
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(fetches(&router).await, before);
}

#[tokio::test]
async fn the_same_question_in_other_words_has_the_same_answer_and_another_has_not() {
    let router = TestRouter::start().await;
    warm(&router, LIST).await;
    let before = fetches(&router).await;
    for query in [
        "query Named { products { _id name quantity } }",
        "{ products { ...P quantity } } fragment P on Product { _id name }",
        "{\n  products {\n    _id, name, quantity\n  }\n}",
    ] {
        assert_eq!(router.ask(query).await.json()["data"]["products"][0]["quantity"], 10);
        assert_eq!(fetches(&router).await, before, "{query}");
    }
    router.ask("{ products { _id name q: quantity } }").await;
    assert_eq!(fetches(&router).await, before + 1);
    let by_id = "query($id: ID!) { product(id: $id) { name } }";
    assert_eq!(router.ask_with(by_id, json!({ "id": "1" })).await.json()["data"]["product"]["name"], "Milk");
    assert_eq!(router.ask_with(by_id, json!({ "id": "2" })).await.json()["data"]["product"]["name"], "Bread");
}

#[tokio::test]
async fn a_change_of_a_product_makes_its_answers_stale_and_no_others() {
    let router = TestRouter::start().await;
    let milk = "{ product(id: 1) { name quantity } }";
    let bread = "{ product(id: 2) { name quantity } }";
    warm(&router, milk).await;
    warm(&router, bread).await;
    set_stock(&router, "1", 7).await;
    assert_eq!(router.ask(milk).await.json()["data"]["product"]["quantity"], 7);
    let before = fetches(&router).await;
    router.ask(bread).await;
    assert_eq!(fetches(&router).await, before, "the bread's answer was still good");
}

#[tokio::test]
async fn an_answer_without_ids_is_made_stale_by_its_products_all_the_same() {
    let router = TestRouter::start().await;
    for query in
        ["{ products { n: name q: quantity } }", "{ products { name } }", "{ a: products { with { name } } }"]
    {
        warm(&router, query).await;
        let before = fetches(&router).await;
        router.cache.raise(&["product:1".to_owned()]).await.unwrap();
        let answer = router.ask(query).await;
        assert_eq!(fetches(&router).await, before + 1, "{query}");
        assert!(!answer.text.contains("larderTag"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_change_of_what_lists_show_makes_every_list_stale() {
    let router = TestRouter::start().await;
    warm(&router, LIST).await;
    let before = fetches(&router).await;
    router.cache.raise(&["products".to_owned()]).await.unwrap();
    router.ask(LIST).await;
    assert_eq!(fetches(&router).await, before + 1);
}

#[tokio::test]
async fn a_fetch_that_began_before_a_change_does_not_bring_the_old_answer_back() {
    let router = TestRouter::start().await;
    let query = "{ products { name quantity } }";
    let late = {
        let closed = router.subgraphs.catalog_gate.write().await;
        let late = tokio::spawn(send(router.post().body(json!({ "query": query }).to_string())));
        until("the fetch is under way", async || router.subgraphs.at_gate.load(Ordering::SeqCst) == 1).await;
        set_stock(&router, "1", 3).await;
        drop(closed);
        late
    };
    late.await.unwrap();
    // Whatever the late answer said, it was not kept: everybody after the change reads the new number.
    assert_eq!(router.ask(query).await.json()["data"]["products"][0]["quantity"], 3);
    let stats = router.cache.stats();
    assert_eq!(stats.hits, 0, "{stats:?}");
}

#[tokio::test]
async fn many_who_miss_at_once_share_one_fetch() {
    let router = TestRouter::start().await;
    let asked = {
        let closed = router.subgraphs.catalog_gate.write().await;
        let asked: Vec<_> = (0..20)
            .map(|_| tokio::spawn(send(router.post().body(json!({ "query": LIST }).to_string()))))
            .collect();
        until("one is fetching", async || router.subgraphs.at_gate.load(Ordering::SeqCst) == 1).await;
        until("all have asked", async || router.cache.stats().misses >= 1).await;
        drop(closed);
        asked
    };
    for reply in asked {
        assert_eq!(reply.await.unwrap().json()["data"]["products"][0]["quantity"], 10);
    }
    assert_eq!(fetches(&router).await, 1);
}

#[tokio::test]
async fn an_answer_with_an_error_is_not_kept() {
    let router = TestRouter::start().await;
    for n in 1..=2 {
        assert_eq!(router.ask("{ fault }").await.code(), "INTERNAL");
        assert_eq!(fetches(&router).await, n);
    }
    assert_eq!(router.cache.stats().fills, 0);
}

#[tokio::test]
async fn what_may_depend_on_the_caller_is_never_kept() {
    let router = TestRouter::start().await;
    for n in 1..=3 {
        router.ask("{ authorization }").await;
        assert_eq!(router.subgraphs.calls_of("auth").await, n);
    }
    for n in 1..=2 {
        router.ask("{ products { name } authorization }").await;
        assert_eq!(fetches(&router).await, n);
    }
    let with_schema = "{ products { name } __type(name: \"Product\") { name } }";
    for n in 3..=4 {
        assert_eq!(router.ask(with_schema).await.json()["data"]["__type"]["name"], "Product");
        assert_eq!(fetches(&router).await, n);
    }
    assert_eq!(router.cache.stats().entries, 0);
}

#[tokio::test]
async fn an_answer_for_everybody_is_fetched_without_anybodys_credentials() {
    let router = TestRouter::start().await;
    let with_token = |query: &str| {
        send(
            router
                .post()
                .header("authorization", "Bearer admin")
                .header("x-api-key", "k")
                .body(json!({ "query": query }).to_string()),
        )
    };
    with_token("{ products { name } }").await;
    let headers = router.subgraphs.last_call_of("catalog").await.headers;
    assert!(!headers.contains_key("authorization") && !headers.contains_key("x-api-key"));

    // A field that turns out to need a caller is refused rather than shown to everybody.
    assert_eq!(with_token("{ products { cost } }").await.code(), "UNAUTHENTICATED");
    assert_eq!(router.cache.stats().entries, 1);
}

#[tokio::test]
async fn a_field_that_is_an_exception_is_answered_for_its_caller() {
    let router = TestRouter::with(|options| {
        options.cache_policy.except.insert("Product.cost".to_owned());
    })
    .await;
    let request = router
        .post()
        .header("authorization", "Bearer admin")
        .body(json!({ "query": "{ products { cost } }" }).to_string());
    assert_eq!(send(request).await.json()["data"]["products"][0]["cost"], 60);
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused_even_where_the_answer_is_at_hand() {
    let router = TestRouter::with(|options| {
        let keys = kit::identity::KeySource::Ring(kit::identity::KeyRing::ephemeral().unwrap().into());
        let verifier = Verifier::new("router", vec![Trust::people(keys)], Clock::system());
        options.identity = Some(verifier.with_api_key(Some(ApiKey::new("secret"))));
    })
    .await;
    warm(&router, LIST).await;
    let body = json!({ "query": LIST }).to_string();
    for (header, value) in
        [("authorization", "Bearer forged"), ("authorization", "Basic eDp5"), ("x-api-key", "wrong")]
    {
        let reply = send(router.post().header(header, value).body(body.clone())).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "UNAUTHENTICATED"), "{header}: {value}");
    }
    assert_eq!(send(router.post().header("x-api-key", "secret").body(body)).await.status, 200);
}

#[tokio::test]
async fn a_hit_has_the_content_type_that_was_asked_for() {
    let router = TestRouter::start().await;
    for accept in ["application/json", "application/graphql-response+json", "*/*"] {
        let ask = || send(router.post().header("accept", accept).body(json!({ "query": LIST }).to_string()));
        let first = ask().await;
        for _ in 0..3 {
            assert_eq!(ask().await.header("content-type"), first.header("content-type"));
        }
        if accept != "*/*" {
            assert!(first.header("content-type").starts_with(accept));
        }
    }
}

#[tokio::test]
async fn get_requests_are_answered_from_the_cache_too() {
    let router = TestRouter::start().await;
    warm(&router, LIST).await;
    let before = fetches(&router).await;
    let get = router.get("/graphql").query(&[("query", LIST)]).header("x-larder-preflight", "1");
    assert_eq!(send(get).await.json()["data"]["products"][0]["quantity"], 10);
    assert_eq!(fetches(&router).await, before);
}

#[tokio::test]
async fn without_a_cache_the_shop_works() {
    let router = TestRouter::with(|options| options.cache = None).await;
    for n in 1..=2 {
        assert_eq!(router.ask(LIST).await.json()["data"]["products"][0]["quantity"], 10);
        assert_eq!(fetches(&router).await, n);
    }
}

#[tokio::test]
async fn somebody_who_leaves_while_fetching_does_not_keep_others_waiting() {
    let router = TestRouter::start().await;
    let closed = router.subgraphs.catalog_gate.write().await;
    let impatient = router
        .post()
        .timeout(Duration::from_millis(50))
        .body(json!({ "query": LIST }).to_string())
        .send()
        .await;
    assert!(impatient.is_err());
    let patient = tokio::spawn(send(router.post().body(json!({ "query": LIST }).to_string())));
    drop(closed);
    assert_eq!(patient.await.unwrap().json()["data"]["products"][0]["quantity"], 10);
}
