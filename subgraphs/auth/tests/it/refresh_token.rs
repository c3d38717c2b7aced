use std::collections::HashSet;

use chrono::TimeDelta;

use crate::shop::{Shop, SignedIn, Succeeded, until};

async fn refreshed(shop: &Shop, token: &str) -> SignedIn {
    SignedIn::read(&shop.refresh(token).await.data()["refreshToken"])
}

#[tokio::test]
async fn gives_new_tokens_again_and_again() {
    let shop = Shop::start().await;
    let mut ann = shop.register("ann").await;
    let mut seen = HashSet::from([ann.refresh.clone()]);
    for _ in 0..5 {
        ann = refreshed(&shop, &ann.refresh).await;
        assert!(seen.insert(ann.refresh.clone()));
        let me = shop.as_user(&ann).ask("{ me { username } }").await;
        assert_eq!(me.data()["me"]["username"], "ann");
    }
    assert_eq!(shop.session_count().await, 1);
}

#[tokio::test]
async fn an_old_token_ends_its_sign_in_and_no_other() {
    let shop = Shop::start().await;
    let phone = shop.register("ann").await;
    let laptop = shop.login("ann").await;
    let second = refreshed(&shop, &phone.refresh).await;
    let third = refreshed(&shop, &second.refresh).await;
    // Two generations old, and still known for what it is.
    assert_eq!(shop.refresh(&phone.refresh).await.code(), "UNAUTHENTICATED");
    assert_eq!(shop.refresh(&third.refresh).await.code(), "UNAUTHENTICATED");
    assert_eq!(shop.refresh(&second.refresh).await.code(), "UNAUTHENTICATED");
    refreshed(&shop, &laptop.refresh).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_uses_at_once_one_wins_and_the_sign_in_ends() {
    let shop = Shop::start().await;
    for round in 0..10 {
        let ann = shop.register(&format!("racer{round}")).await;
        let (one, other) = tokio::join!(shop.refresh(&ann.refresh), shop.refresh(&ann.refresh));
        let (won, lost) = if one.body.get("errors").is_none() { (one, other) } else { (other, one) };
        assert_eq!(lost.code(), "UNAUTHENTICATED");
        let won = SignedIn::read(&won.data()["refreshToken"]);
        assert_eq!(shop.refresh(&won.refresh).await.code(), "UNAUTHENTICATED");
    }
    assert_eq!(shop.session_count().await, 0);
}

#[tokio::test]
async fn ends_when_it_is_not_used_for_thirty_days() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    shop.advance(TimeDelta::days(29));
    let ann = refreshed(&shop, &ann.refresh).await;
    shop.advance(TimeDelta::days(29));
    let ann = refreshed(&shop, &ann.refresh).await;
    shop.advance(TimeDelta::days(30));
    assert_eq!(shop.refresh(&ann.refresh).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn ends_after_ninety_days_however_often_it_is_used() {
    let shop = Shop::start().await;
    let mut ann = shop.register("ann").await;
    for _ in 0..8 {
        shop.advance(TimeDelta::days(10));
        ann = refreshed(&shop, &ann.refresh).await;
    }
    shop.advance(TimeDelta::days(10));
    assert_eq!(shop.refresh(&ann.refresh).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn the_next_access_token_has_the_role_of_today() {
    let shop = Shop::start().await;
    let (admin, ann) = (shop.admin().await, shop.register("ann").await);
    assert_eq!(shop.as_user(&ann).ask("{ usersConnection { totalCount } }").await.code(), "FORBIDDEN");
    shop.set_role(&admin, &ann.id, "ADMIN").await.assert_ok();
    let answer = shop.refresh(&ann.refresh).await;
    assert_eq!(answer.data()["refreshToken"]["user"]["role"], "ADMIN");
    let ann = SignedIn::read(&answer.data()["refreshToken"]);
    shop.as_user(&ann).ask("{ usersConnection { totalCount } }").await.assert_ok();
}

#[tokio::test]
async fn one_text_refuses_whatever_is_no_good_token() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    let (session, secret) = ann.refresh.split_once('.').unwrap();
    let made_up = kit::identity::UserId::new();
    let mut texts = HashSet::new();
    for token in [
        String::new(),
        "x".to_owned(),
        "x".repeat(10_000),
        format!("{made_up}.{secret}"),
        format!("{session}.{}", "!".repeat(43)),
        format!("{session}{secret}"),
        ann.refresh.to_uppercase(),
        format!("{} ", ann.refresh),
        ann.access.clone(),
    ] {
        let answer = shop.refresh(&token).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{token}");
        texts.insert(answer.error()["message"].as_str().unwrap().to_owned());
    }
    assert_eq!(texts.len(), 1);
}

#[tokio::test]
async fn a_session_survives_a_restart_and_an_ended_one_is_cleared_away() {
    let shop = Shop::start().await;
    let ann = shop.register("ann").await;
    shop.register("bob").await;
    let shop = shop.restart_with(|_| {}).await;
    shop.advance(TimeDelta::days(20));
    refreshed(&shop, &ann.refresh).await;
    shop.advance(TimeDelta::days(20));
    // Clearing away is the first thing that a service does in the background.
    let shop = shop.restart_with(|_| {}).await;
    until(async || shop.session_count().await == 1).await;
}
