//! From the headers of a request to its [`Caller`], or a refusal.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, Validation};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    GRAPH_AUDIENCE, KeySource, USERS_ISSUER,
    caller::{Caller, SessionId, User, UserId},
    service_issuer,
    token::Claims,
};
use crate::{Error, Result, clock::Clock};

/// An issuer that is believed, and how far.
#[derive(Clone)]
pub struct Trust {
    issuer: String,
    keys: KeySource,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    People,
    Service { name: String, scopes: Vec<String> },
}

impl Trust {
    /// People, as the auth service says who they are.
    #[must_use]
    pub fn people(keys: KeySource) -> Self {
        Self { issuer: USERS_ISSUER.to_owned(), keys, kind: Kind::People }
    }

    /// Another service, for these scopes and no others, whatever its token says.
    #[must_use]
    pub fn service(name: &str, keys: KeySource, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Self { issuer: service_issuer(name), keys, kind: Kind::Service { name: name.to_owned(), scopes } }
    }
}

/// The shop's API key, kept as a digest and compared in constant time.
#[derive(Clone)]
pub struct ApiKey([u8; 32]);

impl ApiKey {
    /// The key of this text.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    fn matches(&self, candidate: &[u8]) -> bool {
        self.0.ct_eq(&<[u8; 32]>::from(Sha256::digest(candidate))).into()
    }
}

/// Verifies credentials for one service. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    service: Arc<str>,
    trusted: Arc<[Trust]>,
    api_key: Option<ApiKey>,
    clock: Clock,
    /// Tokens that were verified a moment ago: a signature check costs more than everything else in a small request.
    verified: Cache<[u8; 32], (Caller, i64)>,
}

impl Verifier {
    /// A verified token is looked at again after this time, so that a withdrawn key stops working soon.
    const REMEMBER: Duration = Duration::from_secs(60);

    /// By how much the clock of whoever made a token may be ahead.
    const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

    /// Verifies for the service of this name (its tokens' audience).
    #[must_use]
    pub fn new(service: &str, trusted: Vec<Trust>, clock: Clock) -> Self {
        let verified = Cache::builder().max_capacity(10_000).time_to_live(Self::REMEMBER).build();
        Self { service: service.into(), trusted: trusted.into(), api_key: None, clock, verified }
    }

    /// Also takes this key in `x-api-key`.
    #[must_use]
    pub fn with_api_key(mut self, key: Option<ApiKey>) -> Self {
        self.api_key = key;
        self
    }

    /// Who sent these headers. A bearer token goes before an API key; one that does not hold is a refusal, never nobody.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a credential that does not hold, `UNAVAILABLE` when the issuer's keys cannot be had.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let token = value.to_str().ok().and_then(|text| {
                let (scheme, token) = text.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
            });
            let token = token.ok_or_else(|| {
                Error::unauthenticated("The `Authorization` header must read `Bearer <access token>`.")
            })?;
            return self.token(token).await;
        }
        match (&self.api_key, headers.get("x-api-key")) {
            (Some(key), Some(candidate)) if key.matches(candidate.as_bytes()) => Ok(Caller::ApiKey),
            (Some(_), Some(_)) => Err(Error::unauthenticated("The `x-api-key` is not the shop's key.")),
            _ => Ok(Caller::Nobody),
        }
    }

    async fn token(&self, token: &str) -> Result<Caller> {
        let digest = <[u8; 32]>::from(Sha256::digest(token.as_bytes()));
        if let Some((caller, expires)) = self.verified.get(&digest)
            && self.clock.now().timestamp() < expires
        {
            return Ok(caller);
        }
        let (caller, expires) = self.verify(token).await?;
        self.verified.insert(digest, (caller.clone(), expires));
        Ok(caller)
    }

    async fn verify(&self, token: &str) -> Result<(Caller, i64)> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        let (Algorithm::EdDSA, Some(kid)) = (header.alg, &header.kid) else {
            return Err(refused());
        };
        // The issuer that the token names only chooses the key; the signature then proves it.
        let named: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| refused())?;
        let trust = self.trusted.iter().find(|trust| trust.issuer == named.iss).ok_or_else(refused)?;
        let key = trust.keys.find(kid).await.map_err(|error| Error::unavailable("Sign-in", error))?;
        let key = key.ok_or_else(refused)?;

        let audience = match trust.kind {
            Kind::People => GRAPH_AUDIENCE,
            Kind::Service { .. } => &self.service,
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&trust.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The clock is ours to ask, so that tests can move it.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|_| refused())?.claims;
        let now = self.clock.now().timestamp();
        if claims.exp <= now {
            return Err(Error::unauthenticated(
                "The access token has expired. Get a new one with `refreshToken` or `login`.",
            ));
        }
        if claims.nbf.unwrap_or(claims.iat).max(claims.iat)
            > now + Self::CLOCKS_DIFFER.as_secs().cast_signed()
        {
            return Err(Error::unauthenticated("The access token is not valid yet."));
        }
        Ok((caller_of(&trust.kind, &claims)?, claims.exp))
    }
}

fn caller_of(kind: &Kind, claims: &Claims) -> Result<Caller> {
    match kind {
        Kind::People => {
            let (Some(username), Some(role), Ok(id)) =
                (&claims.username, claims.role, UserId::parse(&claims.sub))
            else {
                return Err(refused());
            };
            let session = claims.sid.as_deref().and_then(|sid| SessionId::parse(sid).ok());
            Ok(Caller::User(User { id, username: username.clone(), role, session }))
        }
        Kind::Service { name, scopes } => {
            let asked = claims.scope.as_deref().unwrap_or_default().split(' ');
            let scopes = asked.filter(|scope| scopes.iter().any(|have| have == scope));
            Ok(Caller::Service { name: name.clone(), scopes: scopes.map(str::to_owned).collect() })
        }
    }
}

/// One text for every way in which a token can be wrong, so that it teaches a forger nothing.
fn refused() -> Error {
    Error::unauthenticated("The access token does not hold. Get a new one with `login`.")
}
