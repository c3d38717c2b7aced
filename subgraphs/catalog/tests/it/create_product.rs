use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::shop::{Shop, create, id_of};

#[tokio::test]
async fn makes_the_product_and_its_stock_before_it_answers() {
    let shop = Shop::start().await;
    let query = r#"mutation CreateProduct { createProduct(input: { name: "chocolate", price: 20, quantity: 10 }) { _id name price } }"#;
    let answer = shop.key().ask(query).await;
    let product = &answer.data()["createProduct"];
    let id = id_of(product);
    assert_eq!(*product, json!({ "_id": id, "name": "chocolate", "price": 20 }));
    assert_eq!(shop.inventory.stocks().get(&id), Some(&10));
    let list = shop.client.ask("query Products { products { _id name price } }").await;
    assert_eq!(list.data()["products"], json!([{ "_id": id, "name": "chocolate", "price": 20 }]));
}

#[tokio::test]
async fn keeps_everything_that_it_was_told() {
    let shop = Shop::start().await;
    shop.category("Fruit", None).await;
    shop.category("Apples & Pears", Some("fruit")).await;
    let (person, seller) = shop.seller("ann");
    let input = json!({
        "name": "  Gala Apples ", "price": 299, "quantity": 0, "slug": "gala", "category": "apples-pears",
        "brand": "Hollin Farm", "size": 750, "unit": "G", "description": "Sweet.\nCrisp.", "storage": "Keep cool.",
        "allergens": ["MILK", "CELERY", "MILK"], "pictures": ["/pictures/red-apple.webp", "https://cdn.example.com/a.webp"],
    });
    let query = "mutation($input: CreateProductInput) { createProduct(input: $input) {
        name slug category { slug path { name } } brand size unit sizeText unitPrice { amount per } description storage
        allergens pictures sellerId createdAt updatedAt archivedAt } }";
    let answer = seller.send(query, json!({ "input": input })).await;
    let now = answer.data()["createProduct"]["createdAt"].clone();
    let expected = json!({
        "name": "Gala Apples", "slug": "gala",
        "category": { "slug": "apples-pears", "path": [{ "name": "Fruit" }, { "name": "Apples & Pears" }] },
        "brand": "Hollin Farm", "size": 750, "unit": "G", "sizeText": "750 g", "unitPrice": { "amount": 399, "per": "KG" },
        "description": "Sweet.\nCrisp.", "storage": "Keep cool.", "allergens": ["MILK", "CELERY"],
        "pictures": ["/pictures/red-apple.webp", "https://cdn.example.com/a.webp"],
        "sellerId": person.user.id.to_string(), "createdAt": now, "updatedAt": now, "archivedAt": null,
    });
    assert_eq!(answer.data()["createProduct"], expected);
}

#[tokio::test]
async fn says_nothing_of_what_it_was_not_told() {
    let shop = Shop::start().await;
    let id = shop.product("Plain", json!({})).await;
    let query = format!(
        "{{ product(id: \"{id}\") {{ slug category {{ slug }} brand size unit sizeText unitPrice {{ amount }} description
            storage allergens pictures sellerId }} }}"
    );
    let expected = json!({
        "slug": "plain", "category": null, "brand": null, "size": null, "unit": null, "sizeText": null, "unitPrice": null,
        "description": null, "storage": null, "allergens": null, "pictures": [], "sellerId": null,
    });
    assert_eq!(shop.client.ask(&query).await.data()["product"], expected);
}

#[tokio::test]
async fn names_all_fields_that_are_wrong_and_writes_nothing() {
    let shop = Shop::start().await;
    let long = "x".repeat(10_000);
    let cases = [
        (json!({ "name": "" }), vec!["input.name"]),
        (json!({ "name": " \t " }), vec!["input.name"]),
        (json!({ "name": long }), vec!["input.name"]),
        (json!({ "name": "a\u{0}b" }), vec!["input.name"]),
        (json!({ "name": "a\nb" }), vec!["input.name"]),
        (json!({ "price": 0 }), vec!["input.price"]),
        (json!({ "price": -1 }), vec!["input.price"]),
        (json!({ "price": 100_000_001 }), vec!["input.price"]),
        (json!({ "quantity": -1 }), vec!["input.quantity"]),
        (json!({ "quantity": 1_000_000_001 }), vec!["input.quantity"]),
        (json!({ "slug": "" }), vec!["input.slug"]),
        (json!({ "slug": "Not A Slug" }), vec!["input.slug"]),
        (json!({ "category": "nowhere" }), vec!["input.category"]),
        (json!({ "category": long }), vec!["input.category"]),
        (json!({ "brand": "" }), vec!["input.brand"]),
        (json!({ "size": 5 }), vec!["input.unit"]),
        (json!({ "unit": "G" }), vec!["input.size"]),
        (json!({ "size": 0, "unit": "G" }), vec!["input.size"]),
        (json!({ "description": "x".repeat(5_001) }), vec!["input.description"]),
        (json!({ "storage": "" }), vec!["input.storage"]),
        (json!({ "pictures": ["/a.webp", "javascript:alert(1)"] }), vec!["input.pictures[1]"]),
        (json!({ "pictures": ["data:image/png;base64,AAAA"] }), vec!["input.pictures[0]"]),
        (json!({ "pictures": vec!["/a.webp"; 11] }), vec!["input.pictures"]),
        (
            json!({ "name": "", "price": 0, "quantity": -1, "category": "nowhere" }),
            vec!["input.name", "input.price", "input.quantity", "input.category"],
        ),
    ];
    for (wrong, fields) in cases {
        let mut input = json!({ "name": "Milk", "price": 100, "quantity": 1 });
        input.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let answer = create(&shop.key(), input).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
        assert_eq!(answer.fields(), fields, "{wrong}");
        assert_eq!(answer.body["data"], json!({ "createProduct": null }));
        assert!(answer.body.to_string().len() < 1_000, "the wrong value is not said again");
    }
    assert_eq!(shop.inventory.calls("create"), 0);
    assert_eq!(
        shop.report().await,
        catalog::Report {
            offered: 0,
            archived: 0,
            unfinished: 0,
            products: BTreeMap::new(),
            overdue: Vec::new()
        }
    );
}

