use kit::identity::UserId;
use serde_json::json;

use crate::shop::Shop;

const QUERY: &str =
    "query($keys: [_Any!]!) { _entities(representations: $keys) { ... on User { _id username role } } }";

#[tokio::test]
async fn gives_many_users_at_once_and_null_for_what_is_none() {
    let shop = Shop::start().await;
    let mut ids = Vec::new();
    for number in 0..49 {
        ids.push(shop.register(&format!("user{number}")).await.id);
    }
    let mut keys: Vec<_> = ids.iter().map(|id| json!({ "__typename": "User", "_id": id })).collect();
    keys.insert(0, json!({ "__typename": "User", "_id": UserId::new().to_string() }));
    keys.insert(25, json!({ "__typename": "User", "_id": "no id" }));
    keys.push(keys[1].clone());
    let answer = shop.client.send(QUERY, json!({ "keys": keys })).await;
    let entities = answer.data()["_entities"].as_array().unwrap();
    assert_eq!(entities.len(), 52);
    assert!(entities[0].is_null() && entities[25].is_null());
    for (key, entity) in keys.iter().zip(entities).filter(|(_, entity)| !entity.is_null()) {
        assert_eq!(entity["_id"], key["_id"]);
        assert!(entity["role"].is_null(), "nobody sees a role");
    }
    assert_eq!(entities.iter().filter(|entity| entity.is_null()).count(), 2);
}

#[tokio::test]
async fn shows_the_rest_to_the_user_and_to_admins() {
    let shop = Shop::start().await;
    let (admin, ann, bob) = (shop.admin().await, shop.register("ann").await, shop.register("bob").await);
    let keys = json!({ "keys": [{ "__typename": "User", "_id": ann.id }] });
    for (who, role) in [(&admin, json!("CUSTOMER")), (&ann, json!("CUSTOMER")), (&bob, json!(null))] {
        let answer = shop.as_user(who).send(QUERY, keys.clone()).await;
        assert_eq!(answer.data()["_entities"][0]["role"], role);
    }
}
