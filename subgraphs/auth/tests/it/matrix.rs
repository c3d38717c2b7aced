//! Who may do what: each root field for each kind of caller.

use std::collections::BTreeSet;

use kit::testing::TestClient;

use crate::shop::{PASSWORD, Shop};

const OK: &str = "ok";
const SIGN_IN: &str = "UNAUTHENTICATED";
const NO: &str = "FORBIDDEN";

/// Root field, operation, and what it says to: nobody, another user, the user in question, an admin, a service. No service calls this
/// one, so it trusts none, and the token of one is no better than a made-up one.
const MATRIX: &[(&str, &str, [&str; 5])] = &[
    ("users", "{ users { _id username } }", [OK, OK, OK, OK, SIGN_IN]),
    ("user", "{ user(id: \"$ANN\") { _id username } }", [OK, OK, OK, OK, SIGN_IN]),
    ("me", "{ me { _id role } }", [SIGN_IN, OK, OK, OK, SIGN_IN]),
    (
        "usersConnection",
        "{ usersConnection { totalCount nodes { _id role } } }",
        [SIGN_IN, NO, NO, OK, SIGN_IN],
    ),
    (
        "registerUser",
        "mutation { registerUser(input: { username: \"new$N\", password: \"$PASSWORD\" }) { user { _id } } }",
        [OK, OK, OK, OK, SIGN_IN],
    ),
    (
        "login",
        "mutation { login(input: { username: \"ann\", password: \"$PASSWORD\" }) { user { _id } } }",
        [OK, OK, OK, OK, SIGN_IN],
    ),
    (
        "refreshToken",
        "mutation { refreshToken(refresh_token: \"$TOKEN\") { access_token } }",
        [OK, OK, OK, OK, SIGN_IN],
    ),
    ("logout", "mutation { logout(refresh_token: \"$TOKEN\") }", [OK, OK, OK, OK, SIGN_IN]),
    (
        "setRole",
        "mutation { setRole(user: \"$ANN\", role: SELLER) { role } }",
        [SIGN_IN, NO, NO, OK, SIGN_IN],
    ),
    (
        "changePassword",
        "mutation { changePassword(current: \"$PASSWORD\", new: \"$PASSWORD\") { access_token } }",
        [SIGN_IN, OK, OK, OK, SIGN_IN],
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
    for root in ["\ntype Query {", "\ntype Mutation {"] {
        let (_, rest) = sdl.split_once(root).unwrap();
        let body = rest.split("\n}").next().unwrap();
        let mut described = false;
        for line in
            body.lines().filter_map(|line| line.strip_prefix('\t')).filter(|line| !line.starts_with('\t'))
        {
            if line == "\"\"\"" {
                described = !described;
            } else if !described {
                let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
                declared.extend((!name.is_empty()).then_some(name));
            }
        }
    }
    let listed: BTreeSet<_> = MATRIX.iter().map(|(field, ..)| (*field).to_owned()).collect();
    assert_eq!(declared, listed);
}
