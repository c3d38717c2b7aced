use std::sync::atomic::{AtomicUsize, Ordering};

use auth::hashing::HashingConfig;
use chrono::TimeDelta;
use kit::subgraph::CLIENT_IP;
use tokio::task::JoinSet;

use crate::shop::{CHEAP, PASSWORD, Shop, login};

#[tokio::test]
async fn signs_in_with_the_name_in_any_case() {
    let shop = Shop::start().await;
    let ann = shop.register("Ann").await;
    for name in ["Ann", "ann", "ANN", "Ａｎｎ"] {
        let signed_in = shop.login(name).await;
        assert_eq!(signed_in.id, ann.id);
        assert_eq!(signed_in.username, "Ann");
    }
}

#[tokio::test]
async fn shows_the_user_to_themselves() {
    let shop = Shop::start().await;
    let answer = shop.try_login("boss", PASSWORD).await;
    assert_eq!(answer.data()["login"]["user"]["role"], "ADMIN");
    assert!(answer.data()["login"]["user"]["registeredAt"].is_string());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_the_same() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    let mut answers = Vec::new();
    for name in ["ann", "nobody"] {
        let before = shop.hasher.counts();
        let answer = shop.try_login(name, "wrong password").await;
        let after = shop.hasher.counts();
        assert_eq!(answer.code(), "UNAUTHENTICATED");
        assert_eq!(after.verified - before.verified, 1, "{name}: one comparison");
        assert_eq!(after.hashed, before.hashed);
        answers.push(answer.body);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn the_lockout_of_an_unknown_name_is_that_of_a_known_one() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    let mut courses = Vec::new();
    for name in ["ann", "nobody"] {
        let mut course = Vec::new();
        for _ in 0..8 {
            course.push(shop.try_login(name, "wrong password").await.body);
        }
        courses.push(course);
    }
    assert_eq!(courses[0], courses[1]);
    assert_eq!(courses[0][4]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(courses[0][5]["errors"][0]["extensions"]["code"], "RATE_LIMITED");
}

#[tokio::test]
async fn the_wait_doubles_with_every_failure_and_is_capped() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    for _ in 0..4 {
        assert_eq!(shop.try_login("ann", "wrong password").await.code(), "UNAUTHENTICATED");
    }
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        assert_eq!(shop.try_login("ann", "wrong password").await.code(), "UNAUTHENTICATED");
        let before = shop.hasher.counts();
        // Even the right one, and without any work.
        let refused = shop.try_login("ANN", PASSWORD).await;
        assert_eq!(refused.code(), "RATE_LIMITED");
        assert_eq!(refused.error()["extensions"]["retryAfter"], wait);
        assert_eq!(shop.hasher.counts(), before);
        shop.advance(TimeDelta::seconds(wait) - TimeDelta::milliseconds(1));
        assert_eq!(shop.try_login("ann", PASSWORD).await.code(), "RATE_LIMITED");
        shop.advance(TimeDelta::milliseconds(1));
    }
    shop.login("ann").await;
}

#[tokio::test]
async fn a_success_ends_the_row_of_failures() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(shop.try_login("ann", "wrong password").await.code(), "UNAUTHENTICATED");
        }
        shop.login("ann").await;
    }
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_must_wait() {
    let shop = Shop::start_with(|config| config.lockout.address.free = 8).await;
    shop.register("ann").await;
    let from = |address: &str| shop.client.header(CLIENT_IP, address);
    for number in 0..8 {
        let answer = login(&from("192.0.2.7"), &format!("victim{number}"), "wrong password").await;
        assert_eq!(answer.code(), "UNAUTHENTICATED");
    }
    let refused = login(&from("192.0.2.7"), "ann", PASSWORD).await;
    assert_eq!(refused.code(), "RATE_LIMITED");
    assert_eq!(refused.error()["extensions"]["retryAfter"], 1);
    assert!(login(&from("192.0.2.8"), "ann", PASSWORD).await.data()["login"].is_object());
    shop.advance(TimeDelta::seconds(1));
    assert!(login(&from("192.0.2.7"), "ann", PASSWORD).await.data()["login"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_made_at_once_are_not_all_the_first() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    let compared = shop.hasher.counts().verified;
    let refused = std::sync::Arc::new(AtomicUsize::new(0));
    let mut guesses = JoinSet::new();
    for number in 0..40 {
        let (client, refused) = (shop.client.clone(), refused.clone());
        guesses.spawn(async move {
            let answer = login(&client, "ann", &format!("guess {number}")).await;
            if answer.code() == "RATE_LIMITED" {
                refused.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while let Some(guess) = guesses.join_next().await {
        guess.unwrap();
    }
    assert_eq!(refused.load(Ordering::SeqCst), 35);
    assert_eq!(shop.hasher.counts().verified - compared, 5);
}

#[tokio::test]
async fn keeps_the_password_under_new_parameters_at_the_next_sign_in() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    let id = kit::identity::UserId::parse(&ann.id).unwrap();
    let kept = async |shop: &Shop| {
        serde_json::to_value(shop.users.get(&id).await.unwrap().unwrap()).unwrap()["password"].to_string()
    };
    assert!(kept(&shop).await.contains("m=8,t=1"));
    let shop = shop.restart_with(|config| config.hashing = HashingConfig { iterations: 3, ..CHEAP }).await;
    shop.login("ann").await;
    assert!(kept(&shop).await.contains("m=8,t=3"));
    // Nothing else has changed: the sign-in from before goes on.
    assert!(shop.refresh(&ann.refresh).await.data()["refreshToken"].is_object());
    let before = shop.hasher.counts().hashed;
    shop.login("ann").await;
    assert_eq!(shop.hasher.counts().hashed, before);
}

#[tokio::test]
async fn the_twenty_first_sign_in_ends_the_oldest() {
    let shop = Shop::start().await;
    let first = shop.register("ann").await;
    let second = shop.login("ann").await;
    for _ in 0..19 {
        shop.login("ann").await;
    }
    assert_eq!(shop.session_count().await, 20);
    assert_eq!(shop.refresh(&first.refresh).await.code(), "UNAUTHENTICATED");
    assert!(shop.refresh(&second.refresh).await.data()["refreshToken"].is_object());
    // Another user's are not counted with them.
    shop.register("bob").await;
    assert_eq!(shop.session_count().await, 21);
}
