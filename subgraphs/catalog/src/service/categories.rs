//! The tree of categories: reading it and changing it. What stands of it in products follows by its event (`filing`).

use kit::{Result, store::UpdateError};

use super::{Catalog, tags};
use crate::{
    documents::TheTree,
    domain::{
        Category, CategoryChanges, CategoryEdits, CategoryError, CategoryForm, CategoryId, NewCategory, Tree,
    },
    events,
};

impl Catalog {
    /// The tree as it is now.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn tree(&self) -> Result<Tree> {
        Ok(self.trees.get(&TheTree).await?.unwrap_or_default())
    }

    /// Adds a category.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong, `CONFLICT` where the slug is taken or there are too many.
    pub(crate) async fn create_category(&self, form: CategoryForm) -> Result<(Category, Tree)> {
        let new = NewCategory::check(form)?;
        let (id, now) = (CategoryId::new(), self.now());
        let added = self.trees.update(&TheTree, move |tree, outbox| {
            let category = tree.add(id, new.clone())?;
            outbox.push(events::of_category(&category, now));
            Ok((category, tree.clone()))
        });
        let added = added.await.map_err(unchanged)?;
        self.raise(&tags::of_categories()).await;
        Ok(added)
    }

    /// Changes a category, also its place in the tree.
    ///
    /// # Errors
    /// `NOT_FOUND`, `BAD_USER_INPUT` with all the fields that are wrong, `CONFLICT` where the slug is taken.
    pub(crate) async fn change_category(
        &self,
        id: CategoryId,
        edits: CategoryEdits,
    ) -> Result<(Category, Tree)> {
        let changes = CategoryChanges::check(edits)?;
        let now = self.now();
        let changed = self.trees.update(&TheTree, move |tree, outbox| {
            let (category, differs) = tree.change(id, changes.clone())?;
            if differs {
                outbox.push(events::of_category(&category, now));
            }
            Ok((category, tree.clone()))
        });
        let changed = changed.await.map_err(unchanged)?;
        self.raise(&tags::of_categories()).await;
        Ok(changed)
    }
}

fn unchanged(error: UpdateError<CategoryError>) -> kit::Error {
    match error {
        UpdateError::Rule(error) => error.into(),
        UpdateError::Store(error) => error.into(),
        UpdateError::NotFound => kit::Error::bug("the tree of categories is missing"),
    }
}
