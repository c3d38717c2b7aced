//! Keeping what products have of the tree up to date.
//!
//! A product is found by its category, by those above it and by their names, so these stand in its document. A change of the
//! tree is followed by the products below it, by the event of the change; and a product that was filed by a tree that had
//! already changed is found by its own event. Between them nothing is missed: whichever of tree and product is written
//! second has an event that comes after, and sees both.

use std::convert::Infallible;

use kit::{
    Result,
    store::{Find, UpdateError},
};

use super::{Catalog, tags};
use crate::{
    documents::BY_CATEGORY,
    domain::{CategoryId, Product, ProductId, Tree},
};

/// How many products are read at a time.
const AT_ONCE: usize = 250;

impl Catalog {
    /// Files the products of this category, and of those below it, by the tree as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn refile_category(&self, id: CategoryId) -> Result<()> {
        let tree = self.tree().await?;
        let mut refiled = false;
        for category in tree.subtree(id) {
            let mut after = None;
            loop {
                let find = Find::by(&BY_CATEGORY).eq(category.to_string()).after(after).limit(AT_ONCE);
                let page = self.products.find(find).await?;
                after = page.items.last().map(|(cursor, _)| cursor.clone());
                let more = page.more;
                for product in page.into_documents() {
                    refiled |= self.refile(&product, &tree).await?;
                }
                if !more {
                    break;
                }
            }
        }
        if refiled {
            self.raise(&tags::of_categories()).await;
        }
        Ok(())
    }

    /// Files a product by the tree as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn refile_product(&self, id: ProductId) -> Result<()> {
        let Some(product) = self.products.get(&id).await? else { return Ok(()) };
        let tree = self.tree().await?;
        if self.refile(&product, &tree).await? {
            self.raise(&tags::of_listing(id)).await;
        }
        Ok(())
    }

    async fn refile(&self, product: &Product, tree: &Tree) -> Result<bool> {
        let Some(filing) = product.category().and_then(|category| tree.filing(category)) else {
            return Ok(false);
        };
        let id = product.id();
        let refiled = self
            .products
            .update(&id, move |product: &mut Product, _| Ok::<_, Infallible>(product.file(filing.clone())));
        match refiled.await {
            Ok(refiled) => Ok(refiled),
            Err(UpdateError::NotFound) => Ok(false),
            Err(UpdateError::Store(error)) => Err(error.into()),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }
}
