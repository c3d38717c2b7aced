//! Whatever cannot be is refused with a code and the field, does no work, and writes nothing.

use serde_json::{Value, json};

use crate::shop::{PASSWORD, Shop};

const REGISTER: &str = "mutation($input: RegisterUserInput) { registerUser(input: $input) { access_token } }";
const LOGIN: &str = "mutation($input: LoginInput!) { login(input: $input) { access_token } }";

struct Untouched {
    users: u64,
    sessions: u64,
    counts: auth::hashing::Counts,
}

async fn state(shop: &Shop) -> Untouched {
    Untouched {
        users: shop.user_count().await,
        sessions: shop.session_count().await,
        counts: shop.hasher.counts(),
    }
}

async fn assert_untouched(shop: &Shop, before: &Untouched) {
    let after = state(shop).await;
    assert_eq!((after.users, after.sessions, after.counts), (before.users, before.sessions, before.counts));
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let shop = Shop::start().await;
    let before = state(&shop).await;
    for name in [
        "",
        " ",
        "ab",
        "  ann",
        "ann ",
        "ann\n",
        "an n",
        "an\0n",
        "an\u{7f}n",
        "an\u{200b}n",
        "an\u{202e}n",
        "a@b",
        "<b>",
        "🍞🍞🍞",
        "...",
        "\u{430}nn",
        &"x".repeat(33),
        &"x".repeat(10_000),
        &"\u{301}".repeat(10_000),
    ] {
        for (operation, field) in [(REGISTER, "registerUser"), (LOGIN, "login")] {
            let input = json!({ "input": { "username": name, "password": PASSWORD } });
            let answer = shop.client.send(operation, input).await;
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{name:?}");
            assert_eq!(answer.fields(), ["input.username"]);
            assert_eq!(answer.body["data"][field], Value::Null);
        }
    }
    assert_untouched(&shop, &before).await;
}

#[tokio::test]
async fn passwords_that_cannot_be_are_refused_and_never_repeated() {
    let shop = Shop::start().await;
    let before = state(&shop).await;
    for password in ["", "1234567", "sieben7", &"secret".repeat(30), &"🍞".repeat(300)] {
        let answer = shop.try_register("ann", password).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), ["input.password"]);
        assert!(password.is_empty() || !answer.body.to_string().contains(password));
    }
    for password in ["", &"x".repeat(129), &"x".repeat(10_000)] {
        let answer = shop.try_login("ann", password).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), ["input.password"]);
    }
    assert_untouched(&shop, &before).await;
}

#[tokio::test]
async fn all_wrong_fields_are_named_at_once() {
    let shop = Shop::start().await;
    assert_eq!(shop.try_register("x", "short").await.fields(), ["input.username", "input.password"]);
    assert_eq!(shop.try_login("x", "").await.fields(), ["input.username", "input.password"]);
}

#[tokio::test]
async fn a_missing_input_is_named() {
    let shop = Shop::start().await;
    for operation in [
        "mutation { registerUser { access_token } }",
        "mutation { registerUser(input: null) { access_token } }",
    ] {
        let answer = shop.client.ask(operation).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT");
        assert_eq!(answer.fields(), ["input"]);
    }
    assert_eq!(shop.client.send(REGISTER, json!({})).await.fields(), ["input"]);
}

#[tokio::test]
async fn values_of_the_wrong_type_are_refused_and_not_repeated() {
    let shop = Shop::start().await;
    let before = state(&shop).await;
    for input in [
        json!("ann"),
        json!([]),
        json!({}),
        json!({ "username": "ann" }),
        json!({ "password": "hunter-hunter" }),
        json!({ "username": 7, "password": "hunter-hunter" }),
        json!({ "username": null, "password": "hunter-hunter" }),
        json!({ "username": ["ann"], "password": "hunter-hunter" }),
        json!({ "username": "ann", "password": 123_456_789 }),
        json!({ "username": "ann", "password": { "hunter-hunter": true } }),
        json!({ "username": "ann", "password": "hunter-hunter", "role": "ADMIN" }),
    ] {
        for operation in [REGISTER, LOGIN] {
            let answer = shop.client.send(operation, json!({ "input": input })).await;
            let code = answer.code();
            assert!(
                ["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"].contains(&code),
                "{input}: {}",
                answer.body
            );
            assert!(!answer.body.to_string().contains("hunter"), "{}", answer.body);
            assert!(!answer.body.to_string().contains("123456789"), "{}", answer.body);
        }
    }
    assert_untouched(&shop, &before).await;
}

#[tokio::test]
async fn a_name_is_no_way_into_anything() {
    let shop = Shop::start().await;
    for name in ["'; drop table users; --", "{\"$gt\": \"\"}", "../../etc/passwd", "admin'--"] {
        assert_eq!(shop.try_login(name, PASSWORD).await.code(), "BAD_USER_INPUT");
    }
    assert_eq!(shop.user_count().await, 1);
}
