//! What can be changed: one's own account, and by admins everybody's role.

use async_graphql::{Context, ID, Object};
use kit::{
    Code, Error,
    identity::{Caller, Require, UserId},
    subgraph::{Answer, RequestInfo},
};

use super::{
    cookie,
    types::{LoginInput, LoginResult, RegisterUserInput, RegisterUserResult, Role, User},
};
use crate::{
    domain::password::Secret,
    service::{Auth, Credentials, PasswordChange, Registration},
};

/// What people do with their own accounts.
#[derive(Default)]
pub(crate) struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Opens an account with the role CUSTOMER and signs its owner in. `CONFLICT` when the name is taken, in whatever case.
    async fn register_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new account. It must be given.")] input: Option<RegisterUserInput>,
    ) -> Answer<RegisterUserResult> {
        let registered = async {
            let input = input
                .ok_or_else(|| Error::bad_input("input", "must be given, with `username` and `password`."))?;
            let (username, password) = input.take();
            let wish = Registration::new(&username, &password)?;
            let signed_in = ctx.data::<Auth>()?.register(wish).await?;
            cookie::keep(ctx, &signed_in.refresh.reveal());
            Ok(signed_in.into())
        };
        Some(registered.await)
    }

    /// Signs in. `UNAUTHENTICATED` for a wrong name or password; after several of them `RATE_LIMITED`, with the seconds to wait in
    /// `retryAfter`.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name and password.")] input: LoginInput,
    ) -> Answer<LoginResult> {
        let signed_in = async {
            let (username, password) = input.take();
            let credentials = Credentials::new(&username, &password)?;
            let address = ctx.data::<RequestInfo>()?.client_ip.as_deref();
            let signed_in = ctx.data::<Auth>()?.login(credentials, address).await?;
            cookie::keep(ctx, &signed_in.refresh.reveal());
            Ok(signed_in.into())
        };
        Some(signed_in.await)
    }

    /// New tokens for a refresh token, which is then used up. A refresh token that is used twice ends the sign-in that it belongs to:
    /// `UNAUTHENTICATED`, for whoever holds its successor too.
    ///
    /// A browser that does not ask for `refresh_token`, here or when it signs in, has it kept in a cookie that no script can read.
    async fn refresh_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            name = "refresh_token",
            desc = "The refresh token of the last answer. A browser leaves it out: its cookie has it."
        )]
        token: Option<String>,
    ) -> Answer<LoginResult> {
        let refreshed = async {
            let kept = token.is_none();
            let token = cookie::given_or_kept(ctx, token)?;
            let refreshed = ctx.data::<Auth>()?.refresh(&token).await;
            match &refreshed {
                Ok(signed_in) => cookie::keep(ctx, &signed_in.refresh.reveal()),
                Err(error) if kept && error.code() == Code::Unauthenticated => cookie::drop(ctx),
                Err(_) => {}
            }
            Ok(refreshed?.into())
        };
        Some(refreshed.await)
    }

    /// Ends the sign-in that a refresh token belongs to: no refresh token of it works any more, and the access token made last ends
    /// within 15 minutes. Answers whether there was anything to end.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            name = "refresh_token",
            desc = "Any refresh token of the sign-in. A browser leaves it out: its cookie has it, and is taken back."
        )]
        token: Option<String>,
    ) -> Answer<bool> {
        let ended = async {
            let kept = token.is_none();
            let Some(token) = token.map_or_else(|| cookie::token(ctx), |token| Ok(Some(token)))? else {
                return Ok(false);
            };
            let ended = ctx.data::<Auth>()?.logout(&token).await?;
            if kept {
                cookie::drop(ctx);
            }
            Ok(ended)
        };
        Some(ended.await)
    }

    /// Gives the signed-in user another password. All of their sign-ins end, on every device; the answer has the tokens of a new
    /// one for this device.
    #[graphql(guard = "Require::SignedIn")]
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password until now.")] current: String,
        #[graphql(desc = "The new password: 8 to 128 characters.")] new: String,
    ) -> Answer<LoginResult> {
        let changed = async {
            let change = PasswordChange::new(&Secret::new(current), &Secret::new(new))?;
            let id = ctx.data::<Caller>()?.signed_in()?.id;
            let address = ctx.data::<RequestInfo>()?.client_ip.as_deref();
            let signed_in = ctx.data::<Auth>()?.change_password(id, change, address).await?;
            cookie::keep(ctx, &signed_in.refresh.reveal());
            Ok(signed_in.into())
        };
        Some(changed.await)
    }
}

/// What admins do with others' accounts.
#[derive(Default)]
pub(crate) struct AdminMutation;

#[Object]
impl AdminMutation {
    /// Gives a user another role. It counts from their next access token on, at most 15 minutes later. `CONFLICT` when the shop
    /// would be left without an ADMIN. For admins.
    #[graphql(guard = "Require::Admin")]
    async fn set_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's id.")] user: ID,
        #[graphql(desc = "The new role.")] role: Role,
    ) -> Answer<User> {
        let changed = async {
            let target = UserId::parse_field("user", &user)?;
            let actor = ctx.data::<Caller>()?.signed_in()?.id;
            let user = ctx.data::<Auth>()?.set_role(actor, target, role.into()).await?;
            User::seen(ctx, user)
        };
        Some(changed.await)
    }
}
