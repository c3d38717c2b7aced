//! The tags of the list cache that the catalog raises: one per product, one for what lists show and in which order, one for the
//! categories.

use crate::domain::ProductId;

/// What is in lists, and where.
const LISTS: &str = "products";
/// The tree of categories.
const CATEGORIES: &str = "categories";

/// A product whose place in lists is as it was.
pub(crate) fn of_details(id: ProductId) -> Vec<String> {
    vec![format!("product:{id}")]
}

/// A product that came, went or took another place.
pub(crate) fn of_listing(id: ProductId) -> Vec<String> {
    vec![format!("product:{id}"), LISTS.to_owned()]
}

/// The tree, and with it the lists that are made by it.
pub(crate) fn of_categories() -> Vec<String> {
    vec![CATEGORIES.to_owned(), LISTS.to_owned()]
}
