//! `placeOrder` where everybody does their part.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::shop::{Shop, id_of, statuses};

#[tokio::test]
async fn reserves_the_stock_and_answers_with_a_sale() {
    let shop = Shop::start().await;
    let (milk, bread) = (shop.product("milk", 129, 10), shop.product("bread", 250, 10));
    let ann = shop.customer("ann");
    let answer = ann.place(&[(&milk, 2), (&bread, 1)]).await;
    let placed = &answer.data()["placeOrder"];
    let now = shop.world.clock().now();
    let at = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!(at(&placed["placedAt"]), now);
    assert_eq!(placed["userId"], ann.id());
    assert_eq!(placed["status"], "CONFIRMED");
    assert_eq!(placed["total"], 508);
    assert_eq!(
        placed["products"],
        json!([
            { "_id": milk, "name": "milk", "quantity": 2, "unitPrice": 129, "lineTotal": 258 },
            { "_id": bread, "name": "bread", "quantity": 1, "unitPrice": 250, "lineTotal": 250 },
        ])
    );
    assert_eq!(statuses(placed), ["PENDING", "CONFIRMED"]);
    assert_eq!(
        placed["history"][0]["by"],
        json!({ "kind": "CUSTOMER", "userId": ann.id(), "service": null })
    );
    assert_eq!(placed["history"][1]["by"], json!({ "kind": "SERVICE", "userId": null, "service": "order" }));

    let offers = shop.catalog.calls();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].variables, json!({ "ids": [milk, bread] }));
    let reserved = shop.inventory.calls("reserveStock");
    assert_eq!(reserved.len(), 1);
    assert_eq!(reserved[0]["order"], placed["_id"]);
    assert_eq!(
        reserved[0]["lines"],
        json!([{ "product": milk, "quantity": 2 }, { "product": bread, "quantity": 1 }])
    );
    let expires = at(&reserved[0]["expiresAt"]);
    assert!(expires > now + TimeDelta::minutes(1), "a hold that expires before its order is decided");
    assert!(shop.inventory.calls("releaseStock").is_empty());
    assert_eq!((shop.inventory.available(&milk), shop.inventory.available(&bread)), (8, 9));
}

#[tokio::test]
async fn makes_one_line_of_two_for_the_same_product() {
    let shop = Shop::start().await;
    let (milk, bread) = (shop.product("milk", 100, 10), shop.product("bread", 200, 10));
    let answer = shop.customer("ann").place(&[(&milk, 2), (&bread, 1), (&milk, 3)]).await;
    let placed = &answer.data()["placeOrder"];
    assert_eq!(placed["total"], 700);
    let lines: Vec<_> =
        placed["products"].as_array().unwrap().iter().map(|line| line["quantity"].clone()).collect();
    assert_eq!(lines, [5, 1]);
    assert_eq!(shop.inventory.calls("reserveStock")[0]["lines"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn takes_a_hundred_lines() {
    let shop = Shop::start().await;
    let products: Vec<_> = (0..100).map(|n| shop.product(&format!("product {n}"), n, 1)).collect();
    let lines: Vec<_> = products.iter().map(|id| (id.as_str(), 1)).collect();
    let answer = shop.customer("ann").place(&lines).await;
    assert_eq!(answer.data()["placeOrder"]["products"].as_array().unwrap().len(), 100);
    assert_eq!(answer.data()["placeOrder"]["total"], (0..100).sum::<i64>());
}

#[tokio::test]
async fn keeps_name_and_price_as_they_were() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 100, 10);
    let ann = shop.customer("ann");
    let id = ann.buys(&[(&milk, 2)]).await;
    shop.catalog.offer(&milk, "oat milk", 999);
    let before = shop.order(&id).await;
    shop.catalog.withdraw(&milk);
    let after = shop.order(&id).await;
    assert_eq!(before, after);
    assert_eq!(after["total"], 200);
    assert_eq!(after["products"][0]["name"], "milk");
    assert_eq!(after["products"][0]["unitPrice"], 100);
}

#[tokio::test]
async fn answers_a_refusal_with_all_shortages() {
    let shop = Shop::start().await;
    let (milk, bread, eggs) =
        (shop.product("milk", 1, 1), shop.product("bread", 1, 5), shop.product("eggs", 1, 0));
    let ann = shop.customer("ann");
    let answer = ann.place(&[(&milk, 2), (&bread, 5), (&eggs, 3)]).await;
    assert_eq!(answer.code(), "OUT_OF_STOCK");
    let mut shortages = answer.error()["extensions"]["shortages"].as_array().unwrap().clone();
    shortages.sort_by_key(|short| short["requested"].as_i64());
    assert_eq!(
        shortages,
        [
            json!({ "_id": milk, "requested": 2, "available": 1 }),
            json!({ "_id": eggs, "requested": 3, "available": 0 }),
        ]
    );
    assert!(shop.inventory.held().is_empty());
    let order = shop.only_order().await;
    assert_eq!(statuses(&order), ["PENDING", "REJECTED"]);
    let reason = order["history"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("milk (2 asked for, 1 there)"), "{reason}");
    assert_eq!(ann.order(order["_id"].as_str().unwrap()).await.data()["order"]["status"], "REJECTED");
}

#[tokio::test]
async fn writes_twice_for_each_order() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 1_000);
    let ann = shop.customer("ann");
    let before = shop.stats().writes;
    for _ in 0..20 {
        ann.buys(&[(&milk, 1)]).await;
    }
    shop.world.host().settled().await;
    let writes = shop.stats().writes - before;
    // Two of its own, and at most one for each time that its events have left.
    assert!((40..=80).contains(&writes), "{writes} writes for 20 orders");
}

#[tokio::test]
async fn finishes_the_order_of_a_shopper_who_goes_away() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let (open, gated) = crate::fakes::Mode::gated();
    shop.inventory.reserving(gated);
    let request = tokio::spawn({
        let (ann, milk) = (ann.clone(), milk.clone());
        async move { ann.place(&[(&milk, 1)]).await }
    });
    let id = shop.reserving().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    open.send(true).unwrap();
    shop.until(&id, "CONFIRMED").await;
}

#[tokio::test]
async fn two_orders_without_a_key_are_two_orders() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let (first, second) = (ann.place(&[(&milk, 1)]).await, ann.place(&[(&milk, 1)]).await);
    assert_ne!(id_of(&first), id_of(&second));
    assert_eq!(shop.inventory.available(&milk), 8);
}

#[tokio::test]
async fn one_refusal_leaves_the_other_fields_of_a_request_alone() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let place = |quantity: i64| {
        format!("placeOrder(products: [{{ _id: \"{milk}\", quantity: {quantity} }}]) {{ total }}")
    };
    let answer =
        ann.client.ask(&format!("mutation {{ a: {} b: {} c: {} }}", place(1), place(11), place(2))).await;
    assert_eq!(answer.code(), "OUT_OF_STOCK");
    assert_eq!(answer.error()["path"], json!(["b"]));
    assert_eq!(answer.body["data"], json!({ "a": { "total": 5 }, "b": null, "c": { "total": 10 } }));
}
