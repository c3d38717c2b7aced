//! The catalog's types and rules. Pure: no I/O, no GraphQL, nothing asynchronous. What a product or the category tree may
//! become is decided here and nowhere else; how many of a product there are is inventory's to say.

mod allergen;
mod category;
mod category_input;
mod checks;
mod picture;
mod product;
mod product_input;
mod shop;
mod size;
mod slug;
mod text;

pub(crate) use allergen::Allergen;
pub(crate) use category::{Category, CategoryError, CategoryId, Tree};
pub(crate) use category_input::{CategoryChanges, CategoryEdits, CategoryForm, NewCategory};
pub(crate) use checks::{Checks, Edit};
pub(crate) use picture::Picture;
pub(crate) use product::{Changed, Editor, Product, ProductError, ProductId, Status};
pub(crate) use product_input::{Changes, NewProduct, ProductEdits, ProductForm};
pub(crate) use shop::Shop;
pub(crate) use size::{Size, Unit};
pub(crate) use slug::Slug;
pub(crate) use text::{search_words, sort_key};
