//! Proving who one is with a password, and changing it.

use kit::{
    Error, Result,
    error::FieldError,
    identity::{AccessToken, UserId},
    store::UpdateError,
};

use super::Auth;
use crate::{
    domain::{
        password::{Password, PasswordHash, Secret},
        session::RefreshToken,
        user::User,
        username::Username,
    },
    hashing::Verdict,
};

/// Somebody who has proved who they are, and the tokens that say so.
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) access: AccessToken,
    pub(crate) refresh: RefreshToken,
}

/// A name and a password as they were given.
pub(crate) struct Credentials {
    username: Username,
    password: Password,
}

impl Credentials {
    /// Checks that there can be an account of that name and password. That says nothing about whether there is one.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` naming what cannot be.
    pub(crate) fn new(username: &str, password: &Secret) -> Result<Self> {
        match (Username::parse(username), Password::attempt(password)) {
            (Ok(username), Ok(password)) => Ok(Self { username, password }),
            (username, password) => {
                let mut fields = Vec::new();
                if let Err(error) = username {
                    fields
                        .push(FieldError { field: "input.username".to_owned(), message: error.to_string() });
                }
                if let Err(error) = password {
                    fields
                        .push(FieldError { field: "input.password".to_owned(), message: error.to_string() });
                }
                Err(Error::bad_inputs(fields))
            }
        }
    }
}

/// The current password and the one that is to take its place.
pub(crate) struct PasswordChange {
    current: Password,
    new: Password,
}

impl PasswordChange {
    /// Checks both.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` naming `current` or `new`.
    pub(crate) fn new(current: &Secret, new: &Secret) -> Result<Self> {
        match (Password::attempt(current), Password::choose(new)) {
            (Ok(current), Ok(new)) => Ok(Self { current, new }),
            (current, new) => {
                let wrong = [("current", current.err()), ("new", new.err())];
                let fields = wrong.into_iter().filter_map(|(field, error)| {
                    Some(FieldError { field: field.to_owned(), message: error?.to_string() })
                });
                Err(Error::bad_inputs(fields.collect()))
            }
        }
    }
}

impl Auth {
    /// Signs somebody in. A name that nobody has is treated like any other: it is counted, and the password is compared with a
    /// hash that is nobody's, so that neither the answer nor its time tells who has an account.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for a wrong name or password, `RATE_LIMITED` after too many of them or when the password threads are busy.
    pub(crate) async fn login(&self, credentials: Credentials, address: Option<&str>) -> Result<SignedIn> {
        let key = credentials.username.key();
        let attempt = self.attempts.begin(&key, address).await?;
        let user = self.user_named(&key).await?;
        let kept = user.as_ref().map(|user| user.password().clone());
        let verdict = self.hasher.verify(credentials.password, kept).await?;
        match (user, verdict) {
            (Some(user), Verdict::Right(stronger)) => {
                attempt.succeeded().await;
                if let Some(stronger) = stronger {
                    self.keep_stronger(&user, stronger).await;
                }
                self.open_session(user).await
            }
            _ => {
                attempt.failed().await;
                Err(Error::unauthenticated("The username or the password is wrong."))
            }
        }
    }

    /// Gives the signed-in user another password, ends all of their sessions, and signs them in anew. Guessing the current one
    /// is counted like guessing it at sign-in, because an access token may be stolen.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` naming `current` when it is wrong, `CONFLICT` when the password was changed meanwhile, `RATE_LIMITED`.
    pub(crate) async fn change_password(
        &self,
        id: UserId,
        change: PasswordChange,
        address: Option<&str>,
    ) -> Result<SignedIn> {
        let user = self.user_of_token(id).await?;
        let attempt = self.attempts.begin(&user.username().key(), address).await?;
        let verdict = self.hasher.verify(change.current, Some(user.password().clone())).await?;
        if matches!(verdict, Verdict::Wrong) {
            attempt.failed().await;
            return Err(Error::bad_input("current", "is not your password."));
        }
        attempt.succeeded().await;
        let new = self.hasher.hash(change.new).await?;
        let verified = user.generation();
        let changed = self.users.update(&id, move |user, _| {
            user.change_password(verified, new.clone())?;
            Ok(user.clone())
        });
        let user = changed.await.map_err(|error| match error {
            UpdateError::Rule(crate::domain::user::PasswordChanged) => {
                Error::conflict("Your password has been changed meanwhile. Please sign in again.")
            }
            UpdateError::NotFound => Error::not_found("user", id),
            UpdateError::Store(error) => error.into(),
        })?;
        // The new generation has ended them already; this only makes room.
        self.drop_sessions_of(id).await;
        self.open_session(user).await
    }

    /// Keeps the same password under today's parameters. If that fails the next sign-in does it.
    async fn keep_stronger(&self, user: &User, stronger: PasswordHash) {
        let (id, verified) = (user.id(), user.password().clone());
        let kept = self.users.update(&id, move |user, _| user.rehash(&verified, stronger.clone()));
        if let Err(UpdateError::Store(error)) = kept.await {
            tracing::warn!(user = %id, %error, "a password could not be kept under newer parameters");
        }
    }
}
