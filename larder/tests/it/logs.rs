//! What is logged: lines of JSON that name their request and trace, and nothing that a shopper has trusted the shop with.

use serde_json::{Value, json};

use crate::running::{Kind, Running, on_both_shops};

on_both_shops!(logs_name_the_request_and_tell_no_secret);

const NAME: &str = "Zwetschgenkuchen";
const PASSWORD: &str = "plums-and-cinnamon-77";
const WRONG: &str = "pears-and-cinnamon-78";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn logs_name_the_request_and_tell_no_secret(kind: Kind) {
    let environment = [("LARDER_LOG", "json"), ("RUST_LOG", "info")];
    let shop = Running::stocked_in(kind, &environment, &["--no-rate-limits"]);
    let nobody = shop.nobody();
    let tokens = "mutation($n: String!, $p: String!) { registerUser(input: { username: $n, password: $p }) { access_token refresh_token } }";
    let registered = nobody.send(tokens, json!({ "n": NAME, "p": PASSWORD })).await;
    let registered = &registered.data()["registerUser"];
    let (access, refresh) =
        (registered["access_token"].as_str().unwrap(), registered["refresh_token"].as_str().unwrap());
    // Values in the document as well as in variables; right, wrong and malformed ones.
    let login = |password: &str| {
        format!(
            "mutation {{ login(input: {{ username: \"{NAME}\", password: \"{password}\" }}) {{ access_token }} }}"
        )
    };
    assert!(nobody.ask(&login(PASSWORD)).await.data()["login"]["access_token"].is_string());
    assert_eq!(nobody.ask(&login(WRONG)).await.code(), "UNAUTHENTICATED");
    nobody.ask(&format!("mutation {{ login(input: {{ username: \"{NAME}\", pass: \"{WRONG}\" }}) }}")).await;
    nobody.ask(&format!("mutation {{ login(input: {{ username: \"{NAME}\", password: \"{WRONG}")).await;
    nobody.bearer(&format!("{access}x")).ask("{ me { username } }").await;
    let renew = "mutation($t: String!) { refreshToken(refresh_token: $t) { refresh_token } }";
    let renewed = nobody.send(renew, json!({ "t": refresh })).await;
    let next = renewed.data()["refreshToken"]["refresh_token"].as_str().unwrap().to_owned();
    // Used twice, which ends the session.
    assert_eq!(nobody.send(renew, json!({ "t": refresh })).await.code(), "UNAUTHENTICATED");

    let product = shop.product("Plums", 1).await;
    let shopper = nobody
        .bearer(access)
        .header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .header("x-request-id", "the-order-of-the-plums");
    let buy = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 2 }]) { _id } }";
    assert_eq!(shopper.send(buy, json!({ "id": product })).await.code(), "OUT_OF_STOCK");

    // Both services that had to do with it, each in its own process or not.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    for service in ["order", "inventory"] {
        let line = loop {
            let logged = shop.logged();
            let lines = logged.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let its = |line: &Value| {
                line["span"]["request_id"] == "the-order-of-the-plums"
                    && line["span"]["subgraph"] == service
                    && line["fields"]["codes"].is_string()
            };
            if let Some(line) = lines.into_iter().find(its) {
                break line;
            }
            assert!(std::time::Instant::now() < deadline, "no line of {service} about it: {logged}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
        assert!(line["fields"]["codes"].as_str().unwrap().contains("OUT_OF_STOCK"), "{line}");
    }

    let logged = shop.logged();
    for line in logged.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not JSON: {line}");
    }
    let key = shop.api_secret();
    let demo = larder::seed::demo_password("admin");
    for secret in [NAME, PASSWORD, WRONG, access, refresh, &next, &key, &demo] {
        let told = logged.lines().find(|line| line.contains(secret) || line.contains(&secret.to_lowercase()));
        assert_eq!(told, None, "a log line tells {secret}");
    }
}
