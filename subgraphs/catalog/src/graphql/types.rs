//! What the catalog shows: products, categories, the shop. Each type stands over one of the domain and shows parts of it.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use kit::{
    page::{Counted, PageRequest},
    subgraph::Answer,
};
use tokio::sync::OnceCell;

use super::{catalog, inputs::ProductSort};
use crate::{
    domain::{self, CategoryId, Tree},
    service::{Catalog, Filter, Listing},
};

/// The substances that EU law makes a label name (Annex II of Regulation (EU) No 1169/2011).
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::Allergen")]
pub(crate) enum Allergen {
    /// Cereals containing gluten.
    Gluten,
    /// Crustaceans, such as prawns and crab.
    Crustaceans,
    /// Eggs.
    Eggs,
    /// Fish.
    Fish,
    /// Peanuts.
    Peanuts,
    /// Soya beans.
    Soya,
    /// Milk, lactose included.
    Milk,
    /// Tree nuts, such as almonds and hazelnuts.
    Nuts,
    /// Celery and celeriac.
    Celery,
    /// Mustard.
    Mustard,
    /// Sesame seeds.
    Sesame,
    /// Sulphur dioxide and sulphites.
    Sulphites,
    /// Lupin.
    Lupin,
    /// Molluscs, such as mussels and squid.
    Molluscs,
}

/// What a size counts.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::Unit")]
pub(crate) enum Unit {
    /// Grams.
    G,
    /// Kilograms.
    Kg,
    /// Millilitres.
    Ml,
    /// Litres.
    L,
    /// Pieces.
    Piece,
}

/// What a kilogram, a litre or a piece of a product costs.
#[derive(SimpleObject)]
pub(crate) struct UnitPrice {
    /// The price in minor units of the shop's currency, rounded to the nearest (halves up).
    amount: i32,
    /// What it is the price of: one `KG`, one `L` or one `PIECE`.
    per: Unit,
}

/// The shop and the money it counts in.
#[derive(SimpleObject)]
pub(crate) struct Shop {
    /// What the shop is called.
    name: String,
    /// The currency of every price, as an ISO 4217 code: `EUR`.
    currency: String,
    /// How many decimal places the currency has: a price of 279 with exponent 2 is 2.79.
    exponent: i32,
}

impl From<&domain::Shop> for Shop {
    fn from(shop: &domain::Shop) -> Self {
        Self { name: shop.name().to_owned(), currency: shop.currency().to_owned(), exponent: shop.exponent() }
    }
}

/// The tree of categories, read once for all the products of a list, and only if somebody asks for it.
#[derive(Default)]
struct LazyTree(OnceCell<Arc<Tree>>);

impl LazyTree {
    async fn get(&self, ctx: &Context<'_>) -> Result<&Arc<Tree>> {
        let catalog = catalog(ctx)?;
        Ok(self.0.get_or_try_init(|| async { catalog.tree().await.map(Arc::new) }).await?)
    }
}

/// A product of the shop.
pub(crate) struct Product {
    product: domain::Product,
    tree: Arc<LazyTree>,
}

impl Product {
    /// One product.
    pub(super) fn one(product: domain::Product) -> Self {
        Self { product, tree: Arc::default() }
    }

    /// Makes the products of one list, which share what they have in common.
    pub(super) fn many() -> impl Fn(domain::Product) -> Self {
        let tree = Arc::<LazyTree>::default();
        move |product| Self { product, tree: tree.clone() }
    }
}

/// A product of the shop.
#[Object]
impl Product {
    /// Its id.
    #[graphql(name = "_id")]
    async fn id(&self) -> ID {
        self.product.id().to_string().into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        self.product.name()
    }

    /// Its price in minor units of the shop's currency (see `shop`).
    async fn price(&self) -> i32 {
        self.product.price().minor()
    }

    /// Its name in addresses: unique, and the same for good, also when the product is renamed.
    async fn slug(&self) -> &str {
        self.product.slug().as_str()
    }

    /// The category that it stands in; null for a product without one.
    async fn category(&self, ctx: &Context<'_>) -> Answer<Category> {
        let id = self.product.category()?;
        self.tree.get(ctx).await.map(|tree| Category::of(tree, id)).transpose()
    }

    /// The brand, where it has one.
    async fn brand(&self) -> Option<&str> {
        self.product.brand()
    }

    /// How much is in a pack, counted in `unit`; null where that is not said.
    async fn size(&self) -> Option<i32> {
        self.product.size().map(domain::Size::amount)
    }

    /// What `size` counts; null exactly where `size` is.
    async fn unit(&self) -> Option<Unit> {
        self.product.size().map(|size| size.unit().into())
    }

    /// Size and unit as they are printed on the shelf: `500 g`. Null exactly where `size` is.
    async fn size_text(&self) -> Option<String> {
        self.product.size().map(domain::Size::text)
    }

