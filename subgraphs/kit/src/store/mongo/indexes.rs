//! The indexes that a collection has in MongoDB, and the digest that tells one set of them from another.

use mongodb::{
    IndexModel,
    bson::{Bson, Document, doc},
    options::IndexOptions,
};
use sha2::{Digest as _, Sha256};

use super::{
    super::{Index, engine::CollectionSpec},
    query::path,
};

/// The digest of what the keys of a document depend on.
pub(super) fn shape(spec: CollectionSpec) -> i64 {
    let mut definitions: Vec<String> = spec.indexes.iter().map(definition).collect();
    definitions.sort_unstable();
    let digest = Sha256::digest(format!("{} {}", spec.schema, definitions.join(" ")));
    digest.iter().take(8).fold(0_i64, |shape, byte| shape << 8 | i64::from(*byte))
}

fn definition(index: &Index) -> String {
    format!("{}({}){}", index.name, index.fields.join(","), if index.unique { "!" } else { "" })
}

/// What the names of the store's indexes begin with. Others, as that of the ids or of a shard key, are not its own.
fn prefix(spec: CollectionSpec) -> String {
    format!("{}.", spec.name)
}

/// Whether it is the store's own.
pub(super) fn is_ours(spec: CollectionSpec, index: &IndexModel) -> bool {
    name_of(index).starts_with(&prefix(spec))
}

/// The name of the index that makes a declared one unique. It changes with the fields, so that their old values and the new ones
/// do not meet in one.
pub(super) fn unique_name(spec: CollectionSpec, index: &Index) -> String {
    format!("{}{}", prefix(spec), definition(index))
}

/// The indexes that the collection must have besides that of the ids. Their names are unique in the database, so that a message that
/// names one says which.
pub(super) fn models(spec: CollectionSpec) -> Vec<IndexModel> {
    let model = |name: String, keys: Document, mut options: IndexOptions| {
        options.name = Some(name);
        IndexModel::builder().keys(keys).options(options).build()
    };
    let plain = IndexOptions::default;
    let mut models = vec![
        model(
            format!("{}_undelivered", prefix(spec)),
            doc! { "p": 1 },
            IndexOptions::builder().sparse(true).build(),
        ),
        model(format!("{}_shape", prefix(spec)), doc! { "f": 1 }, plain()),
    ];
    for index in spec.indexes {
        let mut keys: Document = index.fields.iter().map(|field| (path(field), 1.into())).collect();
        keys.insert("_id", 1);
        // MongoDB takes no second index on the same fields, and needs none.
        if !models.iter().any(|model| model.keys == keys) {
            models.push(model(format!("{}{}", prefix(spec), index.name), keys, plain()));
        }
        if index.unique {
            // Its own field, since a sparse index on several fields still has those documents that lack some of them.
            let options = IndexOptions::builder().unique(true).sparse(true).build();
            models.push(model(unique_name(spec, index), doc! { format!("u.{}", index.name): 1 }, options));
        }
    }
    models
}

pub(super) fn name_of(model: &IndexModel) -> &str {
    model.options.as_ref().and_then(|options| options.name.as_deref()).unwrap_or_default()
}

pub(super) fn is_unique(model: &IndexModel) -> bool {
    model.options.as_ref().and_then(|options| options.unique).unwrap_or_default()
}

/// Whether an index that is there is the one that is wanted.
pub(super) fn same(wanted: &IndexModel, there: &IndexModel) -> bool {
    let sparse = |model: &IndexModel| model.options.as_ref().and_then(|options| options.sparse);
    let flags = |model: &IndexModel| (is_unique(model), sparse(model).unwrap_or_default());
    let keys = |model: &IndexModel| {
        let number = |value: &Bson| value.as_i64().or(value.as_i32().map(i64::from));
        model.keys.iter().map(|(path, value)| (path.clone(), number(value))).collect::<Vec<_>>()
    };
    name_of(wanted) == name_of(there) && keys(wanted) == keys(there) && flags(wanted) == flags(there)
}
