//! What sellers and admins change: products, and the tree of categories.

use async_graphql::{Context, ID, Object, Result};
use kit::{
    Error,
    identity::{Caller, Require, Role},
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
    ) -> Result<Option<Product>> {
        let editor = editor(ctx.data::<Caller>()?)?;
        let input = input.ok_or_else(|| Error::bad_input("input", "must be given."))?;
        Ok(Some(Product::one(catalog(ctx)?.create(editor, input.into()).await?)))
    }

    /// Changes a product; sellers only their own.
    #[graphql(guard = "Require::RoleOrApiKey(&[Role::Seller, Role::Admin])")]
    async fn update_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(desc = "What shall be different.")] input: UpdateProductInput,
    ) -> Result<Option<Product>> {
        let editor = editor(ctx.data::<Caller>()?)?;
        let id = ProductId::parse_field("id", &id)?;
        Ok(Some(Product::one(catalog(ctx)?.change(editor, id, input.into()).await?)))
    }

    /// Takes a product out of the shop for good; sellers only their own. Orders keep showing it. Doing it again changes nothing.
    #[graphql(guard = "Require::RoleOrApiKey(&[Role::Seller, Role::Admin])")]
    async fn archive_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> Result<Option<Product>> {
        let editor = editor(ctx.data::<Caller>()?)?;
        let id = ProductId::parse_field("id", &id)?;
        Ok(Some(Product::one(catalog(ctx)?.archive(editor, id).await?)))
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
    ) -> Result<Option<Category>> {
        let (category, tree) = catalog(ctx)?.create_category(input.into()).await?;
        Ok(Some(Category::in_tree(category, tree)))
    }

    /// Changes a category, also its place in the tree; its products come with it. For admins.
    #[graphql(guard = "Require::Admin")]
    async fn update_category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(desc = "What shall be different.")] input: UpdateCategoryInput,
    ) -> Result<Option<Category>> {
        let id = CategoryId::parse_field("id", &id)?;
        let (category, tree) = catalog(ctx)?.change_category(id, input.into()).await?;
        Ok(Some(Category::in_tree(category, tree)))
    }
}
