//! Signing keys: a ring of at most two live Ed25519 keys, kept in a file that only its owner can read.
//!
//! The newest key signs; both verify, so that tokens made before a rotation hold until they expire. Where verifiers are other
//! processes a new key is published a while before it signs. Only public halves ever leave: as a JSON Web Key Set (RFC 7517, RFC 8037).

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use jsonwebtoken::{DecodingKey, EncodingKey};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::RemoteKeys;

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
    /// The key file is written by somebody else.
    #[error("the key file {0} is only read here; rotate it with `larder keys rotate`")]
    ReadOnly(PathBuf),
    /// The newest key does not sign yet.
    #[error("the newest key in {path} signs only from {from} on; rotate again after that")]
    Rotating {
        /// The file.
        path: PathBuf,
        /// When it begins to sign.
        from: DateTime<Utc>,
    },
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
    /// Published before, and signs from then on; none for a key that signs at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signs_from: Option<DateTime<Utc>>,
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
    fn generate(signs_from: Option<DateTime<Utc>>) -> Option<Self> {
        let seed: [u8; 32] = rand::random();
        Self::load(StoredKey {
            kid: uuid::Uuid::now_v7().simple().to_string(),
            created: Utc::now(),
            signs_from,
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

    /// When it begins to sign, if that is still to come.
    fn waits_until(&self) -> Option<DateTime<Utc>> {
        self.stored.signs_from.filter(|from| *from > Utc::now())
    }
}

/// The live keys of one issuer, the newest last.
pub struct KeyRing {
    path: Option<PathBuf>,
    keys: RwLock<Vec<LiveKey>>,
    /// Where somebody else writes the file: how it looked when it was read last.
    followed: Option<Mutex<Look>>,
}

/// What tells one state of a file from the next: a file that takes another's place has another inode, whatever the clock's grain.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    modified: Option<SystemTime>,
    inode: u64,
}

impl Look {
    fn at(path: &Path) -> std::io::Result<Self> {
        let metadata = fs::metadata(path)?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Ok(Self { modified: metadata.modified().ok(), inode })
    }
}

impl KeyRing {
    /// How many keys are live at once.
    const LIVE: usize = 2;

    /// How long a key is published before it signs: every verifier has fetched it by then, since none keeps keys for longer.
    pub const AHEAD: TimeDelta = TimeDelta::seconds(RemoteKeys::MAX_AGE.as_secs().cast_signed() + 60);

    /// A ring with a new key that lives only as long as the process: for tests.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let key = LiveKey::generate(None).ok_or_else(|| KeyError::Damaged(PathBuf::new()))?;
        Ok(Self { path: None, keys: RwLock::new(vec![key]), followed: None })
    }

    /// The ring in this file, which is made with a new key (mode 0600) when it is missing. One process owns it.
    ///
    /// # Errors
    /// When the file is damaged, readable by others, or cannot be written.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let path = path.into();
        if !path.exists() {
            let ring = Self { path: Some(path), keys: RwLock::new(Vec::new()), followed: None };
            ring.rotate()?;
            return Ok(ring);
        }
        let keys = load(&path)?;
        Ok(Self { path: Some(path), keys: RwLock::new(keys), followed: None })
    }

    /// The ring in a file that somebody else makes and rotates; it is looked at again whenever keys are asked for, so that replicas
    /// see a rotation at once.
    ///
    /// # Errors
    /// When the file is missing, damaged, or readable by others.
    pub fn follow(path: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let path = path.into();
        // Before it is read: a change in between is then seen as one.
        let look = Look::at(&path).map_err(|source| KeyError::File { path: path.clone(), source })?;
        let keys = load(&path)?;
        Ok(Self { path: Some(path), keys: RwLock::new(keys), followed: Some(Mutex::new(look)) })
    }

    /// Reads a followed file again if it has changed.
    fn refresh(&self) {
        let (Some(path), Some(followed)) = (&self.path, &self.followed) else { return };
        let Ok(look) = Look::at(path) else { return };
        if std::mem::replace(&mut *followed.lock(), look) == look {
            return;
        }
        match load(path) {
            Ok(keys) => *self.keys.write() = keys,
            // The keys that are known are still good.
            Err(error) => tracing::error!(%error, "the keys were changed, and cannot be read"),
        }
    }

    /// Makes a new key the signing one; the one before it still verifies, older ones no longer.
    ///
    /// # Errors
    /// When the file cannot be written, or is not this process's to write; the ring is then unchanged.
    pub fn rotate(&self) -> Result<(), KeyError> {
        self.add(None)
    }

    /// Publishes a new key, which signs [`KeyRing::AHEAD`] from now; until then the one before it does. Gives that time.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`], and while the newest key does not sign yet: the one that does would be dropped.
    pub fn rotate_ahead(&self) -> Result<DateTime<Utc>, KeyError> {
        if let Some(from) = self.keys.read().last().and_then(LiveKey::waits_until) {
            return Err(KeyError::Rotating { path: self.path.clone().unwrap_or_default(), from });
        }
        let from = Utc::now() + Self::AHEAD;
        self.add(Some(from))?;
        Ok(from)
    }

    fn add(&self, signs_from: Option<DateTime<Utc>>) -> Result<(), KeyError> {
        if self.followed.is_some() {
            return Err(KeyError::ReadOnly(self.path.clone().unwrap_or_default()));
        }
        let damaged = || KeyError::Damaged(self.path.clone().unwrap_or_default());
        let new = LiveKey::generate(signs_from).ok_or_else(damaged)?;
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

    /// Rotates if the newest key is older than this. Says whether it did; a ring that somebody else rotates is left alone.
    ///
    /// # Errors
    /// As [`KeyRing::rotate`].
    pub fn rotate_if_older_than(&self, age: TimeDelta) -> Result<bool, KeyError> {
        if self.followed.is_some() {
            return Ok(false);
        }
        let old = self.keys.read().last().is_none_or(|key| Utc::now() - key.stored.created > age);
        if old {
            self.rotate()?;
        }
        Ok(old)
    }

    /// The public halves as a JSON Web Key Set.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        self.refresh();
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
        self.refresh();
        let keys = self.keys.read();
        let key = keys.iter().rev().find(|key| key.waits_until().is_none()).or_else(|| keys.first())?;
        Some((key.stored.kid.clone(), key.encoding.clone()))
    }

    pub(super) fn find(&self, kid: &str) -> Option<DecodingKey> {
        self.refresh();
        self.keys.read().iter().find(|key| key.stored.kid == kid).map(|key| key.decoding.clone())
    }
}

fn load(path: &Path) -> Result<Vec<LiveKey>, KeyError> {
    refuse_exposed(path)?;
    let text = fs::read(path).map_err(|source| KeyError::File { path: path.to_owned(), source })?;
    let stored: Vec<StoredKey> =
        serde_json::from_slice(&text).map_err(|_| KeyError::Damaged(path.to_owned()))?;
    let keys: Option<Vec<_>> = stored.into_iter().map(LiveKey::load).collect();
    keys.filter(|keys| !keys.is_empty()).ok_or_else(|| KeyError::Damaged(path.to_owned()))
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
