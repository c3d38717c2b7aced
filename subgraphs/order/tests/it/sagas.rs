//! `sagas` and `retrySaga`: what admins see of unfinished and repaired orders, and what they may have done about them.

use chrono::TimeDelta;
use kit::testing::Answer;
use serde_json::{Value, json};

use crate::{
    fakes::Mode,
    shop::{Shop, Shopper, eventually, id_of, patient, quick, statuses, without_reconciler},
};

const SAGA: &str = "{ orderId state step attempts nextRetryAt lastError { code message at } repair { by at } \
                    order { status } }";

async fn sagas(shop: &Shop) -> Vec<Value> {
    sagas_that_are(shop, Value::Null).await
}

async fn sagas_that_are(shop: &Shop, state: Value) -> Vec<Value> {
    let query = format!("query S($state: SagaState) {{ sagas(state: $state) {{ nodes {SAGA} }} }}");
    let answer = shop.admin().client.send(&query, json!({ "state": state })).await;
    let page = &answer.data()["sagas"];
    page["nodes"].as_array().unwrap().clone()
}

/// The one saga that there is.
async fn only(shop: &Shop) -> Value {
    let mut sagas = sagas(shop).await;
    assert_eq!(sagas.len(), 1, "{sagas:?}");
    sagas.remove(0)
}

async fn retry(who: &Shopper, id: &str) -> Answer {
    let mutation = format!("mutation R($id: ID!) {{ retrySaga(id: $id) {SAGA} }}");
    who.client.send(&mutation, json!({ "id": id })).await
}

/// How long after now that is, in seconds.
fn seconds_from_now(shop: &Shop, time: &Value) -> i64 {
    let time = chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
    (time.to_utc() - shop.world.clock().now()).num_seconds()
}

/// An order that is being placed while the inventory does this, by a shop whose reconciler looks at the start alone.
async fn left_pending(shop: &Shop, mode: Mode) -> String {
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(mode);
    let ann = shop.customer("ann");
    tokio::spawn(async move { ann.place(&[(&milk, 4)]).await });
    shop.reserving().await
}

/// An order that was cancelled while the inventory could not give anything back.
async fn owed(shop: &Shop) -> (String, String) {
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4)]).await;
    shop.inventory.releasing(Mode::Down);
    ann.cancel(&id, None).await.data();
    (id, milk)
}

#[tokio::test]
async fn what_goes_well_is_no_saga_and_leaves_none() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let (sold, back) = (ann.buys(&[(&milk, 1)]).await, ann.buys(&[(&milk, 1)]).await);
    ann.cancel(&back, None).await.data();
    assert_eq!(ann.place(&[(&milk, 100)]).await.code(), "OUT_OF_STOCK");
    shop.inventory.reserving(Mode::DoesAndLosesAnswer);
    assert_eq!(ann.place(&[(&milk, 1)]).await.code(), "UNAVAILABLE");
    assert!(sagas(&shop).await.is_empty());
    for id in [&sold, &back] {
        assert_eq!(retry(&shop.admin(), id).await.code(), "CONFLICT");
    }
}

