use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn the_sample_operation_works_as_it_stands() {
    let shop = Shop::start().await;
    shop.register("Zed").await;
    shop.register("ann").await;
    let answer = shop.client.ask("query Users { users { _id username } }").await;
    let names: Vec<_> =
        answer.data()["users"].as_array().unwrap().iter().map(|user| &user["username"]).collect();
    assert_eq!(
        names,
        [&json!("boss"), &json!("Zed"), &json!("ann")],
        "in the order in which they registered"
    );
}

#[tokio::test]
async fn shows_everybody_to_admins_only_and_each_user_themself() {
    let shop = Shop::start().await;
    let (admin, ann) = (shop.admin().await, shop.register("ann").await);
    let roles = async |client: kit::testing::TestClient| {
        let answer = client.ask("{ users { role registeredAt } }").await;
        let users = answer.data()["users"].as_array().unwrap().clone();
        users.iter().map(|user| (user["role"].clone(), user["registeredAt"].is_null())).collect::<Vec<_>>()
    };
    assert_eq!(roles(shop.client.clone()).await, [(json!(null), true), (json!(null), true)]);
    assert_eq!(roles(shop.as_user(&ann)).await, [(json!(null), true), (json!("CUSTOMER"), false)]);
    assert_eq!(roles(shop.as_user(&admin)).await, [(json!("ADMIN"), false), (json!("CUSTOMER"), false)]);
}

#[tokio::test]
async fn gives_as_many_as_are_asked_for() {
    let shop = Shop::start().await;
    for number in 0..3 {
        shop.register(&format!("user{number}")).await;
    }
    let count = async |query: &str| shop.client.ask(query).await.data()["users"].as_array().unwrap().len();
    assert_eq!(count("{ users { _id } }").await, 4);
    assert_eq!(count("{ users(first: 2) { _id } }").await, 2);
    assert_eq!(count("{ users(first: 250) { _id } }").await, 4);
    for first in [0, -1, 251, i32::MAX] {
        let answer =
            shop.client.send("query($n: Int) { users(first: $n) { _id } }", json!({ "n": first })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), ["first"]);
    }
}
