use kit::testing::TestClient;
use serde_json::json;

use crate::shop::{Shop, archive};

const QUERY: &str = "query($ids: [ID!]!) { offers(ids: $ids) { _id name price } }";

fn order(shop: &Shop) -> TestClient {
    shop.client.bearer(&shop.world.service_token("order", "catalog", "catalog:offers"))
}

#[tokio::test]
async fn gives_what_can_be_ordered_and_leaves_out_the_rest() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({ "price": 119, "quantity": 0 })).await;
    let bread = shop.product("Bread", json!({ "price": 249 })).await;
    let gone = shop.product("Gone", json!({})).await;
    archive(&shop.key(), &gone).await;
    let ids = json!({ "ids": [bread, "no id", gone, "01890a5d-ac96-774b-bcce-b302099a8057", milk, bread] });
    let expected = json!([{ "_id": bread, "name": "Bread", "price": 249 }, { "_id": milk, "name": "Milk", "price": 119 }]);
    assert_eq!(order(&shop).send(QUERY, ids).await.data()["offers"], expected);
}

#[tokio::test]
async fn takes_at_most_a_hundred_ids() {
    let shop = Shop::start().await;
    let milk = shop.product("Milk", json!({})).await;
    let answer = order(&shop).send(QUERY, json!({ "ids": vec![&milk; 100] })).await;
    assert_eq!(answer.data()["offers"].as_array().unwrap().len(), 1);
    let answer = order(&shop).send(QUERY, json!({ "ids": vec![&milk; 101] })).await;
    assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["ids"]));
}

#[tokio::test]
async fn asks_for_the_scope_of_the_order_service() {
    let shop = Shop::start().await;
    let ids = json!({ "ids": [] });
    let world = &shop.world;
    let refused = [
        shop.client.bearer(&world.service_token("order", "catalog", "stock:create")),
        shop.client.bearer(&world.service_token("order", "inventory", "catalog:offers")),
        shop.client.bearer(&world.service_token("inventory", "catalog", "catalog:offers")),
    ];
    for client in refused {
        let answer = client.send(QUERY, ids.clone()).await;
        assert!(["FORBIDDEN", "UNAUTHENTICATED"].contains(&answer.code()), "{}", answer.body);
    }
}
