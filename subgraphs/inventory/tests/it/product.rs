use inventory::ProductId;
use serde_json::json;

use crate::shop::{Done as _, Shop};

#[tokio::test]
async fn says_how_many_can_be_sold() {
    let shop = Shop::open().await;
    let product = shop.product(7).await;
    let fields = "_id quantity stock { available inStock low }";
    let answer = shop.entities(&[product.to_string()], fields).await;
    let stock = json!({ "available": 7, "inStock": true, "low": false });
    assert_eq!(
        answer.data()["_entities"][0],
        json!({ "_id": product.to_string(), "quantity": 7, "stock": stock })
    );
    shop.held(&[(product, 2)]).await;
    let answer = shop.entities(&[product.to_string()], fields).await;
    let stock = json!({ "available": 5, "inStock": true, "low": true });
    assert_eq!(
        answer.data()["_entities"][0],
        json!({ "_id": product.to_string(), "quantity": 5, "stock": stock })
    );
    shop.held(&[(product, 5)]).await;
    let answer = shop.entities(&[product.to_string()], fields).await;
    let stock = json!({ "available": 0, "inStock": false, "low": true });
    assert_eq!(
        answer.data()["_entities"][0],
        json!({ "_id": product.to_string(), "quantity": 0, "stock": stock })
    );
}

#[tokio::test]
async fn an_unknown_or_malformed_key_is_null_and_leaves_the_others_alone() {
    let shop = Shop::open().await;
    let (one, other) = (shop.product(1).await.to_string(), shop.product(2).await.to_string());
    let ended = shop.product(3).await;
    shop.discard(ended).await.done();
    let long = "x".repeat(10_000);
    let keys = [
        one,
        ProductId::new().to_string(),
        "nonsense".to_owned(),
        String::new(),
        long,
        ended.to_string(),
        other,
    ];
    let answer = shop.entities(&keys, "quantity").await;
    let expected = json!([{ "quantity": 1 }, null, null, null, null, null, { "quantity": 2 }]);
    assert_eq!(answer.data()["_entities"], expected);
}

#[tokio::test]
async fn a_hundred_products_are_answered_in_their_order() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for count in 0..100 {
        ids.push(shop.product(count).await.to_string());
    }
    let answer = shop.entities(&ids, "quantity").await;
    let quantities: Vec<_> =
        answer.data()["_entities"].as_array().unwrap().iter().map(|one| one["quantity"].clone()).collect();
    assert_eq!(json!(quantities), json!((0..100).collect::<Vec<_>>()));
}
