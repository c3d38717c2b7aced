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
            let mut after = None;
            loop {
                let find = Find::by(&BY_CATEGORY).eq(category.to_string()).after(after).limit(AT_ONCE);
                let page = self.products.find(find).await?;
                after = page.items.last().map(|(cursor, _)| cursor.clone());
                let more = page.more;
                for product in page.into_documents() {
                    refiled |= self.refile(&product, &tree).await?;
                }
                if !more {
                    break;
                }
            }
        }
        if refiled {
            self.raise(&tags::of_categories()).await;
        }
        Ok(())
    }

    /// Files all products by the tree as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn refile_all(&self) -> Result<()> {
        let tree = self.tree().await?;
        let (mut refiled, mut after) = (false, None);
        loop {
            let page = self.products.find(Find::by(&Index::ID).after(after).limit(AT_ONCE)).await?;
            after = page.items.last().map(|(cursor, _)| cursor.clone());
            let more = page.more && after.is_some();
            for product in page.into_documents() {
                refiled |= self.refile(&product, &tree).await?;
            }
            if !more {
                break;
            }
        }
        if refiled {
            self.raise(&tags::of_categories()).await;
        }
        Ok(())
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
    use std::sync::Arc;

    use kit::testing::World;

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

    #[tokio::test]
    async fn every_product_below_a_category_is_filed_however_many_there_are() {
        let world = World::start().await;
        let catalog = catalog(&world).await;
        let (dairy, vegan) = (add_category(&catalog, "Dairy").await, add_category(&catalog, "Vegan").await);
        let before = catalog.tree().await.unwrap();
        let many = 2 * AT_ONCE + 5;
        let (shop, tree) = (&catalog, &before);
        let making = (0..many).map(|n| async move { add_product(shop, &format!("Milk {n}"), tree).await });
        futures::future::join_all(making).await;
        let edits = CategoryEdits { parent: Edit::Set("vegan".to_owned()), ..CategoryEdits::default() };
        catalog.change_category(dairy, edits).await.unwrap();
        catalog.refile_category(dairy).await.unwrap();
        let filed = Find::by(&crate::documents::CATEGORY_BY_NAME).eq(vegan.to_string());
        assert_eq!(catalog.products.count(filed).await.unwrap(), many as u64);
    }
}
