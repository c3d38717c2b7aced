use chrono::{TimeDelta, Utc};
use kit::testing::World;
use serde_json::Value;

use crate::shop::{PASSWORD, Shop, until};

#[tokio::test]
async fn an_old_key_is_followed_by_a_new_one_and_still_verifies() {
    let world = World::start().await;
    let path = world.host().folder().join("keys").join("people.json");
    let mut stored: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    stored[0]["created"] = (Utc::now() - TimeDelta::days(31)).to_rfc3339().into();
    // Written into the same file, so that its mode stays.
    std::fs::write(&path, stored.to_string()).unwrap();
    let world = world.restart().await;
    let people = world.host().people();
    let before = people.jwks()["keys"].as_array().unwrap().len();
    let early = world.person("early", kit::identity::Role::Customer);
    let shop = Shop::start_in(world, |_| {}).await;
    until(async || people.jwks()["keys"].as_array().unwrap().len() > before).await;
    let answer = shop.client.as_person(&early).ask("{ users { _id } }").await;
    assert!(answer.data()["users"].is_array(), "a token of the old key");
    assert!(shop.try_register("ann", PASSWORD).await.data()["registerUser"].is_object());
    let kept: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(kept.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_young_key_stays() {
    let world = World::start().await;
    let people = world.host().people();
    let before = people.jwks();
    let shop = Shop::start_in(world, |_| {}).await;
    shop.register("ann").await;
    assert_eq!(people.jwks(), before);
}
