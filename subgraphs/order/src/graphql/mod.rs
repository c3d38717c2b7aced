//! The schema: thin resolvers over [`crate::service`]. No rule is decided here, and no store is named.

mod admin;
mod internal;
mod mutation;
mod query;
mod types;

use async_graphql::{Context, EmptySubscription, MergedObject, SDLExportOptions, Schema, SchemaBuilder};
use kit::identity::Caller;

use crate::service::{OrderService, Shared, Viewer};

/// What can be done: by shoppers, by staff, and by the shop's own services.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(mutation::ShopperMutation, admin::AdminMutation, internal::InternalMutation);

/// The schema, still without the service behind it.
pub(crate) fn schema() -> SchemaBuilder<query::Query, Mutation, EmptySubscription> {
    Schema::build(query::Query, Mutation::default(), EmptySubscription).enable_federation()
}

/// The schema with the federation directives.
pub(crate) fn sdl() -> String {
    schema().finish().sdl_with_options(SDLExportOptions::new().federation().compose_directive())
}

fn service<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a OrderService> {
    Ok(ctx.data::<Shared>()?)
}

/// The person who asks. The guards have made sure that it is one.
fn viewer(ctx: &Context<'_>) -> async_graphql::Result<Viewer> {
    Ok(ctx.data::<Caller>()?.signed_in()?.into())
}
