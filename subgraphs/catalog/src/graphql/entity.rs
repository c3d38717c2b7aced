//! Products by their key, for the other parts of the graph. All the products that a request names are one read. One that is
//! archived is found as well, so that old orders show what was bought; one that nobody has seen yet is not.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, ID, Object, Result,
    dataloader::{DataLoader, Loader},
};

use super::types::Product;
use crate::{
    domain::{self, ProductId},
    service::Catalog,
};

/// Reads products that are or were offered.
pub(crate) struct KnownProducts {
    catalog: Arc<Catalog>,
}

impl KnownProducts {
    pub(super) const fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog }
    }
}

impl Loader<ProductId> for KnownProducts {
    type Value = domain::Product;
    type Error = kit::Error;

    async fn load(&self, ids: &[ProductId]) -> kit::Result<HashMap<ProductId, domain::Product>> {
        self.catalog.known_among(ids).await
    }
}

#[derive(Default)]
pub(crate) struct EntityQuery;

#[Object]
impl EntityQuery {
    /// A product by its key; null for a key that is none, because one error here would cost the whole batch.
    #[graphql(entity)]
    async fn find_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(key, name = "_id")] id: ID,
    ) -> Result<Option<Product>> {
        let Ok(id) = ProductId::parse(&id) else { return Ok(None) };
        let product = ctx.data::<DataLoader<KnownProducts>>()?.load_one(id).await?;
        Ok(product.map(Product::one))
    }
}
