//! What anybody may ask. These answers are the same for everybody, signed in or not, so that the router may keep them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use kit::{
    page::{PageRequest, list_limit},
    subgraph::Answer,
};

use super::{
    catalog,
    inputs::{ProductFilter, ProductSort},
    types::{Category, Product, ProductConnection, Shop, connection},
};
use crate::{
    domain::{Checks, ProductId},
    service::ListRequest,
};

#[derive(Default)]
pub(crate) struct ShopQuery;

#[Object]
impl ShopQuery {
    /// Products of the shop as a bare list. For pages and filters ask `productsConnection`.
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 250; 100 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only those in the category with this slug, and in those below it.")]
        category: Option<String>,
        #[graphql(desc = "The order. The newest first where nothing is said.")] sort: Option<ProductSort>,
        #[graphql(
            desc = "These products (at most 250) in this order, with null for those that are not offered; goes without the \
                          other arguments."
        )]
        ids: Option<Vec<ID>>,
    ) -> Answer<Vec<Option<Product>>> {
        if let Some(ids) = ids {
            let alone = first.is_none() && category.is_none() && sort.is_none();
            return Some(products_by_ids(ctx, &ids, alone).await);
        }
        let products = async {
            let request =
                ListRequest { limit: list_limit(first)?, category, sort: sort.unwrap_or_default().into() };
            let products = catalog(ctx)?.list(request).await?;
            let show = Product::many();
            Ok(products.into_iter().map(|product| Some(show(product))).collect())
        };
        Some(products.await)
    }

    /// A page of the offered products, filtered and sorted.
    async fn products_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which products.")] filter: Option<ProductFilter>,
        #[graphql(desc = "The order. The newest first where nothing is said.")] sort: Option<ProductSort>,
        #[graphql(desc = "How many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on: an `endCursor` of the same list.")] after: Option<
            String,
        >,
    ) -> Answer<ProductConnection> {
        let page = async {
            let catalog = catalog(ctx)?;
            let listing =
                catalog.listing(filter.unwrap_or_default().into(), sort.unwrap_or_default().into()).await?;
            connection(catalog, listing, PageRequest::new(first, after.as_deref())?).await
        };
        Some(page.await)
    }

    /// The product with this id. One that is archived is not found; the orders that have it still show it.
    async fn product(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Answer<Product> {
        let product = async {
            let id = ProductId::parse_field("id", &id)?;
            Ok(Product::one(catalog(ctx)?.offered(id).await?))
        };
        Some(product.await)
    }

    /// The product with this slug. One that is archived is not found.
    async fn product_by_slug(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its slug.")] slug: String,
    ) -> Answer<Product> {
        let product = async { Ok(Product::one(catalog(ctx)?.offered_by_slug(&slug).await?)) };
        Some(product.await)
    }

    /// The categories at the top, in their order; each has those below it.
    async fn categories(&self, ctx: &Context<'_>) -> Result<Vec<Category>> {
        let tree = Arc::new(catalog(ctx)?.tree().await?);
        Ok(Category::children_of(&tree, None))
    }

    /// The category with this slug.
    async fn category(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its slug.")] slug: String,
    ) -> Answer<Category> {
        let category = async {
            let tree = Arc::new(catalog(ctx)?.tree().await?);
            let category = tree.named(&slug).and_then(|category| Category::of(&tree, category.id()));
            let unknown = || kit::Error::new(kit::Code::NotFound, "There is no category with this slug.");
            Ok(category.ok_or_else(unknown)?)
        };
        Some(category.await)
    }

    /// What the shop is called, and which money its prices are in.
    async fn shop(&self, ctx: &Context<'_>) -> Result<Shop> {
        Ok(catalog(ctx)?.shop().into())
    }
}

async fn products_by_ids(ctx: &Context<'_>, texts: &[ID], alone: bool) -> Result<Vec<Option<Product>>> {
    let mut checks = Checks::default();
    if !alone {
        checks.refuse("ids", "goes without the other arguments.");
    }
    if i32::try_from(texts.len()).is_ok_and(|count| count <= kit::page::MAX_LIST) {
        for (at, text) in texts.iter().enumerate() {
            checks.take(format!("ids[{at}]"), ProductId::parse(text));
        }
    } else {
        checks.refuse("ids", format!("must be at most {}.", kit::page::MAX_LIST));
    }
    checks.done()?;
    let ids: Vec<_> = texts.iter().filter_map(|text| ProductId::parse(text).ok()).collect();
    let products = catalog(ctx)?.offered_among(&ids).await?;
    let show = Product::many();
    Ok(ids.iter().map(|id| products.get(id).cloned().map(&show)).collect())
}
