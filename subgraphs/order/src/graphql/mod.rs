//! The schema: thin resolvers over [`crate::service`]. No rule is decided here, and no store is named.

mod admin;
mod internal;
mod mutation;
mod operator;
mod query;
mod types;

use async_graphql::{Context, EmptySubscription, MergedObject, SDLExportOptions, Schema, SchemaBuilder};
use kit::{
    Error,
    identity::{Caller, User},
};

use crate::service::{Shared, Viewer};

/// What can be read.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Query(query::ShopperQuery, admin::AdminQuery);

/// What can be done: by shoppers, by staff, and by the shop's own services.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(mutation::ShopperMutation, admin::AdminMutation, internal::InternalMutation);

/// The schema, still without the service behind it.
pub(crate) fn schema() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription).enable_federation()
}

/// The schema with the federation directives.
pub(crate) fn sdl() -> String {
    schema().finish().sdl_with_options(SDLExportOptions::new().federation().compose_directive())
}

fn service<'a>(ctx: &Context<'a>) -> kit::Result<&'a Shared> {
    ctx.data().map_err(|error| Error::bug(error.message))
}

/// The person who asks. The guards have made sure that it is one.
fn user<'a>(ctx: &Context<'a>) -> kit::Result<&'a User> {
    ctx.data::<Caller>().map_err(|error| Error::bug(error.message))?.signed_in()
}

fn viewer(ctx: &Context<'_>) -> kit::Result<Viewer> {
    Ok(user(ctx)?.into())
}
