//! Making tokens: a person's, by the auth service; a service's own, for one audience and one scope.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Header};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    ACCESS_TOKEN_TTL, GRAPH_AUDIENCE, KeyRing, SERVICE_TOKEN_TTL, USERS_ISSUER, caller::User, service_issuer,
};
use crate::{Error, Result, clock::Clock};

/// The claims of a token (RFC 9068 names).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) exp: i64,
    pub(super) iat: i64,
    /// Ours have none: they are valid from when they are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    pub(super) jti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<super::Role>,
    /// The sign-in (OpenID Connect's name for it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    /// Space-separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
}

/// A token for a person, and when it ends.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub token: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

/// Signs tokens with one issuer's ring.
pub struct Issuer {
    name: String,
    ring: Arc<KeyRing>,
    clock: Clock,
}

impl Issuer {
    /// The issuer of people's tokens: the auth service alone has this ring.
    #[must_use]
    pub fn users(ring: Arc<KeyRing>, clock: Clock) -> Self {
        Self { name: USERS_ISSUER.to_owned(), ring, clock }
    }

    /// A token that says who this person is, for the whole graph.
    ///
    /// # Errors
    /// `INTERNAL` when it cannot be signed.
    pub fn access_token(&self, user: &User) -> Result<AccessToken> {
        let expires_at = self.clock.now() + ACCESS_TOKEN_TTL;
        let token = self.sign(|now| Claims {
            iss: self.name.clone(),
            sub: user.id.to_string(),
            aud: GRAPH_AUDIENCE.to_owned(),
            exp: expires_at.timestamp(),
            iat: now.timestamp(),
            nbf: None,
            jti: uuid::Uuid::now_v7().to_string(),
            username: Some(user.username.clone()),
            role: Some(user.role),
            sid: user.session.map(|session| session.to_string()),
            scope: None,
        })?;
        Ok(AccessToken { token, expires_at })
    }

    fn sign(&self, claims: impl FnOnce(DateTime<Utc>) -> Claims) -> Result<String> {
        let (kid, key) = self.ring.signer().ok_or_else(|| Error::bug("the key ring is empty"))?;
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims(self.clock.now()), &key).map_err(Error::internal)
    }
}

/// The tokens that a service shows to other services; each is made once and used until it is nearly over.
pub struct ServiceTokens {
    service: String,
    issuer: Issuer,
    made: Mutex<Vec<Made>>,
}

struct Made {
    audience: String,
    scope: String,
    token: String,
    renew_at: DateTime<Utc>,
}

impl ServiceTokens {
    /// Tokens of this service, signed with its own ring.
    #[must_use]
    pub fn new(service: &str, ring: Arc<KeyRing>, clock: Clock) -> Self {
        Self {
            service: service.to_owned(),
            issuer: Issuer { name: service_issuer(service), ring, clock },
            made: Mutex::default(),
        }
    }

    /// A token for that service and that scope.
    ///
    /// # Errors
    /// `INTERNAL` when it cannot be signed.
    pub fn token(&self, audience: &str, scope: &str) -> Result<String> {
        let now = self.issuer.clock.now();
        let mut made = self.made.lock();
        made.retain(|one| one.renew_at > now);
        if let Some(one) = made.iter().find(|one| one.audience == audience && one.scope == scope) {
            return Ok(one.token.clone());
        }
        let token = self.issuer.sign(|now| Claims {
            iss: self.issuer.name.clone(),
            sub: format!("service:{}", self.service),
            aud: audience.to_owned(),
            exp: (now + SERVICE_TOKEN_TTL).timestamp(),
            iat: now.timestamp(),
            nbf: None,
            jti: uuid::Uuid::now_v7().to_string(),
            username: None,
            role: None,
            sid: None,
            scope: Some(scope.to_owned()),
        })?;
        made.push(Made {
            audience: audience.to_owned(),
            scope: scope.to_owned(),
            token: token.clone(),
            // The last minute is kept for calls on their way and clocks that differ.
            renew_at: now + (SERVICE_TOKEN_TTL - std::time::Duration::from_secs(60)),
        });
        Ok(token)
    }
}
