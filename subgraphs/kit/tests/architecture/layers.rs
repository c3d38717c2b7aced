//! What a layer may name, and how long a file may be.

use super::sources;

/// What the rules of the business may not name: they are pure.
const FRAMEWORKS: &[&str] =
    &["async_graphql", "axum", "mongodb", "rusqlite", "redis", "reqwest", "tokio", "hive_router", "async fn"];
/// As crates: an address that begins with `mongodb:` is configuration.
const ENGINES: &[&str] = &["rusqlite", "mongodb::", "redis::"];
const LONGEST: usize = 600;
const LONGEST_TEST: usize = 1_000;
const LONGEST_MAIN: usize = 60;

/// The code of a file without its comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

/// The breaches of one file.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut forbid = |words: &[&str], why: &str| {
        for word in words {
            if code(text).any(|line| line.contains(word)) {
                found.push(format!("{path} names `{word}`: {why}"));
            }
        }
    };
    if path.contains("/src/domain/") {
        forbid(FRAMEWORKS, "a rule is pure");
    }
    if !path.starts_with("subgraphs/kit/") {
        forbid(ENGINES, "only kit names a database");
    }
    let test = path.contains("/tests/") || path.contains("/tests.rs");
    let lines = text.lines().count();
    let longest = match (test, path.ends_with("/src/main.rs")) {
        (_, true) => LONGEST_MAIN,
        (true, _) => LONGEST_TEST,
        (false, _) => LONGEST,
    };
    if lines > longest {
        found.push(format!("{path} has {lines} lines, {longest} are allowed: split it"));
    }
    let documented = text.trim_start().starts_with("//!");
    if path.contains("/src/") && !test && !documented {
        found.push(format!("{path} does not open with `//!`: say what it owns"));
    }
    found
}

#[test]
fn layers_name_only_what_they_may() {
    let found: Vec<_> = sources().iter().flat_map(|(path, text)| breaches(path, text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn notices_a_rule_that_names_a_framework() {
    let found = breaches("subgraphs/order/src/domain/order.rs", "//! Orders.\nuse async_graphql::Object;\n");
    assert_eq!(found.len(), 1, "{found:?}");
    let found = breaches("subgraphs/order/src/domain/order.rs", "//! Orders.\npub async fn place() {}\n");
    assert_eq!(found.len(), 1, "{found:?}");
    // A comment may name it.
    assert!(breaches("subgraphs/order/src/domain/order.rs", "//! Not async_graphql's.\n").is_empty());
}

#[test]
fn notices_a_database_named_outside_kit() {
    let text = "//! Orders.\nuse rusqlite::Connection;\n";
    assert_eq!(breaches("subgraphs/order/src/service.rs", text).len(), 1);
    assert!(breaches("subgraphs/kit/src/store/sqlite/mod.rs", text).is_empty());
}

#[test]
fn notices_a_file_that_is_too_long_or_says_nothing_of_itself() {
    let long = format!("//! Long.\n{}", "\n".repeat(600));
    assert_eq!(breaches("router/src/config.rs", &long).len(), 1);
    assert_eq!(breaches("larder/src/main.rs", &format!("//! Main.\n{}", "\n".repeat(60))).len(), 1);
    assert_eq!(breaches("router/src/config.rs", "use std::fs;\n").len(), 1);
}
