//! An identity that is merely claimed is nobody's: headers, cookies and addresses that say who somebody is change no answer, neither at
//! the router nor straight at a subgraph.

use kit::testing::TestClient;

use crate::{
    access::{MUTATIONS, QUERIES},
    running::{Kind, Running, on_both_shops},
    straight::{self, SERVICES, operations, outcome, root_fields},
};

/// Where proxies and frameworks put who somebody is, and where a careless service would look. `@id` and `@token` are an admin's.
const CLAIMS: &[(&str, &str)] = &[
    ("x-user", "admin"),
    ("x-user-id", "@id"),
    ("x-user-role", "ADMIN"),
    ("x-username", "admin"),
    ("x-role", "ADMIN"),
    ("x-roles", "ADMIN"),
    ("x-scope", "stock:create stock:reserve order:settle catalog:offers"),
    ("x-service", "order"),
    ("x-authenticated-user", "@id"),
    ("x-auth-request-user", "admin"),
    ("x-forwarded-user", "admin"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-authorization", "Bearer @token"),
    ("x-original-authorization", "Bearer @token"),
    ("x-access-token", "@token"),
    ("x-jwt-claims", "{\"sub\":\"@id\",\"role\":\"ADMIN\"}"),
    ("x-larder-user", "@id"),
    ("x-larder-user-id", "@id"),
    ("x-larder-role", "ADMIN"),
    ("x-larder-caller", "@id"),
    ("x-larder-service", "order"),
    ("x-larder-scope", "stock:create stock:reserve order:settle catalog:offers"),
    ("x-larder-client-ip", "127.0.0.1"),
    ("proxy-authorization", "Bearer @token"),
    ("remote-user", "admin"),
    ("from", "admin"),
    ("cookie", "access_token=@token; token=@token; authorization=Bearer%20@token"),
];

/// The same caller who claims to be an admin in every way but by their token.
fn claiming(client: &TestClient, id: &str, token: &str) -> TestClient {
    let with_query = TestClient::new(&format!("{}?access_token={token}&user={id}", client.url()));
    let own = client.header_value("authorization").map(|own| with_query.header("authorization", own));
    CLAIMS.iter().fold(own.unwrap_or(with_query), |client, (name, value)| {
        client.header(name, &value.replace("@id", id).replace("@token", token))
    })
}

/// An admin's id and token.
async fn admin(shop: &Running) -> (String, String) {
    let admin = shop.demo("admin").await;
    let me = admin.ask("{ me { _id } }").await;
    let token = admin.header_value("authorization").unwrap().trim_start_matches("Bearer ").to_owned();
    (me.data()["me"]["_id"].as_str().unwrap().to_owned(), token)
}

async fn is_the_same(honest: &TestClient, liar: &TestClient, field: &str, operation: &str) {
    let (honest, liar) = (outcome(honest, operation).await, outcome(liar, operation).await);
    assert_eq!(liar, honest, "{field} believes what is merely claimed");
}

async fn the_graph_believes_no_claim(kind: Kind) {
    let shop = Running::of(kind);
    let (id, token) = admin(&shop).await;
    for honest in [shop.nobody(), shop.demo("customer").await] {
        let liar = claiming(&honest, &id, &token);
        for (field, operation) in QUERIES.iter().chain(MUTATIONS) {
            is_the_same(&honest, &liar, field, operation).await;
        }
        // Nor is more of a person shown to whoever claims to be them.
        let look = format!("{{ user(id: \"{id}\") {{ username role registeredAt }} }}");
        let seen = liar.ask(&look).await;
        assert!(seen.data()["user"]["role"].is_null(), "{}", seen.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_subgraph_believes_a_claim() {
    let shop = Running::of(Kind::Cluster);
    let (id, token) = admin(&shop).await;
    let customer = shop.demo("customer").await;
    let operations = operations();
    for service in SERVICES {
        let nobody = straight::subgraph(&shop, service.name);
        let customer = nobody.header("authorization", customer.header_value("authorization").unwrap());
        for honest in [nobody.clone(), customer] {
            let liar = claiming(&honest, &id, &token);
            for field in root_fields(&nobody).await {
                is_the_same(&honest, &liar, &field, operations[field.as_str()]).await;
            }
        }
    }
}

on_both_shops![the_graph_believes_no_claim];
