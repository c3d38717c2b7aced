//! From [`Options`] to Hive Router's configuration. Hive's defaults are open, so everything that guards the shop is
//! written out here. The environment variables that Hive itself reads are not looked at: a shop has one place where it is
//! configured.

use std::path::Path;

use hive_router::config::HiveRouterConfig;
use serde_json::{Value, json};

use crate::{Options, front};

/// Where GraphQL is served.
pub(crate) const GRAPHQL_PATH: &str = "/graphql";

/// What a page of another origin cannot send without asking first, so that a request which has one is no forgery.
const PREFLIGHT_HEADERS: [&str; 3] =
    ["x-larder-preflight", "apollo-require-preflight", "graphql-require-preflight"];

/// What a subgraph is told of the client's request.
const FORWARDED_HEADERS: [&str; 8] = [
    "authorization",
    "x-api-key",
    "idempotency-key",
    "accept-language",
    "traceparent",
    "tracestate",
    front::REQUEST_ID,
    front::CLIENT_ADDRESS,
];

/// Hive's configuration for these options, with the supergraph in that file and the plug-in's state under that number.
///
/// # Errors
/// When Hive does not take it; a fault of ours.
pub(crate) fn hive(
    options: &Options,
    supergraph: &Path,
    state: u64,
) -> Result<HiveRouterConfig, serde_json::Error> {
    let mut config = json!({
        "log": { "level": "warn" },
        "laboratory": { "enabled": false },
        "supergraph": { "source": "file", "path": supergraph },
        "http": {
            "host": options.listen.ip().to_string(),
            "port": options.listen.port(),
            "graphql_endpoint": GRAPHQL_PATH,
        },
        "csrf": { "enabled": true, "required_headers": PREFLIGHT_HEADERS },
        "cors": cors(&options.cors_origins),
        "headers": headers(&options.cookie_subgraphs),
        "override_subgraph_urls": { "subgraphs": urls(&options.subgraph_urls) },
        "introspection": options.introspection(),
        "limits": limits(options),
        "traffic_shaping": {
            "all": {
                "request_timeout": seconds(options.timeouts.subgraph),
                // Two requests that look alike need not be: the subgraphs count and lock by address.
                "dedupe_enabled": false,
            },
            "router": {
                "request_timeout": seconds(options.timeouts.request),
                "dedupe": { "enabled": false },
            },
        },
        "error_masking": { "enabled": true },
        "plugins": { "larder": { "config": state } },
    });
    if let Some(workers) = options.workers {
        config["http"]["workers"] = json!(workers.max(1));
    }
    serde_json::from_value(config)
}

fn limits(options: &Options) -> Value {
    let limits = &options.limits;
    json!({
        "max_depth": { "n": limits.depth, "ignore_introspection": true, "flatten_fragments": true },
        "max_directives": { "n": limits.directives },
        "max_tokens": { "n": limits.tokens },
        "max_aliases": { "n": limits.aliases },
        "max_request_body_size": format!("{}B", limits.body_bytes),
        "max_request_header_size": format!("{}B", limits.header_bytes),
    })
}

fn cors(origins: &[String]) -> Value {
    if origins.is_empty() {
        return json!({ "enabled": false, "policies": [] });
    }
    json!({
        "enabled": true,
        "allow_credentials": true,
        "methods": ["GET", "POST", "OPTIONS"],
        "allow_headers": [
            "authorization", "content-type", "idempotency-key", "x-api-key", "x-larder-preflight", "x-request-id",
        ],
        "max_age": 600,
        "policies": [{ "origins": origins }],
    })
}

fn headers(cookie_subgraphs: &[String]) -> Value {
    let with_cookies = json!({
        "request": [{ "propagate": { "named": "cookie" } }],
        "response": [{ "propagate": { "named": "set-cookie", "algorithm": "append" } }],
    });
    let subgraphs: serde_json::Map<String, Value> =
        cookie_subgraphs.iter().map(|name| (name.clone(), with_cookies.clone())).collect();
    json!({
        "all": { "request": [{ "propagate": { "named": FORWARDED_HEADERS } }] },
        "subgraphs": subgraphs,
    })
}

fn urls(subgraphs: &[(String, String)]) -> Value {
    subgraphs.iter().map(|(name, url)| (name.clone(), json!({ "url": url }))).collect()
}

fn seconds(duration: std::time::Duration) -> String {
    format!("{}ms", duration.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Supergraph};

    #[test]
    fn every_guard_is_on_without_being_asked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut options = Options::new(listen, Supergraph::Sdl(String::new()));
        options.mode = Mode::Production;
        let config = hive(&options, file.path(), 1).unwrap();
        assert!(config.csrf.enabled && !config.csrf.required_headers.is_empty());
        assert!(!config.laboratory.enabled && !config.cors.enabled && !config.jwt.is_jwt_auth_enabled());
        let limits = &config.limits;
        assert!(limits.max_depth.is_some() && limits.max_aliases.is_some());
        assert!(limits.max_tokens.is_some() && limits.max_directives.is_some());
        assert_eq!(limits.max_request_body_size.to_bytes() as usize, 256 * 1024);
        assert!(config.error_masking.enabled);
        assert!(config.telemetry.hive.is_none());
        assert_eq!(serde_json::to_value(&config.introspection).unwrap(), json!(false));
    }
}
