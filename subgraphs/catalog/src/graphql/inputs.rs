//! What the catalog is told: the forms for products and categories, filters and orders. Whether they are right, the domain says.

use async_graphql::{Enum, ID, InputObject, MaybeUndefined};

use super::types::{Allergen, Unit};
use crate::{
    domain::{CategoryEdits, CategoryForm, Edit, ProductEdits, ProductForm},
    service::{Filter, Sort},
};

/// The order of a list of products. Products that are equal in it stand in the order in which they were added.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ProductSort {
    /// What was added last first.
    #[default]
    Newest,
    /// By name from A to Z, without regard to case and accents.
    Name,
    /// The cheapest first.
    PriceAsc,
    /// The dearest first.
    PriceDesc,
}

impl From<ProductSort> for Sort {
    fn from(sort: ProductSort) -> Self {
        match sort {
            ProductSort::Newest => Self::Newest,
            ProductSort::Name => Self::Name,
            ProductSort::PriceAsc => Self::PriceAsc,
            ProductSort::PriceDesc => Self::PriceDesc,
        }
    }
}

/// Which products a list shall have: those that fit everything that is said here.
#[derive(InputObject, Default)]
pub(crate) struct ProductFilter {
    /// Those in the category with this slug, and in the categories below it.
    category: Option<String>,
    /// Those that cost at least this, in minor units.
    min_price: Option<i32>,
    /// Those that cost at most this, in minor units.
    max_price: Option<i32>,
    /// Those of which something can be sold now (`true`), or nothing (`false`).
    in_stock: Option<bool>,
    /// Those of the seller with this id.
    seller: Option<ID>,
    /// Those that have, in their name, brand or categories, a word that begins like each word of this text. Case and accents do
    /// not matter. At most 8 words; an empty text leaves nothing out.
    text: Option<String>,
}

impl From<ProductFilter> for Filter {
    fn from(filter: ProductFilter) -> Self {
        Self {
            category: filter.category,
            min_price: filter.min_price,
            max_price: filter.max_price,
            in_stock: filter.in_stock,
            seller: filter.seller.map(|id| id.0),
            text: filter.text,
        }
    }
}

/// A new product and its first stock.
#[derive(InputObject)]
pub(crate) struct CreateProductInput {
    /// Its name: 1 to 200 characters in one line.
    name: String,
    /// Its price in minor units: 1 to 100,000,000.
    price: i32,
    /// How many there are to sell: 0 (it is listed before its first delivery) to 1,000,000,000.
    quantity: i32,
    /// Its name in addresses: lower-case letters, digits and hyphens, at most 100. Made of the name where it is left out.
    slug: Option<String>,
    /// The slug of its category.
    category: Option<String>,
    /// Its brand: at most 100 characters.
    brand: Option<String>,
    /// How much is in a pack: 1 to 1,000,000. Goes with `unit`.
    size: Option<i32>,
    /// What `size` counts.
    unit: Option<Unit>,
    /// What it is: at most 5,000 characters, line breaks allowed.
    description: Option<String>,
    /// How to keep it: at most 1,000 characters, line breaks allowed.
    storage: Option<String>,
    /// The allergens in it: an empty list where there are none, left out where that is not known.
    allergens: Option<Vec<Allergen>>,
    /// At most 10 pictures: paths of the shop's own host (`/pictures/egg.webp`) or `https` addresses, of at most 500 characters.
    pictures: Option<Vec<String>>,
}

impl From<CreateProductInput> for ProductForm {
    fn from(input: CreateProductInput) -> Self {
        Self {
            name: input.name,
            price: input.price,
            quantity: input.quantity,
            slug: input.slug,
            category: input.category,
            brand: input.brand,
            size: input.size,
            unit: input.unit.map(Into::into),
            description: input.description,
            storage: input.storage,
            allergens: input.allergens.map(|list| list.into_iter().map(Into::into).collect()),
            pictures: input.pictures.unwrap_or_default(),
        }
    }
}

