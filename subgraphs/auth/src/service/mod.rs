//! What can be done with users and sessions: load, apply a rule, save with its events.
//!
//! One file per group of use cases. Nothing here knows GraphQL.

mod attempts;
mod register;
mod roles;
mod sessions;
mod sign_in;

use std::{collections::HashMap, sync::Arc};

pub(crate) use attempts::Attempts;
use kit::{
    Error, Result,
    clock::Clock,
    identity::{Issuer, UserId},
    page::PageRequest,
    store::{Collection, Find, Found, Index, StoreError},
};
pub(crate) use register::Registration;
pub(crate) use sessions::SWEEP_EVERY;
pub(crate) use sign_in::{Credentials, PasswordChange, SignedIn};

use crate::{
    domain::{
        roster::Roster,
        session::Session,
        user::{BY_USERNAME, User},
        username::UsernameKey,
    },
    hashing::Hasher,
};

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Auth {
    users: Collection<User>,
    sessions: Collection<Session>,
    roster: Collection<Roster>,
    hasher: Hasher,
    attempts: Attempts,
    issuer: Arc<Issuer>,
    clock: Clock,
}

impl Auth {
    pub(crate) async fn open(
        ctx: &kit::service::Context,
        issuer: Issuer,
        hasher: Hasher,
        attempts: Attempts,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            users: ctx.store.collection().await?,
            sessions: ctx.store.collection().await?,
            roster: ctx.store.collection().await?,
            hasher,
            attempts,
            issuer: Arc::new(issuer),
            clock: ctx.clock.clone(),
        })
    }

    /// A user, or none of that id.
    pub(crate) async fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.users.get(&id).await?)
    }

    /// Those of these users that there are, in one read.
    pub(crate) async fn users_by_id(&self, ids: &[UserId]) -> Result<HashMap<UserId, User>> {
        Ok(self.users.get_many(ids).await?)
    }

    /// The first users, in the order in which they registered.
    pub(crate) async fn first_users(&self, limit: usize) -> Result<Vec<User>> {
        Ok(self.users.find(Find::by(&Index::ID).limit(limit)).await?.into_documents())
    }

    /// A page of the users, in the order in which they registered.
    pub(crate) async fn page_of_users(&self, page: PageRequest) -> Result<Found<User>> {
        Ok(self.users.find(page.apply(Find::by(&Index::ID))?).await?)
    }

    /// How many users there are.
    pub(crate) async fn count_users(&self) -> Result<u64> {
        Ok(self.users.count(Find::by(&Index::ID)).await?)
    }

    /// The user that a token speaks of. Tokens outlive what they say by some minutes, so what matters is read anew.
    async fn user_of_token(&self, id: UserId) -> Result<User> {
        let user = self.user(id).await?;
        user.ok_or_else(|| Error::unauthenticated("The account of this access token does not exist."))
    }

    /// The signed-in user themself.
    pub(crate) async fn me(&self, id: UserId) -> Result<User> {
        self.user_of_token(id).await
    }

    async fn user_named(&self, key: &UsernameKey) -> Result<Option<User>> {
        let found = self.users.find(Find::by(&BY_USERNAME).eq(key.as_str()).limit(1)).await?;
        Ok(found.into_documents().pop())
    }
}
