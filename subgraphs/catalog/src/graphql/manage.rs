//! What sellers and admins ask about the products that are theirs to change, archived ones included.

use async_graphql::{Context, ID, Object};
use kit::{
    identity::{Caller, Require, Role},
    page::PageRequest,
    subgraph::Answer,
};

use super::{
    catalog,
    types::{Product, ProductConnection, connection},
};
use crate::{
    domain::ProductId,
    service::{Catalog, Managed, editor},
};

#[derive(Default)]
pub(crate) struct ManageQuery;

#[Object]
impl ManageQuery {
    /// The products that the caller may change: a seller's own, all of them for an admin. The newest first, archived ones included.
    #[graphql(guard = "Require::RoleOrApiKey(&[Role::Seller, Role::Admin])")]
    async fn managed_products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only archived ones (`true`), or only those that are offered (`false`).")] archived: Option<bool>,
        #[graphql(desc = "Those that have a word that begins like each word of this text.")] text: Option<
            String,
        >,
        #[graphql(desc = "How many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Answer<ProductConnection> {
        let page = async {
            let editor = editor(ctx.data::<Caller>()?)?;
            let listing = Catalog::managed_listing(editor, Managed { archived, text })?;
            connection(catalog(ctx)?, listing, PageRequest::new(first, after.as_deref())?).await
        };
        Some(page.await)
    }

    /// A product that the caller may change, archived or not.
    #[graphql(guard = "Require::RoleOrApiKey(&[Role::Seller, Role::Admin])")]
    async fn managed_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Answer<Product> {
        let product = async {
            let editor = editor(ctx.data::<Caller>()?)?;
            let id = ProductId::parse_field("id", &id)?;
            Ok(Product::one(catalog(ctx)?.managed(editor, id).await?))
        };
        Some(product.await)
    }
}
