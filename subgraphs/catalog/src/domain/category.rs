//! The categories: one tree, and one aggregate. Slugs that are unique, parents that exist, no circles and a bounded depth are
//! promises about several categories at once, and a promise holds only where it is checked and written together; so the
//! whole tree is one document. It is small by its bounds, and changes rarely.

use std::collections::HashSet;

use kit::Error;
use serde::{Deserialize, Serialize};

use super::{
    category_input::{CategoryChanges, NewCategory},
    checks::Edit,
    slug::Slug,
    text,
};

kit::typed_id! {
    /// The id of a category.
    pub(crate) struct CategoryId;
}

/// A category in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Category {
    id: CategoryId,
    slug: Slug,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parent: Option<CategoryId>,
    position: i32,
}

impl Category {
    pub(crate) const fn id(&self) -> CategoryId {
        self.id
    }

    pub(crate) const fn slug(&self) -> &Slug {
        &self.slug
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub(crate) const fn parent(&self) -> Option<CategoryId> {
        self.parent
    }

    pub(crate) const fn position(&self) -> i32 {
        self.position
    }
}

/// Why the tree was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CategoryError {
    #[error("there is no such category")]
    NotFound(CategoryId),
    #[error("there is no category \"{0}\" to be the parent")]
    UnknownParent(String),
    #[error("the slug is taken")]
    SlugTaken(Slug),
    #[error("the tree would be too deep")]
    TooDeep,
    #[error("a category cannot be below itself")]
    Circle,
    #[error("the tree is full")]
    Full,
}

impl From<CategoryError> for Error {
    fn from(error: CategoryError) -> Self {
        let parent = "input.parent";
        match error {
            CategoryError::NotFound(id) => Self::not_found("category", id),
            CategoryError::UnknownParent(slug) => {
                Self::bad_input(parent, format!("There is no category with the slug \"{slug}\"."))
            }
            CategoryError::SlugTaken(slug) => {
                let message = format!("Another category has the slug \"{slug}\". Choose another one.");
                Self::conflict(message.clone()).on_field("input.slug", message)
            }
            CategoryError::TooDeep => Self::bad_input(
                parent,
                format!("would make the tree deeper than {} levels.", Tree::MAX_DEPTH),
            ),
            CategoryError::Circle => {
                Self::bad_input(parent, "cannot be the category itself or one below it.")
            }
            CategoryError::Full => {
                Self::conflict(format!("The shop has {} categories, and cannot have more.", Tree::MAX))
            }
        }
    }
}

/// All categories of the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tree {
    /// Raised by one with every change, so that what was derived from the tree is known to be old.
    version: u64,
    /// In the order in which siblings are shown.
    categories: Vec<Category>,
}

impl Tree {
    /// How many categories there can be: some times what a large supermarket has, and still one small document.
    pub(crate) const MAX: usize = 500;
    /// How many levels there can be.
    pub(crate) const MAX_DEPTH: usize = 4;

    /// Adds a category. A slug that was made of the name gives way to one that is there; one that was asked for does not.
    pub(crate) fn add(&mut self, id: CategoryId, new: NewCategory) -> Result<Category, CategoryError> {
        if self.categories.len() >= Self::MAX {
            return Err(CategoryError::Full);
        }
        let parent = self.parent_named(new.parent)?;
        if parent.is_some_and(|parent| self.path(parent).len() >= Self::MAX_DEPTH) {
            return Err(CategoryError::TooDeep);
        }
        let slug = match new.slug {
            Some(asked) if self.named(asked.as_str()).is_some() => {
                return Err(CategoryError::SlugTaken(asked));
            }
            Some(asked) => asked,
            None => self.free_slug(&new.name, id)?,
        };
        let last = self.children(parent).map(Category::position).max().unwrap_or(0);
        let position = new.position.unwrap_or_else(|| last.saturating_add(1).min(NewCategory::MAX_POSITION));
        let category = Category { id, slug, name: new.name, description: new.description, parent, position };
        self.categories.push(category.clone());
        self.changed();
        Ok(category)
    }

