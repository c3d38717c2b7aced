use inventory::ProductId;
use serde_json::json;

use crate::shop::{Done as _, Shop};

const MOVEMENTS: &str =
    "query($p: ID, $n: Int, $a: String) { stockMovements(product: $p, first: $n, after: $a) {
    nodes { seq kind quantity onHand available orderId reason by product { _id quantity } }
    pageInfo { hasNextPage endCursor } totalCount } }";

#[tokio::test]
async fn lists_what_happened_the_latest_first() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let order = shop.held(&[(product, 4)]).await;
    shop.commit(order, &[product]).await.done();
    shop.release(order, &[product]).await.done();
    shop.adjust(product, 10, 9).await.done();
    let answer = shop.admin().send(MOVEMENTS, json!({ "p": product.to_string() })).await;
    let list = &answer.data()["stockMovements"];
    let kinds: Vec<_> =
        list["nodes"].as_array().unwrap().iter().map(|node| node["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ADJUST", "RETURN", "COMMIT", "HOLD", "RECEIVE"]);
    assert_eq!(list["totalCount"], 5);
    let adjusted = &list["nodes"][0];
    assert_eq!(
        (&adjusted["quantity"], &adjusted["reason"], &adjusted["orderId"]),
        (&json!(-1), &json!("counted"), &json!(null))
    );
    assert!(adjusted["by"].is_string());
    assert_eq!(adjusted["product"], json!({ "_id": product.to_string(), "quantity": 9 }));
    assert_eq!(list["nodes"][3]["orderId"], json!(order.to_string()));
    assert_eq!(list["nodes"][3]["by"], json!(null));
}

#[tokio::test]
async fn pages_do_not_overlap_while_movements_are_added() {
    let shop = Shop::open().await;
    let product = shop.product(0).await;
    for count in 0..7 {
        shop.adjust(product, count, count + 1).await.done();
    }
    let mut seen = Vec::new();
    let mut after = json!(null);
    loop {
        let page = json!({ "p": product.to_string(), "n": 3, "a": after });
        let answer = shop.admin().send(MOVEMENTS, page).await;
        let list = &answer.data()["stockMovements"];
        seen.extend(list["nodes"].as_array().unwrap().iter().map(|node| node["seq"].as_i64().unwrap()));
        if list["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = list["pageInfo"]["endCursor"].clone();
        let now = shop.quantity(product).await;
        shop.adjust(product, now, now + 1).await.done();
    }
    assert_eq!(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn without_a_product_all_are_listed() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        shop.product(1).await;
    }
    shop.world.host().settled().await;
    let answer = shop.admin().send(MOVEMENTS, json!({})).await;
    assert_eq!(answer.data()["stockMovements"]["totalCount"], 3);
    let unknown = shop.admin().send(MOVEMENTS, json!({ "p": ProductId::new().to_string() })).await;
    assert_eq!(unknown.data()["stockMovements"]["totalCount"], 0);
}

#[tokio::test]
async fn refuses_bad_arguments() {
    let shop = Shop::open().await;
    for (variables, field) in [
        (json!({ "p": "x" }), "product"),
        (json!({ "p": "" }), "product"),
        (json!({ "p": "x".repeat(10_000) }), "product"),
        (json!({ "n": 0 }), "first"),
        (json!({ "n": 101 }), "first"),
        (json!({ "n": -1 }), "first"),
        (json!({ "a": "x" }), "after"),
    ] {
        let answer = shop.admin().send(MOVEMENTS, variables).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec![field]));
    }
}
