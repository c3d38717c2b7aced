//! Finding products: one, several by their ids, and lists by filter and order. What drafts are, nobody learns here.

use std::collections::HashMap;

use kit::{
    Error, Money, Result,
    identity::UserId,
    page::PageRequest,
    store::{Find, Found, Index, Key},
};

use super::Catalog;
use crate::{
    documents::{
        BY_SELLER, BY_SLUG, CATEGORY_BY_AGE, CATEGORY_BY_NAME, CATEGORY_BY_PRICE, LISTED_BY_AGE,
        LISTED_BY_NAME, LISTED_BY_PRICE,
    },
    domain::{Checks, Editor, Product, ProductId, Status, Tree, search_words},
};

/// How long a text filter may be.
const MAX_TEXT: usize = 200;
/// How many words a text filter may have: each is a condition on every product that is looked at.
const MAX_WORDS: usize = 8;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Newest,
    Name,
    PriceAsc,
    PriceDesc,
}

/// Which products a list has, as it was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) category: Option<String>,
    pub(crate) min_price: Option<i32>,
    pub(crate) max_price: Option<i32>,
    pub(crate) in_stock: Option<bool>,
    pub(crate) seller: Option<String>,
    pub(crate) text: Option<String>,
}

/// A list of products, checked, and not yet cut into pages.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    find: Find,
}

/// What the contract's bare list is asked for.
#[derive(Debug, Clone)]
pub(crate) struct ListRequest {
    pub(crate) limit: usize,
    pub(crate) category: Option<String>,
    pub(crate) sort: Sort,
}

/// Which products somebody who edits them wants to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Managed {
    pub(crate) archived: Option<bool>,
    pub(crate) text: Option<String>,
}

impl Catalog {
    /// The product that everybody can see under this id.
    ///
    /// # Errors
    /// `NOT_FOUND`, also for one that is archived.
    pub(crate) async fn offered(&self, id: ProductId) -> Result<Product> {
        let product = self.products.get(&id).await?.filter(Product::is_offered);
        product.ok_or_else(|| Error::not_found("product", id))
    }

    /// The product that everybody can see under this slug.
    ///
    /// # Errors
    /// `NOT_FOUND`, also for one that is archived.
    pub(crate) async fn offered_by_slug(&self, slug: &str) -> Result<Product> {
        let find = Find::by(&BY_SLUG).eq(slug).limit(1);
        let product = self.products.find(find).await?.into_documents().pop().filter(Product::is_offered);
        product.ok_or_else(|| Error::new(kit::Code::NotFound, "There is no product with this slug."))
    }

    /// Those of these products that are offered, in one read.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn offered_among(&self, ids: &[ProductId]) -> Result<HashMap<ProductId, Product>> {
        let mut products = self.products.get_many(ids).await?;
        products.retain(|_, product| product.is_offered());
        Ok(products)
    }

    /// Those of these products that are or were offered, in one read.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn known_among(&self, ids: &[ProductId]) -> Result<HashMap<ProductId, Product>> {
        let mut products = self.products.get_many(ids).await?;
        products.retain(|_, product| product.is_known());
        Ok(products)
    }

    /// A product that this editor may change, archived or not.
    ///
    /// # Errors
    /// `NOT_FOUND` where there is none, or where it is somebody else's.
    pub(crate) async fn managed(&self, editor: Editor, id: ProductId) -> Result<Product> {
        let product = self.products.get(&id).await?.ok_or_else(|| Error::not_found("product", id))?;
        product.admit(editor)?;
        Ok(product)
    }

    /// The first so many of the offered products.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where there is no such category.
    pub(crate) async fn list(&self, request: ListRequest) -> Result<Vec<Product>> {
        let filter = Filter { category: request.category, ..Filter::default() };
        let Listing { find } = self.listing_at(filter, request.sort, "").await?;
        Ok(self.products.find(find.limit(request.limit)).await?.into_documents())
    }

    /// The list of offered products with this filter and order.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong.
    pub(crate) async fn listing(&self, filter: Filter, sort: Sort) -> Result<Listing> {
        self.listing_at(filter, sort, "filter.").await
    }

    async fn listing_at(&self, filter: Filter, sort: Sort, at: &str) -> Result<Listing> {
        let tree = match &filter.category {
            Some(_) => self.tree().await?,
            None => Tree::default(),
        };
        listing(filter, sort, &tree, at)
    }

    /// The products that this editor may change, the newest first.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where the text is none to search by.
    pub(crate) fn managed_listing(editor: Editor, asked: Managed) -> Result<Listing> {
        let mut checks = Checks::default();
        let words =
            checks.take_optional("text", asked.text.map(|text| checked_words(&text))).unwrap_or_default();
        checks.done()?;
        let find = match editor {
            Editor::Shop => Find::by(&Index::ID),
            Editor::Seller(seller) => Find::by(&BY_SELLER).eq(seller.to_string()),
        };
        let states = match asked.archived {
            None => &[Status::Published, Status::Archived][..],
            Some(false) => &[Status::Published],
            Some(true) => &[Status::Archived],
        };
        let find = find.descending().only_any("status", states.iter().map(|status| status.as_str()));
        Ok(Listing { find: words.narrow(find) })
    }

    /// A page of a list.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where the cursor is of another list.
    pub(crate) async fn page(&self, listing: &Listing, page: PageRequest) -> Result<Found<Product>> {
        Ok(self.products.find(page.apply(listing.find.clone())?).await?)
    }

    /// How long a list is.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn count(&self, listing: &Listing) -> Result<u64> {
        Ok(self.products.count(listing.find.clone()).await?)
    }
}