    /// What a kilogram, a litre or a piece costs, to compare packs by; null without a size.
    async fn unit_price(&self) -> Option<UnitPrice> {
        let price = self.product.unit_price()?;
        Some(UnitPrice { amount: price.amount.minor(), per: price.per.into() })
    }

    /// What it is, in sentences; may have line breaks.
    async fn description(&self) -> Option<&str> {
        self.product.description()
    }

    /// How to keep it at home.
    async fn storage(&self) -> Option<&str> {
        self.product.storage()
    }

    /// The allergens in it. An empty list says that there are none; null says that nothing is known.
    async fn allergens(&self) -> Option<Vec<Allergen>> {
        self.product.allergens().map(|list| list.iter().copied().map(Into::into).collect())
    }

    /// Pictures, the best first: paths of the shop's own host, or `https` addresses.
    async fn pictures(&self) -> Vec<&str> {
        self.product.pictures().iter().map(domain::Picture::as_str).collect()
    }

    /// The id of the user who sells it; null for the shop itself.
    async fn seller_id(&self) -> Option<ID> {
        self.product.seller().map(|seller| seller.to_string().into())
    }

    /// When it was added.
    async fn created_at(&self) -> DateTime<Utc> {
        self.product.created_at()
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.product.changed_at()
    }

    /// When it was taken out of the shop; null while it is offered. Orders keep showing it.
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.product.archived_at()
    }
}

/// A part of the shop's range. Categories form a tree of at most four levels.
pub(crate) struct Category {
    category: domain::Category,
    tree: Arc<Tree>,
}

impl Category {
    /// The category of this id; none where the tree has it not.
    pub(super) fn of(tree: &Arc<Tree>, id: CategoryId) -> Option<Self> {
        let category = tree.get(id)?.clone();
        Some(Self { category, tree: tree.clone() })
    }

    /// A category that was just changed, in the tree that it made.
    pub(super) fn in_tree(category: domain::Category, tree: Tree) -> Self {
        Self { category, tree: Arc::new(tree) }
    }

    /// The categories directly below, or the roots.
    pub(super) fn children_of(tree: &Arc<Tree>, parent: Option<CategoryId>) -> Vec<Self> {
        let children = tree.children(parent);
        children.map(|category| Self { category: category.clone(), tree: tree.clone() }).collect()
    }
}

/// A part of the shop's range. Categories form a tree of at most four levels.
#[Object]
impl Category {
    /// Its id.
    #[graphql(name = "_id")]
    async fn id(&self) -> ID {
        self.category.id().to_string().into()
    }

    /// Its name in addresses and filters: unique among categories.
    async fn slug(&self) -> &str {
        self.category.slug().as_str()
    }

    /// Its name.
    async fn name(&self) -> &str {
        self.category.name()
    }

    /// What is found in it, in a sentence.
    async fn description(&self) -> Option<&str> {
        self.category.description()
    }

    /// Its place among its siblings, which are shown in the order of this and then of their names.
    async fn position(&self) -> i32 {
        self.category.position()
    }

    /// The category above it; null for a root.
    async fn parent(&self) -> Option<Category> {
        Self::of(&self.tree, self.category.parent()?)
    }

    /// The categories directly below it, in their order.
    async fn children(&self) -> Vec<Category> {
        Self::children_of(&self.tree, Some(self.category.id()))
    }

    /// The way to it from its root, both included: what a page shows at its top.
    async fn path(&self) -> Vec<Category> {
        let path = self.tree.path(self.category.id());
        path.into_iter()
            .map(|category| Self { category: category.clone(), tree: self.tree.clone() })
            .collect()
    }

    /// The products offered in it and in the categories below it.
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order. The newest first where nothing is said.")] sort: Option<ProductSort>,
        #[graphql(desc = "How many, 1 to 100; 20 where nothing is said.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Result<ProductConnection> {
        let filter = Filter { category: Some(self.category.slug().to_string()), ..Filter::default() };
        let catalog = catalog(ctx)?;
        let listing = catalog.listing(filter, sort.unwrap_or_default().into()).await?;
        connection(catalog, listing, PageRequest::new(first, after.as_deref())?).await
    }
}

kit::connection!(ProductConnection, ProductEdge, Product, "products", Listing);

impl Counted for Listing {
    async fn count(&self, ctx: &Context<'_>) -> kit::Result<u64> {
        let catalog = ctx.data::<Arc<Catalog>>().map_err(|error| kit::Error::bug(error.message))?;
        catalog.count(self).await
    }
}

/// A page of a list as a connection.
pub(super) async fn connection(
    catalog: &Catalog,
    listing: Listing,
    page: PageRequest,
) -> Result<ProductConnection> {
    let continued = page.is_continued();
    let found = catalog.page(&listing, page).await?;
    Ok(ProductConnection::new(found, continued, listing, Product::many()))
}
