//! A product: what it is called, what it costs, where it stands in the shop, and whether it can be seen there. How many of it
//! there are is inventory's; a product only remembers whether that is any at all, so that it can be listed by it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kit::{Error, Money, identity::UserId};
use serde::{Deserialize, Serialize};

use super::{
    allergen::Allergen,
    category::{CategoryId, Filing},
    picture::Picture,
    product_input::{Changes, NewProduct},
    size::{Size, UnitPrice},
    slug::Slug,
    text,
};

kit::typed_id! {
    /// The id of a product.
    pub(crate) struct ProductId;
}

/// Where a product stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// Inventory does not hold its stock yet; nobody sees it.
    Draft,
    /// It never became visible and will be removed, once inventory has ended its stock.
    Ended,
    /// It is offered.
    Published,
    /// It is not offered any more; orders still show it.
    Archived,
}

impl Status {
    /// The states that may follow.
    pub(crate) const fn allowed_next(self) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Published, Self::Ended],
            Self::Published => &[Self::Archived],
            Self::Ended | Self::Archived => &[],
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Ended => "ENDED",
            Self::Published => "PUBLISHED",
            Self::Archived => "ARCHIVED",
        }
    }
}

/// Who changes a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Editor {
    /// Somebody who runs the shop: all products.
    Shop,
    /// A seller: their own.
    Seller(UserId),
}

/// Why a product was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProductError {
    /// It is not there, as far as this editor may know.
    #[error("there is no such product")]
    NotFound(ProductId),
    /// It is no longer offered.
    #[error("the product is archived")]
    Archived,
    /// The state does not follow.
    #[error("a product that is {} cannot become {}", from.as_str(), to.as_str())]
    Illegal { from: Status, to: Status },
}

impl From<ProductError> for Error {
    fn from(error: ProductError) -> Self {
        match error {
            ProductError::NotFound(id) => Self::not_found("product", id),
            ProductError::Archived => Self::conflict("The product is archived and cannot be changed."),
            illegal @ ProductError::Illegal { .. } => Self::internal(illegal),
        }
    }
}

/// Whether any of it can be sold, as inventory said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Availability {
    in_stock: bool,
    /// The version of the stock that said so; none before inventory has.
    #[serde(default)]
    version: Option<u64>,
}

/// What was different after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Nothing,
    /// Something that lists neither sort nor filter by.
    Details,
    /// The place of the product in lists: name, brand, price or category.
    Listing,
}

/// A product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Product {
    id: ProductId,
    status: Status,
    slug: Slug,
    name: String,
    price: Money,
    seller: Option<UserId>,
    filing: Option<Filing>,
    brand: Option<String>,
    size: Option<Size>,
    description: Option<String>,
    storage: Option<String>,
    /// None where nothing is said of them, which is not the same as that there are none.
    allergens: Option<BTreeSet<Allergen>>,
    pictures: Vec<Picture>,
    availability: Availability,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    #[serde(default)]
    archived_at: Option<DateTime<Utc>>,
}

