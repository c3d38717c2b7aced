//! A question to a collection: one declared index, walked in order, with bounds, filters and a cursor.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::document::{Index, Key};

/// Walks one index: equality on its first fields ([`Find::eq`], in order), then a range on the next
/// ([`Find::from`], [`Find::to`], [`Find::starts_with`]), sorted by the fields that remain, then by id. Filters narrow what is walked
/// and need no index of their own, only that the document type names the field in its keys; one with an index of the
/// field alone is cheaper. Where all fields of the index are equal, the range is over the ids.
///
/// A document with several values in a field that is walked (not equal) is found once, at the first of its values within
/// the bounds: the smallest, or the largest when descending.
#[derive(Debug, Clone)]
pub struct Find {
    pub(crate) index: &'static Index,
    pub(crate) prefix: Vec<Key>,
    pub(crate) lower: Option<Key>,
    pub(crate) upper: Option<Bound>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) descending: bool,
    pub(crate) after: Option<Cursor>,
    pub(crate) limit: usize,
}

/// An upper bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Up to and with this.
    Included(Key),
    /// Up to but without this.
    Excluded(Key),
}

/// A condition on a field that is not part of the walk.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    /// One of the field's values is one of these.
    Any(&'static str, Vec<Key>),
    /// One of the field's values lies within (both ends included; none means open).
    Range(&'static str, Option<Key>, Option<Key>),
    /// One of the field's (text) values begins like this.
    Prefix(&'static str, String),
}

impl Find {
    /// How many documents a find gives unless told otherwise.
    pub const DEFAULT_LIMIT: usize = 100;

    /// Walks this index, which must be one that the document type declares, or [`Index::ID`].
    #[must_use]
    pub const fn by(index: &'static Index) -> Self {
        Self {
            index,
            prefix: Vec::new(),
            lower: None,
            upper: None,
            filters: Vec::new(),
            descending: false,
            after: None,
            limit: Self::DEFAULT_LIMIT,
        }
    }

    /// The next field of the index equals this.
    #[must_use]
    pub fn eq(mut self, value: impl Into<Key>) -> Self {
        self.prefix.push(value.into());
        self
    }

    /// The field after the equal ones is at least this.
    #[must_use]
    pub fn from(mut self, value: impl Into<Key>) -> Self {
        self.lower = Some(value.into());
        self
    }

    /// The field after the equal ones is at most this.
    #[must_use]
    pub fn to(mut self, value: impl Into<Key>) -> Self {
        self.upper = Some(Bound::Included(value.into()));
        self
    }

    /// The field after the equal ones is less than this.
    #[must_use]
    pub fn below(mut self, value: impl Into<Key>) -> Self {
        self.upper = Some(Bound::Excluded(value.into()));
        self
    }

    /// The (text) field after the equal ones begins like this.
    #[must_use]
    pub fn starts_with(self, text: &str) -> Self {
        let end = format!("{text}\u{10ffff}");
        self.from(text).to(end)
    }

    /// Only documents of which one value of `field` equals this.
    #[must_use]
    pub fn only(self, field: &'static str, value: impl Into<Key>) -> Self {
        self.only_any(field, [value.into()])
    }

    /// Only documents of which one value of `field` is one of these.
    #[must_use]
    pub fn only_any<K: Into<Key>>(
        mut self,
        field: &'static str,
        values: impl IntoIterator<Item = K>,
    ) -> Self {
        self.filters.push(Filter::Any(field, values.into_iter().map(Into::into).collect()));
        self
    }

    /// Only documents of which one value of `field` lies between these, both included.
    #[must_use]
    pub fn only_between(mut self, field: &'static str, min: Option<Key>, max: Option<Key>) -> Self {
        self.filters.push(Filter::Range(field, min, max));
        self
    }

    /// Only documents of which one value of `field` begins like this.
    #[must_use]
    pub fn only_starting_with(mut self, field: &'static str, text: impl Into<String>) -> Self {
        self.filters.push(Filter::Prefix(field, text.into()));
        self
    }

    /// From the largest to the smallest, ids included.
    #[must_use]
    pub const fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// After the document that this cursor stands on, which need not exist any more.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }

    /// At most that many.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// What a find gives.
#[derive(Debug, Clone)]
pub struct Found<D> {
    /// The documents in order, each with its own place.
    pub items: Vec<(Cursor, D)>,
    /// Whether there are more after the last.
    pub more: bool,
}

impl<D> Found<D> {
    /// The documents alone.
    #[must_use]
    pub fn into_documents(self) -> Vec<D> {
        self.items.into_iter().map(|(_, document)| document).collect()
    }
}

/// A place in an index: the sort values of a document, and its id. It stays where it is when documents come and go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The name of the index and the way it is walked, so that a cursor of another list is refused.
    #[serde(rename = "o")]
    pub(crate) order: String,
    /// The values of the fields after the equal ones.
    #[serde(rename = "k")]
    pub(crate) keys: Vec<Key>,
    /// The id.
    #[serde(rename = "i")]
    pub(crate) id: String,
}

/// A text that is no cursor of this list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this list. Use the cursors of its own answers, with the same filters and order.")]
pub struct InvalidCursor;

impl Cursor {
    /// Reads a cursor that a client sent back.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(text: &str) -> Result<Self, InvalidCursor> {
        // Cursors carry index values of bounded length; anything longer was not made here.
        if text.len() > 4_096 {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        serde_json::from_slice(&bytes).map_err(|_| InvalidCursor)
    }

    /// Whether the cursor was made by a find like this one. Check it before [`Find::after`] where the text came from a client.
    ///
    /// # Errors
    /// When it was made by another list.
    pub fn check(&self, find: &Find) -> Result<(), InvalidCursor> {
        let fields = find.index.fields.len().checked_sub(find.prefix.len()).ok_or(InvalidCursor)?;
        (self.order == find.order() && self.keys.len() == fields).then_some(()).ok_or(InvalidCursor)
    }
}

impl Find {
    /// The name of this order in cursors.
    pub(crate) fn order(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "+" }, self.index.name)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}
