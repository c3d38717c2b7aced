//! Entries of the log as events, and what cannot be one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::super::{DeadLetter, Event, EventId, letter::MALFORMED};

/// An entry as the scripts give it: names and values in turn.
pub(super) type Fields = Vec<Vec<u8>>;

/// The event of an entry.
pub(super) fn event(fields: &Fields) -> Result<Event, String> {
    let field = |name: &str| {
        let pair = fields.chunks_exact(2).find(|pair| pair[0] == name.as_bytes());
        pair.map(|pair| &pair[1][..])
    };
    if fields.is_empty() {
        return Err("its entry is gone from the log".to_owned());
    }
    let missing = ["id", "topic", "key", "body"].into_iter().find(|name| field(name).is_none());
    if let Some(name) = missing {
        return Err(format!("the entry has no field `{name}`"));
    }
    let event: Event = serde_json::from_slice(field("body").unwrap_or_default())
        .map_err(|error| format!("the entry's body is no event: {error}"))?;
    let same = field("id") == Some(event.id.to_string().as_bytes())
        && field("topic") == Some(event.topic.as_bytes())
        && field("key") == Some(event.key.as_bytes());
    if same { Ok(event) } else { Err("the entry's fields and its body name different events".to_owned()) }
}

/// A name for what is no event: always the same for the same place.
pub(super) fn name_of(place: &str) -> EventId {
    let digest = Sha256::digest(place);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    EventId::from_bytes(bytes)
}

/// What is no event in the place of one, so that an operator sees the raw bytes.
fn stand_in(place: &str, fields: &Fields) -> Event {
    let raw = fields.chunks(2).map(|pair| {
        let value = pair.get(1).map(|value| STANDARD.encode(value)).unwrap_or_default();
        (String::from_utf8_lossy(&pair[0]).into_owned(), value.into())
    });
    let data = serde_json::json!({ "base64": raw.collect::<serde_json::Map<_, _>>() });
    let millis = place.split('-').next().and_then(|millis| millis.parse().ok()).unwrap_or_default();
    let at = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    Event { id: name_of(place), topic: MALFORMED.to_owned(), key: place.to_owned(), at, data, trace: None }
}

/// A dead letter as its script gives it: its name, place, attempts, reason, time (ms) and entry.
pub(super) type Letter = (String, String, u32, Vec<u8>, i64, Fields);

pub(super) fn letter(group: &str, (name, place, attempts, reason, at, fields): Letter) -> DeadLetter {
    DeadLetter {
        event: event(&fields).unwrap_or_else(|_| stand_in(&place, &fields)),
        group: group.to_owned(),
        attempts,
        error: String::from_utf8_lossy(&reason).into_owned(),
        at: DateTime::<Utc>::from_timestamp_millis(at).unwrap_or_default(),
        place: format!("{at} {place} {name}"),
    }
}
