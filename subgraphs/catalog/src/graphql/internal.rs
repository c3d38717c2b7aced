//! What only the shop's own services ask. None of it is in the schema that clients see.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use kit::{Error, identity::Require};

use super::catalog;
use crate::domain::{Product, ProductId};

/// How many offers one order can ask for.
const MAX_OFFERS: usize = 100;

/// A product as it can be ordered now.
#[derive(SimpleObject)]
#[graphql(inaccessible)]
pub(crate) struct Offer {
    /// The product's id.
    #[graphql(name = "_id")]
    id: ID,
    /// Its name.
    name: String,
    /// Its price in minor units.
    price: i32,
}

impl From<&Product> for Offer {
    fn from(product: &Product) -> Self {
        Self {
            id: product.id().to_string().into(),
            name: product.name().to_owned(),
            price: product.price().minor(),
        }
    }
}

#[derive(Default)]
pub(crate) struct InternalQuery;

#[Object]
impl InternalQuery {
    /// Those of these products that can be ordered, each once, in the order of their first mention. For the order service.
    #[graphql(inaccessible, guard = "Require::Scope(\"catalog:offers\")")]
    async fn offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The products' ids, at most 100. Unknown ones are left out.")] ids: Vec<ID>,
    ) -> Result<Vec<Offer>> {
        if ids.len() > MAX_OFFERS {
            return Err(Error::bad_input("ids", format!("must be at most {MAX_OFFERS}.")).into());
        }
        let mut wanted: Vec<ProductId> = Vec::with_capacity(ids.len());
        for id in ids.iter().filter_map(|text| ProductId::parse(text).ok()) {
            if !wanted.contains(&id) {
                wanted.push(id);
            }
        }
        let products = catalog(ctx)?.offered_among(&wanted).await?;
        Ok(wanted.iter().filter_map(|id| products.get(id)).map(Offer::from).collect())
    }
}
