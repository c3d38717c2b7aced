use serde_json::{Value, json};

use crate::shop::{Shop, id_of, names};

const CREATE: &str = "mutation($input: CreateCategoryInput!) { createCategory(input: $input) {
    _id slug name description position parent { slug } children { slug } path { slug } } }";
const UPDATE: &str =
    "mutation($id: ID!, $input: UpdateCategoryInput!) { updateCategory(id: $id, input: $input) {
    _id slug name description position parent { slug } path { slug } } }";

#[tokio::test]
async fn shows_the_tree_in_its_order() {
    let shop = Shop::start().await;
    assert_eq!(shop.client.ask("{ categories { slug } }").await.data()["categories"], json!([]));
    for (name, parent, position) in [
        ("Dairy", None, 2),
        ("Fruit", None, 1),
        ("Milk", Some("dairy"), 2),
        ("Cheese", Some("dairy"), 1),
        ("Blue", Some("cheese"), 1),
    ] {
        let input = json!({ "name": name, "parent": parent, "position": position, "description": "Good." });
        assert!(shop.admin().send(CREATE, json!({ "input": input })).await.data().is_object());
    }
    let answer = shop
        .client
        .ask("{ categories { name parent { slug } children { name children { name children { name } } } } }")
        .await;
    let expected = json!([
        { "name": "Fruit", "parent": null, "children": [] },
        { "name": "Dairy", "parent": null, "children": [
            { "name": "Cheese", "children": [{ "name": "Blue", "children": [] }] },
            { "name": "Milk", "children": [] },
        ] },
    ]);
    assert_eq!(answer.data()["categories"], expected);
}

#[tokio::test]
async fn finds_a_category_with_its_way_and_its_products() {
    let shop = Shop::start().await;
    shop.category("Dairy", None).await;
    let cheese = shop.category("Cheese", Some("dairy")).await;
    shop.product("Brie", json!({ "category": "cheese" })).await;
    shop.product("Apple", json!({})).await;
    let query = "{ category(slug: \"cheese\") { _id name path { slug } products { nodes { name } } } }";
    let expected = json!({ "_id": cheese, "name": "Cheese", "path": [{ "slug": "dairy" }, { "slug": "cheese" }],
                           "products": { "nodes": [{ "name": "Brie" }] } });
    assert_eq!(shop.client.ask(query).await.data()["category"], expected);
    let query =
        "{ category(slug: \"dairy\") { products(first: 1, sort: NAME) { totalCount nodes { name } } } }";
    let answer = shop.client.ask(query).await;
    assert_eq!(answer.data()["category"]["products"]["totalCount"], 1);
    assert_eq!(names(&answer.data()["category"]["products"]["nodes"]), ["Brie"]);
    let unknown = shop.client.ask("{ category(slug: \"nowhere\") { name } }").await;
    assert_eq!(unknown.code(), "NOT_FOUND");
    assert_eq!(unknown.body["data"], json!({ "category": null }));
}

#[tokio::test]
async fn makes_slugs_and_places_where_none_are_given() {
    let shop = Shop::start().await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let answer = shop.admin().send(CREATE, json!({ "input": { "name": "Apples & Pears" } })).await;
        made.push(answer.data()["createCategory"].clone());
    }
    assert_eq!((&made[0]["slug"], &made[0]["position"]), (&json!("apples-pears"), &json!(1)));
    assert_eq!((&made[1]["slug"], &made[1]["position"]), (&json!("apples-pears-2"), &json!(2)));
}

#[tokio::test]
async fn refuses_what_does_not_fit_and_changes_nothing() {
    let shop = Shop::start().await;
    let mut parent: Option<String> = None;
    for name in ["A", "B", "C", "D"] {
        shop.category(name, parent.as_deref()).await;
        parent = Some(name.to_lowercase());
    }
    let before = shop.client.ask("{ categories { slug children { slug } } }").await.body;
    let cases = [
        (json!({ "name": "" }), "BAD_USER_INPUT", vec!["input.name"]),
        (
            json!({ "name": "x".repeat(10_000), "position": -1 }),
            "BAD_USER_INPUT",
            vec!["input.name", "input.position"],
        ),
        (json!({ "name": "E", "slug": "Not A Slug" }), "BAD_USER_INPUT", vec!["input.slug"]),
        (json!({ "name": "E", "parent": "nowhere" }), "BAD_USER_INPUT", vec!["input.parent"]),
        (json!({ "name": "E", "parent": "d" }), "BAD_USER_INPUT", vec!["input.parent"]),
        (json!({ "name": "E", "slug": "a" }), "CONFLICT", vec!["input.slug"]),
    ];
    for (input, code, fields) in cases {
        let answer = shop.admin().send(CREATE, json!({ "input": input })).await;
        assert_eq!((answer.code(), answer.fields()), (code, fields), "{input}");
    }
    assert_eq!(shop.client.ask("{ categories { slug children { slug } } }").await.body, before);
}

