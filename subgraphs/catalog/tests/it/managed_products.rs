use serde_json::json;

use crate::shop::{Shop, archive, create, id_of, names};

#[tokio::test]
async fn shows_sellers_their_own_and_admins_all() {
    let shop = Shop::start().await;
    let ((_, ann), (_, ben)) = (shop.seller("ann"), shop.seller("ben"));
    shop.product("Bread", json!({})).await;
    create(&ann, json!({ "name": "Milk", "price": 1, "quantity": 1 })).await;
    let cream = create(&ann, json!({ "name": "Cream", "price": 1, "quantity": 1 })).await;
    let cream = id_of(&cream.data()["createProduct"]);
    archive(&ann, &cream).await;
    let list = async |client: &kit::testing::TestClient, arguments: &str| {
        let query = format!("{{ managedProducts{arguments} {{ nodes {{ name }} totalCount }} }}");
        names(&client.ask(&query).await.data()["managedProducts"]["nodes"])
    };
    assert_eq!(list(&ann, "").await, ["Cream", "Milk"]);
    assert_eq!(list(&ann, "(archived: true)").await, ["Cream"]);
    assert_eq!(list(&ann, "(archived: false)").await, ["Milk"]);
    assert_eq!(list(&ann, "(text: \"cre\")").await, ["Cream"]);
    assert!(list(&ben, "").await.is_empty());
    for client in [&shop.admin(), &shop.key()] {
        assert_eq!(list(client, "").await, ["Cream", "Milk", "Bread"]);
        assert_eq!(list(client, "(first: 1, archived: false)").await, ["Milk"]);
    }
}

#[tokio::test]
async fn pages_through_all_of_them() {
    let shop = Shop::start().await;
    let (_, ann) = shop.seller("ann");
    for n in 0..5 {
        create(&ann, json!({ "name": format!("P{n}"), "price": 1, "quantity": 1 })).await;
    }
    for client in [&ann, &shop.admin()] {
        let first = client
            .ask("{ managedProducts(first: 3) { nodes { name } pageInfo { endCursor hasNextPage } } }")
            .await;
        let first = &first.data()["managedProducts"];
        assert_eq!(names(&first["nodes"]), ["P4", "P3", "P2"]);
        let query = format!(
            "{{ managedProducts(after: {}) {{ nodes {{ name }} pageInfo {{ hasNextPage }} }} }}",
            first["pageInfo"]["endCursor"]
        );
        let second = client.ask(&query).await;
        assert_eq!(names(&second.data()["managedProducts"]["nodes"]), ["P1", "P0"]);
        assert_eq!(second.data()["managedProducts"]["pageInfo"]["hasNextPage"], false);
    }
}

#[tokio::test]
async fn finds_one_that_is_archived_for_those_whose_it_is() {
    let shop = Shop::start().await;
    let ((_, ann), (_, ben)) = (shop.seller("ann"), shop.seller("ben"));
    let milk = create(&ann, json!({ "name": "Milk", "price": 1, "quantity": 1 })).await;
    let milk = id_of(&milk.data()["createProduct"]);
    archive(&ann, &milk).await;
    let query = format!("{{ managedProduct(id: \"{milk}\") {{ name archivedAt }} }}");
    for client in [&ann, &shop.admin(), &shop.key()] {
        assert_eq!(client.ask(&query).await.data()["managedProduct"]["name"], "Milk");
    }
    assert_eq!(ben.ask(&query).await.code(), "NOT_FOUND");
    assert_eq!(ann.ask("{ managedProduct(id: \"x\") { name } }").await.fields(), ["id"]);
}
