//! Typed ids: opaque to clients, a UUIDv7 inside, so that they sort by the time they were made.
//!
//! Each service makes its own id types with [`typed_id!`](crate::typed_id); this module knows none of them.

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an id. Ids come from the shop's own answers.")]
pub struct InvalidId;

/// Makes a typed id: `typed_id!(/// The id of an order. pub struct OrderId;);`
///
/// The type is `Copy`, ordered, hashable, reads and writes as a lower-case hyphenated UUID, and refuses anything else.
#[macro_export]
macro_rules! typed_id {
    ($(#[$meta:meta])* $vis:vis struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, $crate::id::reexport::Serialize, $crate::id::reexport::Deserialize)]
        #[serde(crate = "kit::id::reexport::serde", transparent)]
        $vis struct $name($crate::id::reexport::Uuid);

        #[expect(clippy::allow_attributes, reason = "not every id type uses every constructor, or is public")]
        #[allow(dead_code, clippy::new_without_default)]
        impl $name {
            /// A new id, later than every id made before it in this process.
            #[must_use]
            $vis fn new() -> Self {
                Self($crate::id::reexport::Uuid::now_v7())
            }

            /// The id that this text is, or a refusal that says so.
            ///
            /// # Errors
            /// When the text is not a UUID in its usual form.
            $vis fn parse(text: &str) -> Result<Self, $crate::id::InvalidId> {
                $crate::id::parse(text).map(Self)
            }

            /// The same, as an error for a client that names the field.
            ///
            /// # Errors
            /// `BAD_USER_INPUT` when the text is not an id.
            $vis fn parse_field(field: &str, text: &str) -> $crate::Result<Self> {
                Self::parse(text).map_err(|invalid| $crate::Error::bad_input(field, invalid.to_string()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::InvalidId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    };
}

/// What [`typed_id!`](crate::typed_id) writes into other crates.
pub mod reexport {
    pub use serde::{self, Deserialize, Serialize};
    pub use uuid::Uuid;
}

/// A UUID in its canonical form (36 lower- or upper-case characters with hyphens); every other spelling is refused, so that one
/// thing has one id.
///
/// # Errors
/// When it is anything else.
pub fn parse(text: &str) -> Result<uuid::Uuid, InvalidId> {
    if text.len() != 36 {
        return Err(InvalidId);
    }
    uuid::Uuid::try_parse(text).map_err(|_| InvalidId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn refuses_any_text_that_is_not_an_id(text in ".{0,60}") {
            prop_assume!(uuid::Uuid::try_parse(&text).is_err());
            prop_assert_eq!(parse(&text), Err(InvalidId));
        }

        #[test]
        fn reads_back_what_it_wrote(bits in any::<u128>()) {
            let id = uuid::Uuid::from_u128(bits);
            prop_assert_eq!(parse(&id.to_string()), Ok(id));
        }
    }

    #[test]
    fn refuses_other_spellings_of_the_same_uuid() {
        let id = uuid::Uuid::now_v7();
        assert!(parse(&id.simple().to_string()).is_err());
        assert!(parse(&format!("{{{id}}}")).is_err());
        assert!(parse(&id.urn().to_string()).is_err());
    }
}
