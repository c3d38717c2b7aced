//! Changing a product that is offered, and taking it out of the shop.

use kit::Result;

use super::{Catalog, tags};
use crate::{
    domain::{Changed, Changes, Edit, Editor, Product, ProductEdits, ProductError, ProductId, Tree},
    events,
};

impl Catalog {
    /// Changes what the edits say and nothing else.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong, `NOT_FOUND` where it is not this editor's, `CONFLICT` where it is
    /// archived.
    pub(crate) async fn change(&self, editor: Editor, id: ProductId, edits: ProductEdits) -> Result<Product> {
        let tree = match &edits.category {
            Edit::Set(_) => self.tree().await?,
            Edit::Keep | Edit::Clear => Tree::default(),
        };
        let changes = Changes::check(edits, &tree)?;
        let now = self.now();
        let changed = self.products.update(&id, move |product, outbox| {
            let changed = product.change(editor, changes.clone(), now)?;
            if changed != Changed::Nothing {
                outbox.push(events::of_product(events::PRODUCT_CHANGED, product, now));
            }
            Ok::<_, ProductError>((changed, product.clone()))
        });
        let (changed, product) = changed.await.map_err(|error| error.or_not_found("product", id))?;
        match changed {
            Changed::Nothing => {}
            Changed::Details => self.raise(&tags::of_details(id)).await,
            Changed::Listing => self.raise(&tags::of_listing(id)).await,
        }
        Ok(product)
    }

    /// Takes a product out of the shop. Doing it again changes nothing.
    ///
    /// # Errors
    /// `NOT_FOUND` where it is not this editor's.
    pub(crate) async fn archive(&self, editor: Editor, id: ProductId) -> Result<Product> {
        let now = self.now();
        let archived = self.products.update(&id, move |product, outbox| {
            if product.archive(editor, now)? {
                outbox.push(events::of_product(events::PRODUCT_ARCHIVED, product, now));
            }
            Ok::<_, ProductError>(product.clone())
        });
        let product = archived.await.map_err(|error| error.or_not_found("product", id))?;
        // Also where nothing changed: the one before may have gone away before it could.
        self.raise(&tags::of_listing(id)).await;
        Ok(product)
    }

    /// Takes what inventory says of a stock. A product that is not there (a draft that was removed) needs no news.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn hear_stock(&self, id: ProductId, in_stock: bool, version: u64) -> Result<()> {
        use kit::store::UpdateError;
        use std::convert::Infallible;

        let heard = self.products.update(&id, move |product: &mut Product, _| {
            let differs = product.in_stock() != in_stock;
            Ok::<_, Infallible>(product.hear_stock(in_stock, version) && differs && product.is_offered())
        });
        match heard.await {
            Ok(true) => {
                // Inventory has raised this already, but lists that are filtered by it were old until now.
                self.raise(&tags::of_listing(id)).await;
                Ok(())
            }
            Ok(false) | Err(UpdateError::NotFound) => Ok(()),
            Err(UpdateError::Store(error)) => Err(error.into()),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }
}
