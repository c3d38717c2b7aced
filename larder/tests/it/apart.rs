//! Who asks the same at the same time as somebody else gets their own answer.

use kit::testing::TestClient;
use serde_json::{Value, json};

use crate::running::{Kind, Running, on_both_shops};

/// How often everybody asks at once. An answer that went astray in one request of a hundred would be found almost surely.
const ROUNDS: usize = 150;

/// What each answer must be for whoever asked: their id stands wherever one stands, or nowhere.
const MINE: [&str; 3] = [
    "{ me { _id username role } }",
    "{ me { _id } orders(first: 5) { userId user { username role } } products(first: 3) { name quantity } }",
    "query Both($first: Int) { ordersConnection(first: $first) { nodes { userId } } me { username _id } }",
];

/// What is the same for everybody, and cached.
const EVERYBODYS: &str = "{ products(first: 3) { name quantity } }";

struct Shopper {
    client: TestClient,
    id: String,
    name: String,
}

async fn shopper(shop: &Running, name: &str, product: &str) -> Shopper {
    let register = "mutation($n: String!) { registerUser(input: { username: $n, password: \"a long password\" }) { access_token user { _id } } }";
    let answer = shop.nobody().send(register, json!({ "n": name })).await;
    let made = &answer.data()["registerUser"];
    let client = shop.nobody().bearer(made["access_token"].as_str().unwrap());
    let place = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { _id } }";
    client.send(place, json!({ "id": product })).await.data();
    Shopper { client, id: made["user"]["_id"].as_str().unwrap().to_owned(), name: name.to_owned() }
}

/// Whether nothing in an answer is of anybody but this shopper.
fn is_theirs(answer: &Value, shopper: &Shopper) -> bool {
    let orders = answer["orders"].as_array().or(answer["ordersConnection"]["nodes"].as_array());
    let mut own = orders.into_iter().flatten();
    answer["me"]["_id"] == shopper.id.as_str()
        && answer["me"]["username"].as_str().is_none_or(|name| name == shopper.name)
        && orders.is_none_or(|orders| orders.len() == 1)
        && own.all(|order| {
            order["userId"] == shopper.id.as_str()
                && order["user"]["username"].as_str().is_none_or(|name| name == shopper.name)
        })
}

/// One round: everybody asks the same at once, and somebody without a token too.
async fn at_once(shop: &Running, shoppers: &[Shopper], query: &str) {
    let theirs = shoppers.iter().map(async |shopper| {
        let answer = shopper.client.send(query, json!({ "first": 5 })).await;
        assert!(is_theirs(answer.data(), shopper), "{} got {}", shopper.name, answer.body);
    });
    let nobody = shop.nobody();
    let nobodys = async {
        let answer = nobody.send(query, json!({ "first": 5 })).await;
        assert_eq!(answer.body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{}", answer.body);
        for shopper in shoppers {
            assert!(!answer.body.to_string().contains(&shopper.id), "{}", answer.body);
        }
    };
    futures::future::join(futures::future::join_all(theirs), nobodys).await;
}

async fn identical_questions_at_once_have_answers_of_their_own(kind: Kind) {
    let shop = Running::of(kind);
    let product = shop.product("Common tea", 1_000).await;
    let mut shoppers = Vec::new();
    for name in ["ann", "ben", "cat", "dan"] {
        shoppers.push(shopper(&shop, name, &product).await);
    }
    let restock = "mutation($id: ID!) { restock(input: { product: $id, quantity: 1 }) { available } }";
    let admin = shop.demo("admin").await;
    for round in 0..ROUNDS {
        // Cold and warm in turns: what everybody may have of an answer is cached, or was just made old.
        if round % 10 == 0 {
            admin.send(restock, json!({ "id": product })).await.data();
        } else if round % 10 == 5 {
            shop.nobody().ask(EVERYBODYS).await.data();
        }
        at_once(&shop, &shoppers, MINE[round % MINE.len()]).await;
    }
}

/// A cached answer is for everybody, and still for nobody whose token does not hold.
async fn a_warm_answer_is_not_given_for_a_token_that_does_not_hold(kind: Kind) {
    let shop = Running::of(kind);
    let token = shop.demo("customer").await.header_value("authorization").unwrap().to_owned();
    let bent = format!("{}AAAA", &token[..token.len() - 4]);
    for _ in 0..5 {
        let warm = shop.nobody().ask(EVERYBODYS).await;
        assert_eq!(warm.data()["products"].as_array().unwrap().len(), 3);
        let refused = shop.nobody().header("authorization", &bent).ask(EVERYBODYS).await;
        assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED"));
    }
}

on_both_shops![
    identical_questions_at_once_have_answers_of_their_own,
    a_warm_answer_is_not_given_for_a_token_that_does_not_hold,
];