#[tokio::test]
async fn refuses_values_of_another_type() {
    let shop = Shop::start().await;
    let wrong = [
        json!({ "name": 5, "price": 100, "quantity": 1 }),
        json!({ "name": "Milk", "price": "1", "quantity": 1 }),
        json!({ "name": "Milk", "price": 1.5, "quantity": 1 }),
        json!({ "name": "Milk", "price": 3_000_000_000_u64, "quantity": 1 }),
        json!({ "name": "Milk", "price": 1, "quantity": 4_294_967_297_u64 }),
        json!({ "name": "Milk", "price": 1, "quantity": null }),
        json!({ "name": "Milk", "price": 1 }),
        json!({ "name": "Milk", "price": 1, "quantity": 1, "unit": "POUND", "size": 1 }),
        json!({ "name": "Milk", "price": 1, "quantity": 1, "allergens": ["WATER"] }),
        json!({ "name": "Milk", "price": 1, "quantity": 1, "owner": "me" }),
        json!([1]),
        json!("milk"),
    ];
    for input in wrong {
        let answer = create(&shop.key(), input.clone()).await;
        let code = answer.code();
        assert!(["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code), "{input}: {}", answer.body);
    }
    assert_eq!(shop.inventory.calls("create"), 0);
}

#[tokio::test]
async fn asks_for_the_input_that_the_contract_lets_out() {
    let shop = Shop::start().await;
    for query in ["mutation { createProduct { _id } }", "mutation { createProduct(input: null) { _id } }"] {
        let answer = shop.key().ask(query).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), ["input"]);
    }
    let answer = create(&shop.key(), Value::Null).await;
    assert_eq!(answer.fields(), ["input"]);
}

#[tokio::test]
async fn gives_each_product_a_slug_of_its_own() {
    let shop = Shop::start().await;
    let mut slugs = Vec::new();
    for _ in 0..12 {
        let answer = create(&shop.key(), json!({ "name": "Milk", "price": 1, "quantity": 1 })).await;
        slugs.push(answer.data()["createProduct"]["slug"].as_str().unwrap().to_owned());
    }
    assert_eq!(slugs[..3], ["milk", "milk-2", "milk-3"]);
    assert_eq!(slugs[8], "milk-9");
    assert!(slugs[9].starts_with("milk-") && slugs[9].len() == "milk-".len() + 12, "{}", slugs[9]);
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 12);
}

#[tokio::test]
async fn gives_each_product_a_slug_of_its_own_also_when_they_come_at_once() {
    let shop = Shop::start().await;
    let key = shop.key();
    let input = || json!({ "name": "Milk", "price": 1, "quantity": 1 });
    let answers = join_all((0..16).map(|_| create(&key, input()))).await;
    let mut slugs: Vec<_> =
        answers.iter().map(|answer| answer.data()["createProduct"]["slug"].to_string()).collect();
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 16);
}

#[tokio::test]
async fn refuses_a_slug_that_is_taken_and_asks_for_no_stock() {
    let shop = Shop::start().await;
    shop.product("Milk", json!({ "slug": "milk" })).await;
    let answer =
        create(&shop.key(), json!({ "name": "Other", "price": 1, "quantity": 1, "slug": "milk" })).await;
    assert_eq!(answer.code(), "CONFLICT");
    assert_eq!(answer.fields(), ["input.slug"]);
    assert_eq!(shop.inventory.calls("create"), 1);
}

#[tokio::test]
async fn tells_the_others() {
    let shop = Shop::start().await;
    let heard = shop.listen(&["product.created"]).await;
    let (person, seller) = shop.seller("ann");
    let mine = create(&seller, json!({ "name": "Milk", "price": 119, "quantity": 1 })).await;
    let id = id_of(&mine.data()["createProduct"]);
    let events = heard.first(1).await;
    let data =
        json!({ "productId": id, "name": "Milk", "price": 119, "sellerId": person.user.id.to_string() });
    assert_eq!(events, [("product.created".to_owned(), data)]);
}

#[tokio::test]
async fn makes_cached_lists_worthless() {
    let shop = Shop::start().await;
    shop.remember("list", &["products"]).await;
    shop.remember("tree", &["categories"]).await;
    shop.product("Milk", json!({})).await;
    assert!(!shop.remembers("list").await);
    assert!(shop.remembers("tree").await);
}
