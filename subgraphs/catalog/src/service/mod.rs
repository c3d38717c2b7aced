//! What the catalog does: load, apply a rule of the domain, save with its events, raise the tags of what was changed. Each use
//! case has a file. Who may do what has been asked by the fields' guards; whose product it is, the rules ask.

mod browse;
mod categories;
mod change;
mod check;
mod create;
mod drafts;
mod filing;
mod inventory;
pub(crate) mod tags;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kit::{
    Error, Result,
    cache::{Cache, CacheError},
    clock::Clock,
    identity::{Caller, Role},
    service::{Context, Tasks},
    store::{Collection, Store, StoreError},
};

pub(crate) use browse::{Filter, ListRequest, Listing, Managed, Sort};
pub use check::{Overdue, Report, check};
use inventory::Inventory;

use crate::{
    documents::TheTree,
    domain::{Editor, Product, Shop, Tree},
};

/// The catalog.
pub(crate) struct Catalog {
    products: Collection<Product>,
    trees: Collection<Tree>,
    inventory: Inventory,
    cache: Cache,
    clock: Clock,
    tasks: Tasks,
    shop: Shop,
}

impl Catalog {
    /// Opens its collections.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub(crate) async fn open(ctx: &Context, shop: Shop) -> Result<Arc<Self>, kit::service::StartError> {
        let inventory = ctx.clients.to("inventory");
        let inventory = inventory.map_err(|error| kit::service::StartError::Config(error.to_string()))?;
        Ok(Arc::new(Self {
            products: ctx.store.collection().await?,
            trees: the_tree(&ctx.store).await?,
            inventory: Inventory::new(inventory),
            cache: ctx.cache.clone(),
            clock: ctx.clock.clone(),
            tasks: ctx.tasks.clone(),
            shop,
        }))
    }

    /// The shop's name and money.
    pub(crate) const fn shop(&self) -> &Shop {
        &self.shop
    }

    /// The time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Makes answers that were cached under these tags worthless, before the change is answered. Where that fails the event
    /// of the change does it later, and the answers die by themselves soon.
    async fn raise(&self, tags: &[String]) {
        if let Err(error) = self.raise_or_fail(tags).await {
            tracing::warn!(%error, ?tags, "the cache was not told of a change; its event will tell it");
        }
    }

    pub(crate) async fn raise_or_fail(&self, tags: &[String]) -> Result<(), CacheError> {
        self.cache.raise(tags).await
    }
}

/// The collection with the tree in it.
async fn the_tree(store: &Store) -> Result<Collection<Tree>, StoreError> {
    let trees: Collection<Tree> = store.collection().await?;
    if trees.get(&TheTree).await?.is_none() {
        match trees.insert(&Tree::default(), Vec::new()).await {
            // Another replica was quicker.
            Ok(()) | Err(StoreError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(trees)
}

/// Who edits products.
///
/// # Errors
/// `FORBIDDEN` for anybody whom the guards should not have let through.
pub(crate) fn editor(caller: &Caller) -> Result<Editor> {
    match caller {
        Caller::ApiKey => Ok(Editor::Shop),
        Caller::User(user) if user.role == Role::Admin => Ok(Editor::Shop),
        Caller::User(user) if user.role == Role::Seller => Ok(Editor::Seller(user.id)),
        _ => Err(Error::forbidden("This needs the role SELLER or ADMIN.")),
    }
}
