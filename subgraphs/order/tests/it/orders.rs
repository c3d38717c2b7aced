//! `orders`.

use serde_json::{Value, json};

use crate::shop::{Shop, Shopper};

async fn ids(shopper: &Shopper, arguments: &str) -> Vec<String> {
    let answer = shopper.client.ask(&format!("{{ orders{arguments} {{ _id }} }}")).await;
    let orders = answer.data()["orders"].as_array().unwrap();
    orders.iter().map(|order| order["_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn shows_shoppers_their_own_the_newest_first_and_staff_all() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 100);
    let (ann, bob) = (shop.customer("ann"), shop.customer("bob"));
    let mut all = Vec::new();
    for shopper in [&ann, &bob, &ann, &ann] {
        all.push(shopper.buys(&[(&milk, 1)]).await);
        shop.pass(chrono::TimeDelta::seconds(1));
    }
    all.reverse();
    assert_eq!(ids(&ann, "").await, [all[0].clone(), all[1].clone(), all[3].clone()]);
    assert_eq!(ids(&bob, "").await, [all[2].clone()]);
    assert_eq!(ids(&shop.admin(), "").await, all);
    assert!(ids(&shop.customer("eve"), "").await.is_empty());
    assert_eq!(ids(&ann, "(first: 2)").await, all[..2]);
}

#[tokio::test]
async fn orders_of_one_moment_keep_their_order() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 100);
    let ann = shop.customer("ann");
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(ann.buys(&[(&milk, 1)]).await);
    }
    all.reverse();
    assert_eq!(ids(&ann, "").await, all);
}

#[tokio::test]
async fn shows_all_that_the_contract_asks_for() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 100);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 3)]).await;
    let answer = ann.client.ask("{ orders { _id userId products { _id quantity } } }").await;
    let order = json!({ "_id": id, "userId": ann.id(), "products": [{ "_id": milk, "quantity": 3 }] });
    assert_eq!(answer.data()["orders"], Value::from(vec![order]));
}

#[tokio::test]
async fn refuses_lengths_that_are_none() {
    let shop = Shop::start().await;
    for first in ["0", "-1", "251", "2147483647"] {
        let answer =
            shop.customer("ann").client.ask(&format!("{{ orders(first: {first}) {{ _id }} }}")).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["first"]));
    }
}
