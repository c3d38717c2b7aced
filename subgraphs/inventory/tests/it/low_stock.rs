use serde_json::json;

use crate::shop::{Done as _, Shop};

const LOW: &str = "query($t: Int, $n: Int, $a: String) { lowStock(threshold: $t, first: $n, after: $a) {
    nodes { available low product { _id quantity } } pageInfo { hasNextPage endCursor } totalCount } }";

async fn low(shop: &Shop, variables: serde_json::Value) -> (Vec<i64>, serde_json::Value) {
    let answer = shop.admin().send(LOW, variables).await;
    let list = answer.data()["lowStock"].clone();
    let nodes = list["nodes"].as_array().into_iter().flatten();
    (nodes.filter_map(|node| node["available"].as_i64()).collect(), list)
}

#[tokio::test]
async fn lists_those_with_the_least_first() {
    let shop = Shop::open().await;
    for count in [7, 3, 0, 5, 6] {
        shop.product(count).await;
    }
    let held = shop.product(10).await;
    shop.held(&[(held, 9)]).await;
    let ended = shop.product(0).await;
    shop.discard(ended).await.done();
    assert_eq!(low(&shop, json!({})).await.0, [0, 1, 3, 5]);
    assert_eq!(low(&shop, json!({ "t": 6 })).await.0, [0, 1, 3, 5, 6]);
    assert_eq!(low(&shop, json!({ "t": 0 })).await.0, [0]);
    let (first, list) = low(&shop, json!({ "t": 6, "n": 2 })).await;
    assert_eq!((first, &list["totalCount"]), (vec![0, 1], &json!(5)));
    let (rest, list) = low(&shop, json!({ "t": 6, "a": list["pageInfo"]["endCursor"] })).await;
    assert_eq!((rest, &list["pageInfo"]["hasNextPage"]), (vec![3, 5, 6], &json!(false)));
}

#[tokio::test]
async fn refuses_bad_arguments() {
    let shop = Shop::open().await;
    for (variables, field) in [
        (json!({ "t": -1 }), "threshold"),
        (json!({ "t": 1_000_000_001 }), "threshold"),
        (json!({ "n": 0 }), "first"),
        (json!({ "n": 101 }), "first"),
        (json!({ "a": "x" }), "after"),
    ] {
        let answer = shop.admin().send(LOW, variables).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec![field]));
    }
}
