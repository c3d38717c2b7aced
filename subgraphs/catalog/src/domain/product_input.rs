//! What people write into the forms for products, checked as a whole. Nothing here knows a product that exists.

use std::collections::BTreeSet;

use kit::{Money, Quantity, Result, money::AmountError};

use super::{
    allergen::Allergen,
    category::{Filing, Tree},
    checks::{Checks, Edit},
    picture::Picture,
    size::{Size, Unit},
    slug::Slug,
    text::{TextError, line, paragraphs},
};

const MAX_NAME: usize = 200;
const MAX_BRAND: usize = 100;
const MAX_DESCRIPTION: usize = 5_000;
const MAX_STORAGE: usize = 1_000;
const MAX_PICTURES: usize = 10;
/// The highest price, in minor units: a million in the shop's currency. Far above any grocery, and low enough that twenty of
/// the dearest still are an amount of money.
const MAX_PRICE: i64 = 100_000_000;

/// A new product as it was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProductForm {
    pub(crate) name: String,
    pub(crate) price: i32,
    pub(crate) quantity: i32,
    pub(crate) slug: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) brand: Option<String>,
    pub(crate) size: Option<i32>,
    pub(crate) unit: Option<Unit>,
    pub(crate) description: Option<String>,
    pub(crate) storage: Option<String>,
    pub(crate) allergens: Option<Vec<Allergen>>,
    pub(crate) pictures: Vec<String>,
}

/// A new product whose fields are right.
#[derive(Debug, Clone)]
pub(crate) struct NewProduct {
    pub(super) name: String,
    pub(super) price: Money,
    pub(super) quantity: Quantity,
    pub(super) slug: Option<Slug>,
    pub(super) filing: Option<Filing>,
    pub(super) brand: Option<String>,
    pub(super) size: Option<Size>,
    pub(super) description: Option<String>,
    pub(super) storage: Option<String>,
    pub(super) allergens: Option<BTreeSet<Allergen>>,
    pub(super) pictures: Vec<Picture>,
}

impl NewProduct {
    /// Checks a form; its category is one of `tree`.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong.
    pub(crate) fn check(form: ProductForm, tree: &Tree) -> Result<Self> {
        let mut checks = Checks::default();
        let name = checks.take("input.name", checked_name(&form.name));
        let price = checks.take("input.price", checked_price(form.price));
        let quantity = checks.take("input.quantity", Quantity::new(form.quantity.into()));
        let slug = checks.take_optional("input.slug", form.slug.map(|slug| Slug::parse(&slug)));
        let filing = checks.take_optional("input.category", form.category.map(|slug| filed(tree, &slug)));
        let brand = checks.take_optional("input.brand", form.brand.map(|text| line(&text, MAX_BRAND)));
        let size = checked_size(&mut checks, form.size, form.unit);
        let described = form.description.map(|text| paragraphs(&text, MAX_DESCRIPTION));
        let description = checks.take_optional("input.description", described);
        let storage =
            checks.take_optional("input.storage", form.storage.map(|text| paragraphs(&text, MAX_STORAGE)));
        let pictures = checked_pictures(&mut checks, &form.pictures);
        let allergens = form.allergens.map(BTreeSet::from_iter);
        match (name, price, quantity) {
            (Some(name), Some(price), Some(quantity)) => {
                checks.done()?;
                Ok(Self {
                    name,
                    price,
                    quantity,
                    slug,
                    filing,
                    brand,
                    size,
                    description,
                    storage,
                    allergens,
                    pictures,
                })
            }
            _ => Err(checks.into_error()),
        }
    }

    pub(crate) const fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// The slug that was asked for.
    pub(crate) const fn asked_slug(&self) -> Option<&Slug> {
        self.slug.as_ref()
    }

    /// The slug that the name makes.
    pub(crate) fn made_slug(&self) -> Slug {
        Slug::of_name(&self.name, "product")
    }
}