#[tokio::test]
async fn an_order_that_is_being_placed_is_unfinished_until_its_deadline_ends_it() {
    let shop = Shop::with(without_reconciler()).await;
    let id = left_pending(&shop, Mode::DoesAndHangs).await;
    let saga = only(&shop).await;
    assert_eq!(
        (&saga["orderId"], &saga["state"], &saga["step"]),
        (&json!(id), &json!("UNFINISHED"), &json!("RESERVING"))
    );
    assert_eq!(
        (&saga["attempts"], &saga["lastError"], &saga["repair"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    assert_eq!(seconds_from_now(&shop, &saga["nextRetryAt"]), 60);
    shop.pass(TimeDelta::seconds(61));
    let shop = shop.restart_with(patient()).await;
    shop.until(&id, "CANCELLED").await;
    let saga =
        eventually("the end", async || Some(only(&shop).await).filter(|saga| saga["step"] == "FINISHED"))
            .await;
    assert_eq!((&saga["state"], &saga["repair"]["by"]), (&json!("REPAIRED"), &json!("RECONCILER")));
    assert_eq!((&saga["nextRetryAt"], &saga["order"]["status"]), (&Value::Null, &json!("CANCELLED")));
}

#[tokio::test]
async fn stock_that_was_not_given_back_is_asked_for_again_and_again_with_growing_pauses() {
    let shop = Shop::with(quick()).await;
    let (id, milk) = owed(&shop).await;
    let saga = only(&shop).await;
    assert_eq!(
        (&saga["orderId"], &saga["state"], &saga["step"]),
        (&json!(id), &json!("UNFINISHED"), &json!("RELEASING"))
    );
    assert_eq!((&saga["attempts"], &saga["lastError"]["code"]), (&json!(1), &json!("UNAVAILABLE")));
    assert_eq!(saga["lastError"]["message"], "The inventory could not be reached.");
    assert_eq!(seconds_from_now(&shop, &saga["nextRetryAt"]), 5);
    // Any other process of the service says the same.
    let shop = shop.restart().await;
    assert_eq!(only(&shop).await, saga);
    shop.inventory.releasing(Mode::Silent);
    shop.pass(TimeDelta::seconds(5));
    let saga =
        eventually("the second try", async || Some(only(&shop).await).filter(|saga| saga["attempts"] == 2))
            .await;
    assert_eq!(seconds_from_now(&shop, &saga["nextRetryAt"]), 10);
    assert!(saga["lastError"]["message"].as_str().unwrap().contains("did not answer in time"));
    assert_eq!(shop.inventory.available(&milk), 6);
    shop.inventory.releasing(Mode::Works);
    shop.pass(TimeDelta::seconds(10));
    let saga = eventually("the third try", async || {
        Some(only(&shop).await).filter(|saga| saga["state"] == "REPAIRED")
    })
    .await;
    assert_eq!(
        (&saga["step"], &saga["repair"]["by"], &saga["attempts"]),
        (&json!("FINISHED"), &json!("RECONCILER"), &json!(2))
    );
    assert_eq!(shop.inventory.available(&milk), 10);
    assert_eq!(statuses(&shop.order(&id).await), ["PENDING", "CONFIRMED", "CANCELLED"]);
}

/// What a crash between the end of an order and the release leaves.
#[tokio::test]
async fn stock_whose_release_was_cut_off_is_asked_for_by_the_next_process() {
    let shop = Shop::with(quick()).await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4)]).await;
    shop.inventory.releasing(Mode::Silent);
    let cancelling = tokio::spawn({
        let (ann, id) = (ann.clone(), id.clone());
        async move { ann.cancel(&id, None).await }
    });
    eventually("the release", async || shop.inventory.calls("releaseStock").pop()).await;
    let saga = only(&shop).await;
    assert_eq!((&saga["step"], &saga["attempts"]), (&json!("RELEASING"), &json!(0)));
    cancelling.abort();
    let shop = shop.restart().await;
    shop.inventory.releasing(Mode::Works);
    shop.pass(TimeDelta::seconds(20));
    eventually("the stock", async || (shop.inventory.available(&milk) == 10).then_some(())).await;
    eventually("its record", async || (only(&shop).await["state"] == "REPAIRED").then_some(())).await;
}

#[tokio::test]
async fn an_order_that_the_inventory_or_a_repeat_ended_is_repaired() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 10);
    shop.inventory.reserving(Mode::DoesAndHangs);
    let ann = shop.customer("ann");
    let mut placing = Vec::new();
    for key in ["k1", "k2"] {
        let (ann, milk) = (ann.clone(), milk.clone());
        placing.push(tokio::spawn(async move { ann.place_as(key, &[(&milk, 1)]).await }));
        shop.reserving_nth(placing.len()).await;
    }
    let (repeated, asked) = (shop.reserving_nth(1).await, shop.reserving_nth(2).await);
    shop.pass(TimeDelta::seconds(61));
    shop.inventory.reserving(Mode::Works);
    let settle = "mutation S($id: ID!) { settleOrder(id: $id) }";
    assert_eq!(shop.as_inventory().send(settle, json!({ "id": asked })).await.data()["settleOrder"], "ENDED");
    id_of(&ann.place_as("k1", &[(&milk, 1)]).await);
    let sagas = sagas(&shop).await;
    let of = |id: &str| sagas.iter().find(|saga| saga["orderId"] == id).unwrap();
    assert_eq!(
        (&of(&repeated)["repair"]["by"], &of(&repeated)["state"]),
        (&json!("REPEAT"), &json!("REPAIRED"))
    );
    // Whether the inventory has done what it was told is known when it says so.
    assert_eq!(
        (&of(&asked)["repair"]["by"], &of(&asked)["step"]),
        (&json!("INVENTORY"), &json!("RELEASING"))
    );
    placing.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn an_admin_ends_an_overdue_order_before_the_reconciler_does() {
    let shop = Shop::with(without_reconciler()).await;
    let id = left_pending(&shop, Mode::DoesAndHangs).await;
    let boss = shop.admin();
    assert_eq!(retry(&boss, &id).await.code(), "CONFLICT", "somebody may be placing it");
    assert_eq!(shop.order(&id).await["status"], "PENDING");
    shop.pass(TimeDelta::seconds(60));
    let answer = retry(&boss, &id).await;
    let saga = &answer.data()["retrySaga"];
    assert_eq!((&saga["state"], &saga["repair"]["by"]), (&json!("REPAIRED"), &json!("ADMIN")));
    assert!(shop.inventory.held().is_empty());
    let order = shop.order(&id).await;
    assert_eq!(statuses(&order), ["PENDING", "PENDING", "CANCELLED"]);
    assert_eq!(order["history"][1]["by"], json!({ "kind": "ADMIN", "userId": boss.id(), "service": null }));
    assert_eq!(order["history"][2]["by"]["kind"], "SERVICE");
    assert_eq!(shop.heard("order.cancelled", &id).await.data["reason"], order["history"][2]["reason"]);
    assert_eq!(retry(&boss, &id).await.code(), "CONFLICT");
}

