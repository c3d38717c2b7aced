//! Errors on their way out: what passes, what is translated, what is masked.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use crate::{subgraphs::Subgraphs, support::TestRouter};

#[tokio::test]
async fn a_subgraphs_own_refusal_passes_untouched() {
    let router = TestRouter::start().await;
    let error = &router.ask("{ refusal }").await.json()["errors"][0];
    assert_eq!(error["message"], "Less stock than asked for.");
    assert_eq!(error["path"], json!(["refusal"]));
    assert_eq!(
        error["extensions"],
        json!({ "code": "OUT_OF_STOCK", "shortages": [{ "_id": "1", "requested": 9, "available": 1 }] })
    );
}

#[tokio::test]
async fn an_unforeseen_fault_shows_a_constant_text_and_the_request_id() {
    let router = TestRouter::start().await;
    let reply = router.ask("{ fault }").await;
    let error = &reply.json()["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL");
    assert_eq!(error["extensions"]["requestId"], reply.header("x-request-id"));
    assert!(!reply.text.contains("sqlite") && !reply.text.contains("store.rs"), "{}", reply.text);
}

#[tokio::test]
async fn a_subgraph_that_is_away_is_unavailable_and_the_rest_is_answered() {
    let mut subgraphs = Subgraphs::new();
    subgraphs.remote = Some("auth".to_owned());
    let router = TestRouter::over(subgraphs, |_| {}).await;
    let reply = router.ask("{ authorization products { name } }").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["data"]["products"][0]["name"], "Milk");
    assert_eq!(reply.json()["errors"][0]["extensions"], json!({ "code": "UNAVAILABLE" }));
    assert!(!reply.text.contains("127.0.0.1") && !reply.text.contains("auth\""), "{}", reply.text);
}

/// The rest of the answer when the inventory is away: the places of the errors, and the data.
async fn without_inventory(query: &str) -> (Value, Value) {
    let mut subgraphs = Subgraphs::new();
    subgraphs.remote = Some("inventory".to_owned());
    let router = TestRouter::over(subgraphs, |_| {}).await;
    let mut first = None;
    // Also when the breaker has opened.
    for _ in 0..20 {
        let reply = router.ask(query).await;
        assert_eq!(reply.status, 200);
        let answer = reply.json();
        let errors = answer["errors"].as_array().unwrap();
        assert!(
            errors.iter().all(|error| error["extensions"] == json!({ "code": "UNAVAILABLE" })),
            "{}",
            reply.text
        );
        let mut places: Vec<_> = errors.iter().map(|error| error["path"].clone()).collect();
        places.sort_by_key(ToString::to_string);
        let found = (json!(places), answer["data"].clone());
        assert_eq!(*first.get_or_insert_with(|| found.clone()), found);
    }
    first.unwrap()
}

#[tokio::test]
async fn a_field_of_a_subgraph_that_is_away_is_null_with_an_error_at_its_place() {
    let (places, data) = without_inventory("{ product(id: \"1\") { name left: stock } }").await;
    assert_eq!(places, json!([["product", "left"]]));
    assert_eq!(data, json!({ "product": { "name": "Milk", "left": null } }));
}

#[tokio::test]
async fn in_a_list_every_item_says_what_it_lacks() {
    let (places, data) = without_inventory("{ products { name stock with { stock } } }").await;
    assert_eq!(
        places,
        json!([["products", 0, "stock"], ["products", 1, "stock"], ["products", 1, "with", "stock"]])
    );
    assert_eq!(
        data["products"],
        json!([
            { "name": "Milk", "stock": null, "with": null },
            { "name": "Bread", "stock": null, "with": { "stock": null } },
        ])
    );
}

#[tokio::test]
async fn a_field_that_must_be_there_takes_its_object_along() {
    let (places, data) =
        without_inventory("{ product(id: \"1\") { name quantity } products { name } }").await;
    assert_eq!(places, json!([["product", "quantity"]]));
    assert_eq!(data["product"], Value::Null);
    assert_eq!(data["products"][1]["name"], "Bread");
}

#[tokio::test]
async fn a_mutation_of_a_subgraph_that_is_away_says_which_was_not_made() {
    let mut subgraphs = Subgraphs::new();
    subgraphs.remote = Some("inventory".to_owned());
    let router = TestRouter::over(subgraphs, |_| {}).await;
    let reply = router.ask("mutation { changed: adjustStock(id: \"1\", quantity: 4) }").await;
    assert_eq!(reply.json()["errors"][0]["path"], json!(["changed"]));
    assert_eq!(reply.code(), "UNAVAILABLE");
}

#[tokio::test]
async fn an_answer_that_is_no_graphql_is_a_fault_of_ours() {
    let router = TestRouter::start().await;
    router.subgraphs.nonsense.store(true, Ordering::SeqCst);
    let reply = router.ask("{ products { name } }").await;
    assert_eq!(reply.code(), "INTERNAL");
    assert!(!reply.text.contains("panicked"), "{}", reply.text);
}

#[tokio::test]
async fn a_subgraph_that_does_not_answer_in_time_is_unavailable() {
    let router = TestRouter::with(|options| options.timeouts.query = Duration::from_millis(50)).await;
    let _closed = router.subgraphs.catalog_gate.write().await;
    let reply = router.ask("{ products { name } }").await;
    assert_eq!(reply.code(), "UNAVAILABLE");
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_as_a_whole_is_unavailable() {
    let router = TestRouter::with(|options| options.timeouts.request = Duration::from_millis(50)).await;
    let _closed = router.subgraphs.catalog_gate.write().await;
    let reply = router.ask("{ products { name } }").await;
    assert_eq!(reply.code(), "UNAVAILABLE");
    assert_eq!(reply.status, 504);
}

#[tokio::test]
async fn a_subgraph_that_keeps_failing_is_left_alone_for_a_while() {
    let router = TestRouter::with(|options| {
        options.timeouts.query = Duration::from_millis(5);
        options.cache = None;
    })
    .await;
    let _closed = router.subgraphs.catalog_gate.write().await;
    for _ in 0..40 {
        assert_eq!(router.ask("{ products { name } }").await.code(), "UNAVAILABLE");
    }
    let tried = router.subgraphs.calls_of("catalog").await;
    assert!(tried < 40, "the breaker never opened: {tried} calls");
}
