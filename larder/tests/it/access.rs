//! Who may do what: every root field of the graph, asked by everybody. A new field is missing from the table below until
//! somebody says how it is asked, and changes the snapshot that says who may.

use std::{collections::BTreeMap, fmt::Write};

use kit::testing::TestClient;
use serde_json::json;

use crate::running::{Kind, Running, on_both_shops};

/// A well-formed id of nothing: `NOT_FOUND` means that the caller may.
pub(crate) const NOTHING: &str = "01920000-0000-7000-8000-000000000000";

/// How each root field is asked. `@` is [`NOTHING`].
pub(crate) const QUERIES: &[(&str, &str)] = &[
    ("users", "{ users(first: 1) { _id } }"),
    ("usersConnection", "{ usersConnection(first: 1) { totalCount } }"),
    ("user", "{ user(id: \"@\") { username } }"),
    ("me", "{ me { role } }"),
    ("shop", "{ shop { name } }"),
    ("products", "{ products(first: 1) { name } }"),
    ("productsConnection", "{ productsConnection(first: 1) { nodes { name } } }"),
    ("product", "{ product(id: \"@\") { name } }"),
    ("productBySlug", "{ productBySlug(slug: \"no-such-product\") { name } }"),
    ("categories", "{ categories { name } }"),
    ("category", "{ category(slug: \"no-such-category\") { name } }"),
    ("managedProduct", "{ managedProduct(id: \"@\") { name } }"),
    ("managedProducts", "{ managedProducts(first: 1) { nodes { name } } }"),
    ("stockMovements", "{ stockMovements(product: \"@\", first: 1) { nodes { quantity } } }"),
    ("lowStock", "{ lowStock(first: 1) { nodes { available } } }"),
    ("orders", "{ orders(first: 1) { status } }"),
    ("ordersConnection", "{ ordersConnection(first: 1) { totalCount } }"),
    ("order", "{ order(id: \"@\") { status } }"),
    ("sagas", "{ sagas(first: 1) { totalCount } }"),
    ("deadLetters", "{ deadLetters(group: \"inventory\", first: 1) { totalCount } }"),
    ("operations", "{ operations(first: 1) { nodes { kind } } }"),
];

pub(crate) const MUTATIONS: &[(&str, &str)] = &[
    (
        "registerUser",
        "mutation { registerUser(input: { username: \"x\", password: \"\" }) { access_token } }",
    ),
    (
        "login",
        "mutation { login(input: { username: \"nobody-here\", password: \"wrong-password\" }) { access_token } }",
    ),
    ("refreshToken", "mutation { refreshToken(refresh_token: \"none\") { access_token } }"),
    ("logout", "mutation { logout(refresh_token: \"none\") }"),
    ("changePassword", "mutation { changePassword(current: \"\", new: \"\") { access_token } }"),
    ("setRole", "mutation { setRole(user: \"@\", role: SELLER) { _id } }"),
    ("createProduct", "mutation { createProduct(input: { name: \"\", price: 0, quantity: -1 }) { _id } }"),
    ("updateProduct", "mutation { updateProduct(id: \"@\", input: { price: 5 }) { _id } }"),
    ("archiveProduct", "mutation { archiveProduct(id: \"@\") { _id } }"),
    ("createCategory", "mutation { createCategory(input: { name: \"\" }) { slug } }"),
    ("updateCategory", "mutation { updateCategory(id: \"@\", input: { name: \"X\" }) { slug } }"),
    (
        "adjustStock",
        "mutation { adjustStock(input: { product: \"@\", expected: 1, quantity: 1, reason: \"count\" }) { available } }",
    ),
    ("restock", "mutation { restock(input: { product: \"@\", quantity: 1 }) { available } }"),
    ("placeOrder", "mutation { placeOrder(products: []) { _id } }"),
    ("cancelOrder", "mutation { cancelOrder(id: \"@\") { _id } }"),
    ("retrySaga", "mutation { retrySaga(id: \"@\") { step } }"),
    ("replayDeadLetter", "mutation { replayDeadLetter(group: \"inventory\", id: \"@\") }"),
    ("advanceOrder", "mutation { advanceOrder(id: \"@\", to: PACKED) { _id } }"),
];

