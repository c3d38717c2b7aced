//! How the aggregates are kept and found: their collections, their indexes, and the values in these.
//!
//! Every list is a walk of one index from its first row on, however many products there are: each way to sort has an index
//! over all offered products, and one over those of a category. A product stands in the latter under its category and under
//! each above it. Only offered products have `listed` and `in_category`, so the others take no room in those walks.

use std::{convert::Infallible, fmt, str::FromStr};

use chrono::TimeDelta;
use kit::store::{Document, Index, Keys};

use crate::domain::{Product, ProductId, Status, Tree, sort_key};

/// The address of a product, unique.
pub(crate) const BY_SLUG: Index = Index::unique("slug", &["slug"]);
/// All offered products, by name.
pub(crate) const LISTED_BY_NAME: Index = Index::on("listed_name", &["listed", "name"]);
/// All offered products, by price.
pub(crate) const LISTED_BY_PRICE: Index = Index::on("listed_price", &["listed", "price"]);
/// All offered products, by age.
pub(crate) const LISTED_BY_AGE: Index = Index::on("listed_age", &["listed", "created"]);
/// The offered products of a category and of those below it, by name.
pub(crate) const CATEGORY_BY_NAME: Index = Index::on("category_name", &["in_category", "name"]);
/// The same by price.
pub(crate) const CATEGORY_BY_PRICE: Index = Index::on("category_price", &["in_category", "price"]);
/// The same by age.
pub(crate) const CATEGORY_BY_AGE: Index = Index::on("category_age", &["in_category", "created"]);
/// Every product directly in a category, whatever its state.
pub(crate) const BY_CATEGORY: Index = Index::on("category", &["category"]);
/// Every product of a seller that is or was offered.
pub(crate) const BY_SELLER: Index = Index::on("seller", &["seller"]);
/// Words, for the text filter.
pub(crate) const BY_WORD: Index = Index::on("word", &["word"]);
/// What was begun and must be finished, by the time when that is due.
pub(crate) const UNFINISHED: Index = Index::on("unfinished", &["due"]);

/// How old a draft is before it counts as forgotten: several times as long as its request may take.
pub(crate) const FORGOTTEN_AFTER: TimeDelta = TimeDelta::minutes(1);

impl Document for Product {
    type Id = ProductId;
    const COLLECTION: &'static str = "products";
    const INDEXES: &'static [Index] = &[
        BY_SLUG,
        LISTED_BY_NAME,
        LISTED_BY_PRICE,
        LISTED_BY_AGE,
        CATEGORY_BY_NAME,
        CATEGORY_BY_PRICE,
        CATEGORY_BY_AGE,
        BY_CATEGORY,
        BY_SELLER,
        BY_WORD,
        UNFINISHED,
    ];

    fn id(&self) -> ProductId {
        self.id()
    }

    fn keys(&self) -> Keys {
        let mut keys = Keys::new().with("status", self.status().as_str());
        // One that is ended gives its slug free at once; its removal may have to wait for inventory.
        if self.status() != Status::Ended {
            keys = keys.with("slug", self.slug().as_str());
        }
        if let Some(category) = self.category() {
            keys = keys.with("category", category.to_string());
        }
        if self.is_known() {
            keys = keys
                .with("name", sort_key(self.name()))
                .with("price", self.price().minor())
                .with("created", self.created_at())
                .with("in_stock", self.in_stock())
                .with_all("word", self.words());
            if let Some(seller) = self.seller() {
                keys = keys.with("seller", seller.to_string());
            }
        }
        if self.is_offered() {
            let path = self.filing().map_or(&[][..], |filing| filing.path());
            keys = keys.with("listed", true).with_all("in_category", path.iter().map(ToString::to_string));
        }
        match self.status() {
            Status::Draft => keys.with("due", self.created_at() + FORGOTTEN_AFTER),
            Status::Ended => keys.with("due", self.created_at()),
            Status::Published | Status::Archived => keys,
        }
    }
}

/// The id of the one tree that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TheTree;

impl fmt::Display for TheTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tree")
    }
}

impl FromStr for TheTree {
    type Err = Infallible;
    fn from_str(_: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl Document for Tree {
    type Id = TheTree;
    const COLLECTION: &'static str = "categories";

    fn id(&self) -> TheTree {
        TheTree
    }
}
