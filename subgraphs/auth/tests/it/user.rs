use kit::identity::UserId;
use serde_json::json;

use crate::shop::Shop;

const QUERY: &str = "query($id: ID!) { user(id: $id) { _id username role registeredAt } }";

#[tokio::test]
async fn everybody_sees_the_name_and_only_the_user_and_admins_the_rest() {
    let shop = Shop::start().await;
    let (admin, ann, bob) = (shop.admin().await, shop.register("Ann").await, shop.register("bob").await);
    let id = json!({ "id": ann.id });
    let hidden = json!({ "_id": ann.id, "username": "Ann", "role": null, "registeredAt": null });
    assert_eq!(shop.client.send(QUERY, id.clone()).await.data()["user"], hidden);
    assert_eq!(shop.as_user(&bob).send(QUERY, id.clone()).await.data()["user"], hidden);
    for knows in [&admin, &ann] {
        let answer = shop.as_user(knows).send(QUERY, id.clone()).await;
        assert_eq!(answer.data()["user"]["role"], "CUSTOMER");
        assert!(answer.data()["user"]["registeredAt"].is_string());
    }
}

#[tokio::test]
async fn an_unknown_id_is_not_found_and_a_malformed_one_bad_input() {
    let shop = Shop::start().await;
    let answer = shop.client.send(QUERY, json!({ "id": UserId::new().to_string() })).await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(answer.body["data"]["user"], json!(null));
    for id in [json!(""), json!("x"), json!("x".repeat(10_000)), json!(7), json!("'; drop table users")] {
        let answer = shop.client.send(QUERY, json!({ "id": id })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{id}");
        assert_eq!(answer.fields(), ["id"]);
    }
}
