//! Whoever changed the stock, and everybody after, reads the new number: the list cache never shows the old one.

use serde_json::json;

use crate::running::{Kind, Running, on_both_shops};

const LIST: &str = "{ products(first: 250) { _id quantity } }";

async fn listed(shop: &Running, id: &str) -> i64 {
    let answer = shop.nobody().ask(LIST).await;
    let products = answer.data()["products"].as_array().unwrap().clone();
    let product = products.iter().find(|product| product["_id"] == id);
    product.unwrap_or_else(|| panic!("{id} is not listed"))["quantity"].as_i64().unwrap()
}

async fn the_list_after_an_order_shows_what_is_left(kind: Kind) {
    let shop = Running::of(kind);
    let customer = shop.demo("customer").await;
    let milk = shop.product("Fresh milk", 30).await;
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { status } }";
    for left in (0..30).rev() {
        // Filled by this read, so that the next one could be stale.
        assert_eq!(listed(&shop, &milk).await, left + 1);
        assert_eq!(
            customer.send(query, json!({ "id": milk })).await.data()["placeOrder"]["status"],
            "CONFIRMED"
        );
        assert_eq!(listed(&shop, &milk).await, left);
    }
    let refused = customer.send(query, json!({ "id": milk })).await;
    assert_eq!(refused.code(), "OUT_OF_STOCK");
    assert_eq!(
        refused.error()["extensions"]["shortages"],
        json!([{ "_id": milk, "requested": 1, "available": 0 }])
    );
}

async fn the_list_after_a_change_shows_the_change(kind: Kind) {
    let shop = Running::of(kind);
    let admin = shop.demo("admin").await;
    let by_name =
        "{ productsConnection(filter: { text: \"quincewort\" }, first: 5) { nodes { name price } } }";
    assert_eq!(shop.nobody().ask(by_name).await.data()["productsConnection"]["nodes"], json!([]));
    let id = shop.product("Quincewort", 5).await;
    let nodes = |answer: kit::testing::Answer| answer.data()["productsConnection"]["nodes"].clone();
    assert_eq!(nodes(shop.nobody().ask(by_name).await), json!([{ "name": "Quincewort", "price": 250 }]));
    let update = "mutation($id: ID!) { updateProduct(id: $id, input: { price: 199 }) { price } }";
    admin.send(update, json!({ "id": id })).await.data();
    assert_eq!(nodes(shop.nobody().ask(by_name).await), json!([{ "name": "Quincewort", "price": 199 }]));
    admin.send("mutation($id: ID!) { archiveProduct(id: $id) { _id } }", json!({ "id": id })).await.data();
    assert_eq!(nodes(shop.nobody().ask(by_name).await), json!([]));
}

/// Many read while many buy: no read that began after an order was answered shows more than was left then.
async fn no_read_is_older_than_an_order_that_was_answered_before_it(kind: Kind) {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };
    const STOCK: i64 = 200;
    let shop = Arc::new(Running::of(kind));
    let customer = shop.demo("customer").await;
    let id = shop.product("Hot cakes", i32::try_from(STOCK).unwrap()).await;
    let answered = Arc::new(AtomicI64::new(0));
    let mut buyers = Vec::new();
    for _ in 0..8 {
        let (customer, id, answered) = (customer.clone(), id.clone(), answered.clone());
        buyers.push(tokio::spawn(async move {
            let query =
                "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { _id } }";
            for _ in 0..STOCK / 8 {
                customer.send(query, json!({ "id": id })).await.data();
                answered.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    let mut readers = Vec::new();
    for _ in 0..4 {
        let (shop, id, answered) = (shop.clone(), id.clone(), answered.clone());
        readers.push(tokio::spawn(async move {
            while answered.load(Ordering::SeqCst) < STOCK {
                let sold = answered.load(Ordering::SeqCst);
                let shown = listed(&shop, &id).await;
                assert!(shown <= STOCK - sold, "{shown} shown after {sold} of {STOCK} were sold");
            }
        }));
    }
    for task in buyers.into_iter().chain(readers) {
        task.await.unwrap();
    }
    assert_eq!(listed(&shop, &id).await, 0);
}

on_both_shops![
    the_list_after_an_order_shows_what_is_left,
    the_list_after_a_change_shows_the_change,
    no_read_is_older_than_an_order_that_was_answered_before_it,
];
