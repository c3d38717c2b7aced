use auth::{domain::session::SessionId, hashing::Counts};
use kit::{
    bus::{Delivery, Event, Handler},
    store::Index,
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::shop::{PASSWORD, Shop};

#[tokio::test]
async fn the_sample_operation_works_as_it_stands() {
    let shop = Shop::start().await;
    let operation = r#"mutation RegisterUser { registerUser(input: { username: "arth", password: "password" }) { access_token } }"#;
    let answer = shop.client.ask(operation).await;
    assert!(answer.data()["registerUser"]["access_token"].as_str().unwrap().len() > 100);
    let again = shop.client.ask(operation).await;
    assert_eq!(again.code(), "CONFLICT");
    assert_eq!(again.fields(), ["input.username"]);
    assert_eq!(again.body["data"]["registerUser"], json!(null));
}

#[tokio::test]
async fn a_new_user_is_a_customer_and_signed_in() {
    let shop = Shop::start().await;
    let answer = shop.try_register("Ann", PASSWORD).await;
    let result = &answer.data()["registerUser"];
    assert_eq!(result["user"]["username"], "Ann");
    assert_eq!(result["user"]["role"], "CUSTOMER");
    assert!(result["user"]["registeredAt"].is_string());
    let expires: chrono::DateTime<chrono::Utc> = result["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!((expires - shop.world.clock().now()).num_minutes(), 15);
    let me = shop.client.bearer(result["access_token"].as_str().unwrap()).ask("{ me { _id } }").await;
    assert_eq!(me.data()["me"]["_id"], result["user"]["_id"]);
}

#[tokio::test]
async fn a_name_is_taken_in_every_way_of_writing_it() {
    let shop = Shop::start().await;
    shop.register("Zoë").await;
    let before = shop.user_count().await;
    for same in ["Zoë", "zoë", "ZOË", "Zoe\u{308}", "Ｚｏë"] {
        let answer = shop.try_register(same, PASSWORD).await;
        assert_eq!(answer.code(), "CONFLICT", "{same}");
        assert_eq!(answer.fields(), ["input.username"]);
    }
    assert_eq!(shop.user_count().await, before);
    shop.register("Zoe").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_registrations_of_one_name_at_once_one_wins() {
    let shop = Shop::start().await;
    for round in 0..10 {
        let names = [format!("racer{round}"), format!("RACER{round}")];
        let (one, other) =
            tokio::join!(shop.try_register(&names[0], PASSWORD), shop.try_register(&names[1], PASSWORD));
        let (won, lost) = if one.body.get("errors").is_none() { (one, other) } else { (other, one) };
        assert!(won.data()["registerUser"].is_object());
        assert_eq!(lost.code(), "CONFLICT");
        assert_eq!(lost.fields(), ["input.username"]);
    }
    assert_eq!(shop.user_count().await, 11);
}

#[tokio::test]
async fn any_password_of_eight_characters_is_accepted() {
    let shop = Shop::start().await;
    for (number, password) in
        ["password", "12345678", "        ", "🍞🍞🍞🍞🍞🍞🍞🍞", "\0\u{1}\n\t\"'\\;"].iter().enumerate()
    {
        let name = format!("user{number}");
        assert!(shop.try_register(&name, password).await.data()["registerUser"].is_object());
        assert!(shop.try_login(&name, password).await.data()["login"].is_object());
    }
}

#[tokio::test]
async fn a_taken_name_costs_no_hash() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    let before = shop.hasher.counts();
    assert_eq!(shop.try_register("ANN", PASSWORD).await.code(), "CONFLICT");
    assert_eq!(shop.hasher.counts(), before);
    shop.register("bob").await;
    assert_eq!(shop.hasher.counts(), Counts { hashed: before.hashed + 1, ..before });
}

#[tokio::test]
async fn keeps_neither_password_nor_token() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    let user = shop.users.get(&kit::identity::UserId::parse(&ann.id).unwrap()).await.unwrap().unwrap();
    let kept = serde_json::to_string(&user).unwrap();
    assert!(kept.contains("$argon2id$v=19$"), "{kept}");
    assert!(!kept.contains(PASSWORD));
    let (session, secret) = ann.refresh.split_once('.').unwrap();
    let session = shop.sessions.get(&SessionId::parse(session).unwrap()).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&session).unwrap().contains(secret));
    assert!(shop.sessions.find(kit::store::Find::by(&Index::ID)).await.unwrap().items.len() == 1);
}

#[tokio::test]
async fn full_password_threads_refuse_at_once_and_write_nothing() {
    let shop = Shop::start_with(|config| {
        config.hashing.threads = 1;
        config.hashing.queue = 1;
    })
    .await;
    let (begun, mut has_begun) = mpsc::channel(1);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let hold = move || {
        begun.blocking_send(()).ok();
        released.recv().ok();
    };
    let running = tokio::spawn({
        let hasher = shop.hasher.clone();
        async move { hasher.pool().run(hold).await }
    });
    has_begun.recv().await.unwrap();
    // One waits: it is polled before any answer can come over the network.
    let waiting = tokio::spawn({
        let hasher = shop.hasher.clone();
        async move { hasher.pool().run(|| ()).await }
    });
    let refused = shop.try_register("late", PASSWORD).await;
    assert_eq!(refused.code(), "RATE_LIMITED");
    assert_eq!(refused.error()["extensions"]["retryAfter"], 1);
    assert_eq!(shop.try_login("boss", PASSWORD).await.code(), "RATE_LIMITED");
    assert_eq!(shop.user_count().await, 1);
    release.send(()).unwrap();
    running.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    shop.register("late").await;
}

struct Heard(mpsc::UnboundedSender<Event>);

#[async_trait::async_trait]
impl Handler for Heard {
    async fn handle(&self, event: &Event) -> kit::Result<()> {
        self.0.send(event.clone()).ok();
        Ok(())
    }
}

#[tokio::test]
async fn tells_that_a_user_has_registered() {
    let shop = Shop::start().await;
    let (sender, mut events) = mpsc::unbounded_channel();
    let bus = shop.world.host().bus();
    let topics = [auth::events::USER_REGISTERED];
    let _reading = bus.subscribe("test", &topics, Delivery::default(), Heard(sender)).await.unwrap();
    let ann = shop.register("Ann").await;
    assert_eq!(shop.try_register("ANN", PASSWORD).await.code(), "CONFLICT");
    let bob = shop.register("bob").await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let event = tokio::time::timeout(std::time::Duration::from_secs(20), events.recv()).await;
        heard.push(event.expect("an event comes").unwrap());
    }
    heard.sort_by_key(|event| event.id);
    assert_eq!(heard[0].data["username"], "boss");
    assert_eq!(heard[1].data, json!({ "userId": ann.id, "username": "Ann" }));
    assert_eq!(heard[1].key, ann.id);
    assert_eq!(heard[2].data, json!({ "userId": bob.id, "username": "bob" }));
}
