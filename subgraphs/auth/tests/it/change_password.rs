use chrono::TimeDelta;

use crate::shop::{PASSWORD, Shop, SignedIn, Succeeded};

const NEW: &str = "battery staple";

#[tokio::test]
async fn ends_every_other_sign_in_and_begins_a_new_one() {
    let shop = Shop::start().await;
    let phone = shop.register("ann").await;
    let laptop = shop.login("ann").await;
    let bob = shop.register("bob").await;
    let answer = shop.change_password(&phone, PASSWORD, NEW).await;
    let changed = SignedIn::read(&answer.data()["changePassword"]);
    for old in [&phone, &laptop] {
        assert_eq!(shop.refresh(&old.refresh).await.code(), "UNAUTHENTICATED");
    }
    assert!(shop.refresh(&changed.refresh).await.data()["refreshToken"].is_object());
    assert!(shop.refresh(&bob.refresh).await.data()["refreshToken"].is_object());
    assert_eq!(shop.try_login("ann", PASSWORD).await.code(), "UNAUTHENTICATED");
    assert!(shop.try_login("ann", NEW).await.data()["login"].is_object());
}

#[tokio::test]
async fn a_sign_in_that_was_missed_is_dead_all_the_same() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    let (session, _) = ann.refresh.split_once('.').unwrap();
    let kept = shop.sessions.get(&session.parse().unwrap()).await.unwrap().unwrap();
    shop.change_password(&ann, PASSWORD, NEW).await.assert_ok();
    // As if the process had died between the new password and the clearing away.
    shop.sessions.insert(&kept, Vec::new()).await.unwrap();
    assert_eq!(shop.refresh(&ann.refresh).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn needs_the_current_password() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    let answer = shop.change_password(&ann, "wrong password", NEW).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    assert_eq!(answer.fields(), ["current"]);
    assert!(shop.refresh(&ann.refresh).await.data()["refreshToken"].is_object());
    shop.login("ann").await;
}

#[tokio::test]
async fn guessing_the_current_password_is_slowed_down_like_signing_in() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    for _ in 0..5 {
        assert_eq!(shop.change_password(&ann, "wrong password", NEW).await.code(), "BAD_USER_INPUT");
    }
    assert_eq!(shop.change_password(&ann, PASSWORD, NEW).await.code(), "RATE_LIMITED");
    assert_eq!(shop.try_login("ann", PASSWORD).await.code(), "RATE_LIMITED");
    shop.advance(TimeDelta::seconds(1));
    shop.change_password(&ann, PASSWORD, NEW).await.assert_ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_at_once_one_wins() {
    let shop = Shop::start().await;
    for round in 0..5 {
        let ann = shop.register(&format!("racer{round}")).await;
        let (one, other) = tokio::join!(
            shop.change_password(&ann, PASSWORD, "new password 1"),
            shop.change_password(&ann, PASSWORD, "new password 2"),
        );
        let (won, lost, password) = if one.body.get("errors").is_none() {
            (one, other, "new password 1")
        } else {
            (other, one, "new password 2")
        };
        won.assert_ok();
        // The later one either met the new password or lost its place to it.
        assert!(["CONFLICT", "BAD_USER_INPUT"].contains(&lost.code()), "{}", lost.body);
        assert!(shop.try_login(&ann.username, password).await.data()["login"].is_object());
    }
}

#[tokio::test]
async fn names_both_passwords_when_both_cannot_be() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    let before = shop.hasher.counts();
    for (current, new, fields) in [
        ("", "short", vec!["current", "new"]),
        (PASSWORD, "1234567", vec!["new"]),
        (PASSWORD, &"x".repeat(129), vec!["new"]),
        (&"x".repeat(10_000), NEW, vec!["current"]),
    ] {
        let answer = shop.change_password(&ann, current, new).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), fields);
    }
    assert_eq!(shop.hasher.counts(), before);
}
