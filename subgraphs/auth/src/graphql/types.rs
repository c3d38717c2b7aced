//! The types of the schema, apart from those that are kept.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use kit::{
    identity::{self, Caller},
    page::Counted,
};

use crate::{
    domain::{password::Secret, user},
    service::{Auth, SignedIn},
};

/// What a user may do.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Buys.
    Customer,
    /// Offers products of their own.
    Seller,
    /// Runs the shop.
    Admin,
}

impl From<identity::Role> for Role {
    fn from(role: identity::Role) -> Self {
        match role {
            identity::Role::Customer => Self::Customer,
            identity::Role::Seller => Self::Seller,
            identity::Role::Admin => Self::Admin,
        }
    }
}

impl From<Role> for identity::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Customer => Self::Customer,
            Role::Seller => Self::Seller,
            Role::Admin => Self::Admin,
        }
    }
}

/// A user as this caller may see them.
pub(crate) struct User {
    user: user::User,
    /// Whether the caller is this user or an admin.
    whole: bool,
}

impl User {
    /// As the sender of this request sees them.
    pub(crate) fn seen(ctx: &Context<'_>, user: user::User) -> Result<Self> {
        let caller = ctx.data::<Caller>()?;
        let own = caller.user().is_some_and(|who| who.id == user.id());
        Ok(Self { whole: own || caller.is_admin(), user })
    }

    /// As they see themselves.
    pub(crate) const fn own(user: user::User) -> Self {
        Self { user, whole: true }
    }
}

/// Somebody with an account.
#[Object]
impl User {
    /// Their id.
    #[graphql(name = "_id")]
    async fn id(&self) -> ID {
        ID(self.user.id().to_string())
    }

    /// Their name, as they write it. Unique in the shop, whatever its case.
    async fn username(&self) -> &str {
        self.user.username().as_str()
    }

    /// What they may do. Shown to themselves and to admins; null for everybody else.
    async fn role(&self) -> Option<Role> {
        self.whole.then(|| self.user.role().into())
    }

    /// When they registered. Shown to themselves and to admins; null for everybody else.
    async fn registered_at(&self) -> Option<DateTime<Utc>> {
        self.whole.then(|| self.user.registered_at())
    }
}

kit::connection!(UserConnection, UserEdge, User, "users", AllUsers);

/// Counts the users.
pub(crate) struct AllUsers;

impl Counted for AllUsers {
    async fn count(&self, ctx: &Context<'_>) -> kit::Result<u64> {
        let auth = ctx.data::<Auth>().map_err(|_| kit::Error::bug("the schema has no service"))?;
        auth.count_users().await
    }
}

/// A new account.
#[derive(InputObject)]
pub(crate) struct RegisterUserInput {
    /// The name: 3 to 32 letters, digits and `. _ -`. Unique in the shop, whatever its case.
    username: String,
    /// The password: 8 to 128 characters.
    password: String,
}

/// A name and a password.
#[derive(InputObject)]
pub(crate) struct LoginInput {
    /// The name, in any case.
    username: String,
    /// The password.
    password: String,
}

impl RegisterUserInput {
    pub(crate) fn take(self) -> (String, Secret) {
        (self.username, Secret::new(self.password))
    }
}

impl LoginInput {
    pub(crate) fn take(self) -> (String, Secret) {
        (self.username, Secret::new(self.password))
    }
}

/// A new user and the tokens that say who they are.
#[derive(SimpleObject)]
pub(crate) struct RegisterUserResult {
    /// Send it as `Authorization: Bearer <access_token>`. It holds for 15 minutes.
    #[graphql(name = "access_token")]
    access_token: String,
    /// Exchange it for new tokens with `refreshToken`, once. Keep it safe: it is as good as being signed in.
    #[graphql(name = "refresh_token")]
    refresh_token: String,
    /// When the access token ends.
    #[graphql(name = "expires_at")]
    expires_at: DateTime<Utc>,
    /// The user.
    user: User,
}

/// A user and the tokens that say who they are.
#[derive(SimpleObject)]
pub(crate) struct LoginResult {
    /// Send it as `Authorization: Bearer <access_token>`. It holds for 15 minutes.
    #[graphql(name = "access_token")]
    access_token: String,
    /// Exchange it for new tokens with `refreshToken`, once. Keep it safe: it is as good as being signed in.
    #[graphql(name = "refresh_token")]
    refresh_token: String,
    /// When the access token ends.
    #[graphql(name = "expires_at")]
    expires_at: DateTime<Utc>,
    /// The user.
    user: User,
}

impl From<SignedIn> for RegisterUserResult {
    fn from(signed_in: SignedIn) -> Self {
        let LoginResult { access_token, refresh_token, expires_at, user } = signed_in.into();
        Self { access_token, refresh_token, expires_at, user }
    }
}

impl From<SignedIn> for LoginResult {
    fn from(SignedIn { user, access, refresh }: SignedIn) -> Self {
        Self {
            access_token: access.token,
            refresh_token: refresh.reveal(),
            expires_at: access.expires_at,
            user: User::own(user),
        }
    }
}