    /// Changes a category; false where nothing is different afterwards.
    pub(crate) fn change(
        &mut self,
        id: CategoryId,
        changes: CategoryChanges,
    ) -> Result<(Category, bool), CategoryError> {
        let before = self.get(id).ok_or(CategoryError::NotFound(id))?.clone();
        let mut after = before.clone();
        if let Some(name) = changes.name {
            after.name = name;
        }
        if let Some(position) = changes.position {
            after.position = position;
        }
        changes.description.apply(&mut after.description);
        if let Some(slug) = changes.slug {
            if self.named(slug.as_str()).is_some_and(|other| other.id != id) {
                return Err(CategoryError::SlugTaken(slug));
            }
            after.slug = slug;
        }
        after.parent = match changes.parent {
            Edit::Keep => before.parent,
            Edit::Clear => None,
            Edit::Set(slug) => self.parent_named(Some(slug))?,
        };
        if after.parent != before.parent {
            self.check_move(id, after.parent)?;
        }
        let differs = after != before;
        if differs {
            self.categories.retain(|category| category.id != id);
            self.categories.push(after.clone());
            self.changed();
        }
        Ok((after, differs))
    }

    fn check_move(&self, id: CategoryId, parent: Option<CategoryId>) -> Result<(), CategoryError> {
        let above = parent.map_or_else(Vec::new, |parent| self.path(parent));
        if above.iter().any(|category| category.id == id) {
            return Err(CategoryError::Circle);
        }
        if above.len() + self.height(id) > Self::MAX_DEPTH {
            return Err(CategoryError::TooDeep);
        }
        Ok(())
    }

    fn changed(&mut self) {
        self.version += 1;
        self.categories.sort_by(|a, b| (a.position, &a.name, a.id).cmp(&(b.position, &b.name, b.id)));
    }

    fn parent_named(&self, slug: Option<String>) -> Result<Option<CategoryId>, CategoryError> {
        let Some(slug) = slug else { return Ok(None) };
        let parent = self.named(&slug).map(|category| category.id);
        parent.map(Some).ok_or(CategoryError::UnknownParent(slug))
    }

    fn free_slug(&self, name: &str, id: CategoryId) -> Result<Slug, CategoryError> {
        let tail = id.to_string().rsplit('-').next().unwrap_or_default().to_owned();
        let made = Slug::of_name(name, "category");
        let free = made.candidates(&tail).find(|slug| self.named(slug.as_str()).is_none());
        free.ok_or(CategoryError::SlugTaken(made))
    }

    pub(crate) fn get(&self, id: CategoryId) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// The category with this slug.
    pub(crate) fn named(&self, slug: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.slug.as_str() == slug)
    }

    /// The categories directly below this one (the roots for none), in their order.
    pub(crate) fn children(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Category> {
        self.categories.iter().filter(move |category| category.parent == parent)
    }

    /// The way from the root to this category, both included.
    pub(crate) fn path(&self, id: CategoryId) -> Vec<&Category> {
        let mut path: Vec<_> = std::iter::successors(self.get(id), |category| self.get(category.parent?))
            .take(Self::MAX_DEPTH)
            .collect();
        path.reverse();
        path
    }

    /// This category and all below it.
    pub(crate) fn subtree(&self, id: CategoryId) -> Vec<CategoryId> {
        let mut found = vec![id];
        let mut seen = HashSet::from([id]);
        let mut next = 0;
        while let Some(&parent) = found.get(next) {
            found.extend(self.children(Some(parent)).map(Category::id).filter(|child| seen.insert(*child)));
            next += 1;
        }
        found
    }

    /// The number of levels of the category and what is below it.
    fn height(&self, id: CategoryId) -> usize {
        let own = self.path(id).len();
        let deepest = self.subtree(id).into_iter().map(|below| self.path(below).len()).max();
        deepest.unwrap_or(own).saturating_sub(own) + 1
    }

    /// What a product in this category is found by.
    pub(crate) fn filing(&self, id: CategoryId) -> Option<Filing> {
        let path = self.path(id);
        if path.is_empty() {
            return None;
        }
        let mut words: Vec<String> = Vec::new();
        for word in path.iter().flat_map(|category| text::search_words(&category.name)) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let path = path.iter().rev().map(|category| category.id).collect();
        Some(Filing { path, words, tree_version: self.version })
    }
}

/// What a product keeps of the tree, so that it is found by its category, by those above it, and by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filing {
    /// The product's own category, then those above it up to the root.
    path: Vec<CategoryId>,
    /// The words of their names.
    words: Vec<String>,
    /// The version of the tree that this was read from.
    tree_version: u64,
}

impl Filing {
    /// The product's own category.
    pub(crate) fn category(&self) -> Option<CategoryId> {
        self.path.first().copied()
    }

    pub(crate) fn path(&self) -> &[CategoryId] {
        &self.path
    }

    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    pub(crate) const fn tree_version(&self) -> u64 {
        self.tree_version
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::category_input::CategoryForm, *};

