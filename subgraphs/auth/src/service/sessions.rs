//! Opening, continuing and ending sessions, and clearing away what has ended.

use std::time::Duration;

use kit::{
    Error, Result,
    identity::UserId,
    store::{Find, UpdateError},
};

use super::{Auth, SignedIn};
use crate::domain::{
    session::{BY_EXPIRY, BY_USER, PER_USER, RefreshToken, Renewal, Session, SessionId},
    user::User,
};

/// How often ended sessions are cleared away. They are dead at once; this only bounds the room that they take.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// How many are read at once.
const SWEEP_BATCH: usize = 200;

impl Auth {
    /// Signs a proved user in on one more device; where there are too many, the oldest sign-in ends.
    pub(super) async fn open_session(&self, user: User) -> Result<SignedIn> {
        let (session, refresh) = Session::open(user.id(), user.generation(), self.clock.now());
        self.sessions.insert(&session, Vec::new()).await?;
        self.keep_newest_sessions(user.id()).await?;
        let access = self.issuer.access_token(&user.identity())?;
        Ok(SignedIn { user, access, refresh })
    }

    /// Puts new tokens in the place of a refresh token. The user is read anew, so a changed role is in the next access token.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a token that is not the good one of a live session; if it once was, the session ends.
    pub(crate) async fn refresh(&self, token: &str) -> Result<SignedIn> {
        let shown = RefreshToken::parse(token).ok_or_else(refused)?;
        let id = shown.session();
        let session = self.sessions.get(&id).await?.ok_or_else(refused)?;
        let user = self.user(session.user()).await?;
        let Some(user) = user.filter(|user| user.generation() == session.generation()) else {
            self.drop_session(id).await;
            return Err(refused());
        };
        // Made before the rule, which may run more than once.
        let successor = RefreshToken::generate(id);
        let (shown, next, now) = (shown.digest(), successor.digest(), self.clock.now());
        let renewal = self.sessions.update(&id, move |session, _| {
            Ok::<_, std::convert::Infallible>(session.renew(&shown, next, now))
        });
        match renewal.await {
            Ok(Renewal::Renewed) => {
                let access = self.issuer.access_token(&user.identity())?;
                Ok(SignedIn { user, access, refresh: successor })
            }
            Ok(Renewal::Reused) => {
                tracing::warn!(user = %user.id(), session = %id, "a refresh token was used twice; its session has ended");
                self.drop_session(id).await;
                Err(refused())
            }
            Ok(Renewal::Over) => {
                self.drop_session(id).await;
                Err(refused())
            }
            Err(UpdateError::NotFound) => Err(refused()),
            Err(UpdateError::Rule(never)) => match never {},
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }

    /// Ends the session of a refresh token, whether that is its good one or an old one. Says whether there was one.
    pub(crate) async fn logout(&self, token: &str) -> Result<bool> {
        match RefreshToken::parse(token) {
            Some(token) => Ok(self.sessions.remove(&token.session()).await?),
            None => Ok(false),
        }
    }

    /// Clears away sessions whose time is over. Says how many.
    pub(crate) async fn sweep(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut swept = 0;
        loop {
            let over = Find::by(&BY_EXPIRY).to(now).limit(SWEEP_BATCH);
            let found = self.sessions.find(over).await?;
            let more = found.more;
            for session in found.into_documents() {
                swept += usize::from(self.sessions.remove(&kit::store::Document::id(&session)).await?);
            }
            if !more {
                return Ok(swept);
            }
        }
    }

    /// Ends all sessions of a user as far as it can; those left are of an older generation and dead anyway.
    pub(super) async fn drop_sessions_of(&self, user: UserId) {
        let all = Find::by(&BY_USER).eq(user.to_string()).limit(2 * PER_USER);
        match self.sessions.find(all).await {
            Ok(found) => {
                for session in found.into_documents() {
                    self.drop_session(kit::store::Document::id(&session)).await;
                }
            }
            Err(error) => tracing::warn!(%user, %error, "ended sessions could not be cleared away"),
        }
    }

    async fn keep_newest_sessions(&self, user: UserId) -> Result<()> {
        let newest = Find::by(&BY_USER).eq(user.to_string()).descending().limit(2 * PER_USER);
        let found = self.sessions.find(newest).await?;
        for session in found.into_documents().into_iter().skip(PER_USER) {
            self.sessions.remove(&kit::store::Document::id(&session)).await?;
        }
        Ok(())
    }

    /// Removes a session that is dead already; what stays is found by the sweep.
    async fn drop_session(&self, id: SessionId) {
        if let Err(error) = self.sessions.remove(&id).await {
            tracing::warn!(session = %id, %error, "an ended session could not be cleared away");
        }
    }
}

/// One text for every way in which a token can be wrong, so that it teaches a thief nothing.
fn refused() -> Error {
    Error::unauthenticated("The refresh token does not hold. Please sign in again.")
}
