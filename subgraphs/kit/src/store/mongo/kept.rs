//! An envelope as it is kept: one BSON document. The body stays the JSON text that it is, so that it comes back to the letter; what the
//! document is found by stands beside it.
//!
//! Each value is a text whose order is the order of the values: `0` and sixteen hexadecimal digits for a number, `1` and the text itself for
//! a text. So numbers come before texts under every operator (MongoDB's own comparisons never cross types), and bounds need no types.

use std::collections::BTreeMap;

use mongodb::bson::{Binary, spec::BinarySubtype};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    super::{
        Key, Keys, StoreError,
        engine::{CollectionSpec, Envelope},
        walk,
    },
    indexes::shape,
};

/// The names are short, since each document repeats them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// The version.
    pub(super) v: i64,
    /// The version of the body's shape.
    s: i64,
    /// The shape of the indexes that `k` and `u` were made for.
    f: i64,
    /// The values of each field.
    k: BTreeMap<String, Values>,
    /// Under each unique index, all the fields' values as one text, where the document has them all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    u: BTreeMap<String, Vec<String>>,
    /// The body.
    b: String,
    /// The events not yet delivered, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<String>,
    /// The id once more, where there are such events: what a sparse index finds them by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    /// The ids of the latest writes, one after the other.
    w: Binary,
}

/// One value stands alone: as long as no document has several, the index is a plain one for MongoDB.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl Kept {
    pub(super) fn of(spec: CollectionSpec, envelope: &Envelope) -> Result<Self, StoreError> {
        // What has not changed is made again from the body: a document is replaced as a whole, and one that an older program
        // has written gets the keys of this one.
        let made;
        let keys = match &envelope.keys {
            Some(keys) => keys,
            None => {
                made = (spec.keys)(envelope.schema, &envelope.body)?;
                &made
            }
        };
        let events = match envelope.outbox.as_slice() {
            [] => None,
            events => Some(
                serde_json::to_string(events)
                    .map_err(|error| corrupt(spec, "the outbox", &envelope.id, error))?,
            ),
        };
        Ok(Self {
            id: envelope.id.clone(),
            v: envelope.version.try_into().unwrap_or(i64::MAX),
            s: envelope.schema.into(),
            f: shape(spec),
            k: keys
                .fields()
                .filter(|(_, keys)| !keys.is_empty())
                .map(|(field, keys)| (field.to_owned(), Values::of(keys)))
                .collect(),
            u: uniques(spec, keys)?,
            b: envelope.body.clone(),
            p: events.as_ref().map(|_| envelope.id.clone()),
            o: events,
            w: Binary {
                subtype: BinarySubtype::Generic,
                bytes: envelope.writes.iter().flat_map(|write| write.into_bytes()).collect(),
            },
        })
    }

    /// The same with the keys that this program gives it.
    pub(super) fn renewed(self, spec: CollectionSpec) -> Result<Self, StoreError> {
        Self::of(spec, &self.envelope(spec)?)
    }

    pub(super) fn keys(&self, spec: CollectionSpec) -> Result<Keys, StoreError> {
        let field = |(field, values): (&String, &Values)| {
            let texts = match values {
                Values::One(text) => std::slice::from_ref(text),
                Values::Many(texts) => texts,
            };
            let keys: Option<Vec<Key>> = texts.iter().map(|text| decode(text)).collect();
            Some((field.clone(), keys?))
        };
        let keys: Option<Keys> = self.k.iter().map(field).collect();
        keys.ok_or_else(|| corrupt(spec, "the keys", &self.id, "a key is of no known kind"))
    }

    pub(super) fn envelope(self, spec: CollectionSpec) -> Result<Envelope, StoreError> {
        let outbox = match &self.o {
            None => Vec::new(),
            Some(text) => {
                serde_json::from_str(text).map_err(|error| corrupt(spec, "the outbox", &self.id, error))?
            }
        };
        let number = |_| corrupt(spec, "the envelope", &self.id, "a version is no number of that kind");
        Ok(Envelope {
            version: self.v.try_into().map_err(number)?,
            schema: self.s.try_into().map_err(number)?,
            keys: None,
            outbox,
            writes: self.w.bytes.chunks_exact(16).filter_map(|bytes| Uuid::from_slice(bytes).ok()).collect(),
            id: self.id,
            body: self.b,
        })
    }
}

impl Values {
    fn of(keys: &[Key]) -> Self {
        match keys {
            [one] => Self::One(encode(one)),
            many => Self::Many(many.iter().map(encode).collect()),
        }
    }
}

fn corrupt(
    spec: CollectionSpec,
    part: &str,
    id: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Corrupt { what: format!("{part} of {}/{id}", spec.name), source: source.into() }
}

/// The places of the document under every unique index. (Also refuses several values in two fields of one index, which no
/// index takes.)
fn uniques(spec: CollectionSpec, keys: &Keys) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let mut uniques = BTreeMap::new();
    for index in spec.indexes {
        let places = walk::places(spec, index, keys)?;
        if index.unique && !places.is_empty() {
            uniques.insert(index.name.to_owned(), places.iter().map(|values| tuple(values)).collect());
        }
    }
    Ok(uniques)
}

/// Several values as one text that no other values give: each has its length before it.
fn tuple(values: &[Key]) -> String {
    values.iter().map(encode).map(|text| format!("{}:{text}", text.len())).collect()
}

/// A value as a text in the same order.
pub(super) fn encode(key: &Key) -> String {
    match key {
        // With the sign turned around, negative numbers come first.
        Key::Int(number) => format!("0{:016x}", number.cast_unsigned() ^ (1 << 63)),
        Key::Text(text) => format!("1{text}"),
    }
}

fn decode(text: &str) -> Option<Key> {
    if let Some(text) = text.strip_prefix('1') {
        return Some(Key::Text(text.to_owned()));
    }
    let number = u64::from_str_radix(text.strip_prefix('0')?, 16).ok()?;
    Some(Key::Int((number ^ (1 << 63)).cast_signed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<i64>().prop_map(Key::Int),
            (-2..3_i64).prop_map(Key::Int),
            ".{0,3}".prop_map(Key::Text)
        ]
    }

    proptest! {
        #[test]
        fn encoded_keys_keep_their_order_and_come_back(one in key(), other in key()) {
            prop_assert_eq!(encode(&one).cmp(&encode(&other)), one.cmp(&other));
            prop_assert_eq!(decode(&encode(&one)), Some(one));
        }

        #[test]
        fn different_values_give_different_tuples(
            one in prop::collection::vec("[0-9:]{0,3}".prop_map(Key::Text), 1..4),
            other in prop::collection::vec("[0-9:]{0,3}".prop_map(Key::Text), 1..4),
        ) {
            prop_assert_eq!(tuple(&one) == tuple(&other), one == other);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "2", "0", "0x", "0fffffffffffffffff"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
