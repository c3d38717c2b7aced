//! A session: one sign-in on one device, and the family of refresh tokens that continue it.
//!
//! A refresh token names its session and carries 256 random bits, of which only the SHA-256 is kept. Exactly one token of a
//! session is good at any time. Using it makes the next one good; showing any other token of the session, however old, means
//! that two parties hold its tokens, so the session ends for both (RFC 9700, 4.14.2). There is no grace: a client that renews twice at
//! once, or loses an answer and repeats, signs in again.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use kit::{
    identity::UserId,
    store::{Document, Index, Keys},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// A session that is not renewed ends after this time.
pub const IDLE: TimeDelta = TimeDelta::days(30);
/// Every session ends after this time.
pub const LIFE: TimeDelta = TimeDelta::days(90);
/// The most sessions of one user; one more ends the oldest.
pub const PER_USER: usize = 20;

kit::typed_id! {
    /// The id of a session.
    pub struct SessionId;
}

/// A refresh token as its owner holds it. It has no `Debug`: whoever reads it is its owner.
pub struct RefreshToken {
    session: SessionId,
    secret: [u8; 32],
}

impl RefreshToken {
    /// A new token of this session.
    #[must_use]
    pub fn generate(session: SessionId) -> Self {
        Self { session, secret: rand::random() }
    }

    /// Reads a token that a client sent. Nothing is said of what is wrong with one that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A session id, a dot and 32 bytes in base64. Whatever is longer is not even read.
        if text.len() != 36 + 1 + 43 {
            return None;
        }
        let (session, secret) = text.split_once('.')?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        Some(Self { session: SessionId::parse(session).ok()?, secret })
    }

    /// The session that it says it is of.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.secret).into())
    }

    /// The text for its owner.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}.{}", self.session, URL_SAFE_NO_PAD.encode(self.secret))
    }
}

/// The SHA-256 of a refresh token's secret. The secret is random, so a fast hash without salt does.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Serialize for TokenDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for TokenDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("is not a SHA-256 in base64"))
    }
}

/// One sign-in on one device.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    id: SessionId,
    user: UserId,
    /// The user's generation when they signed in.
    generation: u32,
    /// Of the one good token.
    current: TokenDigest,
    opened_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// What came of showing a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It was the good one; the successor is now.
    Renewed,
    /// It was not; the session has ended.
    Reused,
    /// The session had ended before.
    Over,
}

/// The sessions of a user, the oldest first.
pub const BY_USER: Index = Index::on("user", &["user"]);
/// Sessions by the time at which they end.
pub const BY_EXPIRY: Index = Index::on("expiry", &["expires"]);

impl Session {
    /// Opens a session and gives its first token.
    #[must_use]
    pub fn open(user: UserId, generation: u32, now: DateTime<Utc>) -> (Self, RefreshToken) {
        let id = SessionId::new();
        let token = RefreshToken::generate(id);
        let session =
            Self { id, user, generation, current: token.digest(), opened_at: now, expires_at: now + IDLE };
        (session, token)
    }

    /// Whose it is.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The generation of the user that it belongs to.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// When it ends, unless it is renewed before.
    #[must_use]
    pub const fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Puts `successor` in the place of the token that was shown, if that is the good one; ends the session if it is not.
    pub fn renew(&mut self, shown: &TokenDigest, successor: TokenDigest, now: DateTime<Utc>) -> Renewal {
        if self.expires_at <= now {
            return Renewal::Over;
        }
        if !self.current.matches(shown) {
            self.end(now);
            return Renewal::Reused;
        }
        self.current = successor;
        self.expires_at = (now + IDLE).min(self.opened_at + LIFE);
        Renewal::Renewed
    }

    /// Ends it: no token of it is good any more.
    pub fn end(&mut self, now: DateTime<Utc>) {
        self.expires_at = self.expires_at.min(now);
    }
}

impl Document for Session {
    type Id = SessionId;
    const COLLECTION: &'static str = "sessions";
    const INDEXES: &'static [Index] = &[BY_USER, BY_EXPIRY];

