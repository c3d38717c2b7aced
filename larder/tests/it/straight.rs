//! Who may do what straight at each subgraph, past the router: every root field, also those that the graph does not show, and every entity,
//! asked by everybody. What the router lets through is in `access`.

use std::{collections::BTreeMap, fmt::Write};

use kit::{
    clock::Clock,
    identity::{ServiceTokens, UserId},
    service::Service,
    testing::TestClient,
};
use serde_json::{Value, json};

use crate::{
    access::{MUTATIONS, NOTHING, QUERIES},
    cluster::processes,
    running::{Kind, Running},
};

pub(crate) const SERVICES: [&Service; 4] =
    [&auth::SERVICE, &catalog::SERVICE, &inventory::SERVICE, &order::SERVICE];

/// How the fields are asked that only services may, by whoever may with values that are refused for what they are.
const INTERNAL: &[(&str, &str)] = &[
    ("_service", "{ _service { sdl } }"),
    ("offers", "{ offers(ids: [\"@\"]) { price } }"),
    ("createStock", "mutation { createStock(product: \"@\", quantity: -1) }"),
    ("discardStock", "mutation { discardStock(product: \"none\") }"),
    (
        "reserveStock",
        "mutation { reserveStock(order: \"@\", lines: [], expiresAt: \"2026-01-01T00:00:00Z\") }",
    ),
    ("commitStock", "mutation { commitStock(order: \"@\", products: []) }"),
    ("releaseStock", "mutation { releaseStock(order: \"@\", products: []) }"),
    ("settleOrder", "mutation { settleOrder(id: \"none\") }"),
];

/// What is asked of each entity: what anybody may see of it, and what not. A representation may say more than the key; it is not believed.
const ENTITIES: &[(&str, &str, &str)] = &[
    ("auth", "User", "username role"),
    ("catalog", "Product", "name price sellerId archivedAt"),
    ("inventory", "Product", "quantity stock { available }"),
];

/// Every operation on root fields that there is, by the name of its field.
pub(crate) fn operations() -> BTreeMap<&'static str, &'static str> {
    QUERIES.iter().chain(MUTATIONS).chain(INTERNAL).copied().collect()
}

/// The subgraph of this name, asked by nobody.
pub(crate) fn subgraph(shop: &Running, name: &str) -> TestClient {
    let process = processes(shop).into_iter().find(|process| process.name == name).unwrap();
    TestClient::new(&format!("{}/graphql", process.url))
}

/// A service's own token for another, with these scopes.
fn token(shop: &Running, from: &str, to: &str, scopes: &str) -> String {
    ServiceTokens::new(from, shop.ring(from, from), Clock::system()).token(to, scopes).unwrap()
}

/// Every scope that anybody is trusted with anywhere.
fn every_scope() -> String {
    let granted = SERVICES.iter().flat_map(|service| service.grants).flat_map(|(_, scopes)| *scopes);
    granted.copied().collect::<Vec<_>>().join(" ")
}

/// What the caller is answered with: `ok`, or the code.
pub(crate) async fn outcome(client: &TestClient, operation: &str) -> String {
    // An account that does not exist is locked as one that does.
    let id = UserId::new().to_string();
    let operation = operation.replace("nobody-here", &id[id.len() - 12..]).replace('@', NOTHING);
    let answer = client.ask(&operation).await;
    match answer.body["errors"].as_array() {
        None => "ok".to_owned(),
        Some(errors) => errors[0]["extensions"]["code"].as_str().expect("every error has a code").to_owned(),
    }
}

/// A line of a table: who got what, those together who got the same.
pub(crate) fn line(row: &str, outcomes: &[(String, String)]) -> String {
    let mut line = format!("{row:28}");
    let mut seen = Vec::new();
    for (_, outcome) in outcomes {
        if seen.contains(&outcome) {
            continue;
        }
        seen.push(outcome);
        let who: Vec<_> =
            outcomes.iter().filter(|(_, one)| one == outcome).map(|(caller, _)| caller.as_str()).collect();
        write!(line, " | {outcome}: {}", who.join(", ")).unwrap();
    }
    line
}

/// The root fields of a subgraph, those of `_entities` aside, which are many.
pub(crate) async fn root_fields(subgraph: &TestClient) -> Vec<String> {
    let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }";
    let answer = subgraph.ask(query).await;
    let schema = &answer.data()["__schema"];
    let fields = ["queryType", "mutationType"].into_iter().flat_map(|root| schema[root]["fields"].as_array());
    let names = fields.flatten().map(|field| field["name"].as_str().unwrap().to_owned());
    let mut names: Vec<_> = names.filter(|name| name != "_entities").collect();
    names.sort();
    names
}