/// Changes of a product. What is left out stays as it is; `null` takes a value away where a product can be without it.
#[derive(InputObject, Default)]
pub(crate) struct UpdateProductInput {
    /// Its new name: 1 to 200 characters in one line. The slug stays.
    name: MaybeUndefined<String>,
    /// Its new price in minor units: 1 to 100,000,000. Orders keep the price that they were made at.
    price: MaybeUndefined<i32>,
    /// The slug of its new category; `null` for none.
    category: MaybeUndefined<String>,
    /// Its brand; `null` for none.
    brand: MaybeUndefined<String>,
    /// How much is in a pack; goes with `unit`, also when both are `null`.
    size: MaybeUndefined<i32>,
    /// What `size` counts.
    unit: MaybeUndefined<Unit>,
    /// What it is; `null` for nothing.
    description: MaybeUndefined<String>,
    /// How to keep it; `null` for nothing.
    storage: MaybeUndefined<String>,
    /// All of its allergens; an empty list for none, `null` where that is not known.
    allergens: MaybeUndefined<Vec<Allergen>>,
    /// All of its pictures; `null` or an empty list for none.
    pictures: MaybeUndefined<Vec<String>>,
}

fn edit<T>(value: MaybeUndefined<T>) -> Edit<T> {
    match value {
        MaybeUndefined::Undefined => Edit::Keep,
        MaybeUndefined::Null => Edit::Clear,
        MaybeUndefined::Value(value) => Edit::Set(value),
    }
}

impl From<UpdateProductInput> for ProductEdits {
    fn from(input: UpdateProductInput) -> Self {
        Self {
            name: edit(input.name),
            price: edit(input.price),
            category: edit(input.category),
            brand: edit(input.brand),
            size: edit(input.size),
            unit: edit(input.unit.map_value(Into::into)),
            description: edit(input.description),
            storage: edit(input.storage),
            allergens: edit(input.allergens.map_value(|list| list.into_iter().map(Into::into).collect())),
            pictures: edit(input.pictures),
        }
    }
}

/// A new category.
#[derive(InputObject)]
pub(crate) struct CreateCategoryInput {
    /// Its name: 1 to 100 characters in one line.
    name: String,
    /// Its name in addresses: lower-case letters, digits and hyphens, at most 100. Made of the name where it is left out.
    slug: Option<String>,
    /// The slug of the category above it; left out for a root.
    parent: Option<String>,
    /// What is found in it: at most 1,000 characters.
    description: Option<String>,
    /// Its place among its siblings: 0 to 1,000,000. The last where it is left out.
    position: Option<i32>,
}

impl From<CreateCategoryInput> for CategoryForm {
    fn from(input: CreateCategoryInput) -> Self {
        Self {
            name: input.name,
            slug: input.slug,
            parent: input.parent,
            description: input.description,
            position: input.position,
        }
    }
}

/// Changes of a category. What is left out stays as it is.
#[derive(InputObject, Default)]
pub(crate) struct UpdateCategoryInput {
    /// Its new name: 1 to 100 characters in one line. The slug stays unless it is changed as well.
    name: MaybeUndefined<String>,
    /// Its new name in addresses. Addresses with the old one are not found any more.
    slug: MaybeUndefined<String>,
    /// The slug of the category above it; `null` makes it a root. Not itself nor one below it.
    parent: MaybeUndefined<String>,
    /// What is found in it; `null` for nothing.
    description: MaybeUndefined<String>,
    /// Its place among its siblings.
    position: MaybeUndefined<i32>,
}

impl From<UpdateCategoryInput> for CategoryEdits {
    fn from(input: UpdateCategoryInput) -> Self {
        Self {
            name: edit(input.name),
            slug: edit(input.slug),
            parent: edit(input.parent),
            description: edit(input.description),
            position: edit(input.position),
        }
    }
}
