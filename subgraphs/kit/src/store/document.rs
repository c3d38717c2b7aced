//! What a document type declares of itself: its collection, its id, its indexes, its schema version.

use std::{borrow::Cow, collections::BTreeMap, fmt::Display, hash::Hash, str::FromStr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// An aggregate as it is kept.
pub trait Document: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The type of its id.
    type Id: Display + FromStr + Clone + Eq + Hash + Send + Sync + 'static;

    /// The name of its collection: lower-case letters and underscores.
    const COLLECTION: &'static str;

    /// The version of its shape. A document of an older version is brought up by [`Document::migrate`] when it is read,
    /// and written back as new with its next change; one of a newer version is refused. A change that the new type's
    /// `Deserialize` cannot read, or that an older program must not touch, needs a new version.
    const SCHEMA: u32 = 1;

    /// The indexes by which it can be found.
    const INDEXES: &'static [Index] = &[];

    /// Its id.
    fn id(&self) -> Self::Id;

    /// The values of the indexed fields (and of those that a find filters by). A field that is left out is absent from
    /// every index that names it. They are kept beside the document, and made anew when it changes, when the set of
    /// indexes changes and when [`Document::SCHEMA`] is raised: raise it when this function changes its answers.
    fn keys(&self) -> Keys {
        Keys::new()
    }

    /// Brings a body of version `from` to `from + 1`; called once for each version between.
    ///
    /// # Errors
    /// When the body is not of that version.
    fn migrate(from: u32, _body: serde_json::Value) -> Result<serde_json::Value, String> {
        Err(format!("there is no migration from version {from}"))
    }
}

/// An index: the fields in the order in which they are compared, then the id.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name: lower-case letters and underscores, unique in its collection.
    pub name: &'static str,
    /// The fields.
    pub fields: &'static [&'static str],
    /// Whether no two documents may have the same values.
    pub unique: bool,
}

impl Index {
    /// The order of the ids themselves; every collection has it. For UUIDv7 ids that is the order of creation.
    pub const ID: Self = Self { name: "id", fields: &[], unique: true };

    /// An index on these fields. At most one of them may have several values per document.
    #[must_use]
    pub const fn on(name: &'static str, fields: &'static [&'static str]) -> Self {
        Self { name, fields, unique: false }
    }

    /// An index on these fields that refuses a second document with the same values.
    #[must_use]
    pub const fn unique(name: &'static str, fields: &'static [&'static str]) -> Self {
        Self { name, fields, unique: true }
    }
}

/// A value in an index. Numbers sort before texts; texts sort by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A number; times are microseconds since 1970.
    Int(i64),
    /// A text.
    Text(String),
}

impl From<i64> for Key {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Key {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Key {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Key {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Key {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<chrono::DateTime<chrono::Utc>> for Key {
    fn from(value: chrono::DateTime<chrono::Utc>) -> Self {
        Self::Int(value.timestamp_micros())
    }
}

/// The indexed values of one document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<Cow<'static, str>, Vec<Key>>);

impl Keys {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field with one value. A field that is added twice has both values.
    #[must_use]
    pub fn with(self, field: &'static str, value: impl Into<Key>) -> Self {
        self.with_all(field, [value.into()])
    }

    /// Adds a field with several values: the document is found by each of them.
    #[must_use]
    pub fn with_all<K: Into<Key>>(
        mut self,
        field: &'static str,
        values: impl IntoIterator<Item = K>,
    ) -> Self {
        let kept = self.0.entry(Cow::Borrowed(field)).or_default();
        kept.extend(values.into_iter().map(Into::into));
        kept.sort_unstable();
        kept.dedup();
        self
    }

    /// The values of a field, sorted and without repeats.
    pub(crate) fn of(&self, field: &str) -> &[Key] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// The fields and the values of each.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[Key])> {
        self.0.iter().map(|(field, values)| (field.as_ref(), values.as_slice()))
    }

    /// As engines keep them: an object with a list of values per field.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    pub(crate) fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text).map(Self)
    }
}

impl FromIterator<(String, Vec<Key>)> for Keys {
    fn from_iter<I: IntoIterator<Item = (String, Vec<Key>)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(field, values)| (Cow::Owned(field), values)).collect())
    }
}
