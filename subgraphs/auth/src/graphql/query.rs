//! What can be read: by everybody, and by admins.

use async_graphql::{Context, ID, Object};
use kit::{
    Error,
    identity::{Caller, Require, UserId},
    page::{PageRequest, list_limit},
    subgraph::Answer,
};

use super::types::{AllUsers, User, UserConnection};
use crate::service::Auth;

/// What everybody may read.
#[derive(Default)]
pub(crate) struct UserQuery;

#[Object]
impl UserQuery {
    /// The users of the shop in the order in which they registered. Whoever asks without credentials sees `_id` and `username`.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 250, 100 where nothing is said.")] first: Option<i32>,
    ) -> Answer<Vec<User>> {
        let users = async {
            let users = ctx.data::<Auth>()?.first_users(list_limit(first)?).await?;
            users.into_iter().map(|user| User::seen(ctx, user)).collect()
        };
        Some(users.await)
    }

    /// One user. `NOT_FOUND` when there is nobody of that id.
    async fn user(&self, ctx: &Context<'_>, #[graphql(desc = "The user's id.")] id: ID) -> Answer<User> {
        let user = async {
            let id = UserId::parse_field("id", &id)?;
            let user = ctx.data::<Auth>()?.user(id).await?.ok_or_else(|| Error::not_found("user", id))?;
            User::seen(ctx, user)
        };
        Some(user.await)
    }

    /// The signed-in user. `UNAUTHENTICATED` when nobody is signed in.
    #[graphql(guard = "Require::SignedIn")]
    async fn me(&self, ctx: &Context<'_>) -> Answer<User> {
        let me = async {
            let id = ctx.data::<Caller>()?.signed_in()?.id;
            Ok(User::own(ctx.data::<Auth>()?.me(id).await?))
        };
        Some(me.await)
    }
}

/// What admins may read.
#[derive(Default)]
pub(crate) struct AdminQuery;

#[Object]
impl AdminQuery {
    /// All users, page by page, in the order in which they registered. For admins.
    #[graphql(guard = "Require::Admin")]
    async fn users_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many at most: 1 to 100, 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "The `endCursor` of the page before.")] after: Option<String>,
    ) -> Answer<UserConnection> {
        let users = async {
            let page = PageRequest::new(first, after.as_deref())?;
            let continued = page.is_continued();
            let found = ctx.data::<Auth>()?.page_of_users(page).await?;
            // Who may ask for this may see all of everybody.
            Ok(UserConnection::new(found, continued, AllUsers, User::own))
        };
        Some(users.await)
    }
}
