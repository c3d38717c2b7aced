//! A new product. Its stock lives in another service, so that it is made in steps, each with its undo:
//!
//! 1. The product is saved as a draft, which nobody sees. (Undo: it is ended, then removed.)
//! 2. Inventory makes its stock. (Undo: the stock is discarded, which also refuses a stock that is made later.)
//! 3. The draft is published, with the event `product.created`. From here on there is nothing to undo.
//!
//! Whoever stops on the way, for whatever reason, leaves a draft that `drafts` finds and ends. A draft is published only
//! while it is a draft, and discarded only after it was ended, so the two can never both happen.

use std::sync::Arc;

use kit::{
    Error, Result,
    store::{StoreError, UpdateError},
};

use super::{Catalog, tags};
use crate::{
    domain::{Editor, NewProduct, Product, ProductError, ProductForm, ProductId, Slug, Tree},
    events,
};

impl Catalog {
    /// Makes a product and its stock; both are there when it answers.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong, `CONFLICT` where the slug that was asked for is taken, `UNAVAILABLE`
    /// where the stock could not be made: nothing is left then, or will be shortly.
    pub(crate) async fn create(self: &Arc<Self>, editor: Editor, form: ProductForm) -> Result<Product> {
        let tree = match &form.category {
            Some(_) => self.tree().await?,
            None => Tree::default(),
        };
        let new = NewProduct::check(form, &tree)?;
        let quantity = new.quantity();
        let id = self.insert_draft(new, editor).await?;
        if let Err(error) = self.inventory.create_stock(id, quantity).await {
            self.abandon(id).await;
            return Err(Error::unavailable("The shop's inventory", error));
        }
        let product = self.publish(id).await?;
        self.raise(&tags::of_listing(id)).await;
        Ok(product)
    }

    async fn insert_draft(&self, new: NewProduct, editor: Editor) -> Result<ProductId> {
        let (id, now) = (ProductId::new(), self.now());
        let asked = new.asked_slug().cloned();
        let made = new.made_slug();
        let mut draft = Product::draft(new, id, made.clone(), editor, now);
        if let Some(asked) = asked {
            return if self.insert(&mut draft, asked.clone()).await? {
                Ok(id)
            } else {
                Err(slug_taken(&asked))
            };
        }
        // The unique index decides: whoever looks first and writes then can be overtaken in between.
        let text = id.to_string();
        let tail = text.rsplit('-').next().unwrap_or_default();
        for slug in made.candidates(tail) {
            if self.insert(&mut draft, slug).await? {
                return Ok(id);
            }
        }
        Err(slug_taken(&made))
    }

    /// Saves the draft under this slug; false where that is taken.
    async fn insert(&self, draft: &mut Product, slug: Slug) -> Result<bool> {
        draft.rename_draft(slug);
        match self.products.insert(draft, Vec::new()).await {
            Ok(()) => Ok(true),
            Err(StoreError::Duplicate { field: "slug", .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn publish(&self, id: ProductId) -> Result<Product> {
        let now = self.now();
        let published = self.products.update(&id, move |product, outbox| {
            product.publish()?;
            outbox.push(events::of_product(events::PRODUCT_CREATED, product, now));
            Ok::<_, ProductError>(product.clone())
        });
        published.await.map_err(|error| match error {
            // It took so long that the draft was taken for forgotten.
            UpdateError::NotFound => Error::unavailable("The shop's inventory", Forgotten(id)),
            UpdateError::Rule(error) => Error::unavailable("The shop's inventory", error),
            UpdateError::Store(error) => error.into(),
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the draft {0} was removed before it could be published")]
struct Forgotten(ProductId);

fn slug_taken(slug: &Slug) -> Error {
    let message = format!("Another product has the slug \"{slug}\". Choose another one, or leave it out.");
    Error::conflict(message.clone()).on_field("input.slug", message)
}
