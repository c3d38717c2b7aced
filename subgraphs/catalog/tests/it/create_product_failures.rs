//! A product is made in steps (draft, stock, publication); here each of them fails in every way that it can, and nothing is
//! ever left half made.

use chrono::TimeDelta;
use kit::testing::TestClient;
use serde_json::json;

use crate::shop::{Mood, Shop, create, eventually};

/// Longer than a draft may be there.
const LONG: TimeDelta = TimeDelta::seconds(61);

async fn create_milk(client: &TestClient) -> kit::testing::Answer {
    create(client, json!({ "name": "Milk", "price": 100, "quantity": 5, "slug": "milk" })).await
}

/// Nobody sees any product, none is being made, and inventory holds no stock.
async fn assert_nothing_is_left(shop: &Shop) {
    shop.tidy().await;
    assert_eq!(shop.client.ask("{ products { _id } }").await.data()["products"], json!([]));
    let managed = shop.key().ask("{ managedProducts { totalCount } }").await;
    assert_eq!(managed.data()["managedProducts"]["totalCount"], 0);
    assert!(shop.inventory.stocks().is_empty());
    assert_eq!(shop.inventory.discarded(), shop.inventory.asked_for());
    assert_eq!(shop.report().await.offered, 0);
}

/// The same product can be made as if nothing had happened.
async fn assert_it_can_be_made(shop: &Shop) {
    shop.inventory.create(Mood::Obliging);
    shop.inventory.discard(Mood::Obliging);
    assert_eq!(create_milk(&shop.key()).await.data()["createProduct"]["slug"], "milk");
    assert_eq!(shop.inventory.stocks().len(), 1);
}

#[tokio::test]
async fn leaves_nothing_whatever_inventory_does_not_do() {
    let moods = [
        Mood::Refusing("CONFLICT"),
        Mood::Refusing("FORBIDDEN"),
        Mood::Refusing("UNAVAILABLE"),
        Mood::Refusing("INTERNAL"),
        Mood::Away,
        Mood::NotDoneAndLost,
        Mood::DoneAndLost,
    ];
    for mood in moods {
        let shop = Shop::start().await;
        shop.inventory.create(mood);
        let answer = create_milk(&shop.key()).await;
        assert_eq!(answer.code(), "UNAVAILABLE", "{mood:?}");
        assert!(!answer.body.to_string().contains("secret"), "{}", answer.body);
        assert_eq!(answer.body["data"], json!({ "createProduct": null }));
        assert_nothing_is_left(&shop).await;
        assert_it_can_be_made(&shop).await;
    }
}

#[tokio::test]
async fn answers_in_time_when_inventory_is_silent() {
    for mood in [Mood::Silent, Mood::DoneAndSilent] {
        let shop = Shop::start().await;
        shop.inventory.create(mood);
        let started = std::time::Instant::now();
        assert_eq!(create_milk(&shop.key()).await.code(), "UNAVAILABLE", "{mood:?}");
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{mood:?}: {:?}", started.elapsed());
        assert_nothing_is_left(&shop).await;
    }
}

#[tokio::test]
async fn makes_it_all_the_same_when_the_answer_is_lost_once() {
    let shop = Shop::start().await;
    shop.inventory.create(Mood::DoneAndLostOnce);
    assert_eq!(create_milk(&shop.key()).await.data()["createProduct"]["slug"], "milk");
    assert_eq!(shop.inventory.stocks().len(), 1);
    assert_eq!(shop.inventory.calls("create"), 2);
    assert_eq!(shop.report().await.offered, 1);
}

#[tokio::test]
async fn frees_the_slug_at_once_even_if_inventory_stays_away() {
    let shop = Shop::start().await;
    shop.inventory.create(Mood::Away);
    shop.inventory.discard(Mood::Away);
    assert_eq!(create_milk(&shop.key()).await.code(), "UNAVAILABLE");
    assert_eq!(create_milk(&shop.key()).await.code(), "UNAVAILABLE");
    assert_eq!(shop.report().await.unfinished, 2);
    shop.inventory.create(Mood::Obliging);
    eventually("it is made", || async { create_milk(&shop.key()).await.body.get("errors").is_none() }).await;
}

#[tokio::test]
async fn tidies_up_later_when_inventory_is_back() {
    let shop = Shop::start().await;
    shop.inventory.create(Mood::DoneAndLost);
    shop.inventory.discard(Mood::Away);
    assert_eq!(create_milk(&shop.key()).await.code(), "UNAVAILABLE");
    assert_eq!(shop.report().await.unfinished, 1);
    assert_eq!(shop.inventory.stocks().len(), 1, "the stock was made and not discarded");
    shop.advance(TimeDelta::minutes(5));
    assert_eq!(shop.report().await.overdue.len(), 1, "an operator is told");
    shop.inventory.discard(Mood::Obliging);
    let shop = shop.restart().await;
    assert_nothing_is_left(&shop).await;
    assert!(shop.report().await.overdue.is_empty());
}

