//! The one who calls, as far as it has been proved.

use serde::{Deserialize, Serialize};

crate::typed_id! {
    /// The id of a person with an account.
    pub struct UserId;
}

crate::typed_id! {
    /// The id of a sign-in: what a person's tokens of one device have in common.
    pub struct SessionId;
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Buys.
    Customer,
    /// Offers products of their own.
    Seller,
    /// Runs the shop.
    Admin,
}

impl Role {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER",
            Self::Seller => "SELLER",
            Self::Admin => "ADMIN",
        }
    }
}

/// A person whose token has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their name, as they write it.
    pub username: String,
    /// Their role when the token was made.
    pub role: Role,
    /// The sign-in that the token is of, where it says so.
    pub session: Option<SessionId>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No credentials.
    Nobody,
    /// A person.
    User(User),
    /// Another service of the shop, for what its scopes say.
    Service {
        /// Its name.
        name: String,
        /// What it may do here.
        scopes: Vec<String>,
    },
    /// Somebody who knows the shop's API key.
    ApiKey,
}

impl Caller {
    /// The person, if it is one.
    #[must_use]
    pub const fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            _ => None,
        }
    }

    /// The person.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for nobody, `FORBIDDEN` for a service or an API key.
    pub fn signed_in(&self) -> crate::Result<&User> {
        match self {
            Self::User(user) => Ok(user),
            Self::Nobody => Err(please_sign_in()),
            Self::Service { .. } | Self::ApiKey => {
                Err(crate::Error::forbidden("This is for people with an account."))
            }
        }
    }

    /// Whether it is a person with that role.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.user().is_some_and(|user| user.role == role)
    }

    /// Whether it is a person who runs the shop.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.has_role(Role::Admin)
    }

    /// Whether it is a service with that scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        matches!(self, Self::Service { scopes, .. } if scopes.iter().any(|have| have == scope))
    }
}

/// The refusal for nobody.
pub(super) fn please_sign_in() -> crate::Error {
    crate::Error::unauthenticated(
        "Please sign in: send the access token from `login` or `registerUser` as `Authorization: Bearer <token>`.",
    )
}
