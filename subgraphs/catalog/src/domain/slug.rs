//! Slugs: the names that products and categories have in addresses.

use serde::{Deserialize, Serialize};

/// A text that is not a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 100 lower-case letters a-z, digits and single hyphens between them.")]
pub(crate) struct SlugError;

/// Lower-case words of ASCII letters and digits with hyphens between them, at most [`Slug::MAX`] long.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Slug(String);

impl Slug {
    /// The longest slug, in characters.
    pub(crate) const MAX: usize = 100;
    /// The longest one that is made of a name, so that a suffix still fits.
    const MAX_MADE: usize = 80;
    /// How many numbered forms are tried before one that nobody else can have: names that often are tests or bulk loads, and
    /// every try is a write.
    const NUMBERED: u32 = 9;

    /// The slug that this text is.
    pub(crate) fn parse(text: &str) -> Result<Self, SlugError> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let fits = text.len() <= Self::MAX && text.split('-').all(is_word);
        fits.then(|| Self(text.to_owned())).ok_or(SlugError)
    }

    /// The slug made of a name; `otherwise` for one without a letter or digit.
    pub(crate) fn of_name(name: &str, otherwise: &'static str) -> Self {
        let made = slug::slugify(name);
        let made = match made.get(..Self::MAX_MADE) {
            None => made.as_str(),
            // Cut between words where that leaves at least half.
            Some(cut) => cut.rfind('-').filter(|at| *at >= Self::MAX_MADE / 2).map_or(cut, |at| &cut[..at]),
        };
        let made = made.trim_matches('-');
        Self::parse(made).unwrap_or_else(|_| Self(otherwise.to_owned()))
    }

    /// This slug, then it with -2 to -9, then with `tail`, which is the thing's own.
    pub(crate) fn candidates(&self, tail: &str) -> impl Iterator<Item = Self> + Send + use<> {
        let base = self.0.clone();
        let last = Self(format!("{base}-{tail}"));
        std::iter::once(Self(base.clone()))
            .chain((2..=Self::NUMBERED).map(move |n| Self(format!("{base}-{n}"))))
            .chain(std::iter::once(last))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = SlugError;
    fn try_from(text: String) -> Result<Self, SlugError> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn makes_slugs_of_names() {
        let pairs = [
            ("Granny Smith Apples, 6 Pack", "granny-smith-apples-6-pack"),
            ("  Crème fraîche  ", "creme-fraiche"),
            ("Ben & Jerry's", "ben-jerry-s"),
            ("!!!", "product"),
            ("牛乳", "niu-ru"),
        ];
        for (name, slug) in pairs {
            assert_eq!(Slug::of_name(name, "product").as_str(), slug);
        }
    }

    #[test]
    fn cuts_long_names_between_words() {
        let slug = Slug::of_name(&"tomato ".repeat(30), "product");
        assert!(slug.as_str().len() <= Slug::MAX_MADE && slug.as_str().ends_with("tomato"), "{slug}");
        assert_eq!(Slug::of_name(&"x".repeat(200), "product").as_str().len(), Slug::MAX_MADE);
    }

    #[test]
    fn refuses_what_is_no_slug() {
        for text in ["", "-", "a-", "-a", "a--b", "A", "a b", "ä", "a_b", "a/b", "../etc", &"a".repeat(101)]
        {
            assert_eq!(Slug::parse(text), Err(SlugError), "{text:?}");
        }
        assert!(Slug::parse(&"a".repeat(100)).is_ok());
    }

    #[test]
    fn tries_numbers_and_then_something_of_its_own() {
        let tried: Vec<_> = Slug::parse("milk").unwrap().candidates("0b1c2d3e").map(String::from).collect();
        assert_eq!(tried.len(), 10);
        assert_eq!((tried[0].as_str(), tried[1].as_str(), tried[8].as_str()), ("milk", "milk-2", "milk-9"));
        assert_eq!(tried[9], "milk-0b1c2d3e");
    }

    proptest! {
        #[test]
        fn every_name_has_a_slug_and_room_for_a_suffix(name in ".{0,200}") {
            let slug = Slug::of_name(&name, "product");
            for candidate in slug.candidates("0123456789abcdef") {
                prop_assert!(Slug::parse(candidate.as_str()).is_ok(), "{}", candidate);
            }
        }
    }
}
