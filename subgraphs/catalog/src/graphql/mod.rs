//! The catalog's part of the graph: thin resolvers that hand an input to one use case and show its result. What anybody may ask
//! is in `query`, what sellers and admins do in `manage` and `mutation`, what other services ask in `internal`.

mod entity;
mod inputs;
mod internal;
mod manage;
mod mutation;
mod query;
mod types;

use std::sync::Arc;

use async_graphql::{
    Context, EmptySubscription, MergedObject, SDLExportOptions, Schema, SchemaBuilder, dataloader::DataLoader,
};

use self::{
    entity::{EntityQuery, KnownProducts},
    internal::InternalQuery,
    manage::ManageQuery,
    mutation::{CategoryMutation, ProductMutation},
    query::ShopQuery,
};
use crate::service::Catalog;

/// All that can be asked.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Query(ShopQuery, ManageQuery, InternalQuery, EntityQuery);

/// All that can be changed.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(ProductMutation, CategoryMutation);

type CatalogSchema = Schema<Query, Mutation, EmptySubscription>;

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
}

/// The schema, answered by this catalog.
pub(crate) fn schema(catalog: &Arc<Catalog>) -> CatalogSchema {
    let known = DataLoader::new(KnownProducts::new(catalog.clone()), tokio::spawn);
    builder().data(catalog.clone()).data(known).finish()
}

/// The schema as text; it needs no data.
pub(crate) fn sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().federation().compose_directive())
}

/// The catalog behind the schema.
fn catalog<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Arc<Catalog>> {
    ctx.data::<Arc<Catalog>>()
}
