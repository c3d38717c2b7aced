//! Tells the cache what has changed, before the change is answered.

use std::collections::BTreeSet;

use kit::cache::Cache;
use parking_lot::Mutex;

use crate::domain::{ProductId, stock::Change};

/// The tag of the membership of product lists.
const LISTS: &str = "products";

/// Raises tags, and remembers those that could not be raised.
pub(crate) struct Tags {
    cache: Cache,
    /// At most one per product. When the process ends before they are raised, the life of an entry bounds how long it is
    /// out of date.
    owed: Mutex<BTreeSet<String>>,
}

impl Tags {
    pub(crate) fn new(cache: Cache) -> Self {
        Self { cache, owed: Mutex::default() }
    }

    /// What these changes make invalid: the products of which something else can be sold, and the lists where one came into
    /// stock or went out of it.
    pub(crate) fn of<'a>(changes: impl IntoIterator<Item = (ProductId, &'a Change)>) -> Vec<String> {
        let mut tags = BTreeSet::new();
        for (product, change) in changes {
            let created = change.moved.seq == 1;
            if change.is_visible() || created {
                tags.insert(format!("product:{product}"));
            }
            if change.crosses_zero() || created {
                tags.insert(LISTS.to_owned());
            }
        }
        tags.into_iter().collect()
    }

    /// Raises these tags; those that cannot be raised now are raised later, and the change stands.
    pub(crate) async fn raise(&self, tags: Vec<String>) {
        if let Err(error) = self.cache.raise(&tags).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "tags could not be raised; they are tried again"
            );
            self.owed.lock().extend(tags);
        }
    }

    /// Raises what is owed.
    pub(crate) async fn settle(&self) {
        let owed: Vec<_> = std::mem::take(&mut *self.owed.lock()).into_iter().collect();
        if !owed.is_empty() {
            self.raise(owed).await;
        }
    }
}
