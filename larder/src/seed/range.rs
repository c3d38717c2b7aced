//! The demo range: the categories and products that come with the program.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A category, as `createCategory` takes it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The slug of the category that it is part of.
    pub parent: Option<String>,
    /// What is in it.
    pub description: String,
    /// Its place among its siblings.
    pub position: i32,
}

/// A product, as `createProduct` takes it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name, without the brand.
    pub name: String,
    /// Its slug.
    pub slug: String,
    /// Its brand.
    pub brand: String,
    /// The slug of its category.
    pub category: String,
    /// Its price in cents.
    pub price: i32,
    /// The opening stock.
    pub quantity: i32,
    /// How much is in a pack.
    pub size: i32,
    /// Of what unit.
    pub unit: String,
    /// What it is.
    pub description: String,
    /// How to keep it.
    pub storage: String,
    /// What is in it that somebody may not stand.
    pub allergens: Vec<String>,
    /// The addresses of its pictures.
    pub pictures: Vec<String>,
}

/// The categories, each parent before its children.
///
/// # Errors
/// When the file that came with the program is damaged.
pub fn categories() -> Result<Vec<Category>> {
    serde_json::from_str(include_str!("../../demo/categories.json")).context("the demo categories")
}

/// The products.
///
/// # Errors
/// When the file that came with the program is damaged.
pub fn products() -> Result<Vec<Product>> {
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
