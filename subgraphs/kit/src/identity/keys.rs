//! Signing keys: a ring of at most two live Ed25519 keys, kept in a file that only its owner can read.
//!
//! The newest key signs; both verify, so that tokens made before a rotation hold until they expire. Only public halves
//! ever leave: as a JSON Web Key Set (RFC 7517, RFC 8037).

use std::{
    collections::HashMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use jsonwebtoken::{DecodingKey, EncodingKey};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key file cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner can read the key file.
    #[error("the key file {0} can be read by others; make it private with `chmod 600`")]
    Exposed(PathBuf),
    /// What is in the key file is not a key ring.
    #[error("the key file {0} is damaged")]
    Damaged(PathBuf),
    /// The keys of another service could not be fetched.
    #[error("the keys at {url} cannot be fetched: {reason}")]
    Fetch {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
}

#[derive(Serialize, Deserialize, Clone)]
struct StoredKey {
    kid: String,
    created: DateTime<Utc>,
    /// The 32-byte seed, base64url.
    seed: String,
}

#[derive(Clone)]
struct LiveKey {
    stored: StoredKey,
    public: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl LiveKey {
    fn generate() -> Option<Self> {
        let seed: [u8; 32] = rand::random();
        Self::load(StoredKey {
            kid: uuid::Uuid::now_v7().simple().to_string(),
            created: Utc::now(),
            seed: URL_SAFE_NO_PAD.encode(seed),
        })
    }

    fn load(stored: StoredKey) -> Option<Self> {
        let seed: [u8; 32] = URL_SAFE_NO_PAD.decode(&stored.seed).ok()?.try_into().ok()?;
        let signing = SigningKey::from_bytes(&seed);
        let public = URL_SAFE_NO_PAD.encode(signing.verifying_key().as_bytes());
        let der = signing.to_pkcs8_der().ok()?;
        Some(Self {
            encoding: EncodingKey::from_ed_der(der.as_bytes()),
            decoding: DecodingKey::from_ed_components(&public).ok()?,
            stored,
            public,
        })
    }
}

/// The live keys of one issuer, the newest last.
pub struct KeyRing {
    path: Option<PathBuf>,
    keys: RwLock<Vec<LiveKey>>,
}

impl KeyRing {
    /// How many keys are live at once.
    const LIVE: usize = 2;

    /// A ring with a new key that lives only as long as the process: for tests.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let key = LiveKey::generate().ok_or_else(|| KeyError::Damaged(PathBuf::new()))?;
        Ok(Self { path: None, keys: RwLock::new(vec![key]) })
    }

    /// The ring in this file, which is made with a new key (mode 0600) when it is missing.
    ///
    /// # Errors
    /// When the file is damaged, readable by others, or cannot be written.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let path = path.into();
        if !path.exists() {
            let ring = Self { path: Some(path), keys: RwLock::new(Vec::new()) };
            ring.rotate()?;
            return Ok(ring);
        }
        refuse_exposed(&path)?;
        let text = fs::read(&path).map_err(|source| KeyError::File { path: path.clone(), source })?;
        let stored: Vec<StoredKey> =
            serde_json::from_slice(&text).map_err(|_| KeyError::Damaged(path.clone()))?;
        let keys: Option<Vec<_>> = stored.into_iter().map(LiveKey::load).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self { path: Some(path), keys: RwLock::new(keys) }),
            _ => Err(KeyError::Damaged(path)),
        }
    }

    /// Makes a new key the signing one; the one before it still verifies, older ones no longer.
    ///
    /// # Errors
    /// When the file cannot be written; the ring is then unchanged.
    pub fn rotate(&self) -> Result<(), KeyError> {
        let damaged = || KeyError::Damaged(self.path.clone().unwrap_or_default());
        let new = LiveKey::generate().ok_or_else(damaged)?;
        let mut keys = self.keys.write();
        let mut next = keys.clone();
        next.push(new);
        let surplus = next.len().saturating_sub(Self::LIVE);
        next.drain(..surplus);
        if let Some(path) = &self.path {
            let stored: Vec<_> = next.iter().map(|key| &key.stored).collect();
            let text = serde_json::to_vec_pretty(&stored).map_err(|_| damaged())?;
            write_private(path, &text).map_err(|source| KeyError::File { path: path.clone(), source })?;
        }
        *keys = next;
        Ok(())
    }

    /// Rotates if the signing key is older than this. Says whether it did.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`].
    pub fn rotate_if_older_than(&self, age: TimeDelta) -> Result<bool, KeyError> {
        let old = self.keys.read().last().is_none_or(|key| Utc::now() - key.stored.created > age);
        if old {
            self.rotate()?;
        }
        Ok(old)
    }

    /// The public halves as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<_> = self
            .keys
            .read()
            .iter()
            .map(|key| {
                serde_json::json!({
                    "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                    "kid": key.stored.kid, "x": key.public,
                })
            })
            .collect();
        serde_json::json!({ "keys": keys })
    }

    /// The signing key and its id.
    pub(super) fn signer(&self) -> Option<(String, EncodingKey)> {
        self.keys.read().last().map(|key| (key.stored.kid.clone(), key.encoding.clone()))
    }

    fn find(&self, kid: &str) -> Option<DecodingKey> {
        self.keys.read().iter().find(|key| key.stored.kid == kid).map(|key| key.decoding.clone())
    }
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;
    let file = fs::metadata(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
    if file.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<(), KeyError> {
    Ok(())
}

/// Writes a file that only its owner can read, whole or not at all (a new file that takes the old one's place).
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // `tempfile` makes its files with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

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
}

impl RemoteKeys {
    /// An unknown key id causes a fetch at most this often, so that made-up ids do not become load on the issuer.
    const REFETCH: Duration = Duration::from_secs(5);
    /// Keys are fetched anew after this time, so that a withdrawn one stops working.
    const MAX_AGE: Duration = Duration::from_secs(300);
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
        match self.fetch().await {
            Ok(keys) => {
                *state = Fetched { keys, at: Some(Instant::now()) };
                Ok(state.keys.get(kid).cloned())
            }
            // A key that was good a moment ago is still good while its issuer restarts.
            Err(error) => known.map(Some).ok_or(error),
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, DecodingKey>, KeyError> {
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
        let failed =
            |error: reqwest::Error| KeyError::Fetch { url: self.url.clone(), reason: error.to_string() };
        let answer = self.http.get(&self.url).timeout(Self::DEADLINE).send().await.map_err(failed)?;
        let set: Set = answer.error_for_status().map_err(failed)?.json().await.map_err(failed)?;
        let ed25519 = set.keys.into_iter().filter(|key| key.crv == "Ed25519");
        Ok(ed25519.filter_map(|key| Some((key.kid, DecodingKey::from_ed_components(&key.x).ok()?))).collect())
    }
}
