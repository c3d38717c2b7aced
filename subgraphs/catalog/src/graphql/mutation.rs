//! What sellers and admins change: products, and the tree of categories.

use async_graphql::{Context, ID, Object};
use kit::{
    Error,
    identity::{Caller, Require, Role},
    subgraph::Answer,
};

use super::{
    catalog,
    inputs::{CreateCategoryInput, CreateProductInput, UpdateCategoryInput, UpdateProductInput},
    types::{Category, Product},
};
use crate::{
    domain::{CategoryId, ProductId},
    service::editor,
};

#[derive(Default)]
pub(crate) struct ProductMutation;

#[Object]
impl ProductMutation {
    /// Adds a product. Its stock exists when this answers. Needs the header `x-api-key`, or the token of a seller (whose product
    /// it is then) or an admin.
    #[graphql(guard = "Require::RoleOrApiKey(&[Role::Seller, Role::Admin])")]
    async fn create_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product. Must be given.")] input: Option<CreateProductInput>,
    ) -> Answer<Product> {
        let product = async {
            let editor = editor(ctx.data::<Caller>()?)?;
            let input = input.ok_or_else(|| Error::bad_input("input", "must be given."))?;
            Ok(Product::one(catalog(ctx)?.create(editor, input.into()).await?))
        };
        Some(product.await)
    }

    /// Changes a product; sellers only their own.
    #[graphql(guard = "Require::RoleOrApiKey(&[Role::Seller, Role::Admin])")]
    async fn update_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(desc = "What shall be different.")] input: UpdateProductInput,
    ) -> Answer<Product> {
        let product = async {
            let editor = editor(ctx.data::<Caller>()?)?;
            let id = ProductId::parse_field("id", &id)?;
            Ok(Product::one(catalog(ctx)?.change(editor, id, input.into()).await?))
        };
        Some(product.await)
    }

    /// Takes a product out of the shop for good; sellers only their own. Orders keep showing it. Doing it again changes nothing.
    #[graphql(guard = "Require::RoleOrApiKey(&[Role::Seller, Role::Admin])")]
    async fn archive_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Answer<Product> {
        let product = async {
            let editor = editor(ctx.data::<Caller>()?)?;
            let id = ProductId::parse_field("id", &id)?;
            Ok(Product::one(catalog(ctx)?.archive(editor, id).await?))
        };
        Some(product.await)
    }
}

#[derive(Default)]
pub(crate) struct CategoryMutation;

#[Object]
impl CategoryMutation {
    /// Adds a category. For admins.
    #[graphql(guard = "Require::Admin")]
    async fn create_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The category.")] input: CreateCategoryInput,
    ) -> Answer<Category> {
        let changed = async {
            let (category, tree) = catalog(ctx)?.create_category(input.into()).await?;
            Ok(Category::in_tree(category, tree))
        };
        Some(changed.await)
    }

    /// Changes a category, also its place in the tree; its products come with it. For admins.
    #[graphql(guard = "Require::Admin")]
    async fn update_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(desc = "What shall be different.")] input: UpdateCategoryInput,
    ) -> Answer<Category> {
        let changed = async {
            let id = CategoryId::parse_field("id", &id)?;
            let (category, tree) = catalog(ctx)?.change_category(id, input.into()).await?;
            Ok(Category::in_tree(category, tree))
        };
        Some(changed.await)
    }
}
