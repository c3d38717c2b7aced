//! Permission as an attribute of a field: `#[graphql(guard = "Require::Admin")]`.

use async_graphql::{Context, Guard};

use super::caller::{Caller, Role, please_sign_in};
use crate::Error;

/// What a field asks of its caller.
#[derive(Debug, Clone, Copy)]
pub enum Require {
    /// A person.
    SignedIn,
    /// A person who runs the shop.
    Admin,
    /// A person with one of these roles.
    Role(&'static [Role]),
    /// A person with one of these roles, or the shop's API key.
    RoleOrApiKey(&'static [Role]),
    /// A service with this scope.
    Scope(&'static str),
    /// A person who runs the shop, or a service with this scope.
    AdminOrScope(&'static str),
}

impl Require {
    /// Whether this caller may.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for nobody, `FORBIDDEN` for anybody else who may not.
    pub fn admit(self, caller: &Caller) -> crate::Result<()> {
        let admitted = match self {
            Self::SignedIn => caller.user().is_some(),
            Self::Admin => caller.is_admin(),
            Self::Role(roles) => roles.iter().any(|role| caller.has_role(*role)),
            Self::RoleOrApiKey(roles) => {
                *caller == Caller::ApiKey || roles.iter().any(|role| caller.has_role(*role))
            }
            Self::Scope(scope) => caller.has_scope(scope),
            Self::AdminOrScope(scope) => caller.is_admin() || caller.has_scope(scope),
        };
        match (admitted, caller) {
            (true, _) => Ok(()),
            (false, Caller::Nobody) => Err(match self {
                Self::RoleOrApiKey(_) => Error::unauthenticated(
                    "Please send the header `x-api-key`, or sign in and send `Authorization: Bearer <token>`.",
                ),
                _ => please_sign_in(),
            }),
            (false, _) => Err(Error::forbidden(self.refusal())),
        }
    }

    fn refusal(self) -> String {
        match self {
            Self::SignedIn => "This is for people with an account.".to_owned(),
            Self::Admin | Self::AdminOrScope(_) => "This needs the role ADMIN.".to_owned(),
            Self::Role(roles) | Self::RoleOrApiKey(roles) => {
                let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                format!("This needs the role {}.", names.join(" or "))
            }
            Self::Scope(_) => "Only the shop's own services may do this.".to_owned(),
        }
    }
}

impl Guard for Require {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        Ok(self.admit(ctx.data::<Caller>()?)?)
    }
}