/// Changes of a product as they were written.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProductEdits {
    pub(crate) name: Edit<String>,
    pub(crate) price: Edit<i32>,
    pub(crate) category: Edit<String>,
    pub(crate) brand: Edit<String>,
    pub(crate) size: Edit<i32>,
    pub(crate) unit: Edit<Unit>,
    pub(crate) description: Edit<String>,
    pub(crate) storage: Edit<String>,
    pub(crate) allergens: Edit<Vec<Allergen>>,
    pub(crate) pictures: Edit<Vec<String>>,
}

/// Changes whose fields are right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(super) name: Option<String>,
    pub(super) price: Option<Money>,
    pub(super) filing: Edit<Filing>,
    pub(super) brand: Edit<String>,
    pub(super) size: Edit<Size>,
    pub(super) description: Edit<String>,
    pub(super) storage: Edit<String>,
    pub(super) allergens: Edit<BTreeSet<Allergen>>,
    pub(super) pictures: Edit<Vec<Picture>>,
}

impl Changes {
    /// Checks edits; their category is one of `tree`.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong.
    pub(crate) fn check(edits: ProductEdits, tree: &Tree) -> Result<Self> {
        let mut checks = Checks::default();
        let changes = Self {
            name: checks.take_required("input.name", edits.name, |text| checked_name(&text)),
            price: checks.take_required("input.price", edits.price, checked_price),
            filing: checks.take_edit("input.category", edits.category, |slug| filed(tree, &slug)),
            brand: checks.take_edit("input.brand", edits.brand, |text| line(&text, MAX_BRAND)),
            size: edited_size(&mut checks, &edits.size, &edits.unit),
            description: checks
                .take_edit("input.description", edits.description, |text| paragraphs(&text, MAX_DESCRIPTION)),
            storage: checks.take_edit("input.storage", edits.storage, |text| paragraphs(&text, MAX_STORAGE)),
            allergens: match edits.allergens {
                Edit::Keep => Edit::Keep,
                Edit::Clear => Edit::Clear,
                Edit::Set(list) => Edit::Set(list.into_iter().collect()),
            },
            pictures: match edits.pictures {
                Edit::Keep => Edit::Keep,
                Edit::Clear => Edit::Clear,
                Edit::Set(list) => Edit::Set(checked_pictures(&mut checks, &list)),
            },
        };
        checks.done()?;
        Ok(changes)
    }
}

fn checked_name(text: &str) -> Result<String, TextError> {
    line(text, MAX_NAME)
}

/// A price that something can be sold at.
fn checked_price(minor: i32) -> Result<Money, AmountError> {
    match i64::from(minor) {
        ..=0 => Err(AmountError::TooSmall(1)),
        minor if minor > MAX_PRICE => Err(AmountError::TooLarge(MAX_PRICE)),
        minor => Money::from_minor(minor),
    }
}

fn filed(tree: &Tree, slug: &str) -> Result<Filing, String> {
    let filing = tree.named(slug).and_then(|category| tree.filing(category.id()));
    // The slug is not said again: it may be anything of any length.
    filing.ok_or_else(|| "must be the slug of a category.".to_owned())
}

fn checked_size(checks: &mut Checks, size: Option<i32>, unit: Option<Unit>) -> Option<Size> {
    match (size, unit) {
        (None, None) => None,
        (Some(size), Some(unit)) => checks.take("input.size", Size::new(size, unit)),
        (Some(_), None) => {
            checks.refuse("input.unit", "must be given with a size.");
            None
        }
        (None, Some(_)) => {
            checks.refuse("input.size", "must be given with a unit.");
            None
        }
    }
}

/// Size and unit are one value in two fields: both are changed or none.
fn edited_size(checks: &mut Checks, size: &Edit<i32>, unit: &Edit<Unit>) -> Edit<Size> {
    match (size, unit) {
        (Edit::Keep, Edit::Keep) => Edit::Keep,
        (Edit::Clear, Edit::Clear) => Edit::Clear,
        (Edit::Set(size), Edit::Set(unit)) => {
            checks.take("input.size", Size::new(*size, *unit)).map_or(Edit::Keep, Edit::Set)
        }
        _ => {
            checks
                .refuse("input.size", "and `unit` are changed together: send both values, or null for both.");
            Edit::Keep
        }
    }
}

