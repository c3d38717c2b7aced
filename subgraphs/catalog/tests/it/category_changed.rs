use serde_json::{Value, json};

use crate::shop::{Mood, Shop, create, eventually, update};

const UPDATE: &str =
    "mutation($id: ID!, $input: UpdateCategoryInput!) { updateCategory(id: $id, input: $input) { _id } }";

async fn change(shop: &Shop, id: &str, input: Value) {
    assert!(shop.admin().send(UPDATE, json!({ "id": id, "input": input })).await.data().is_object());
}

async fn found(shop: &Shop, filter: &str, names: &[&str]) {
    let what = format!("{filter} finds {names:?}");
    eventually(&what, || async { shop.names(&format!("sort: NAME, filter: {{ {filter} }}")).await == names })
        .await;
}

#[tokio::test]
async fn products_are_found_by_the_new_name_of_their_category_and_no_longer_by_the_old() {
    let shop = Shop::start().await;
    let dairy = shop.category("Dairy", None).await;
    shop.category("Cheese", Some("dairy")).await;
    shop.product("Brie", json!({ "category": "cheese" })).await;
    shop.product("Milk", json!({ "category": "dairy" })).await;
    found(&shop, "text: \"dairy\"", &["Brie", "Milk"]).await;
    change(&shop, &dairy, json!({ "name": "Alpine" })).await;
    found(&shop, "text: \"alpine\"", &["Brie", "Milk"]).await;
    found(&shop, "text: \"dairy\"", &[]).await;
}

#[tokio::test]
async fn products_come_with_their_category_when_it_is_moved() {
    let shop = Shop::start().await;
    shop.category("Dairy", None).await;
    shop.category("Vegan", None).await;
    let cheese = shop.category("Cheese", Some("dairy")).await;
    shop.category("Blue", Some("cheese")).await;
    shop.product("Gorgonzola", json!({ "category": "blue" })).await;
    shop.product("Brie", json!({ "category": "cheese" })).await;
    shop.product("Milk", json!({ "category": "dairy" })).await;
    change(&shop, &cheese, json!({ "parent": "vegan" })).await;
    found(&shop, "category: \"vegan\"", &["Brie", "Gorgonzola"]).await;
    found(&shop, "category: \"dairy\"", &["Milk"]).await;
    found(&shop, "category: \"blue\"", &["Gorgonzola"]).await;
    change(&shop, &cheese, json!({ "parent": null })).await;
    found(&shop, "category: \"vegan\"", &[]).await;
    found(&shop, "category: \"cheese\"", &["Brie", "Gorgonzola"]).await;
}

#[tokio::test]
async fn the_change_is_made_after_a_stop_that_came_too_soon() {
    let shop = Shop::start().await;
    let dairy = shop.category("Dairy", None).await;
    shop.product("Milk", json!({ "category": "dairy" })).await;
    change(&shop, &dairy, json!({ "name": "Alpine" })).await;
    let shop = shop.restart().await;
    found(&shop, "text: \"alpine\"", &["Milk"]).await;
}

#[tokio::test]
async fn products_and_categories_that_change_at_once_agree_in_the_end() {
    let shop = Shop::start().await;
    shop.category("Dairy", None).await;
    shop.category("Vegan", None).await;
    let cheese = shop.category("Cheese", Some("dairy")).await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(shop.product(&format!("P{n}"), json!({})).await);
    }
    let key = shop.key();
    let moves = async {
        for parent in ["vegan", "dairy", "vegan", "dairy", "vegan"] {
            change(&shop, &cheese, json!({ "parent": parent })).await;
        }
    };
    let filings =
        futures::future::join_all(ids.iter().map(|id| update(&key, id, json!({ "category": "cheese" }))));
    let makings = futures::future::join_all(
        (10..15)
            .map(|n| async move { format!("P{n}") })
            .map(async |name| shop.product(&name.await, json!({ "category": "cheese" })).await),
    );
    tokio::join!(moves, filings, makings);
    let mut names: Vec<_> = (0..15).map(|n| format!("P{n}")).collect();
    names.sort();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    found(&shop, "category: \"vegan\"", &names).await;
    found(&shop, "category: \"dairy\"", &[]).await;
}

#[tokio::test]
async fn a_product_that_is_being_made_while_its_category_moves_comes_with_it() {
    let shop = Shop::start().await;
    shop.category("Vegan", None).await;
    let cheese = shop.category("Cheese", None).await;
    shop.inventory.create(Mood::Waiting);
    let key = shop.key();
    let input = json!({ "name": "Brie", "price": 1, "quantity": 1, "category": "cheese" });
    let creating = tokio::spawn(async move { create(&key, input).await });
    eventually("inventory was asked", || async { shop.inventory.calls("create") > 0 }).await;
    change(&shop, &cheese, json!({ "parent": "vegan" })).await;
    shop.inventory.create(Mood::Obliging);
    assert!(creating.await.unwrap().data().is_object());
    found(&shop, "category: \"vegan\"", &["Brie"]).await;
}
