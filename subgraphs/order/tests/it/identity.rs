//! Who may do what: every root field × every kind of caller.

use kit::identity::Role;
use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn every_field_admits_exactly_who_may() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 1_000);
    let owner = shop.customer("ann");
    let callers = [
        ("nobody", shop.client.clone()),
        ("owner", owner.client.clone()),
        ("customer", shop.customer("bob").client),
        ("seller", shop.person("sam", Role::Seller).client),
        ("admin", shop.admin().client),
        ("inventory", shop.as_inventory()),
    ];
    let fields = [
        ("orders", "query F { orders { _id } }"),
        ("order", "query F($id: ID!) { order(id: $id) { _id } }"),
        ("ordersConnection", "query F { ordersConnection { totalCount } }"),
        (
            "placeOrder",
            "mutation F($products: [OrderProductInput]) { placeOrder(products: $products) { _id } }",
        ),
        ("cancelOrder", "mutation F($id: ID!) { cancelOrder(id: $id) { _id } }"),
        ("advanceOrder", "mutation F($id: ID!) { advanceOrder(id: $id, to: PACKED) { _id } }"),
        ("sagas", "query F { sagas { totalCount } }"),
        ("deadLetters", "query F { deadLetters { totalCount } }"),
        ("operations", "query F { operations { totalCount } }"),
        ("retrySaga", "mutation F($id: ID!) { retrySaga(id: $id) { step } }"),
        ("replayDeadLetter", "mutation F($id: ID!) { replayDeadLetter(group: \"test\", id: $id) }"),
        ("settleOrder", "mutation F($id: ID!) { settleOrder(id: $id) }"),
    ];
    let mut table = format!("{:<18}", "");
    for (caller, _) in &callers {
        table += &format!("{caller:<17}");
    }
    for (field, query) in fields {
        table += &format!("\n{field:<18}");
        for (_, client) in &callers {
            let id = owner.buys(&[(&milk, 1)]).await;
            let variables = json!({ "id": id, "products": [{ "_id": milk, "quantity": 1 }] });
            let answer = client.send(query, variables).await;
            let code = answer.body["errors"][0]["extensions"]["code"].as_str();
            table += &format!("{:<17}", code.unwrap_or("ok"));
        }
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test]
async fn a_wrong_token_is_refused_before_anything_is_done() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 5, 10);
    let ann = shop.customer("ann");
    let mutation =
        format!("mutation {{ placeOrder(products: [{{ _id: \"{milk}\", quantity: 1 }}]) {{ _id }} }}");
    let expired = ann.clone();
    for token in ["x", "a.b.c", &format!("{}x", ann.person.token)] {
        let answer = shop.client.bearer(token).ask(&mutation).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", answer.body);
    }
    shop.pass(chrono::TimeDelta::hours(1));
    assert_eq!(expired.client.ask(&mutation).await.code(), "UNAUTHENTICATED");
    assert!(shop.ledger().await.is_empty());
}

#[tokio::test]
async fn a_services_token_for_something_else_settles_nothing() {
    let shop = Shop::start().await;
    let id = order::OrderId::new().to_string();
    let mutation = format!("mutation {{ settleOrder(id: \"{id}\") }}");
    let tokens = [
        shop.world.service_token("inventory", "order", "stock:reserve"),
        shop.world.service_token("inventory", "catalog", "order:settle"),
        shop.world.service_token("catalog", "order", "order:settle"),
    ];
    for token in tokens {
        let answer = shop.client.bearer(&token).ask(&mutation).await;
        assert!(["FORBIDDEN", "UNAUTHENTICATED"].contains(&answer.code()), "{}", answer.body);
    }
    assert!(shop.ledger().await.is_empty());
}
