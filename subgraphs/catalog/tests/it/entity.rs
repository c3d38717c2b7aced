use serde_json::json;

use crate::shop::Shop;

const QUERY: &str = "query($keys: [_Any!]!) { _entities(representations: $keys) { ... on Product { _id name price category { slug } } } }";

#[tokio::test]
async fn gives_fifty_products_for_one_read_and_null_for_what_is_none() {
    let shop = Shop::start().await;
    let mut keys = Vec::new();
    for n in 0..48 {
        let id = shop.product(&format!("P{n}"), json!({})).await;
        keys.push(json!({ "__typename": "Product", "_id": id }));
    }
    keys.insert(10, json!({ "__typename": "Product", "_id": "01890a5d-ac96-774b-bcce-b302099a8057" }));
    keys.insert(20, json!({ "__typename": "Product", "_id": "no id" }));
    keys.push(keys[0].clone());
    shop.quiet().await;
    let before = shop.store.stats().reads;
    let answer = shop.client.send(QUERY, json!({ "keys": keys })).await;
    assert_eq!(shop.store.stats().reads - before, 1);
    let entities = answer.data()["_entities"].as_array().unwrap();
    assert_eq!(entities.len(), 51);
    for (at, (key, entity)) in keys.iter().zip(entities).enumerate() {
        match at {
            10 | 20 => assert!(entity.is_null()),
            _ => assert_eq!(key["_id"], entity["_id"]),
        }
    }
}

#[tokio::test]
async fn is_not_hurt_by_keys_that_are_of_no_use() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({})).await;
    for strange in [json!(""), json!(5), json!("x".repeat(10_000))] {
        let keys = [
            json!({ "__typename": "Product", "_id": strange }),
            json!({ "__typename": "Product", "_id": milk }),
        ];
        let answer = shop.client.send(QUERY, json!({ "keys": keys })).await;
        assert_eq!(answer.data()["_entities"][0], json!(null));
        assert_eq!(answer.data()["_entities"][1]["name"], "Milk");
    }
}
