//! The sample operations of `schema/queries/`, each sent as it stands to a stocked shop, each whole answer checked.

use std::{collections::BTreeSet, fs, path::Path};

use kit::testing::TestClient;
use serde_json::{Value, json};

use crate::running::{Kind, Running, on_both_shops};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/queries"))
}

/// Sends the samples, remembers which, and keeps each answer as a snapshot.
struct Samples {
    sent: BTreeSet<String>,
}

impl Samples {
    async fn send(&mut self, name: &str, client: &TestClient, variables: Value) -> Value {
        self.send_filled(name, client, variables, "").await
    }

    /// Where the file says `<id>`, this id is put.
    async fn send_filled(&mut self, name: &str, client: &TestClient, variables: Value, id: &str) -> Value {
        let query = fs::read_to_string(folder().join(format!("{name}.graphql"))).unwrap();
        let answer = client.send(&query.replace("<id>", id), variables).await;
        self.sent.insert(name.to_owned());
        insta::assert_json_snapshot!(name, masked(answer.body.clone()));
        answer.body
    }

    /// The contract's list: a hundred different products of the demo range, each with its price and its opening stock. Not a
    /// snapshot, since products that were stocked at the same time have no order among themselves.
    async fn products(&mut self, client: &TestClient) {
        let query = fs::read_to_string(folder().join("products.graphql")).unwrap();
        let answer = client.ask(&query).await;
        self.sent.insert("products".to_owned());
        let range: Vec<Value> = serde_json::from_str(include_str!("../../demo/products.json")).unwrap();
        let listed = answer.data()["products"].as_array().unwrap();
        let ids: BTreeSet<_> = listed.iter().map(|product| product["_id"].as_str().unwrap()).collect();
        assert_eq!((listed.len(), ids.len()), (100, 100));
        for product in listed {
            let made = range.iter().find(|made| made["name"] == product["name"]).unwrap();
            let whole = json!({
                "_id": product["_id"], "name": made["name"], "price": made["price"], "quantity": made["quantity"],
            });
            assert_eq!(product, &whole);
        }
    }

    /// Every file has been sent.
    fn end(self) {
        let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let names: BTreeSet<_> =
            files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(self.sent, names);
        assert!(names.len() >= 15);
    }
}

/// Ids, times, tokens and cursors, each by what it is: a value of another form is left as it is, and the snapshot shows it.
fn masked(mut value: Value) -> Value {
    mask(&mut value);
    value
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(mask),
        Value::Object(map) => map.values_mut().for_each(mask),
        Value::String(text) => {
            let kind = if uuid(text) {
                "<id>"
            } else if text.len() > 20 && chrono::DateTime::parse_from_rfc3339(text).is_ok() {
                "<time>"
            } else if text.starts_with("eyJ") && text.split('.').count() == 3 {
                "<token>"
            } else if text.starts_with("eyJ") {
                "<cursor>"
            } else if text.len() >= 43
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            {
                "<secret>"
            } else {
                return;
            };
            *text = kind.to_owned();
        }
        _ => {}
    }
}

fn uuid(text: &str) -> bool {
    kit::id::parse(text).is_ok()
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}

async fn every_sample_operation_answers_as_documented(kind: Kind) {
    let shop = Running::of(kind);
    let (nobody, tool) = (shop.nobody(), shop.tool());
    let (customer, admin) = (shop.demo("customer").await, shop.demo("admin").await);
    let mut samples = Samples { sent: BTreeSet::new() };

    // The published contract, in its own order.
    samples.send("users", &nobody, json!({})).await;
    samples.products(&nobody).await;
    let registered = samples.send("register-user", &nobody, json!({})).await;
    let arth = nobody.bearer(&text(&registered, "/data/registerUser/access_token"));
    let again = nobody.ask(&fs::read_to_string(folder().join("register-user.graphql")).unwrap()).await;
    assert_eq!(again.code(), "CONFLICT");
    let created = samples.send("create-product", &tool, json!({})).await;
    let chocolate = text(&created, "/data/createProduct/_id");
    let placed = samples.send_filled("place-order", &arth, json!({}), &chocolate).await;
    assert_eq!(text(&placed, "/data/placeOrder/products/0/_id"), chocolate);

    // People.
    let login = samples.send("login", &nobody, json!({})).await;
    let token = text(&login, "/data/login/refresh_token");
    samples.send("refresh-token", &nobody, json!({ "token": token })).await;
    samples.send("me", &customer, json!({})).await;

    // What is offered.
    samples.send("shop", &nobody, json!({})).await;
    samples.send("categories", &nobody, json!({})).await;
    samples.send("products-page", &nobody, json!({})).await;
    let first = samples.send("products-next-page", &nobody, json!({})).await;
    let after = text(&first, "/data/productsConnection/pageInfo/endCursor");
    let query = fs::read_to_string(folder().join("products-next-page.graphql")).unwrap();
    let second = nobody.send(&query, json!({ "after": after })).await;
    assert_eq!(second.data()["productsConnection"]["pageInfo"]["hasPreviousPage"], true);
    assert_ne!(second.data()["productsConnection"]["edges"], first["data"]["productsConnection"]["edges"]);
    samples.send("search", &nobody, json!({})).await;
    let product = samples.send("product", &nobody, json!({})).await;
    assert_eq!(product["data"]["productBySlug"]["quantity"], 140);

    // An order's life.
    let tea = shop.product("A sample tea", 40).await;
    let once = json!({ "product": tea, "key": "0198f0a0-sample" });
    let order = samples.send("place-order-once", &customer, once).await;
    let order = json!({ "id": text(&order, "/data/placeOrder/_id") });
    samples.send("order", &customer, order.clone()).await;
    samples.send("orders-page", &customer, json!({})).await;
    samples.send("advance-order", &admin, order).await;
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { _id } }";
    let second = customer.send(query, json!({ "id": tea })).await;
    let second = json!({ "id": second.data()["placeOrder"]["_id"] });
    samples.send("cancel-order", &customer, second).await;
    samples.send("out-of-stock", &customer, json!({ "product": tea })).await;

    // Stock.
    let biscuits = json!({ "product": shop.product("A sample biscuit", 10).await, "expected": 10 });
    samples.send("adjust-stock", &admin, biscuits.clone()).await;
    samples.send("restock", &admin, json!({ "product": biscuits["product"] })).await;
    samples.send("stock-movements", &admin, json!({ "product": biscuits["product"] })).await;
    samples.send("low-stock", &admin, json!({})).await;

    // Products.
    samples.send("update-product", &admin, json!({ "id": chocolate })).await;
    samples.send("archive-product", &admin, json!({ "id": chocolate })).await;
    samples.end();
}

on_both_shops![every_sample_operation_answers_as_documented,];
