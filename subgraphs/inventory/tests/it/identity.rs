use inventory::{OrderId, ProductId};
use kit::{identity::Role, testing::TestClient};
use serde_json::{Value, json};

use crate::shop::{CREATE, RESERVE, Shop};

/// Everybody who may call: a name and a client.
fn everybody(shop: &Shop) -> Vec<(&'static str, TestClient)> {
    let person = |role| shop.nobody.as_person(&shop.world.person("somebody", role));
    let service = |from, scope| shop.nobody.bearer(&shop.world.service_token(from, "inventory", scope));
    vec![
        ("nobody", shop.nobody.clone()),
        ("customer", person(Role::Customer)),
        ("seller", person(Role::Seller)),
        ("admin", person(Role::Admin)),
        ("catalog", service("catalog", CREATE)),
        ("order", service("order", RESERVE)),
        // Scopes that inventory does not trust these services with.
        ("order as catalog", service("order", CREATE)),
        ("catalog as order", service("catalog", RESERVE)),
        ("stranger", service("auth", CREATE)),
        ("other audience", shop.nobody.bearer(&shop.world.service_token("catalog", "order", CREATE))),
        ("api key", shop.nobody.with_api_key()),
        ("forger", shop.nobody.bearer("nonsense")),
    ]
}

/// Each root field with what it is asked, and who may.
fn fields(product: ProductId) -> Vec<(&'static str, String, Value, &'static [&'static str])> {
    let (id, order) = (product.to_string(), OrderId::new().to_string());
    let until = chrono::Utc::now() + chrono::TimeDelta::minutes(10);
    vec![
        ("adjustStock", "mutation($i: AdjustStockInput!) { adjustStock(input: $i) { available } }".to_owned(),
            json!({ "i": { "product": id, "expected": 100, "quantity": 100, "reason": "counted" } }), &["admin"]),
        ("restock", "mutation($p: ID!) { restock(input: { product: $p, quantity: 1, idempotencyKey: \"k\" }) { available } }".to_owned(),
            json!({ "p": id }), &["admin"]),
        ("stockMovements", "{ stockMovements { totalCount } }".to_owned(), json!({}), &["admin"]),
        ("lowStock", "{ lowStock { totalCount } }".to_owned(), json!({}), &["admin"]),
        ("createStock", "mutation($p: ID!) { createStock(product: $p, quantity: 0) }".to_owned(),
            json!({ "p": ProductId::new().to_string() }), &["catalog"]),
        ("discardStock", "mutation($p: ID!) { discardStock(product: $p) }".to_owned(),
            json!({ "p": ProductId::new().to_string() }), &["catalog"]),
        ("reserveStock", "mutation($o: ID!, $p: ID!, $e: DateTime!) {
            reserveStock(order: $o, lines: [{ product: $p, quantity: 1 }], expiresAt: $e) }".to_owned(),
            json!({ "o": order, "p": id, "e": until }), &["order"]),
        ("commitStock", "mutation($o: ID!, $p: [ID!]!) { commitStock(order: $o, products: $p) }".to_owned(),
            json!({ "o": order, "p": [id] }), &["order"]),
        ("releaseStock", "mutation($o: ID!, $p: [ID!]!) { releaseStock(order: $o, products: $p) }".to_owned(),
            json!({ "o": order, "p": [id] }), &["order"]),
    ]
}

#[tokio::test]
async fn each_field_admits_whom_it_is_for_and_nobody_else() {
    let shop = Shop::open().await;
    let product = shop.product(100).await;
    for (field, query, variables, admitted) in fields(product) {
        for (who, client) in everybody(&shop) {
            let answer = client.send(&query, variables.clone()).await;
            if admitted.contains(&who) {
                assert!(answer.body.get("errors").is_none(), "{field} refuses {who}: {}", answer.body);
                continue;
            }
            let code = answer.code();
            let expected = match who {
                "nobody" => "UNAUTHENTICATED",
                "customer" | "seller" | "admin" | "catalog" | "order" => "FORBIDDEN",
                // A credential that does not hold here is none, whatever else it says.
                _ if ["UNAUTHENTICATED", "FORBIDDEN"].contains(&code) => continue,
                _ => "a refusal",
            };
            assert_eq!(code, expected, "{field} as {who}: {}", answer.body);
        }
    }
    let account = shop.account(product).await;
    assert_eq!(account.received, 101, "somebody who may not has changed something");
}

#[tokio::test]
async fn anybody_may_see_how_many_can_be_sold() {
    let shop = Shop::open().await;
    let product = shop.product(3).await;
    assert_eq!(shop.quantity(product).await, 3);
}

#[test]
fn every_root_field_is_in_the_matrix() {
    let mut covered: Vec<_> = fields(ProductId::new()).into_iter().map(|(field, ..)| field).collect();
    covered.sort_unstable();
    let sdl = inventory::sdl();
    let mut found = Vec::new();
    for root in ["type Query {", "type Mutation {"] {
        let fields = sdl.split(root).nth(1).unwrap().split("\n}").next().unwrap();
        // A field stands one tab in, and its arguments begin behind it.
        let names = fields.lines().filter_map(|line| line.strip_prefix('\t')?.strip_suffix('('));
        found.extend(names.filter(|name| name.chars().all(|c| c.is_ascii_alphabetic())));
    }
    found.sort_unstable();
    assert_eq!(found, covered);
}
