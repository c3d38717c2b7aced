//! The subgraph's schema: thin resolvers over the use cases.

mod cookie;
mod entity;
mod mutation;
mod query;
mod types;

use async_graphql::{
    EmptySubscription, MergedObject, SDLExportOptions, Schema, SchemaBuilder, dataloader::DataLoader,
};
pub(crate) use entity::UserLoader;

use crate::service::Auth;

/// What can be read.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Query(query::UserQuery, query::AdminQuery, entity::EntityQuery);

/// What can be changed.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(mutation::AccountMutation, mutation::AdminMutation);

pub(crate) type AuthSchema = Schema<Query, Mutation, EmptySubscription>;

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
}

pub(crate) fn schema(auth: Auth) -> AuthSchema {
    let loader = DataLoader::new(UserLoader(auth.clone()), tokio::spawn);
    builder().data(auth).data(loader).finish()
}

pub(crate) fn sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().federation().compose_directive())
}
