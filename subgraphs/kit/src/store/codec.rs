//! Documents to and from the JSON that is kept, across the versions of their shape.

use super::{Document, Keys, StoreError, engine::Envelope};

/// The document in an envelope, brought up to the shape that the program knows.
pub(super) fn decode<D: Document>(envelope: &Envelope) -> Result<D, StoreError> {
    decode_body(envelope.schema, &envelope.body, || format!("{}/{}", D::COLLECTION, envelope.id))
}

/// The keys of a kept body; what engines fill new indexes with.
pub(super) fn keys_of<D: Document>(schema: u32, body: &str) -> Result<Keys, StoreError> {
    let document: D = decode_body(schema, body, || format!("a document of {}", D::COLLECTION))?;
    Ok(document.keys())
}

pub(super) fn encode<D: Document>(document: &D) -> Result<String, StoreError> {
    serde_json::to_string(document).map_err(|error| StoreError::Corrupt {
        what: format!("{}/{}", D::COLLECTION, document.id()),
        source: error.into(),
    })
}

/// Whether two kept bodies say the same. An engine may keep the fields of an object in another order than it was given.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let value = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || value(one).is_some_and(|one| Some(one) == value(other))
}

fn decode_body<D: Document>(schema: u32, body: &str, what: impl Fn() -> String) -> Result<D, StoreError> {
    let corrupt =
        |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Corrupt { what: what(), source };
    if schema == D::SCHEMA {
        return serde_json::from_str(body).map_err(|error| corrupt(error.into()));
    }
    if schema > D::SCHEMA {
        return Err(StoreError::Newer { what: what(), found: schema, known: D::SCHEMA });
    }
    let mut value: serde_json::Value = serde_json::from_str(body).map_err(|error| corrupt(error.into()))?;
    for from in schema..D::SCHEMA {
        value = D::migrate(from, value).map_err(|error| corrupt(error.into()))?;
    }
    serde_json::from_value(value).map_err(|error| corrupt(error.into()))
}
