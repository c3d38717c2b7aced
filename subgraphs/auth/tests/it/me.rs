use chrono::TimeDelta;
use kit::identity::Role;
use serde_json::json;

use crate::shop::{Shop, Succeeded};

#[tokio::test]
async fn is_the_signed_in_user_with_everything() {
    let shop = Shop::start().await;
    let ann = shop.register("Ann").await;
    let answer = shop.as_user(&ann).ask("{ me { _id username role registeredAt } }").await;
    let me = &answer.data()["me"];
    assert_eq!(
        (&me["_id"], &me["username"], &me["role"]),
        (&json!(ann.id), &json!("Ann"), &json!("CUSTOMER"))
    );
    assert!(me["registeredAt"].is_string());
}

#[tokio::test]
async fn is_null_with_an_error_when_nobody_is_signed_in() {
    let shop = Shop::start().await;
    let answer = shop.client.ask("{ me { _id } users { _id } }").await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.body["data"]["me"], json!(null));
    assert!(answer.body["data"]["users"].is_array(), "the rest of the answer is there");
}

#[tokio::test]
async fn shows_the_role_of_today_and_not_that_of_the_token() {
    let shop = Shop::start().await;
    let (admin, ann) = (shop.admin().await, shop.register("ann").await);
    shop.set_role(&admin, &ann.id, "SELLER").await.assert_ok();
    assert_eq!(shop.as_user(&ann).ask("{ me { role } }").await.data()["me"]["role"], "SELLER");
}

#[tokio::test]
async fn refuses_a_token_of_nobody_and_one_that_has_expired() {
    let shop = Shop::start().await;
    let stranger = shop.world.person("stranger", Role::Customer);
    assert_eq!(shop.client.as_person(&stranger).ask("{ me { _id } }").await.code(), "UNAUTHENTICATED");
    let ann = shop.register("ann").await;
    shop.advance(TimeDelta::minutes(15));
    assert_eq!(shop.as_user(&ann).ask("{ me { _id } }").await.code(), "UNAUTHENTICATED");
    assert_eq!(shop.client.bearer("x.y.z").ask("{ users { _id } }").await.code(), "UNAUTHENTICATED");
}
