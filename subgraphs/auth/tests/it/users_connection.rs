use serde_json::{Value, json};

use crate::shop::Shop;

const QUERY: &str = "query($first: Int, $after: String) { usersConnection(first: $first, after: $after) {
    totalCount nodes { username role } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

#[tokio::test]
async fn pages_through_all_users_and_stays_in_place_when_some_come() {
    let shop = Shop::start().await;
    let admin = shop.admin().await;
    for number in 0..6 {
        shop.register(&format!("user{number}")).await;
    }
    let mut names = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = shop.as_user(&admin).send(QUERY, json!({ "first": 3, "after": after })).await;
        let page = &answer.data()["usersConnection"];
        names.extend(page["nodes"].as_array().unwrap().iter().map(|user| user["username"].to_string()));
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        if after.is_null() {
            assert_eq!(page["totalCount"], 7);
            shop.register("latecomer").await;
        }
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(names.len(), 8);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8);
}

#[tokio::test]
async fn refuses_pages_and_cursors_that_cannot_be() {
    let shop = Shop::start().await;
    let admin = shop.as_user(&shop.admin().await);
    for (variables, field) in [
        (json!({ "first": 0 }), "first"),
        (json!({ "first": 101 }), "first"),
        (json!({ "after": "" }), "after"),
        (json!({ "after": "x" }), "after"),
        (json!({ "after": "A".repeat(10_000) }), "after"),
    ] {
        let answer = admin.send(QUERY, variables).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), [field]);
    }
}
