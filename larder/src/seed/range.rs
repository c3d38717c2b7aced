//! The demo range: the categories and products that come with the program.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A category, as `createCategory` takes it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Category {
    /// Its slug.
    pub(super) slug: String,
    /// Its name.
    pub(super) name: String,
    /// The slug of the category that it is part of.
    pub(super) parent: Option<String>,
    /// What is in it.
    pub(super) description: String,
    /// Its place among its siblings.
    pub(super) position: i32,
}

/// A product, as `createProduct` takes it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Product {
    /// Its name, without the brand.
    pub(super) name: String,
    /// Its slug.
    pub(super) slug: String,
    /// Its brand.
    pub(super) brand: String,
    /// The slug of its category.
    pub(super) category: String,
    /// Its price in cents.
    pub(super) price: i32,
    /// The opening stock.
    pub(super) quantity: i32,
    /// How much is in a pack.
    pub(super) size: i32,
    /// Of what unit.
    pub(super) unit: String,
    /// What it is.
    pub(super) description: String,
    /// How to keep it.
    pub(super) storage: String,
    /// What is in it that somebody may not stand.
    pub(super) allergens: Vec<String>,
    /// The addresses of its pictures.
    pub(super) pictures: Vec<String>,
}

/// The categories, each parent before its children.
///
/// # Errors
/// When the file that came with the program is damaged.
pub(super) fn categories() -> Result<Vec<Category>> {
    serde_json::from_str(include_str!("../../demo/categories.json")).context("the demo categories")
}

/// The products.
///
/// # Errors
/// When the file that came with the program is damaged.
pub(super) fn products() -> Result<Vec<Product>> {
    serde_json::from_str(include_str!("../../demo/products.json")).context("the demo products")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_range_is_as_large_as_promised() {
        let categories = categories().unwrap();
        assert!(categories.iter().filter(|category| category.parent.is_none()).count() >= 14);
        assert!(products().unwrap().len() >= 240);
    }
}