/// The key of an order that staff had ended is free again, as of any that the shop gave up.
#[tokio::test]
async fn an_order_that_staff_had_ended_can_be_placed_anew_with_its_key() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    shop.inventory.reserving(Mode::Silent);
    let first = tokio::spawn({
        let (ann, milk) = (ann.clone(), milk.clone());
        async move { ann.place_as("k1", &[(&milk, 1)]).await }
    });
    let id = shop.reserving().await;
    shop.pass(TimeDelta::seconds(60));
    retry(&shop.admin(), &id).await.data();
    shop.inventory.reserving(Mode::Works);
    assert_ne!(id_of(&ann.place_as("k1", &[(&milk, 1)]).await), id);
    first.abort();
}

#[tokio::test]
async fn an_admin_has_stock_asked_for_before_its_time_and_sees_why_it_fails() {
    let shop = Shop::with(without_reconciler()).await;
    let (id, milk) = owed(&shop).await;
    let boss = shop.admin();
    shop.inventory.releasing(Mode::refuses("INTERNAL"));
    let still = retry(&boss, &id).await;
    let saga = &still.data()["retrySaga"];
    assert_eq!(
        (&saga["step"], &saga["attempts"], &saga["lastError"]["code"]),
        (&json!("RELEASING"), &json!(2), &json!("INTERNAL"))
    );
    assert_eq!(seconds_from_now(&shop, &saga["nextRetryAt"]), 10);
    shop.inventory.releasing(Mode::Works);
    assert_eq!(retry(&boss, &id).await.data()["retrySaga"]["state"], "REPAIRED");
    assert_eq!(shop.inventory.available(&milk), 10);
    let order = shop.order(&id).await;
    assert_eq!(statuses(&order), ["PENDING", "CONFIRMED", "CANCELLED", "CANCELLED", "CANCELLED"]);
    assert_eq!(order["history"][4]["by"]["userId"], boss.id());
    let recorded = boss
        .client
        .ask("{ operations { totalCount nodes { kind userId orderId group eventId outcome } } }")
        .await;
    let entry = json!({
        "kind": "RETRY_SAGA", "userId": boss.id(), "orderId": id, "group": null, "eventId": null, "outcome": "DONE",
    });
    assert_eq!(recorded.data()["operations"], json!({ "totalCount": 2, "nodes": [entry, entry] }));
}

#[tokio::test]
async fn what_is_none_is_not_found_and_recorded_all_the_same() {
    let shop = Shop::start().await;
    let (boss, id) = (shop.admin(), order::OrderId::new().to_string());
    assert_eq!(retry(&boss, &id).await.code(), "NOT_FOUND");
    assert_eq!(retry(&boss, "x").await.fields(), ["id"]);
    let recorded = boss.client.ask("{ operations { nodes { orderId outcome } } }").await;
    assert_eq!(recorded.data()["operations"]["nodes"], json!([{ "orderId": id, "outcome": "NOT_FOUND" }]));
    let shop = shop.restart().await;
    assert_eq!(
        shop.admin().client.ask("{ operations { totalCount } }").await.data()["operations"]["totalCount"],
        1
    );
}

#[tokio::test]
async fn the_unfinished_come_first_and_each_kind_newest_first_page_by_page() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 100);
    let ann = shop.customer("ann");
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(ann.buys(&[(&milk, 1)]).await);
        shop.pass(TimeDelta::seconds(1));
    }
    shop.inventory.releasing(Mode::Down);
    for id in &ids {
        ann.cancel(id, None).await.data();
    }
    shop.inventory.releasing(Mode::Works);
    for id in [&ids[1], &ids[3]] {
        // The breaker lets the first calls after a failure through one by one.
        eventually("the stock", async || {
            (retry(&shop.admin(), id).await.data()["retrySaga"]["state"] == "REPAIRED").then_some(())
        })
        .await;
    }
    let counted = shop.admin().client.ask("{ sagas(first: 1) { totalCount } }").await;
    assert_eq!(counted.data()["sagas"]["totalCount"], 5);
    let expected: Vec<_> = [4, 2, 0, 3, 1].map(|at| json!(ids[at])).into();
    let all = sagas(&shop).await;
    assert_eq!(all.iter().map(|saga| saga["orderId"].clone()).collect::<Vec<_>>(), expected);
    assert_eq!(sagas_that_are(&shop, json!("UNFINISHED")).await, all[..3]);
    assert_eq!(sagas_that_are(&shop, json!("REPAIRED")).await, all[3..]);
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = "query P($after: String) { sagas(first: 2, after: $after) { nodes { orderId } \
                     pageInfo { hasNextPage endCursor } } }";
        let answer = shop.admin().client.send(query, json!({ "after": after })).await;
        let page = &answer.data()["sagas"];
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["orderId"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, expected);
    let foreign = shop
        .admin()
        .client
        .send(
            "query P($after: String) { orders: ordersConnection(after: $after) { nodes { _id } } }",
            json!({ "after": after }),
        )
        .await;
    assert_eq!(foreign.code(), "BAD_USER_INPUT");
}