    fn new(name: &str, parent: Option<&str>) -> NewCategory {
        let form = CategoryForm {
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
            ..CategoryForm::default()
        };
        NewCategory::check(form).unwrap()
    }

    fn add(tree: &mut Tree, name: &str, parent: Option<&str>) -> Result<Category, CategoryError> {
        tree.add(CategoryId::new(), new(name, parent))
    }

    fn moved(tree: &mut Tree, slug: &str, parent: Option<&str>) -> Result<(Category, bool), CategoryError> {
        let id = tree.named(slug).unwrap().id;
        let parent = parent.map_or(Edit::Clear, |parent| Edit::Set(parent.to_owned()));
        tree.change(id, CategoryChanges { parent, ..CategoryChanges::default() })
    }

    fn four_levels() -> Tree {
        let mut tree = Tree::default();
        for (name, parent) in [("A", None), ("B", Some("a")), ("C", Some("b")), ("D", Some("c")), ("X", None)]
        {
            add(&mut tree, name, parent).unwrap();
        }
        tree
    }

    #[test]
    fn keeps_siblings_in_their_order() {
        let mut tree = four_levels();
        let first = NewCategory { position: Some(0), ..new("First", None) };
        tree.add(CategoryId::new(), first).unwrap();
        let roots: Vec<_> = tree.children(None).map(Category::name).collect();
        assert_eq!(roots, ["First", "A", "X"]);
    }

    #[test]
    fn refuses_a_fifth_level() {
        let mut tree = four_levels();
        assert_eq!(add(&mut tree, "E", Some("d")), Err(CategoryError::TooDeep));
        assert_eq!(moved(&mut tree, "a", Some("x")), Err(CategoryError::TooDeep));
        assert!(moved(&mut tree, "b", Some("x")).is_ok());
        assert_eq!(add(&mut tree, "E", Some("d")), Err(CategoryError::TooDeep));
    }

    #[test]
    fn refuses_a_circle() {
        let mut tree = four_levels();
        for parent in ["a", "b", "c", "d"] {
            assert_eq!(moved(&mut tree, "a", Some(parent)), Err(CategoryError::Circle), "{parent}");
        }
        assert_eq!(moved(&mut tree, "b", None).unwrap().0.parent, None);
    }

    #[test]
    fn refuses_a_parent_that_is_not_there() {
        let unknown = Err(CategoryError::UnknownParent("nowhere".to_owned()));
        assert_eq!(add(&mut four_levels(), "E", Some("nowhere")), unknown);
    }

    #[test]
    fn makes_way_for_a_slug_only_where_none_was_asked_for() {
        let mut tree = four_levels();
        assert_eq!(add(&mut tree, "A", None).unwrap().slug.as_str(), "a-2");
        let asked = NewCategory { slug: Some(Slug::parse("a").unwrap()), ..new("Other", None) };
        assert!(matches!(tree.add(CategoryId::new(), asked), Err(CategoryError::SlugTaken(_))));
    }

    #[test]
    fn is_bounded() {
        let mut tree = Tree::default();
        for n in 0..Tree::MAX {
            add(&mut tree, &format!("Category {n}"), None).unwrap();
        }
        assert_eq!(add(&mut tree, "One more", None), Err(CategoryError::Full));
    }

    #[test]
    fn files_a_product_under_all_that_is_above_it() {
        let tree = four_levels();
        let id = |slug: &str| tree.named(slug).unwrap().id;
        let filing = tree.filing(id("c")).unwrap();
        assert_eq!(filing.path(), [id("c"), id("b"), id("a")]);
        assert_eq!(filing.words(), ["a", "b", "c"]);
        assert_eq!(tree.filing(CategoryId::new()), None);
    }

    proptest! {
        /// Whatever is added and moved, every category stands on a way to a root that is no longer than the bound.
        #[test]
        fn stays_a_tree(steps in proptest::collection::vec((0..12_usize, proptest::option::of(0..12_usize)), 1..60)) {
            let mut tree = Tree::default();
            for n in 0..12 {
                add(&mut tree, &format!("c{n}"), None).unwrap();
            }
            for (child, parent) in steps {
                let _ = moved(&mut tree, &format!("c{child}"), parent.map(|n| format!("c{n}")).as_deref());
            }
            prop_assert_eq!(tree.categories.len(), 12);
            for category in &tree.categories {
                let path = tree.path(category.id);
                prop_assert!(path.len() <= Tree::MAX_DEPTH);
                prop_assert_eq!(path[0].parent, None);
                prop_assert!(tree.subtree(category.id).len() <= 12);
            }
        }
    }
}
