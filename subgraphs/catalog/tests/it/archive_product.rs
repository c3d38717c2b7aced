use serde_json::json;

use crate::shop::{Shop, archive, create, id_of};

#[tokio::test]
async fn takes_it_out_of_every_list_but_not_out_of_orders() {
    let shop = Shop::start().await;
    shop.category("Dairy", None).await;
    let milk = shop.product("Milk", json!({ "category": "dairy" })).await;
    let bread = shop.product("Bread", json!({ "category": "dairy" })).await;
    let answer = archive(&shop.key(), &milk).await;
    assert!(answer.data()["archiveProduct"]["archivedAt"].is_string());
    let query = format!(
        "{{ products {{ _id }} filed: products(category: \"dairy\") {{ _id }} byId: products(ids: [\"{milk}\", \"{bread}\"]) {{ _id }}
            found: productsConnection(filter: {{ text: \"milk\" }}) {{ totalCount }} all: productsConnection {{ totalCount }} }}"
    );
    let lists = shop.client.ask(&query).await;
    let only_bread = json!([{ "_id": bread }]);
    assert_eq!(lists.data()["products"], only_bread);
    assert_eq!(lists.data()["filed"], only_bread);
    assert_eq!(lists.data()["byId"], json!([null, { "_id": bread }]));
    assert_eq!(lists.data()["found"]["totalCount"], 0);
    assert_eq!(lists.data()["all"]["totalCount"], 1);
    let query = format!("{{ product(id: \"{milk}\") {{ _id }} }}");
    assert_eq!(shop.client.ask(&query).await.code(), "NOT_FOUND");
    assert_eq!(shop.admin().ask(&query).await.code(), "NOT_FOUND", "the answer is the same for everybody");
    let query = "{ productBySlug(slug: \"milk\") { _id } }";
    assert_eq!(shop.client.ask(query).await.code(), "NOT_FOUND");
    let query =
        "query($keys: [_Any!]!) { _entities(representations: $keys) { ... on Product { name archivedAt } } }";
    let keys = json!({ "keys": [{ "__typename": "Product", "_id": milk }] });
    let entity = shop.client.send(query, keys).await.data()["_entities"][0].clone();
    assert_eq!(entity["name"], "Milk");
    assert!(entity["archivedAt"].is_string());
}

#[tokio::test]
async fn does_the_same_again_without_a_change() {
    let shop = Shop::start().await;
    let id = shop.product("Milk", json!({})).await;
    let first = archive(&shop.key(), &id).await;
    shop.advance(chrono::TimeDelta::seconds(5));
    let second = archive(&shop.key(), &id).await;
    assert_eq!(first.data(), second.data());
}

#[tokio::test]
async fn does_not_find_what_is_not_there_or_somebody_elses() {
    let shop = Shop::start().await;
    let ((_, ann), (_, ben)) = (shop.seller("ann"), shop.seller("ben"));
    let mine = create(&ann, json!({ "name": "Milk", "price": 1, "quantity": 1 })).await;
    let mine = id_of(&mine.data()["createProduct"]);
    assert_eq!(archive(&ben, &mine).await.code(), "NOT_FOUND");
    assert_eq!(archive(&shop.key(), "01890a5d-ac96-774b-bcce-b302099a8057").await.code(), "NOT_FOUND");
    assert_eq!(archive(&shop.key(), "milk").await.fields(), ["id"]);
    assert_eq!(archive(&ann, &mine).await.data()["archiveProduct"]["_id"], mine);
}

#[tokio::test]
async fn makes_cached_lists_worthless() {
    let shop = Shop::start().await;
    let id = shop.product("Milk", json!({})).await;
    shop.quiet().await;
    shop.remember("list", &["products"]).await;
    shop.remember("milk", &[&format!("product:{id}")]).await;
    archive(&shop.key(), &id).await;
    assert!(!shop.remembers("list").await);
    assert!(!shop.remembers("milk").await);
}