impl Product {
    /// A new product that nobody sees yet.
    pub(crate) fn draft(
        new: NewProduct,
        id: ProductId,
        slug: Slug,
        editor: Editor,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            status: Status::Draft,
            slug,
            name: new.name,
            price: new.price,
            seller: match editor {
                Editor::Shop => None,
                Editor::Seller(seller) => Some(seller),
            },
            filing: new.filing,
            brand: new.brand,
            size: new.size,
            description: new.description,
            storage: new.storage,
            allergens: new.allergens,
            pictures: new.pictures,
            availability: Availability { in_stock: new.quantity.get() > 0, version: None },
            created_at: now,
            changed_at: now,
            archived_at: None,
        }
    }

    /// Gives a draft another slug, before it is saved; one that was shown keeps its own for good.
    pub(crate) fn rename_draft(&mut self, slug: Slug) {
        if self.status == Status::Draft {
            self.slug = slug;
        }
    }

    fn advance(&mut self, next: Status) -> Result<(), ProductError> {
        if !self.status.allowed_next().contains(&next) {
            return Err(ProductError::Illegal { from: self.status, to: next });
        }
        self.status = next;
        Ok(())
    }

    /// Shows a draft to everybody.
    pub(crate) fn publish(&mut self) -> Result<(), ProductError> {
        self.advance(Status::Published)
    }

    /// Decides that a draft will never be shown. Deciding it again changes nothing.
    pub(crate) fn end(&mut self) -> Result<(), ProductError> {
        if self.status == Status::Ended { Ok(()) } else { self.advance(Status::Ended) }
    }

    /// Takes the product out of the shop; false where it already was.
    pub(crate) fn archive(&mut self, editor: Editor, now: DateTime<Utc>) -> Result<bool, ProductError> {
        self.admit(editor)?;
        if self.status == Status::Archived {
            return Ok(false);
        }
        self.advance(Status::Archived)?;
        self.archived_at = Some(now);
        self.changed_at = now;
        Ok(true)
    }

    /// Makes these changes.
    pub(crate) fn change(
        &mut self,
        editor: Editor,
        changes: Changes,
        now: DateTime<Utc>,
    ) -> Result<Changed, ProductError> {
        self.admit(editor)?;
        if self.status == Status::Archived {
            return Err(ProductError::Archived);
        }
        let before = self.clone();
        if let Some(name) = changes.name {
            self.name = name;
        }
        if let Some(price) = changes.price {
            self.price = price;
        }
        changes.filing.apply(&mut self.filing);
        changes.brand.apply(&mut self.brand);
        changes.size.apply(&mut self.size);
        changes.description.apply(&mut self.description);
        changes.storage.apply(&mut self.storage);
        changes.allergens.apply(&mut self.allergens);
        let mut pictures = Some(std::mem::take(&mut self.pictures));
        changes.pictures.apply(&mut pictures);
        self.pictures = pictures.unwrap_or_default();
        let changed = self.difference(&before);
        if changed != Changed::Nothing {
            self.changed_at = now;
        }
        Ok(changed)
    }

    fn difference(&self, before: &Self) -> Changed {
        let place = |of: &Self| (of.name.clone(), of.price, of.brand.clone(), of.category());
        let rest = |of: &Self| {
            let texts = (of.description.clone(), of.storage.clone());
            (texts, of.size, of.allergens.clone(), of.pictures.clone())
        };
        if place(self) != place(before) {
            Changed::Listing
        } else if rest(self) != rest(before) {
            Changed::Details
        } else {
            Changed::Nothing
        }
    }

    /// Whether this editor may know of the product as one to be edited.
    pub(crate) fn admit(&self, editor: Editor) -> Result<(), ProductError> {
        let own = match editor {
            Editor::Shop => true,
            Editor::Seller(seller) => self.seller == Some(seller),
        };
        if own && self.is_known() { Ok(()) } else { Err(ProductError::NotFound(self.id)) }
    }

    /// Takes what a newer tree says of the product's category; false where nothing newer was said.
    pub(crate) fn file(&mut self, filing: Filing) -> bool {
        let newer = self.filing.as_ref().is_some_and(|own| {
            own.category() == filing.category() && own.tree_version() < filing.tree_version()
        });
        if newer {
            self.filing = Some(filing);
        }
        newer
    }

    /// Takes what inventory says of the stock; false where something as new was heard before.
    pub(crate) fn hear_stock(&mut self, in_stock: bool, version: u64) -> bool {
        let newer = self.availability.version.is_none_or(|heard| heard < version);
        if newer {
            self.availability = Availability { in_stock, version: Some(version) };
        }
        newer
    }

    /// Whether it is offered.
    pub(crate) fn is_offered(&self) -> bool {
        self.status == Status::Published
    }

    /// Whether anybody may ever have seen it.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.status, Status::Published | Status::Archived)
    }

    pub(crate) const fn id(&self) -> ProductId {
        self.id
    }

    pub(crate) const fn status(&self) -> Status {
        self.status
    }

    pub(crate) const fn slug(&self) -> &Slug {
        &self.slug
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn price(&self) -> Money {
        self.price
    }

    pub(crate) const fn seller(&self) -> Option<UserId> {
        self.seller
    }

    pub(crate) const fn filing(&self) -> Option<&Filing> {
        self.filing.as_ref()
    }

    pub(crate) fn category(&self) -> Option<CategoryId> {
        self.filing.as_ref().and_then(Filing::category)
    }

    pub(crate) fn brand(&self) -> Option<&str> {
        self.brand.as_deref()
    }

    pub(crate) const fn size(&self) -> Option<Size> {
        self.size
    }

    pub(crate) fn unit_price(&self) -> Option<UnitPrice> {
        self.size?.unit_price(self.price)
    }

    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub(crate) fn storage(&self) -> Option<&str> {
        self.storage.as_deref()
    }

    pub(crate) const fn allergens(&self) -> Option<&BTreeSet<Allergen>> {
        self.allergens.as_ref()
    }

    pub(crate) fn pictures(&self) -> &[Picture] {
        &self.pictures
    }

    pub(crate) const fn in_stock(&self) -> bool {
        self.availability.in_stock
    }

    pub(crate) const fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    pub(crate) const fn changed_at(&self) -> DateTime<Utc> {
        self.changed_at
    }

    pub(crate) const fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.archived_at
    }

    /// The words that the product is found by: those of its name, its brand and its categories.
    pub(crate) fn words(&self) -> Vec<String> {
        let own = [Some(self.name()), self.brand()].into_iter().flatten().flat_map(text::search_words);
        let filed = self.filing.iter().flat_map(|filing| filing.words().iter().cloned());
        own.chain(filed).collect()
    }
}

#[cfg(test)]
#[path = "product_tests.rs"]
mod tests;
