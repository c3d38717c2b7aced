//! `ordersConnection`.

use serde_json::{Value, json};

use crate::shop::{Shop, Shopper};

async fn page(shopper: &Shopper, variables: Value) -> kit::testing::Answer {
    let query = "query Page($filter: OrderFilter, $first: Int, $after: String) { \
                 ordersConnection(filter: $filter, first: $first, after: $after) { \
                 totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { _id status } } nodes { _id } } }";
    shopper.client.send(query, variables).await
}

fn ids(answer: &kit::testing::Answer) -> Vec<String> {
    let nodes = answer.data()["ordersConnection"]["nodes"].as_array().unwrap();
    nodes.iter().map(|order| order["_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_stay_where_they_are_when_new_orders_come() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 100);
    let (ann, bob) = (shop.customer("ann"), shop.customer("bob"));
    let mut mine = Vec::new();
    for n in 0..7 {
        mine.push(ann.buys(&[(&milk, 1)]).await);
        bob.buys(&[(&milk, 1)]).await;
        if n % 2 == 0 {
            shop.pass(chrono::TimeDelta::seconds(1));
        }
    }
    mine.reverse();
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = page(&ann, json!({ "first": 3, "after": after })).await;
        seen.extend(ids(&answer));
        let info = answer.data()["ordersConnection"]["pageInfo"].clone();
        assert_eq!(info["hasPreviousPage"], !after.is_null());
        ann.buys(&[(&milk, 1)]).await;
        if info["hasNextPage"] == false {
            break;
        }
        after = info["endCursor"].clone();
    }
    assert_eq!(seen, mine);
    let total = page(&ann, json!({})).await.data()["ordersConnection"]["totalCount"].clone();
    assert_eq!(total, 10);
}

#[tokio::test]
async fn filters_by_status() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 100);
    let (ann, bob) = (shop.customer("ann"), shop.customer("bob"));
    let (kept, cancelled) = (ann.buys(&[(&milk, 1)]).await, ann.buys(&[(&milk, 1)]).await);
    let other = bob.buys(&[(&milk, 1)]).await;
    for (who, id) in [(&ann, &cancelled), (&bob, &other)] {
        who.cancel(id, None).await.data();
    }
    let only = |status: &str| json!({ "filter": { "status": status } });
    assert_eq!(ids(&page(&ann, only("CANCELLED")).await), std::slice::from_ref(&cancelled));
    assert_eq!(ids(&page(&ann, only("CONFIRMED")).await), [kept]);
    assert!(ids(&page(&ann, only("SHIPPED")).await).is_empty());
    let all = page(&shop.admin(), only("CANCELLED")).await;
    assert_eq!(ids(&all), [other, cancelled]);
    assert_eq!(all.data()["ordersConnection"]["totalCount"], 2);
}

#[tokio::test]
async fn staff_filter_by_user_and_nobody_else_does() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 100);
    let (ann, bob, boss) = (shop.customer("ann"), shop.customer("bob"), shop.admin());
    let (first, second) = (ann.buys(&[(&milk, 1)]).await, bob.buys(&[(&milk, 1)]).await);
    ann.cancel(&first, None).await.data();
    let of = |who: &Shopper| json!({ "filter": { "userId": who.id() } });
    assert_eq!(ids(&page(&boss, of(&ann)).await), std::slice::from_ref(&first));
    assert_eq!(ids(&page(&boss, of(&bob)).await), [second]);
    assert_eq!(ids(&page(&ann, of(&ann)).await), std::slice::from_ref(&first));
    let both = json!({ "filter": { "userId": ann.id(), "status": "CANCELLED" } });
    assert_eq!(ids(&page(&boss, both).await), [first]);
    let foreign = page(&bob, of(&ann)).await;
    assert_eq!(foreign.code(), "FORBIDDEN");
    assert_eq!(foreign.body["data"], json!({ "ordersConnection": null }));
}

#[tokio::test]
async fn names_what_is_wrong_with_the_arguments() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 100);
    let ann = shop.customer("ann");
    ann.buys(&[(&milk, 1)]).await;
    for first in [0, -1, 101] {
        let answer = page(&ann, json!({ "first": first })).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["first"]));
    }
    let answer = page(&ann, json!({ "filter": { "userId": "x" } })).await;
    assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["filter.userId"]));
    let good = page(&ann, json!({})).await.data()["ordersConnection"]["pageInfo"]["endCursor"].clone();
    let other_list = json!({ "after": good, "filter": { "status": "CONFIRMED" } });
    for variables in [json!({ "after": "x" }), json!({ "after": "" }), other_list] {
        let answer = page(&ann, variables).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", vec!["after"]));
    }
}
