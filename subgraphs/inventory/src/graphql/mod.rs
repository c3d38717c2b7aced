//! The schema: thin resolvers over the service. For everybody in `entity`, for those who run the shop in `query` and
//! `mutation`, for the shop's own services in `internal`.

mod entity;
mod input;
mod internal;
mod mutation;
mod query;
mod types;

use std::sync::Arc;

use async_graphql::{Context, EmptySubscription, MergedObject, Schema, SchemaBuilder};

use crate::service::Inventory;

/// The root of reads.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Query(query::AdminQuery, entity::Entities);

/// The root of changes.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(mutation::AdminMutation, internal::StockMutation);

/// The schema, still without what it works on.
pub(crate) fn schema() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription).enable_federation()
}

/// What the schema works on.
fn inventory<'a>(ctx: &Context<'a>) -> async_graphql::Result<&'a Arc<Inventory>> {
    ctx.data::<Arc<Inventory>>()
}
