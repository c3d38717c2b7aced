use chrono::TimeDelta;
use serde_json::json;

use crate::shop::{Shop, archive, create, id_of, update};

#[tokio::test]
async fn changes_what_it_is_told_and_nothing_else() {
    let shop = Shop::start().await;
    shop.category("Dairy", None).await;
    let more = json!({ "brand": "Alp", "size": 1, "unit": "L", "description": "Fresh.", "storage": "Cool.", "allergens": ["MILK"],
                       "pictures": ["/milk.webp"], "category": "dairy" });
    let id = shop.product("Milk", more).await;
    shop.advance(TimeDelta::seconds(5));
    let answer = update(&shop.key(), &id, json!({ "price": 129 })).await;
    let expected = json!({
        "_id": id, "name": "Milk", "price": 129, "slug": "milk", "brand": "Alp", "size": 1, "unit": "L", "sizeText": "1 l",
        "description": "Fresh.", "storage": "Cool.", "allergens": ["MILK"], "pictures": ["/milk.webp"],
        "category": { "slug": "dairy" }, "updatedAt": answer.data()["updateProduct"]["updatedAt"],
    });
    assert_eq!(answer.data()["updateProduct"], expected);
    let query = format!("{{ product(id: \"{id}\") {{ price createdAt updatedAt }} }}");
    let product = shop.client.ask(&query).await.data()["product"].clone();
    assert_eq!(product["price"], 129);
    assert_ne!(product["createdAt"], product["updatedAt"]);
}

#[tokio::test]
async fn takes_values_away_where_a_product_can_be_without() {
    let shop = Shop::start().await;
    shop.category("Dairy", None).await;
    let more = json!({ "brand": "Alp", "size": 1, "unit": "L", "description": "Fresh.", "storage": "Cool.", "allergens": ["MILK"],
                       "pictures": ["/milk.webp"], "category": "dairy" });
    let id = shop.product("Milk", more).await;
    let nothing = json!({ "brand": null, "size": null, "unit": null, "description": null, "storage": null, "allergens": null,
                          "pictures": null, "category": null });
    let answer = update(&shop.key(), &id, nothing).await;
    let product = &answer.data()["updateProduct"];
    for field in ["brand", "size", "unit", "sizeText", "description", "storage", "allergens", "category"] {
        assert!(product[field].is_null(), "{field}: {product}");
    }
    assert_eq!(product["pictures"], json!([]));
}

#[tokio::test]
async fn keeps_the_slug_when_the_name_changes() {
    let shop = Shop::start().await;
    let id = shop.product("Milk", json!({})).await;
    let answer = update(&shop.key(), &id, json!({ "name": "Whole Milk" })).await;
    assert_eq!(answer.data()["updateProduct"]["slug"], "milk");
    let found = shop.client.ask("{ productBySlug(slug: \"milk\") { name } }").await;
    assert_eq!(found.data()["productBySlug"]["name"], "Whole Milk");
}

#[tokio::test]
async fn names_all_fields_that_are_wrong_and_writes_nothing() {
    let shop = Shop::start().await;
    let id = shop.product("Milk", json!({})).await;
    let cases = [
        (json!({ "name": null, "price": null }), vec!["input.name", "input.price"]),
        (
            json!({ "name": "", "price": 0, "category": "nowhere" }),
            vec!["input.name", "input.price", "input.category"],
        ),
        (json!({ "price": 100_000_001 }), vec!["input.price"]),
        (json!({ "size": 5 }), vec!["input.size"]),
        (json!({ "size": 5, "unit": null }), vec!["input.size"]),
        (json!({ "pictures": ["http://example.com/a"] }), vec!["input.pictures[0]"]),
        (json!({ "brand": "x".repeat(101) }), vec!["input.brand"]),
    ];
    for (wrong, fields) in cases {
        let answer = update(&shop.key(), &id, wrong.clone()).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{wrong}");
        assert_eq!(answer.fields(), fields, "{wrong}");
    }
    let query = format!("{{ product(id: \"{id}\") {{ name price createdAt updatedAt }} }}");
    let product = shop.client.ask(&query).await.data()["product"].clone();
    assert_eq!((&product["name"], &product["price"]), (&json!("Milk"), &json!(100)));
    assert_eq!(product["createdAt"], product["updatedAt"]);
}

