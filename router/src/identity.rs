//! Who calls, as far as the router needs to know it: to refuse a credential that does not hold before any work is done
//! (and before a cached answer is given), and to count a caller's writes. What the caller may do is decided by each
//! subgraph, which verifies again.
//!
//! Hive Router's own JWT check is not used: it either demands a token of everybody or treats an invalid one as none, and a
//! shopper whose token has expired must be told so.

use hive_router::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use kit::identity::{Caller, Verifier};
use ntex::http::HeaderMap as ClientHeaders;

/// The header of the shop's tools, which hold the API secret.
const API_KEY: &str = "x-api-key";

/// Verifies the callers of one router. Without a verifier everybody is nobody, and the subgraphs alone decide.
pub(crate) struct Door(Option<Verifier>);

impl Door {
    pub(crate) const fn new(verifier: Option<Verifier>) -> Self {
        Self(verifier)
    }

    /// Who sent these headers. Costs nothing for a request without credentials, and a hash for a token seen of late.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a credential that does not hold, `UNAVAILABLE` when the issuer's keys cannot be had.
    pub(crate) async fn caller(&self, headers: &ClientHeaders) -> kit::Result<Caller> {
        let Some(verifier) = &self.0 else { return Ok(Caller::Nobody) };
        let mut credentials = HeaderMap::new();
        for name in [AUTHORIZATION.as_str(), API_KEY] {
            if let Some(value) = headers.get(name) {
                let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
                    kit::Error::unauthenticated(format!(
                        "The `{name}` header has characters that no header may have."
                    ))
                })?;
                credentials.insert(name, value);
            }
        }
        if credentials.is_empty() {
            return Ok(Caller::Nobody);
        }
        verifier.caller(&credentials).await
    }
}

/// Takes the credentials out of a subgraph request, so that its answer is what anybody would get.
pub(crate) fn strip(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    headers.remove(API_KEY);
    headers.remove("cookie");
}