fn checked_pictures(checks: &mut Checks, list: &[String]) -> Vec<Picture> {
    if list.len() > MAX_PICTURES {
        checks.refuse("input.pictures", format!("must be at most {MAX_PICTURES}."));
        return Vec::new();
    }
    let parsed = list
        .iter()
        .enumerate()
        .filter_map(|(at, text)| checks.take(format!("input.pictures[{at}]"), Picture::parse(text)));
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> ProductForm {
        ProductForm { name: "Milk".to_owned(), price: 119, quantity: 10, ..ProductForm::default() }
    }

    fn refused(form: ProductForm) -> Vec<String> {
        let error = NewProduct::check(form, &Tree::default()).unwrap_err();
        error.fields().iter().map(|field| field.field.clone()).collect()
    }

    #[test]
    fn takes_the_three_fields_that_the_contract_asks_for() {
        let new =
            NewProduct::check(ProductForm { name: " Milk ".to_owned(), ..form() }, &Tree::default()).unwrap();
        assert_eq!((new.name.as_str(), new.price.minor(), new.quantity.get()), ("Milk", 119, 10));
    }

    #[test]
    fn names_all_the_fields_that_are_wrong_at_once() {
        let wrong = ProductForm {
            name: "x".repeat(10_000),
            price: 0,
            quantity: -1,
            slug: Some("No Slug".to_owned()),
            category: Some("nowhere".to_owned()),
            brand: Some(String::new()),
            size: Some(0),
            unit: Some(Unit::G),
            description: Some("x".repeat(5_001)),
            storage: Some("\u{0}".to_owned()),
            allergens: None,
            pictures: vec!["/ok.webp".to_owned(), "javascript:alert(1)".to_owned()],
        };
        let fields = refused(wrong);
        let names = [
            "name",
            "price",
            "quantity",
            "slug",
            "category",
            "brand",
            "size",
            "description",
            "storage",
            "pictures[1]",
        ];
        assert_eq!(fields, names.map(|name| format!("input.{name}")));
    }

    #[test]
    fn bounds_prices_and_quantities() {
        for price in [0, -1, i32::MIN, 100_000_001, i32::MAX] {
            assert_eq!(refused(ProductForm { price, ..form() }), ["input.price"], "{price}");
        }
        for quantity in [-1, i32::MIN, 1_000_000_001] {
            assert_eq!(refused(ProductForm { quantity, ..form() }), ["input.quantity"], "{quantity}");
        }
        for (price, quantity) in [(1, 0), (100_000_000, 1_000_000_000)] {
            assert!(NewProduct::check(ProductForm { price, quantity, ..form() }, &Tree::default()).is_ok());
        }
    }

    #[test]
    fn asks_for_size_and_unit_together() {
        assert_eq!(refused(ProductForm { size: Some(500), ..form() }), ["input.unit"]);
        assert_eq!(refused(ProductForm { unit: Some(Unit::G), ..form() }), ["input.size"]);
        let half = ProductEdits { size: Edit::Set(5), ..ProductEdits::default() };
        assert!(Changes::check(half, &Tree::default()).is_err());
    }

    #[test]
    fn takes_at_most_ten_pictures() {
        let pictures = |count| (0..count).map(|n| format!("/{n}.webp")).collect();
        assert_eq!(refused(ProductForm { pictures: pictures(11), ..form() }), ["input.pictures"]);
        assert!(
            NewProduct::check(ProductForm { pictures: pictures(10), ..form() }, &Tree::default()).is_ok()
        );
    }

    #[test]
    fn does_not_clear_what_a_product_must_have() {
        let edits = ProductEdits {
            name: Edit::Clear,
            price: Edit::Clear,
            brand: Edit::Clear,
            ..ProductEdits::default()
        };
        let error = Changes::check(edits, &Tree::default()).unwrap_err();
        let fields: Vec<_> = error.fields().iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["input.name", "input.price"]);
    }
}