    fn id(&self) -> SessionId {
        self.id
    }

    fn keys(&self) -> Keys {
        Keys::new().with("user", self.user.to_string()).with("expires", self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn opened() -> (Session, RefreshToken) {
        Session::open(UserId::new(), 1, start())
    }

    #[test]
    fn a_token_is_read_back_from_its_text() {
        let (session, token) = opened();
        let again = RefreshToken::parse(&token.reveal()).unwrap();
        assert_eq!(again.session(), session.id);
        assert!(again.digest().matches(&token.digest()));
    }

    #[test]
    fn tokens_are_never_equal() {
        let (session, token) = opened();
        assert!(!RefreshToken::generate(session.id).digest().matches(&token.digest()));
    }

    #[test]
    fn keeps_nothing_from_which_the_token_could_be_made() {
        let (session, token) = opened();
        let kept = serde_json::to_string(&session).unwrap();
        let text = token.reveal();
        assert!(!kept.contains(text.split_once('.').unwrap().1), "{kept}");
        let read: Session = serde_json::from_str(&kept).unwrap();
        assert!(read.current.matches(&token.digest()));
    }

    #[test]
    fn an_old_token_ends_the_session_for_both() {
        let (mut session, first) = opened();
        let second = RefreshToken::generate(session.id);
        let third = RefreshToken::generate(session.id);
        let stolen = RefreshToken::generate(session.id);
        assert_eq!(session.renew(&first.digest(), second.digest(), start()), Renewal::Renewed);
        assert_eq!(session.renew(&second.digest(), third.digest(), start()), Renewal::Renewed);
        assert_eq!(session.renew(&first.digest(), stolen.digest(), start()), Renewal::Reused);
        assert_eq!(session.renew(&third.digest(), stolen.digest(), start()), Renewal::Over);
        assert_eq!(session.renew(&stolen.digest(), third.digest(), start()), Renewal::Over);
    }

    #[test]
    fn slides_with_each_use_but_not_past_its_life() {
        let (mut session, mut token) = opened();
        let mut now = start();
        for _ in 0..4 {
            now += TimeDelta::days(20);
            let next = RefreshToken::generate(session.id);
            assert_eq!(session.renew(&token.digest(), next.digest(), now), Renewal::Renewed);
            token = next;
        }
        assert_eq!(session.expires_at(), start() + LIFE);
        let next = RefreshToken::generate(session.id);
        assert_eq!(session.renew(&token.digest(), next.digest(), start() + LIFE), Renewal::Over);
    }

    #[test]
    fn ends_when_it_is_left_alone() {
        let (mut session, token) = opened();
        let next = RefreshToken::generate(session.id);
        assert_eq!(session.renew(&token.digest(), next.digest(), start() + IDLE), Renewal::Over);
    }

    proptest! {
        /// Whatever is shown in whatever order: a token works at most once, and nothing works after a reuse.
        #[test]
        fn every_token_works_at_most_once(shown in proptest::collection::vec(0_usize..6, 1..40)) {
            let (mut session, first) = opened();
            let mut tokens = vec![first];
            let mut used = std::collections::HashSet::new();
            let mut ended = false;
            for pick in shown {
                let pick = pick.min(tokens.len() - 1);
                let next = RefreshToken::generate(session.id);
                let renewal = session.renew(&tokens[pick].digest(), next.digest(), start());
                if ended {
                    prop_assert_eq!(renewal, Renewal::Over);
                } else if renewal == Renewal::Renewed {
                    prop_assert!(used.insert(pick));
                    prop_assert_eq!(pick, tokens.len() - 1);
                    tokens.push(next);
                } else {
                    prop_assert_eq!(renewal, Renewal::Reused);
                    ended = true;
                }
            }
        }

        #[test]
        fn refuses_any_text_that_is_no_token(text in ".{0,100}") {
            prop_assert!(RefreshToken::parse(&text).is_none());
        }
    }
}
