//! Rate limits: who is refused, when, and how long they are told to wait.

use std::{collections::BTreeMap, time::Duration};

use router::{RateLimits, Rule};
use serde_json::json;

use crate::support::{TestRouter, send};

async fn limited() -> TestRouter {
    TestRouter::with(|options| {
        let rule = Rule { burst: 3, per: Duration::from_secs(300) };
        options.rate_limits = RateLimits {
            fields: BTreeMap::from([("login".to_owned(), rule)]),
            anonymous_writes: Some(rule),
            reads: None,
        };
        options.trusted_proxies = 1;
    })
    .await
}

#[tokio::test]
async fn sign_ins_beyond_the_limit_are_refused_with_the_time_to_wait() {
    let router = limited().await;
    let login = "mutation { login(name: \"ann\") }";
    for _ in 0..3 {
        assert_eq!(router.ask(login).await.status, 200);
    }
    let reply = router.ask(login).await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "RATE_LIMITED"));
    let wait = reply.json()["errors"][0]["extensions"]["retryAfter"].as_u64().unwrap();
    assert!((1..=100).contains(&wait), "{wait}");
    assert_eq!(router.subgraphs.calls_of("auth").await, 3);
}

#[tokio::test]
async fn aliases_and_fragments_do_not_hide_attempts() {
    let router = limited().await;
    let many = "mutation { a: login(name: \"a\") ...M }
        fragment M on Mutation { b: login(name: \"b\") ... on Mutation { c: login(name: \"c\") d: login(name: \"d\") } }";
    assert_eq!(router.ask(many).await.code(), "RATE_LIMITED");
    assert_eq!(router.subgraphs.calls_of("auth").await, 0);
}

#[tokio::test]
async fn another_address_is_not_held_for_it_and_a_forged_one_is_no_other() {
    let router = limited().await;
    let login = |forwarded: &str| {
        send(
            router
                .post()
                .header("x-forwarded-for", forwarded)
                .body(json!({ "query": "mutation { login(name: \"ann\") }" }).to_string()),
        )
    };
    for n in 0..3 {
        assert_eq!(login(&format!("10.0.0.{n}, 198.51.100.1")).await.status, 200);
    }
    assert_eq!(login("10.0.0.9, 198.51.100.1").await.code(), "RATE_LIMITED");
    assert_eq!(login("198.51.100.2").await.status, 200);
}

#[tokio::test]
async fn anonymous_writes_are_limited_and_reads_are_not() {
    let router = limited().await;
    let write = "mutation { createProduct(name: \"x\") { _id } }";
    for _ in 0..3 {
        assert_eq!(router.ask(write).await.status, 200);
    }
    assert_eq!(router.ask(write).await.code(), "RATE_LIMITED");
    for _ in 0..10 {
        assert_eq!(router.ask("{ products { name } }").await.status, 200);
    }
}

#[tokio::test]
async fn a_limit_on_reads_counts_hits_too() {
    let router = TestRouter::with(|options| {
        options.rate_limits.reads = Some(Rule { burst: 5, per: Duration::from_secs(300) });
    })
    .await;
    for n in 1..=5 {
        assert_eq!(router.ask("{ products { name } }").await.status, 200, "read {n}");
        // Half of them are hits and half are not.
        if n % 2 == 0 {
            router.cache.raise(&["products".to_owned()]).await.unwrap();
        }
    }
    assert_eq!(router.ask("{ products { name } }").await.status, 429);
}
