//! `deadLetters` and `replayDeadLetter`: the events that a service of the shop could not handle.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use async_trait::async_trait;
use kit::{
    Error,
    bus::{Bus, Delivery, Event, Handler, Subscription},
    testing::{Answer, servers::RedisServer},
};
use serde_json::{Value, json};

use crate::shop::{Shop, eventually};

const LETTER: &str =
    "{ eventId group topic key orderId attempts error { code message } raw { name base64 } }";

/// A group that handles nothing until it is mended.
struct Broken(Arc<AtomicBool>);

#[async_trait]
impl Handler for Broken {
    async fn handle(&self, _: &Event) -> kit::Result<()> {
        let cause = std::io::Error::other("connection to 10.0.0.7 refused");
        if self.0.load(SeqCst) { Ok(()) } else { Err(Error::unavailable("The shop's stock", cause)) }
    }
}

async fn broken(bus: &Bus, group: &'static str) -> (Subscription, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let delivery = Delivery { max_attempts: 1, ..Delivery::default() };
    let subscription = bus.subscribe(group, &["order.confirmed"], delivery, Broken(mended.clone())).await;
    (subscription.unwrap(), mended)
}

async fn letters(shop: &Shop, group: Option<&str>) -> Answer {
    let query =
        format!("query D($group: String) {{ deadLetters(group: $group) {{ totalCount nodes {LETTER} }} }}");
    shop.admin().client.send(&query, json!({ "group": group })).await
}

async fn letters_when(shop: &Shop, count: usize) -> Vec<Value> {
    eventually("the dead letters", async || {
        let answer = letters(shop, None).await;
        let page = &answer.data()["deadLetters"];
        let nodes = page["nodes"].as_array().unwrap().clone();
        (nodes.len() == count && page["totalCount"] == count).then_some(nodes)
    })
    .await
}

async fn replay(shop: &Shop, group: &str, id: &str) -> Answer {
    let mutation = "mutation R($group: String!, $id: ID!) { replayDeadLetter(group: $group, id: $id) }";
    shop.admin().client.send(mutation, json!({ "group": group, "id": id })).await
}

#[tokio::test]
async fn an_admin_sees_what_could_not_be_handled_without_internals_and_hands_it_over_again() {
    let shop = Shop::start().await;
    let (_one, mended) = broken(shop.world.host().bus(), "warehouse").await;
    let (_other, _never) = broken(shop.world.host().bus(), "accounting").await;
    let milk = shop.product("milk", 1, 10);
    let order = shop.customer("ann").buys(&[(&milk, 1)]).await;
    let found = letters_when(&shop, 2).await;
    assert_eq!((&found[0]["group"], &found[1]["group"]), (&json!("accounting"), &json!("warehouse")));
    let letter = &found[1];
    let event = shop.heard("order.confirmed", &order).await.id.to_string();
    assert_eq!(
        letter,
        &json!({
            "eventId": event, "group": "warehouse", "topic": "order.confirmed", "key": order, "orderId": order,
            "attempts": 1, "raw": null,
            "error": {
                "code": "UNAVAILABLE",
                "message": "The shop's stock is not available at the moment. Please try again shortly.",
            },
        })
    );
    assert_eq!(letters(&shop, Some("warehouse")).await.data()["deadLetters"]["totalCount"], 1);
    mended.store(true, SeqCst);
    assert_eq!(replay(&shop, "warehouse", &event).await.data()["replayDeadLetter"], true);
    assert_eq!(letters_when(&shop, 1).await[0]["group"], "accounting");
    assert_eq!(replay(&shop, "warehouse", &event).await.code(), "NOT_FOUND", "it is handled");

    let query = "{ operations { nodes { kind userId orderId group eventId outcome } } }";
    let recorded = shop.admin().client.ask(query).await;
    let entries = recorded.data()["operations"]["nodes"].as_array().unwrap();
    assert_eq!((&entries[0]["outcome"], &entries[1]["outcome"]), (&json!("NOT_FOUND"), &json!("DONE")));
    assert_eq!((&entries[1]["group"], &entries[1]["eventId"]), (&json!("warehouse"), &json!(event)));
    assert_eq!((&entries[1]["kind"], &entries[1]["orderId"]), (&json!("REPLAY_DEAD_LETTER"), &Value::Null));
}

#[tokio::test]
async fn refuses_what_is_no_group_id_or_cursor() {
    let shop = Shop::start().await;
    let unknown = letters(&shop, Some("nobody")).await;
    assert_eq!((unknown.code(), unknown.fields()), ("BAD_USER_INPUT", vec!["group"]));
    assert!(unknown.error()["message"].as_str().unwrap().contains("There are test."), "{}", unknown.body);
    let event = kit::bus::EventId::new().to_string();
    assert_eq!(replay(&shop, "nobody", &event).await.fields(), ["group"]);
    assert_eq!(replay(&shop, "test", "x").await.fields(), ["id"]);
    assert_eq!(replay(&shop, "test", &event).await.code(), "NOT_FOUND");
    let cursor = shop.admin().client.ask("{ deadLetters(after: \"x\") { totalCount } }").await;
    assert_eq!(cursor.fields(), ["after"]);
    let long = shop.admin().client.ask("{ deadLetters(first: 101) { totalCount } }").await;
    assert_eq!(long.fields(), ["first"]);
}

/// On a log that others can write to.
#[tokio::test]
async fn what_is_no_event_shows_its_bytes() {
    let server = RedisServer::start(&[]);
    let bus = Bus::redis(&server.url()).await.unwrap();
    let shop = Shop::apart(bus.clone()).await;
    assert!(server.tell("XADD {larder:bus}:log * nonsense rubbish").starts_with('$'));
    // Whoever writes past the shop wakes nobody: the next event does.
    bus.publish(&[Event::new("order.placed", "k", chrono::Utc::now(), &())]).await.unwrap();
    let found = letters_when(&shop, 1).await;
    assert_eq!((&found[0]["group"], &found[0]["topic"]), (&json!("test"), &json!("malformed")));
    assert_eq!(found[0]["raw"], json!([{ "name": "nonsense", "base64": "cnViYmlzaA==" }]));
    assert_eq!(found[0]["orderId"], Value::Null);
    assert!(found[0]["error"]["message"].as_str().unwrap().contains("no field"), "{}", found[0]);
}