/// What the caller is answered with: `ok`, or the code.
async fn outcome(client: &TestClient, operation: &str) -> String {
    let answer = client.ask(&operation.replace('@', NOTHING)).await;
    match answer.body["errors"].as_array() {
        None => "ok".to_owned(),
        Some(errors) => errors[0]["extensions"]["code"].as_str().expect("every error has a code").to_owned(),
    }
}

/// The root fields that the graph shows.
async fn root_fields(shop: &Running, root: &str) -> Vec<String> {
    let query = format!("{{ __schema {{ {root} {{ fields {{ name }} }} }} }}");
    let answer = shop.nobody().ask(&query).await;
    let fields = answer.data()["__schema"][root]["fields"].as_array().unwrap().clone();
    let mut names: Vec<_> = fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn every_root_field_admits_only_whom_it_should(kind: Kind) {
    let shop = Running::of(kind);
    let callers = [
        ("nobody", shop.nobody()),
        ("customer", shop.demo("customer").await),
        ("seller", shop.demo("seller").await),
        ("admin", shop.demo("admin").await),
        ("api key", shop.tool()),
    ];
    let mut table = String::new();
    for (root, operations) in [("queryType", QUERIES), ("mutationType", MUTATIONS)] {
        let operations: BTreeMap<_, _> = operations.iter().copied().collect();
        let listed: Vec<_> = operations.keys().map(|name| (*name).to_owned()).collect();
        assert_eq!(root_fields(&shop, root).await, listed, "the table of {root} is not complete");
        for (name, operation) in operations {
            write!(table, "{name:20}").unwrap();
            for (caller, client) in &callers {
                write!(table, " {caller}: {:26}", outcome(client, operation).await).unwrap();
            }
            table.push('\n');
        }
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    // Named, so that both shops are held to the same.
    insta::assert_snapshot!("every_root_field_admits_only_whom_it_should", table.join("\n"));
}

/// What only services may call is not in the schema, for anybody.
async fn what_only_services_may_call_cannot_be_named(kind: Kind) {
    let shop = Running::of(kind);
    let admin = shop.demo("admin").await;
    for operation in [
        "mutation { reserveStock(order: \"@\", lines: [], expiresAt: \"2026-01-01T00:00:00Z\") }",
        "mutation { commitStock(order: \"@\", products: []) }",
        "mutation { releaseStock(order: \"@\", products: []) }",
        "mutation { createStock(product: \"@\", quantity: 1) }",
        "mutation { discardStock(product: \"@\") }",
        "mutation { settleOrder(id: \"@\") }",
        "{ offers(ids: [\"@\"]) { price } }",
        "{ _entities(representations: [{ __typename: \"Product\", _id: \"@\" }]) { __typename } }",
        "{ _service { sdl } }",
    ] {
        assert_eq!(outcome(&admin, operation).await, "GRAPHQL_VALIDATION_FAILED", "{operation}");
    }
    let sdl = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/api.graphql")).unwrap();
    for word in ["reserveStock", "settleOrder", "offers(", "_entities", "inaccessible", "join__"] {
        assert!(!sdl.contains(word), "api.graphql has {word}");
    }
}

async fn somebody_elses_order_is_not_found(kind: Kind) {
    let shop = Running::of(kind);
    let (customer, seller) = (shop.demo("customer").await, shop.demo("seller").await);
    let id = shop.product("Private tea", 10).await;
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { _id } }";
    let order = json!({ "id": customer.send(query, json!({ "id": id })).await.data()["placeOrder"]["_id"] });
    for operation in
        ["query($id: ID!) { order(id: $id) { _id } }", "mutation($id: ID!) { cancelOrder(id: $id) { _id } }"]
    {
        assert_eq!(seller.send(operation, order.clone()).await.code(), "NOT_FOUND");
    }
    assert_eq!(seller.ask("{ orders { _id } }").await.data()["orders"], json!([]));
}

on_both_shops![
    every_root_field_admits_only_whom_it_should,
    what_only_services_may_call_cannot_be_named,
    somebody_elses_order_is_not_found,
];