#[tokio::test]
async fn does_not_find_what_is_not_there_or_somebody_elses() {
    let shop = Shop::start().await;
    let ((_, ann), (_, ben)) = (shop.seller("ann"), shop.seller("ben"));
    let mine = create(&ann, json!({ "name": "Milk", "price": 1, "quantity": 1 })).await;
    let mine = id_of(&mine.data()["createProduct"]);
    let shops = shop.product("Bread", json!({})).await;
    assert_eq!(update(&ben, &mine, json!({ "price": 2 })).await.code(), "NOT_FOUND");
    assert_eq!(update(&ann, &shops, json!({ "price": 2 })).await.code(), "NOT_FOUND");
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(update(&shop.admin(), unknown, json!({ "price": 2 })).await.code(), "NOT_FOUND");
    let malformed = update(&shop.admin(), "milk", json!({ "price": 2 })).await;
    assert_eq!((malformed.code(), malformed.fields()), ("BAD_USER_INPUT", vec!["id"]));
    for (client, id) in [(&ann, &mine), (&shop.admin(), &mine), (&shop.key(), &mine), (&shop.admin(), &shops)]
    {
        assert_eq!(update(client, id, json!({ "price": 3 })).await.data()["updateProduct"]["price"], 3);
    }
}

#[tokio::test]
async fn does_not_change_what_is_archived() {
    let shop = Shop::start().await;
    let id = shop.product("Milk", json!({})).await;
    archive(&shop.key(), &id).await;
    assert_eq!(update(&shop.key(), &id, json!({ "price": 2 })).await.code(), "CONFLICT");
}

#[tokio::test]
async fn tells_the_others_of_a_change_and_of_nothing_else() {
    let shop = Shop::start().await;
    let heard = shop.listen(&["product.changed", "product.archived"]).await;
    let id = shop.product("Milk", json!({})).await;
    update(&shop.key(), &id, json!({ "price": 100 })).await;
    update(&shop.key(), &id, json!({})).await;
    update(&shop.key(), &id, json!({ "price": 120 })).await;
    archive(&shop.key(), &id).await;
    archive(&shop.key(), &id).await;
    let mut events = heard.first(2).await;
    let data = json!({ "productId": id, "name": "Milk", "price": 120, "sellerId": null });
    let expected =
        [("product.changed".to_owned(), data.clone()), ("product.archived".to_owned(), data.clone())];
    assert_eq!(events, expected);
    // One more, after which all before it have been heard.
    let other = shop.product("Bread", json!({})).await;
    archive(&shop.key(), &other).await;
    events = heard.first(3).await;
    assert_eq!(events[2].1["productId"], json!(other));
}

#[tokio::test]
async fn makes_worthless_what_shows_it_and_spares_the_rest() {
    let shop = Shop::start().await;
    let (milk, bread) = (shop.product("Milk", json!({})).await, shop.product("Bread", json!({})).await);
    let (milk_tag, bread_tag) = (format!("product:{milk}"), format!("product:{bread}"));
    let changes = [(json!({ "price": 2 }), false), (json!({ "storage": "Cool." }), true)];
    for (n, (change, lists_stay)) in changes.into_iter().enumerate() {
        // The events of what was done before raise tags once more; what is remembered must come after them.
        shop.quiet().await;
        shop.remember(&format!("milk{n}"), &[&milk_tag]).await;
        shop.remember(&format!("bread{n}"), &[&bread_tag]).await;
        shop.remember(&format!("list{n}"), &["products"]).await;
        update(&shop.key(), &milk, change).await;
        assert!(!shop.remembers(&format!("milk{n}")).await);
        assert!(shop.remembers(&format!("bread{n}")).await);
        if !lists_stay {
            assert!(!shop.remembers(&format!("list{n}")).await);
        }
    }
}
