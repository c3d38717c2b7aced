//! An event: something that happened, in the past tense, with what a hearer needs to know of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

crate::typed_id! {
    /// The id of an event; consumers are idempotent by it.
    pub struct EventId;
}

impl EventId {
    /// The id as engines keep it.
    pub(super) const fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// An id from elsewhere.
    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(crate::id::reexport::Uuid::from_bytes(bytes))
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What kind: `order.confirmed`.
    pub topic: String,
    /// What it happened to; events of one key are handled in the order in which they were published.
    pub key: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What a hearer needs to know, as the topic's documentation says.
    pub data: serde_json::Value,
    /// The W3C `traceparent` of the change that caused it, so that one trace reaches the last consumer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

impl Event {
    /// A new event of this moment. The data is a plain struct; one that cannot be written as JSON is left `null`.
    #[must_use]
    pub fn new(topic: &str, key: impl std::fmt::Display, at: DateTime<Utc>, data: &impl Serialize) -> Self {
        Self {
            id: EventId::new(),
            topic: topic.to_owned(),
            key: key.to_string(),
            at,
            data: serde_json::to_value(data).unwrap_or_default(),
            trace: crate::telemetry::current_traceparent(),
        }
    }

    /// The data as the type that its topic promises.
    ///
    /// # Errors
    /// `INTERNAL` when it is something else: publisher and hearer disagree.
    pub fn data<T: DeserializeOwned>(&self) -> crate::Result<T> {
        T::deserialize(&self.data).map_err(crate::Error::internal)
    }
}
