//! Who may do what: each root field for each kind of caller.

use std::collections::BTreeSet;

use kit::testing::TestClient;

use crate::shop::{PASSWORD, Shop};

const OK: &str = "ok";
const SIGN_IN: &str = "UNAUTHENTICATED";
const NO: &str = "FORBIDDEN";

/// Root field, operation, and what it says to: nobody, another user, the user in question, an admin, a service.
const MATRIX: &[(&str, &str, [&str; 5])] = &[
    ("users", "{ users { _id username } }", [OK, OK, OK, OK, OK]),
    ("user", "{ user(id: \"$ANN\") { _id username } }", [OK, OK, OK, OK, OK]),
    ("me", "{ me { _id role } }", [SIGN_IN, OK, OK, OK, NO]),
    ("usersConnection", "{ usersConnection { totalCount nodes { _id role } } }", [SIGN_IN, NO, NO, OK, NO]),
    (
        "registerUser",
        "mutation { registerUser(input: { username: \"new$N\", password: \"$PASSWORD\" }) { user { _id } } }",
        [OK, OK, OK, OK, OK],
    ),
    (
        "login",
        "mutation { login(input: { username: \"ann\", password: \"$PASSWORD\" }) { user { _id } } }",
        [OK, OK, OK, OK, OK],
    ),
    (
        "refreshToken",
        "mutation { refreshToken(refresh_token: \"$TOKEN\") { access_token } }",
        [OK, OK, OK, OK, OK],
    ),
    ("logout", "mutation { logout(refresh_token: \"$TOKEN\") }", [OK, OK, OK, OK, OK]),
    ("setRole", "mutation { setRole(user: \"$ANN\", role: SELLER) { role } }", [SIGN_IN, NO, NO, OK, NO]),
    (
        "changePassword",
        "mutation { changePassword(current: \"$PASSWORD\", new: \"$PASSWORD\") { access_token } }",
        [SIGN_IN, OK, OK, OK, NO],
    ),
];

#[tokio::test]
async fn every_root_field_admits_whom_it_should() {
    let shop = Shop::start().await;
    let (ann, bob) = (shop.register("ann").await, shop.register("bob").await);
    let mut number = 0;
    for (field, operation, expected) in MATRIX {
        let service = shop.client.bearer(&shop.world.service_token("order", "auth", "any"));
        let admin = shop.as_user(&shop.admin().await);
        let callers: [TestClient; 5] =
            [shop.client.clone(), shop.as_user(&bob), shop.as_user(&ann), admin, service];
        for (caller, expected) in callers.iter().zip(expected) {
            number += 1;
            let operation = operation
                .replace("$ANN", &ann.id)
                .replace("$PASSWORD", PASSWORD)
                .replace("$TOKEN", &shop.login("ann").await.refresh)
                .replace("$N", &number.to_string());
            let answer = caller.ask(&operation).await;
            let said = if answer.body.get("errors").is_some() { answer.code() } else { OK };
            assert_eq!(said, *expected, "{field}, caller {number}: {}", answer.body);
        }
    }
}

#[test]
fn no_root_field_is_missing_from_the_matrix() {
    let sdl = auth::sdl();
    let mut declared = BTreeSet::new();
    for root in ["type Query {", "type Mutation {", "extend type Query {", "extend type Mutation {"] {
        let Some((_, rest)) = sdl.split_once(root) else { continue };
        let body = rest.split("\n}").next().unwrap();
        for line in body.lines().filter(|line| line.starts_with('\t') && !line.starts_with("\t\t")) {
            let name: String = line.trim().chars().take_while(char::is_ascii_alphanumeric).collect();
            if !name.is_empty() && line.contains(':') && !line.contains("\"\"\"") {
                declared.insert(name);
            }
        }
    }
    let listed: BTreeSet<_> = MATRIX.iter().map(|(field, ..)| (*field).to_owned()).collect();
    assert_eq!(declared, listed);
}
