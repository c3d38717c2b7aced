//! Keeping what products have of the tree up to date.
//!
//! A product is found by its category, by those above it and by their names, so these stand in its document. A change of the
//! tree is followed by the products below it, by the event of the change; and a product that was filed by a tree that had
//! already changed is found by its own event. Between them nothing is missed: whichever of tree and product is written
//! second has an event that comes after, and sees both.

use std::convert::Infallible;

use kit::{
    Result,
    store::{Find, Index, UpdateError},
};

use super::{Catalog, tags};
use crate::{
    documents::BY_CATEGORY,
    domain::{CategoryId, Product, ProductId, Tree},
};

/// How many products are read at a time.
const AT_ONCE: usize = 250;

impl Catalog {
    /// Files the products of this category, and of those below it, by the tree as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn refile_category(&self, id: CategoryId) -> Result<()> {
        let tree = self.tree().await?;
        let mut refiled = false;
        for category in tree.subtree(id) {
            let find = Find::by(&BY_CATEGORY).eq(category.to_string());
            refiled |= self.refile_found(find, &tree).await?;
        }
        self.refiled(refiled).await;
        Ok(())
    }

    /// Files all products by the tree as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn refile_all(&self) -> Result<()> {
        let tree = self.tree().await?;
        let refiled = self.refile_found(Find::by(&Index::ID), &tree).await?;
        self.refiled(refiled).await;
        Ok(())
    }

    /// Files whatever is found, page by page; whether that changed anything.
    async fn refile_found(&self, find: Find, tree: &Tree) -> Result<bool> {
        let (mut refiled, mut after) = (false, None);
        loop {
            let page = self.products.find(find.clone().after(after).limit(AT_ONCE)).await?;
            after = page.items.last().map(|(cursor, _)| cursor.clone());
            let more = page.more && after.is_some();
            for product in page.into_documents() {
                refiled |= self.refile(&product, tree).await?;
            }
            if !more {
                return Ok(refiled);
            }
        }
    }

    async fn refiled(&self, any: bool) {
        if any {
            self.raise(&tags::of_categories()).await;
        }
    }

    /// Files a product by the tree as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn refile_product(&self, id: ProductId) -> Result<()> {
        let Some(product) = self.products.get(&id).await? else { return Ok(()) };
        let tree = self.tree().await?;
        if self.refile(&product, &tree).await? {
            self.raise(&tags::of_listing(id)).await;
        }
        Ok(())
    }

    async fn refile(&self, product: &Product, tree: &Tree) -> Result<bool> {
        let Some(filing) = product.category().and_then(|category| tree.filing(category)) else {
            return Ok(false);
        };
        let id = product.id();
        let refiled = self
            .products
            .update(&id, move |product: &mut Product, _| Ok::<_, Infallible>(product.file(filing.clone())));
        match refiled.await {
            Ok(refiled) => Ok(refiled),
            Err(UpdateError::NotFound) => Ok(false),
            Err(UpdateError::Store(error)) => Err(error.into()),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use kit::{
        bus::Bus,
        service::Context,
        testing::{World, servers::RedisServer},
    };

    use super::*;
    use crate::{
        documents::TheTree,
        domain::{CategoryEdits, CategoryForm, Edit, Editor, NewCategory, NewProduct, ProductForm, Shop},
    };

    async fn catalog(world: &World) -> Arc<Catalog> {
        let shop = Shop::new("Larder", "EUR", 2).unwrap();
        Catalog::open(&world.context(&crate::SERVICE).await, shop).await.unwrap()
    }

    async fn add_category(catalog: &Catalog, name: &str) -> CategoryId {
        let new =
            NewCategory::check(CategoryForm { name: name.to_owned(), ..CategoryForm::default() }).unwrap();
        let id = CategoryId::new();
        let added = catalog.trees.update(&TheTree, move |tree, _| tree.add(id, new.clone()));
        added.await.unwrap();
        id
    }

    /// A product of the category Dairy that was filed by this tree.
    async fn add_product(catalog: &Catalog, name: &str, tree: &Tree) -> ProductId {
        let form = ProductForm {
            name: name.to_owned(),
            price: 1,
            category: Some("dairy".to_owned()),
            ..ProductForm::default()
        };
        let new = NewProduct::check(form, tree).unwrap();
        let (id, slug) = (ProductId::new(), new.made_slug());
        let mut product = Product::draft(new, id, slug, Editor::Shop, catalog.now());
        product.publish().unwrap();
        catalog.products.insert(&product, Vec::new()).await.unwrap();
        id
    }

    #[tokio::test]
    async fn a_product_that_was_saved_after_the_tree_changed_is_filed_by_its_own_event() {
        let world = World::start().await;
        let catalog = catalog(&world).await;
        let (dairy, vegan) = (add_category(&catalog, "Dairy").await, add_category(&catalog, "Vegan").await);
        let before = catalog.tree().await.unwrap();
        let edits = CategoryEdits { parent: Edit::Set("vegan".to_owned()), ..CategoryEdits::default() };
        catalog.change_category(dairy, edits).await.unwrap();
        // The event of the move finds nothing yet.
        catalog.refile_category(dairy).await.unwrap();
        let milk = add_product(&catalog, "Milk", &before).await;
        let path =
            async || catalog.products.get(&milk).await.unwrap().unwrap().filing().unwrap().path().to_vec();
        assert_eq!(path().await, [dairy]);
        catalog.refile_product(milk).await.unwrap();
        assert_eq!(path().await, [dairy, vegan]);
    }

    /// A category under which there are so many products, none of which is filed by the tree as it is now.
    async fn misfiled(catalog: &Catalog, many: usize) -> (CategoryId, Find) {
        let (dairy, vegan) = (add_category(catalog, "Dairy").await, add_category(catalog, "Vegan").await);
        let before = &catalog.tree().await.unwrap();
        let making =
            (0..many).map(|n| async move { add_product(catalog, &format!("Milk {n}"), before).await });
        futures::future::join_all(making).await;
        let edits = CategoryEdits { parent: Edit::Set("vegan".to_owned()), ..CategoryEdits::default() };
        catalog.change_category(dairy, edits).await.unwrap();
        (dairy, Find::by(&crate::documents::CATEGORY_BY_NAME).eq(vegan.to_string()))
    }

    #[tokio::test]
    async fn every_product_below_a_category_is_filed_however_many_there_are() {
        let world = World::start().await;
        let catalog = catalog(&world).await;
        let many = 2 * AT_ONCE + 5;
        let (dairy, filed) = misfiled(&catalog, many).await;
        catalog.refile_category(dairy).await.unwrap();
        assert_eq!(catalog.products.count(filed).await.unwrap(), many as u64);
    }

    #[tokio::test]
    async fn every_product_is_filed_after_the_event_log_was_lost() {
        let (server, world) = (RedisServer::start(&[]), World::start().await);
        // What this store says is not heard from that log, as if it had been lost.
        let bus = Bus::redis(&server.url()).await.unwrap();
        let ctx = Context { bus, ..world.context(&crate::SERVICE).await };
        let _running = crate::subgraph(ctx, crate::Config::default()).await.unwrap();
        let catalog = catalog(&world).await;
        let many = AT_ONCE + 5;
        let (_, filed) = misfiled(&catalog, many).await;
        assert_eq!(catalog.products.count(filed.clone()).await.unwrap(), 0);
        let _emptied = server.tell("FLUSHALL");
        for _ in 0..600 {
            if catalog.products.count(filed.clone()).await.unwrap() == many as u64 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the products are still not filed");
    }
}
