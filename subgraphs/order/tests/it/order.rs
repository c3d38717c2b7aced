//! `order(id)`.

use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn shows_shoppers_their_own_and_staff_all() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4)]).await;
    assert_eq!(ann.order(&id).await.data()["order"]["_id"], id);
    assert_eq!(shop.admin().order(&id).await.data()["order"]["_id"], id);
}

#[tokio::test]
async fn somebody_elses_order_cannot_be_told_from_one_that_does_not_exist() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let bob = shop.customer("bob");
    let id = shop.customer("ann").buys(&[(&milk, 4)]).await;
    let unknown = order::OrderId::new().to_string();
    let (theirs, none) = (bob.order(&id).await, bob.order(&unknown).await);
    assert_eq!(theirs.code(), "NOT_FOUND");
    assert_eq!(theirs.body["data"], json!({ "order": null }));
    assert_eq!(theirs.body.to_string().replace(&id, "?"), none.body.to_string().replace(&unknown, "?"));
}

#[tokio::test]
async fn names_an_id_that_is_none() {
    let shop = Shop::start().await;
    for id in ["", "x", &"a".repeat(10_000)] {
        let answer = shop.customer("ann").order(id).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["id"]));
    }
}

#[tokio::test]
async fn refers_to_the_products_and_the_user_as_they_are_today() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 4)]).await;
    let query = "query One($id: ID!) { order(id: $id) { user { __typename _id } products { product { __typename _id } } } }";
    let answer = ann.client.send(query, json!({ "id": id })).await;
    assert_eq!(
        answer.data()["order"],
        json!({
            "user": { "__typename": "User", "_id": ann.id() },
            "products": [{ "product": { "__typename": "Product", "_id": milk } }],
        })
    );
}
