//! Who calls: EdDSA tokens, the keys that sign them, and the guards that fields carry.
//!
//! Every subgraph verifies for itself ([`Verifier`]); no header that merely claims an identity is believed. People carry
//! tokens of the auth service; services carry short-lived tokens that they sign themselves with a key of their own, for one
//! audience and one scope. Passwords and sessions are the auth service's business, not this module's.

mod caller;
mod guard;
mod keys;
mod source;
mod token;
mod verifier;

pub use caller::{Caller, Role, SessionId, User, UserId};
pub use guard::Require;
pub use keys::{KeyError, KeyRing, write_private};
pub use source::{KeySource, RemoteKeys};
pub use token::{AccessToken, Issuer, ServiceTokens};
pub use verifier::{ApiKey, Trust, Verifier};

/// The issuer of people's tokens.
pub const USERS_ISSUER: &str = "larder";
/// The audience of people's tokens: the whole graph.
pub const GRAPH_AUDIENCE: &str = "larder";
/// How long a person's access token holds.
pub const ACCESS_TOKEN_TTL: std::time::Duration = std::time::Duration::from_secs(15 * 60);
/// How long a service's token holds: a few calls, so that a leaked one is soon worthless.
pub const SERVICE_TOKEN_TTL: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// The issuer name of a service's own tokens.
#[must_use]
pub fn service_issuer(service: &str) -> String {
    format!("larder/{service}")
}

#[cfg(test)]
mod tests;
