//! Users by their key, for other subgraphs: however many are asked for, they are one read.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, ID, Object, Result,
    dataloader::{DataLoader, Loader},
};
use kit::identity::UserId;

use super::types::User;
use crate::{domain::user, service::Auth};

/// Reads the users that were asked for at about the same time together.
pub(crate) struct UserLoader(pub(crate) Auth);

impl Loader<UserId> for UserLoader {
    type Value = user::User;
    // The loader hands one error to everybody who waited for the batch.
    type Error = Arc<kit::Error>;

    async fn load(&self, ids: &[UserId]) -> Result<HashMap<UserId, user::User>, Self::Error> {
        self.0.users_by_id(ids).await.map_err(Arc::new)
    }
}

/// The entities of this subgraph.
#[derive(Default)]
pub(crate) struct EntityQuery;

#[Object]
impl EntityQuery {
    #[graphql(entity)]
    async fn user_by_key(&self, ctx: &Context<'_>, #[graphql(name = "_id")] id: ID) -> Result<Option<User>> {
        // An error would fail the whole batch; a text that is no id is a user that does not exist.
        let Ok(id) = UserId::parse(&id) else { return Ok(None) };
        let loaded = ctx.data::<DataLoader<UserLoader>>()?.load_one(id).await;
        let user = loaded.map_err(|error| kit::Error::clone(&error))?;
        user.map(|user| User::seen(ctx, user)).transpose()
    }
}