fn listing(filter: Filter, sort: Sort, tree: &Tree, at: &str) -> Result<Listing> {
    let mut checks = Checks::default();
    let category = filter.category.map(|slug| {
        let category = tree.named(&slug).map(|category| category.id().to_string());
        category.ok_or("must be the slug of a category.")
    });
    let category = checks.take_optional(format!("{at}category"), category);
    let price = |minor: i32| Money::from_minor(minor.into());
    let min = checks.take_optional(format!("{at}minPrice"), filter.min_price.map(price));
    let max = checks.take_optional(format!("{at}maxPrice"), filter.max_price.map(price));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        checks.refuse(format!("{at}maxPrice"), "must not be less than `minPrice`.");
    }
    let seller = checks.take_optional(format!("{at}seller"), filter.seller.map(|id| UserId::parse(&id)));
    let words = checks.take_optional(format!("{at}text"), filter.text.map(|text| checked_words(&text)));
    checks.done()?;

    let mut find = walk(category, sort);
    find = within(find, sort, min, max);
    if let Some(in_stock) = filter.in_stock {
        find = find.only("in_stock", in_stock);
    }
    if let Some(seller) = seller {
        find = find.only("seller", seller.to_string());
    }
    Ok(Listing { find: words.unwrap_or_default().narrow(find) })
}

/// The index that has the products in this order.
fn walk(category: Option<String>, sort: Sort) -> Find {
    let (all, filed) = match sort {
        Sort::Newest => (&LISTED_BY_AGE, &CATEGORY_BY_AGE),
        Sort::Name => (&LISTED_BY_NAME, &CATEGORY_BY_NAME),
        Sort::PriceAsc | Sort::PriceDesc => (&LISTED_BY_PRICE, &CATEGORY_BY_PRICE),
    };
    let find = match category {
        None => Find::by(all).eq(true),
        Some(category) => Find::by(filed).eq(category),
    };
    match sort {
        Sort::Newest | Sort::PriceDesc => find.descending(),
        Sort::Name | Sort::PriceAsc => find,
    }
}

/// A range of prices is a part of the walk where that is by price.
fn within(mut find: Find, sort: Sort, min: Option<Money>, max: Option<Money>) -> Find {
    match sort {
        Sort::PriceAsc | Sort::PriceDesc => {
            if let Some(min) = min {
                find = find.from(min.minor());
            }
            if let Some(max) = max {
                find = find.to(max.minor());
            }
            find
        }
        Sort::Newest | Sort::Name if min.is_some() || max.is_some() => {
            let key = |price: Money| Key::from(price.minor());
            find.only_between("price", min.map(key), max.map(key))
        }
        Sort::Newest | Sort::Name => find,
    }
}

/// What a text filter asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Words {
    /// Nothing: the field for it is empty.
    #[default]
    Any,
    /// A word that begins like each of these.
    All(Vec<String>),
    /// There is a text, and no word in it.
    None,
}

impl Words {
    fn narrow(self, find: Find) -> Find {
        match self {
            Self::Any => find,
            Self::All(words) => {
                words.into_iter().fold(find, |find, word| find.only_starting_with("word", word))
            }
            // No product has no status.
            Self::None => find.only("status", ""),
        }
    }
}

fn checked_words(text: &str) -> Result<Words, String> {
    if text.chars().count() > MAX_TEXT {
        return Err(format!("must be at most {MAX_TEXT} characters long."));
    }
    if text.trim().is_empty() {
        return Ok(Words::Any);
    }
    match search_words(text) {
        words if words.is_empty() => Ok(Words::None),
        words if words.len() > MAX_WORDS => Err(format!("must be at most {MAX_WORDS} words.")),
        words => Ok(Words::All(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_part_of_a_filter_that_is_wrong() {
        let filter = Filter {
            category: Some("nowhere".to_owned()),
            min_price: Some(-1),
            max_price: Some(-2),
            in_stock: None,
            seller: Some("somebody".to_owned()),
            text: Some("x".repeat(201)),
        };
        let error = listing(filter, Sort::Newest, &Tree::default(), "filter.").unwrap_err();
        let fields: Vec<_> = error.fields().iter().map(|field| field.field.as_str()).collect();
        assert_eq!(
            fields,
            ["category", "minPrice", "maxPrice", "seller", "text"].map(|name| format!("filter.{name}"))
        );
    }

    #[test]
    fn refuses_a_range_that_is_upside_down() {
        let filter = Filter { min_price: Some(2), max_price: Some(1), ..Filter::default() };
        assert!(listing(filter, Sort::Name, &Tree::default(), "filter.").is_err());
    }

    #[test]
    fn tells_an_empty_search_from_one_without_words() {
        assert_eq!(checked_words("  "), Ok(Words::Any));
        assert_eq!(checked_words("?!"), Ok(Words::None));
        assert_eq!(checked_words("Crème"), Ok(Words::All(vec!["creme".to_owned()])));
        assert!(checked_words("a b c d e f g h i").is_err());
    }
}
