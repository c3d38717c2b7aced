//! What people write into the forms for categories, checked as a whole.

use kit::Result;

use super::{
    checks::{Checks, Edit},
    slug::Slug,
    text::{line, paragraphs},
};

const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 1_000;

/// A new category as it was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct CategoryForm {
    pub(crate) name: String,
    pub(crate) slug: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) position: Option<i32>,
}

/// A new category whose fields are right. Whether it fits into the tree, the tree knows.
#[derive(Debug, Clone)]
pub(crate) struct NewCategory {
    pub(super) name: String,
    pub(super) slug: Option<Slug>,
    pub(super) parent: Option<String>,
    pub(super) description: Option<String>,
    pub(super) position: Option<i32>,
}

impl NewCategory {
    /// The last place among siblings.
    pub(super) const MAX_POSITION: i32 = 1_000_000;

    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong.
    pub(crate) fn check(form: CategoryForm) -> Result<Self> {
        let mut checks = Checks::default();
        let name = checks.take("input.name", line(&form.name, MAX_NAME));
        let slug = checks.take_optional("input.slug", form.slug.map(|slug| Slug::parse(&slug)));
        let described = form.description.map(|text| paragraphs(&text, MAX_DESCRIPTION));
        let description = checks.take_optional("input.description", described);
        let position = checks.take_optional("input.position", form.position.map(checked_position));
        match name {
            Some(name) => {
                checks.done()?;
                Ok(Self { name, slug, parent: form.parent, description, position })
            }
            None => Err(checks.into_error()),
        }
    }
}

/// Changes of a category as they were written.
#[derive(Debug, Clone, Default)]
pub(crate) struct CategoryEdits {
    pub(crate) name: Edit<String>,
    pub(crate) slug: Edit<String>,
    pub(crate) parent: Edit<String>,
    pub(crate) description: Edit<String>,
    pub(crate) position: Edit<i32>,
}

/// Changes whose fields are right.
#[derive(Debug, Clone, Default)]
pub(crate) struct CategoryChanges {
    pub(super) name: Option<String>,
    pub(super) slug: Option<Slug>,
    pub(super) parent: Edit<String>,
    pub(super) description: Edit<String>,
    pub(super) position: Option<i32>,
}

impl CategoryChanges {
    /// # Errors
    /// `BAD_USER_INPUT` with all the fields that are wrong.
    pub(crate) fn check(edits: CategoryEdits) -> Result<Self> {
        let mut checks = Checks::default();
        let changes = Self {
            name: checks.take_required("input.name", edits.name, |text| line(&text, MAX_NAME)),
            slug: checks.take_required("input.slug", edits.slug, |text| Slug::parse(&text)),
            parent: edits.parent,
            description: checks
                .take_edit("input.description", edits.description, |text| paragraphs(&text, MAX_DESCRIPTION)),
            position: checks.take_required("input.position", edits.position, checked_position),
        };
        checks.done()?;
        Ok(changes)
    }
}

fn checked_position(position: i32) -> Result<i32, String> {
    let fits = (0..=NewCategory::MAX_POSITION).contains(&position);
    fits.then_some(position).ok_or_else(|| format!("must be between 0 and {}.", NewCategory::MAX_POSITION))
}
