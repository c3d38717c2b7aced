//! The shopper's own name for a request, by which a repeat of it is known.

use serde::{Deserialize, Serialize};

/// An idempotency key: 1 to 200 visible ASCII characters. Case matters; nothing is trimmed or folded, so that two keys that
/// look alike to a program are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct IdempotencyKey(String);

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {} visible ASCII characters without spaces. A new UUID for each new order is best.",
    IdempotencyKey::MAX
)]
pub(crate) struct InvalidKey;

impl IdempotencyKey {
    /// A UUID has 36 characters; a hash in hexadecimal 64 or 128. The rest is room for prefixes.
    const MAX: usize = 200;

    /// The key that this text is.
    ///
    /// # Errors
    /// When it is empty, too long, or has a space, a control character or anything beyond ASCII.
    pub(crate) fn new(text: String) -> Result<Self, InvalidKey> {
        let fits = (1..=Self::MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(Self(text)).ok_or(InvalidKey)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_visible_characters_up_to_the_limit() {
        for good in ["a", "5f0c-…".trim_end_matches('…'), &"k".repeat(200), "~!@#$%^&*()"] {
            assert!(IdempotencyKey::new(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "a\n", "\u{200b}", "ключ", &"k".repeat(201), &"k".repeat(10_000)] {
            assert!(IdempotencyKey::new(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
