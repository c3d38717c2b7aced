use serde_json::json;

use crate::shop::{Shop, names};

#[tokio::test]
async fn answers_the_newest_first_and_at_most_a_hundred_unless_told() {
    let shop = Shop::start().await;
    for n in 0..103 {
        shop.product(&format!("Product {n}"), json!({})).await;
    }
    let all = names(&shop.client.ask("{ products { name } }").await.data()["products"]);
    assert_eq!(all.len(), 100);
    assert_eq!((all[0].as_str(), all[99].as_str()), ("Product 102", "Product 3"));
    let few = names(&shop.client.ask("{ products(first: 3) { name } }").await.data()["products"]);
    assert_eq!(few, ["Product 102", "Product 101", "Product 100"]);
    let many = names(&shop.client.ask("{ products(first: 250) { name } }").await.data()["products"]);
    assert_eq!(many.len(), 103);
}

#[tokio::test]
async fn refuses_lengths_that_are_none() {
    let shop = Shop::start().await;
    for first in ["0", "-1", "251", "2147483647"] {
        let answer = shop.client.ask(&format!("{{ products(first: {first}) {{ name }} }}")).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["first"]), "{first}");
    }
}

#[tokio::test]
async fn narrows_to_a_category_and_sorts() {
    let shop = Shop::start().await;
    shop.category("Fruit", None).await;
    shop.category("Apples", Some("fruit")).await;
    shop.product("Pear", json!({ "category": "fruit" })).await;
    shop.product("Gala", json!({ "category": "apples" })).await;
    shop.product("Milk", json!({})).await;
    let query = "{ products(category: \"fruit\", sort: NAME) { name } }";
    assert_eq!(names(&shop.client.ask(query).await.data()["products"]), ["Gala", "Pear"]);
    let answer = shop.client.ask("{ products(category: \"nowhere\") { name } }").await;
    assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["category"]));
}

#[tokio::test]
async fn gives_products_by_their_ids_in_that_order() {
    let shop = Shop::start().await;
    let (milk, bread) = (shop.product("Milk", json!({})).await, shop.product("Bread", json!({})).await);
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    let query = "query($ids: [ID!]) { products(ids: $ids) { name } }";
    let answer = shop.client.send(query, json!({ "ids": [bread, unknown, milk, bread] })).await;
    let expected = json!([{ "name": "Bread" }, null, { "name": "Milk" }, { "name": "Bread" }]);
    assert_eq!(answer.data()["products"], expected);
    let wrong = shop.client.send(query, json!({ "ids": [bread, "x", milk, ""] })).await;
    assert_eq!(wrong.fields(), ["ids[1]", "ids[3]"]);
    let many = shop.client.send(query, json!({ "ids": vec![bread; 251] })).await;
    assert_eq!(many.fields(), ["ids"]);
    let both = shop.client.ask("{ products(ids: [], first: 5) { name } }").await;
    assert_eq!(both.fields(), ["ids"]);
}

#[tokio::test]
async fn reads_the_tree_once_for_all_products_of_a_list() {
    let shop = Shop::start().await;
    shop.category("Fruit", None).await;
    for n in 0..20 {
        shop.product(&format!("Fruit {n}"), json!({ "category": "fruit" })).await;
    }
    shop.quiet().await;
    let before = shop.store.stats().reads;
    let answer = shop.client.ask("{ products { name category { name path { slug } } } }").await;
    assert_eq!(answer.data()["products"].as_array().unwrap().len(), 20);
    assert_eq!(shop.store.stats().reads - before, 2);
}
