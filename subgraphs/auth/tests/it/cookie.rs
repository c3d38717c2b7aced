//! The refresh token in a browser's cookie.

use serde_json::json;

use crate::shop::{PASSWORD, Shop};

const REFRESH: &str = "mutation { refreshToken { access_token user { username } } }";

/// What a browser keeps and sends of an answer's one cookie.
fn kept(answer: &kit::testing::Answer) -> String {
    assert_eq!(answer.cookies.len(), 1, "{answer:?}");
    answer.cookies[0].split(';').next().unwrap().to_owned()
}

async fn sign_in(shop: &Shop) -> kit::testing::Answer {
    let query = "mutation($input: LoginInput!) { login(input: $input) { access_token } }";
    let answer =
        shop.client.send(query, json!({ "input": { "username": "ann", "password": PASSWORD } })).await;
    answer.data();
    answer
}

#[tokio::test]
async fn a_browser_that_does_not_ask_for_the_refresh_token_gets_it_where_no_script_and_no_other_site_can_read_it()
 {
    let shop = Shop::start().await;
    shop.register("ann").await;
    let answer = sign_in(&shop).await;
    for guard in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/graphql", "Max-Age=2592000"] {
        assert!(answer.cookies[0].contains(guard), "{guard}: {}", answer.cookies[0]);
    }
    assert!(!answer.body.to_string().contains(kept(&answer).split('=').nth(1).unwrap()));
}

#[tokio::test]
async fn a_client_that_asks_for_the_refresh_token_gets_no_cookie() {
    let shop = Shop::start().await;
    let registered = shop.try_register("ann", PASSWORD).await;
    let signed_in = shop.try_login("ann", PASSWORD).await;
    let token = signed_in.data()["login"]["refresh_token"].as_str().unwrap();
    let refreshed = shop.refresh(token).await;
    refreshed.data();
    assert_eq!([registered.cookies.len(), signed_in.cookies.len(), refreshed.cookies.len()], [0; 3]);
}

#[tokio::test]
async fn the_cookie_renews_once_and_its_successor_goes_on() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    let first = kept(&sign_in(&shop).await);
    let renewed = shop.client.header("cookie", &format!("other=1; {first}")).ask(REFRESH).await;
    assert_eq!(renewed.data()["refreshToken"]["user"]["username"], "ann");
    let second = kept(&renewed);
    assert_ne!(first, second);
    shop.client.header("cookie", &second).ask(REFRESH).await.data();
    let reused = shop.client.header("cookie", &first).ask(REFRESH).await;
    assert_eq!(reused.code(), "UNAUTHENTICATED");
    assert!(reused.cookies[0].contains("Max-Age=0"), "what does not hold is taken back: {reused:?}");
}

#[tokio::test]
async fn signing_out_ends_the_sign_in_and_takes_the_cookie_back() {
    let shop = Shop::start().await;
    shop.register("ann").await;
    let cookie = kept(&sign_in(&shop).await);
    let browser = shop.client.header("cookie", &cookie);
    let out = browser.ask("mutation { logout }").await;
    assert_eq!(out.data()["logout"], true);
    assert!(out.cookies[0].contains("Max-Age=0"), "{out:?}");
    assert_eq!(browser.ask(REFRESH).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn without_token_and_cookie_there_is_nobody_to_renew_and_nothing_to_end() {
    let shop = Shop::start().await;
    assert_eq!(shop.client.ask(REFRESH).await.code(), "UNAUTHENTICATED");
    assert_eq!(shop.client.ask("mutation { logout }").await.data()["logout"], false);
}