#[tokio::test]
async fn changes_what_it_is_told_and_nothing_else() {
    let shop = Shop::start().await;
    shop.category("Dairy", None).await;
    let id = shop.category("Cheese", Some("dairy")).await;
    let update = async |input: Value| shop.admin().send(UPDATE, json!({ "id": id, "input": input })).await;
    let answer = update(json!({ "name": "Fine Cheese", "description": "From the alp." })).await;
    let category = &answer.data()["updateCategory"];
    assert_eq!((&category["slug"], &category["name"]), (&json!("cheese"), &json!("Fine Cheese")));
    assert_eq!(category["path"], json!([{ "slug": "dairy" }, { "slug": "cheese" }]));
    let answer = update(json!({ "parent": null, "slug": "fine-cheese", "description": null })).await;
    let category = &answer.data()["updateCategory"];
    assert_eq!((&category["slug"], &category["parent"]), (&json!("fine-cheese"), &Value::Null));
    assert_eq!(category["description"], Value::Null);
}

#[tokio::test]
async fn refuses_moves_that_make_a_circle_or_a_tree_too_deep() {
    let shop = Shop::start().await;
    let a = shop.category("A", None).await;
    for (name, parent) in [("B", "a"), ("C", "b"), ("D", "c")] {
        shop.category(name, Some(parent)).await;
    }
    shop.category("X", None).await;
    for parent in ["a", "b", "d", "x", "nowhere"] {
        let answer = shop.admin().send(UPDATE, json!({ "id": a, "input": { "parent": parent } })).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["input.parent"]), "{parent}");
    }
    let taken = shop.admin().send(UPDATE, json!({ "id": a, "input": { "slug": "x" } })).await;
    assert_eq!((taken.code(), taken.fields()), ("CONFLICT", vec!["input.slug"]));
    let unknown = json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "input": { "name": "Y" } });
    assert_eq!(shop.admin().send(UPDATE, unknown).await.code(), "NOT_FOUND");
    let malformed = shop.admin().send(UPDATE, json!({ "id": "a", "input": { "name": "Y" } })).await;
    assert_eq!(malformed.fields(), ["id"]);
}

#[tokio::test]
async fn never_lets_two_moves_at_once_make_a_circle() {
    for _ in 0..5 {
        let shop = Shop::start().await;
        let (a, b) = (shop.category("A", None).await, shop.category("B", None).await);
        let admin = shop.admin();
        let under = |id: &str, parent: &str| {
            let (admin, variables) = (admin.clone(), json!({ "id": id, "input": { "parent": parent } }));
            async move { admin.send(UPDATE, variables).await }
        };
        let (first, second) = tokio::join!(under(&a, "b"), under(&b, "a"));
        let done = [first, second].iter().filter(|answer| answer.body.get("errors").is_none()).count();
        assert_eq!(done, 1);
        let roots = shop.client.ask("{ categories { slug children { slug } } }").await;
        assert_eq!(roots.data()["categories"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn never_gives_a_slug_twice_also_when_they_are_made_at_once() {
    let shop = Shop::start().await;
    let admin = shop.admin();
    let make = || async { admin.send(CREATE, json!({ "input": { "name": "Fruit" } })).await };
    let answers = futures::future::join_all((0..8).map(|_| make())).await;
    let mut slugs: Vec<_> =
        answers.iter().map(|answer| answer.data()["createCategory"]["slug"].to_string()).collect();
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 8);
    let mut ids: Vec<_> = answers.iter().map(|answer| id_of(&answer.data()["createCategory"])).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[tokio::test]
async fn makes_cached_trees_and_lists_worthless() {
    let shop = Shop::start().await;
    shop.remember("tree", &["categories"]).await;
    shop.remember("list", &["products"]).await;
    shop.category("Fruit", None).await;
    assert!(!shop.remembers("tree").await);
    assert!(!shop.remembers("list").await);
}