/// The entities that a subgraph answers for, by its own description.
async fn entities(subgraph: &TestClient) -> Vec<String> {
    let answer = subgraph.ask("{ _service { sdl } }").await;
    let sdl = answer.data()["_service"]["sdl"].as_str().unwrap().to_owned();
    let keyed = sdl.lines().filter(|line| line.contains("@key(") && !line.contains("resolvable: false"));
    keyed.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

/// Everybody, at this subgraph: people, the API key, and each service with a token for this one that claims every scope there is.
async fn callers(shop: &Running, at: &'static str) -> Vec<(String, TestClient)> {
    let nobody = subgraph(shop, at);
    let mut callers = vec![("nobody".to_owned(), nobody.clone())];
    for name in ["customer", "seller", "admin"] {
        let person = shop.demo(name).await;
        callers.push((
            name.to_owned(),
            nobody.header("authorization", person.header_value("authorization").unwrap()),
        ));
    }
    callers.push(("api key".to_owned(), nobody.header("x-api-key", &shop.api_secret())));
    for service in SERVICES {
        let token = token(shop, service.name, at, &every_scope());
        callers.push((format!("service {}", service.name), nobody.bearer(&token)));
    }
    callers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_root_field_of_a_subgraph_admits_only_whom_it_should() {
    let shop = Running::of(Kind::Cluster);
    let mut parts: Vec<_> = larder::distributed::parts().into_iter().map(|part| part.name).collect();
    parts.retain(|name| name != "router");
    assert_eq!(parts, SERVICES.map(|service| service.name), "a service is not asked");
    let operations = operations();
    let mut table = String::new();
    for service in SERVICES {
        let callers = callers(&shop, service.name).await;
        for field in root_fields(&callers[0].1).await {
            let operation = operations.get(field.as_str());
            let operation = operation.unwrap_or_else(|| panic!("{} has no row for {field}", service.name));
            let mut outcomes = Vec::new();
            for (caller, client) in &callers {
                outcomes.push((caller.clone(), outcome(client, operation).await));
            }
            writeln!(table, "{}", line(&format!("{} {field}", service.name), &outcomes)).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// What a service is granted is what it can do with a token for just that, at that service and at no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_scope_opens_what_it_is_for_and_nothing_else() {
    let shop = Running::of(Kind::Cluster);
    let mut table = String::new();
    for service in SERVICES {
        let nobody = subgraph(&shop, service.name);
        for (from, scopes) in service.grants {
            for scope in *scopes {
                let client = nobody.bearer(&token(&shop, from, service.name, scope));
                let mut opened = Vec::new();
                for (field, operation) in INTERNAL {
                    let said = outcome(&client, operation).await;
                    if !["FORBIDDEN", "GRAPHQL_VALIDATION_FAILED"].contains(&said.as_str()) {
                        opened.push(*field);
                    }
                }
                writeln!(table, "{from} at {} with {scope}: {}", service.name, opened.join(", ")).unwrap();
                for elsewhere in SERVICES.iter().filter(|other| other.name != service.name) {
                    let client = nobody.bearer(&token(&shop, from, elsewhere.name, scope));
                    for (_, operation) in INTERNAL {
                        assert_eq!(outcome(&client, operation).await, "UNAUTHENTICATED", "{operation}");
                    }
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

/// The ids that the entities have whose rows are in [`ENTITIES`]: a customer, and a product of a seller that is no longer offered.
async fn keys(shop: &Running) -> BTreeMap<&'static str, String> {
    let id = |answer: &Value, field: &str| answer[field]["_id"].as_str().unwrap().to_owned();
    let me = shop.demo("customer").await.ask("{ me { _id } }").await;
    let seller = shop.demo("seller").await;
    let create = "mutation { createProduct(input: { name: \"Old tea\", price: 250, quantity: 7 }) { _id } }";
    let product = id(seller.ask(create).await.data(), "createProduct");
    let archive = "mutation($id: ID!) { archiveProduct(id: $id) { _id } }";
    seller.send(archive, json!({ "id": product })).await.data();
    BTreeMap::from([("User", id(me.data(), "me")), ("Product", product)])
}

/// What is shown of an entity: its fields, without values that differ from run to run.
async fn shown(client: &TestClient, typename: &str, fields: &str, id: &str) -> String {
    let query = format!(
        "query($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on {typename} {{ {fields} }} }} }}"
    );
    let forged =
        json!({ "__typename": typename, "_id": id, "role": "ADMIN", "username": "admin", "quantity": 999 });
    let unknown = json!({ "__typename": typename, "_id": NOTHING });
    let malformed = json!({ "__typename": typename, "_id": "' or 1=1 --" });
    let answer = client.send(&query, json!({ "r": [forged, unknown, malformed] })).await;
    if answer.body["errors"].is_array() {
        return answer.body["errors"][0]["extensions"]["code"].as_str().expect("a code").to_owned();
    }
    let mut entities = answer.data()["_entities"].as_array().unwrap().clone();
    assert_eq!(entities.split_off(1), [Value::Null, Value::Null], "{}", answer.body);
    for field in ["sellerId", "archivedAt"] {
        if entities[0][field].is_string() {
            entities[0][field] = json!("…");
        }
    }
    entities[0].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_shows_a_caller_no_more_than_the_graph_does() {
    let shop = Running::of(Kind::Cluster);
    let keys = keys(&shop).await;
    let mut table = String::new();
    let mut listed = Vec::new();
    for service in SERVICES {
        let callers = callers(&shop, service.name).await;
        for typename in entities(&callers[0].1).await {
            let row = ENTITIES.iter().find(|(at, name, _)| *at == service.name && *name == typename);
            let (_, _, fields) = row.unwrap_or_else(|| panic!("{} has no row for {typename}", service.name));
            let mut outcomes = Vec::new();
            for (caller, client) in &callers {
                outcomes
                    .push((caller.clone(), shown(client, &typename, fields, &keys[typename.as_str()]).await));
            }
            writeln!(table, "{}", line(&format!("{} {typename}", service.name), &outcomes)).unwrap();
            listed.push(typename);
        }
    }
    assert_eq!(listed.len(), ENTITIES.len(), "a row of an entity that is none");
    insta::assert_snapshot!(table);
}
