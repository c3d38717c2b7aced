//! Documents that ask for too much are refused at the door, with their code: no service hears of them. How fast, and at what price in
//! memory, is measured by `bench`, case `documents`.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::{
    cluster::processes,
    running::{Kind, Running, on_both_shops},
};

fn operation(query: &str) -> String {
    json!({ "query": query }).to_string()
}

/// The documents, each with the code that refuses it.
fn documents() -> Vec<(&'static str, String, &'static str)> {
    let deep = format!("{{ categories {}{{ slug }}{} }}", "{ children ".repeat(50), " }".repeat(50));
    let aliases: String = (0..1_000).map(|n| format!("a{n}: shop {{ name }} ")).collect();
    let login = "login(input: { username: \"customer\", password: \"guess\" }) { access_token }";
    let logins: String = (0..100).map(|n| format!("a{n}: {login} ")).collect();
    let good = operation("{ shop { name } }");
    let first = |first: i64| json!({ "query": "query($n: Int) { products(first: $n) { name } }", "variables": { "n": first } });
    vec![
        ("depth 50", operation(&deep), "OPERATION_TOO_COMPLEX"),
        ("1,000 aliases", operation(&format!("{{ {aliases} }}")), "OPERATION_TOO_COMPLEX"),
        ("100 logins", operation(&format!("mutation {{ {logins} }}")), "OPERATION_TOO_COMPLEX"),
        (
            "10,000 tokens",
            operation(&format!("{{ shop {{ {} }} }}", "name ".repeat(10_000))),
            "OPERATION_TOO_COMPLEX",
        ),
        (
            "a body of 3 MB",
            operation(&format!("{{ shop {{ name }} }} #{}", "x".repeat(3 << 20))),
            "REQUEST_TOO_LARGE",
        ),
        (
            "circular fragments",
            operation(
                "{ shop { ...A } } fragment A on Shop { name ...B } fragment B on Shop { currency ...A }",
            ),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("first: 99999999", operation("{ products(first: 99999999) { name } }"), "BAD_USER_INPUT"),
        (
            "first: 99999999 further in",
            operation(
                "{ categories { slug ... on Category { products(first: 99999999) { nodes { name } } } } }",
            ),
            "BAD_USER_INPUT",
        ),
        ("$first: 99999999", first(99_999_999).to_string(), "BAD_USER_INPUT"),
        (
            "$first = 99999999",
            operation("query($n: Int = 99999999) { products(first: $n) { name } }"),
            "BAD_USER_INPUT",
        ),
        ("a batch of one", format!("[{good}]"), "BAD_REQUEST"),
        ("a batch of a thousand", format!("[{}]", vec![good; 1_000].join(",")), "BAD_REQUEST"),
    ]
}

/// Posts a body as it is, and reads what comes back while it is still being sent: of a body that is too long the shop does not wait
/// for the end.
fn post(shop: &Running, body: &str) -> Value {
    let host = shop.at("").trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&host).unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut writer = stream.try_clone().unwrap();
    let mut answer = Vec::new();
    std::thread::scope(|scope| {
        // It may be told to stop by a closed connection.
        scope.spawn(move || {
            writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(body.as_bytes()))
        });
        let _closed = stream.read_to_end(&mut answer);
    });
    let text = String::from_utf8_lossy(&answer);
    let (from, to) = (text.find('{').unwrap_or_default(), text.rfind('}').map_or(0, |at| at + 1));
    serde_json::from_str(&text[from..to.max(from)]).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// How many requests the services have answered, all together.
async fn asked(shop: &Running, kind: Kind) -> u64 {
    let bases = match kind {
        Kind::Standalone => vec![shop.at("")],
        Kind::Cluster => {
            let parts = processes(shop).into_iter().filter(|process| process.name != "redis");
            parts.map(|process| process.url).collect()
        }
    };
    let mut asked = 0;
    for base in bases {
        let text = reqwest::get(format!("{base}/metrics")).await.unwrap().text().await.unwrap();
        let counts = text.lines().filter(|line| line.starts_with("larder_subgraph_request_seconds_count"));
        asked += counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>();
    }
    asked
}

async fn too_much_is_refused_and_no_service_is_asked(kind: Kind) {
    let shop = Running::of(kind);
    let (good, before) = (operation("{ shop { name } }"), asked(&shop, kind).await);
    assert_eq!(post(&shop, &good)["data"]["shop"]["name"], "Larder");
    let before = {
        let after = asked(&shop, kind).await;
        assert_eq!(after, before + 1, "what is asked is counted");
        after
    };
    for (what, body, code) in documents() {
        let answer = post(&shop, &body);
        let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("{what}: {answer}"));
        assert!(errors.iter().all(|error| error["extensions"]["code"] == code), "{what}: {answer}");
        assert!(answer["data"].is_null(), "{what}: {answer}");
    }
    assert_eq!(asked(&shop, kind).await, before, "a service was asked");
    assert_eq!(post(&shop, &good)["data"]["shop"]["name"], "Larder");
}

on_both_shops![too_much_is_refused_and_no_service_is_asked];
