//! Where the keys of an issuer are found: in this process, or at the address where another publishes them.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::{KeyError, KeyRing};

/// Where the keys of an issuer are found.
#[derive(Clone)]
pub enum KeySource {
    /// In this process.
    Ring(Arc<KeyRing>),
    /// At another service's JWKS address.
    Remote(Arc<RemoteKeys>),
}

impl KeySource {
    /// The key of that id, if the issuer has it.
    ///
    /// # Errors
    /// When the issuer's keys cannot be fetched.
    pub(super) async fn find(&self, kid: &str) -> Result<Option<DecodingKey>, KeyError> {
        match self {
            Self::Ring(ring) => Ok(ring.find(kid)),
            Self::Remote(remote) => remote.find(kid).await,
        }
    }
}

/// Another service's published keys, fetched when an unknown key id turns up.
pub struct RemoteKeys {
    url: String,
    http: reqwest::Client,
    state: tokio::sync::Mutex<Fetched>,
}

#[derive(Default)]
struct Fetched {
    keys: HashMap<String, DecodingKey>,
    at: Option<Instant>,
    /// The latest attempt that failed.
    failed: Option<(Instant, String)>,
}

impl RemoteKeys {
    /// An unknown key id causes a fetch at most this often, so that made-up ids do not become load on the issuer; and an issuer that
    /// does not answer is asked again no sooner, so that not everybody waits for it.
    const REFETCH: Duration = Duration::from_secs(5);
    /// Keys are fetched anew after this time, so that a withdrawn one stops working.
    pub(super) const MAX_AGE: Duration = Duration::from_secs(300);
    const DEADLINE: Duration = Duration::from_secs(2);

    /// The keys published at this address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), http: reqwest::Client::new(), state: tokio::sync::Mutex::default() }
    }

    async fn find(&self, kid: &str) -> Result<Option<DecodingKey>, KeyError> {
        // The lock is held while fetching, so that many callers cause one fetch.
        let mut state = self.state.lock().await;
        let age = state.at.map(|at| at.elapsed());
        let known = state.keys.get(kid).cloned();
        let fetch = match (age, &known) {
            (None, _) => true,
            (Some(age), Some(_)) => age > Self::MAX_AGE,
            (Some(age), None) => age > Self::REFETCH,
        };
        if !fetch {
            return Ok(known);
        }
        if let Some((_, reason)) = state.failed.as_ref().filter(|(at, _)| at.elapsed() < Self::REFETCH) {
            let error = KeyError::Fetch { url: self.url.clone(), reason: reason.clone() };
            return known.map(Some).ok_or(error);
        }
        match self.fetch().await {
            Ok(keys) => {
                *state = Fetched { keys, at: Some(Instant::now()), failed: None };
                Ok(state.keys.get(kid).cloned())
            }
            // A key that was good a moment ago is still good while its issuer restarts.
            Err(reason) => {
                state.failed = Some((Instant::now(), reason.clone()));
                known.map(Some).ok_or_else(|| KeyError::Fetch { url: self.url.clone(), reason })
            }
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, DecodingKey>, String> {
        #[derive(Deserialize)]
        struct Key {
            kid: String,
            crv: String,
            x: String,
        }
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Key>,
        }
        let failed = |error: reqwest::Error| error.to_string();
        let answer = self.http.get(&self.url).timeout(Self::DEADLINE).send().await.map_err(failed)?;
        let set: Set = answer.error_for_status().map_err(failed)?.json().await.map_err(failed)?;
        let ed25519 = set.keys.into_iter().filter(|key| key.crv == "Ed25519");
        Ok(ed25519.filter_map(|key| Some((key.kid, DecodingKey::from_ed_components(&key.x).ok()?))).collect())
    }
}