/// Stops the shop while it waits for inventory's answer, before or after inventory has done what it was asked.
async fn stopped_while_inventory_is(mood: Mood) -> Shop {
    let shop = Shop::start().await;
    shop.inventory.create(mood);
    let key = shop.key();
    let creating = tokio::spawn(async move { create_milk(&key).await });
    eventually("inventory was asked", || async { shop.inventory.calls("create") > 0 }).await;
    creating.abort();
    let shop = shop.restart().await;
    shop.inventory.create(Mood::Obliging);
    shop
}

#[tokio::test]
async fn ends_a_draft_that_a_crash_left_before_the_stock_was_made() {
    let shop = stopped_while_inventory_is(Mood::Silent).await;
    assert_eq!(shop.report().await.unfinished, 1);
    shop.advance(LONG);
    let shop = shop.restart().await;
    assert_nothing_is_left(&shop).await;
    assert_it_can_be_made(&shop).await;
}

#[tokio::test]
async fn ends_a_draft_that_a_crash_left_after_the_stock_was_made() {
    let shop = stopped_while_inventory_is(Mood::DoneAndSilent).await;
    assert_eq!(shop.inventory.stocks().len(), 1);
    shop.advance(LONG);
    let shop = shop.restart().await;
    assert_nothing_is_left(&shop).await;
    assert_it_can_be_made(&shop).await;
}

#[tokio::test]
async fn ends_a_draft_that_a_crash_left_while_it_was_being_discarded() {
    let shop = Shop::start().await;
    shop.inventory.create(Mood::Refusing("CONFLICT"));
    shop.inventory.discard(Mood::DoneAndSilent);
    assert_eq!(create_milk(&shop.key()).await.code(), "UNAVAILABLE");
    eventually("inventory was asked to discard", || async { shop.inventory.calls("discard") > 0 }).await;
    shop.inventory.discard(Mood::Obliging);
    let shop = shop.restart().await;
    assert_nothing_is_left(&shop).await;
}

#[tokio::test]
async fn never_shows_a_draft_and_leaves_a_young_one_alone() {
    let shop = stopped_while_inventory_is(Mood::DoneAndSilent).await;
    shop.advance(TimeDelta::seconds(59));
    let shop = shop.restart().await;
    let id = shop.inventory.stocks().into_keys().next().unwrap();
    assert_eq!(shop.report().await.unfinished, 1);
    let query = format!("{{ product(id: \"{id}\") {{ _id }} }}");
    assert_eq!(shop.client.ask(&query).await.code(), "NOT_FOUND");
    let query = "{ productBySlug(slug: \"milk\") { _id } }";
    assert_eq!(shop.client.ask(query).await.code(), "NOT_FOUND");
    let query = format!("{{ managedProduct(id: \"{id}\") {{ _id }} }}");
    assert_eq!(shop.key().ask(&query).await.code(), "NOT_FOUND");
    let query = format!("{{ products(ids: [\"{id}\"]) {{ _id }} }}");
    assert_eq!(shop.client.ask(&query).await.data()["products"], json!([null]));
    let query = format!(
        "{{ _entities(representations: [{{ __typename: \"Product\", _id: \"{id}\" }}]) {{ __typename }} }}"
    );
    assert_eq!(shop.client.ask(&query).await.data()["_entities"], json!([null]));
    let query = format!("mutation {{ updateProduct(id: \"{id}\", input: {{ price: 5 }}) {{ _id }} }}");
    assert_eq!(shop.key().ask(&query).await.code(), "NOT_FOUND");
    let query = format!("mutation {{ archiveProduct(id: \"{id}\") {{ _id }} }}");
    assert_eq!(shop.key().ask(&query).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn keeps_a_product_that_was_answered_through_a_crash() {
    let shop = Shop::start().await;
    let id = shop.product("Milk", json!({})).await;
    shop.advance(LONG);
    let shop = shop.restart().await;
    let query = format!("{{ product(id: \"{id}\") {{ name }} }}");
    assert_eq!(shop.client.ask(&query).await.data()["product"]["name"], "Milk");
    assert_eq!(shop.inventory.calls("discard"), 0);
}

#[tokio::test]
async fn goes_on_with_the_next_draft_when_inventory_refuses_one() {
    let shop = Shop::start().await;
    shop.inventory.create(Mood::Away);
    shop.inventory.discard(Mood::Refusing("CONFLICT"));
    create_milk(&shop.key()).await;
    create_milk(&shop.key()).await;
    eventually("both were refused", || async { shop.inventory.calls("discard") >= 2 }).await;
    assert_eq!(shop.report().await.unfinished, 2);
    let before = shop.inventory.calls("discard");
    let shop = shop.restart().await;
    eventually("both were asked for again", || async { shop.inventory.calls("discard") >= before + 2 }).await;
}
