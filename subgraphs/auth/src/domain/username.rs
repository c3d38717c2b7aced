//! A user's name: as its owner writes it, and the key under which it is unique.
//!
//! Names are compatibility-normalised (NFKC, as RFC 8265 prepares them), 3 to 32 characters, of letters, digits and `. _ -`. Two
//! names are the same when their keys are: case is folded (`Straße` is `STRASSE`), and forms of a letter that only
//! differ in encoding or width are one. Against names that merely look alike there is one rule, which stops the cheap trick: a
//! name does not mix scripts whose letters look the same (Latin, Greek, Cyrillic, Armenian, Cherokee). A name that is written in one
//! such script as a whole is somebody's name and is let through, even where it resembles another.

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The fewest characters of a name.
pub const MIN_CHARS: usize = 3;
/// The most characters of a name.
pub const MAX_CHARS: usize = 32;
/// More than this is not even normalised: the longest name takes less in its most decomposed form.
const MAX_RAW_CHARS: usize = 256;
/// Marks on one letter. Living orthographies need three (Vietnamese, Hebrew, Thai); stacks of dozens only deface a page.
const MAX_MARKS: usize = 3;

/// Why a text is not a name; the texts are for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Too few characters.
    #[error("must have at least {MIN_CHARS} characters.")]
    TooShort,
    /// Too many characters.
    #[error("must have at most {MAX_CHARS} characters.")]
    TooLong,
    /// White space at an end, which nobody sees.
    #[error("must not begin or end with a space.")]
    Surrounded,
    /// A character that names do not have.
    #[error("may only have letters, digits, and the characters . _ -")]
    Character,
    /// Nothing but separators.
    #[error("must have at least one letter or digit.")]
    OnlySeparators,
    /// Letters of several scripts that look alike.
    #[error("must not mix letters of scripts that look alike, such as Latin and Cyrillic.")]
    MixedScripts,
}

/// A name as its owner writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

/// What makes a name unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UsernameKey(String);

impl Username {
    /// The name that this text is.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        if text.chars().nth(MAX_RAW_CHARS).is_some() {
            return Err(UsernameError::TooLong);
        }
        if text.trim() != text {
            return Err(UsernameError::Surrounded);
        }
        let name: String = text.nfkc().collect();
        match name.chars().count() {
            count if count < MIN_CHARS => return Err(UsernameError::TooShort),
            count if count > MAX_CHARS => return Err(UsernameError::TooLong),
            _ => {}
        }
        check_characters(&name)?;
        check_scripts(&name)?;
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> UsernameKey {
        UsernameKey(fold(&self.0))
    }
}

impl UsernameKey {
    /// The key as it stands in the index.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_characters(name: &str) -> Result<(), UsernameError> {
    let mut marks = None;
    let mut letters = false;
    for character in name.chars() {
        if is_invisible(character) {
            return Err(UsernameError::Character);
        }
        if is_combining_mark(character) {
            // A mark needs a letter to stand on.
            match &mut marks {
                Some(count) if *count < MAX_MARKS => *count += 1,
                _ => return Err(UsernameError::Character),
            }
        } else if character.is_alphanumeric() {
            letters = true;
            marks = Some(0);
        } else if matches!(character, '.' | '_' | '-') {
            marks = None;
        } else {
            return Err(UsernameError::Character);
        }
    }
    letters.then_some(()).ok_or(UsernameError::OnlySeparators)
}

/// Letters and marks that show nothing (Unicode's `Default_Ignorable_Code_Point`, as far as it has letters and marks;
/// everything else in it is refused as no letter at all).
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Scripts whose letters can be taken for each other's.
#[derive(PartialEq, Clone, Copy)]
enum LookAlike {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
}

/// The script of a letter, for scripts that have look-alikes; by block, which after NFKC is exact enough.
const fn script(character: char) -> Option<LookAlike> {
    match character {
        'A'..='Z'
        | 'a'..='z'
        | '\u{c0}'..='\u{d6}'
        | '\u{d8}'..='\u{f6}'
        | '\u{f8}'..='\u{2af}'
        | '\u{1d00}'..='\u{1d25}'
        | '\u{1e00}'..='\u{1eff}'
        | '\u{2c60}'..='\u{2c7f}'
        | '\u{a720}'..='\u{a7ff}'
        | '\u{ab30}'..='\u{ab64}' => Some(LookAlike::Latin),
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(LookAlike::Greek),
        '\u{400}'..='\u{52f}'
        | '\u{1c80}'..='\u{1c8f}'
        | '\u{2de0}'..='\u{2dff}'
        | '\u{a640}'..='\u{a69f}' => Some(LookAlike::Cyrillic),
        '\u{531}'..='\u{587}' => Some(LookAlike::Armenian),
        '\u{13a0}'..='\u{13fd}' | '\u{ab70}'..='\u{abbf}' => Some(LookAlike::Cherokee),
        _ => None,
    }
}

fn check_scripts(name: &str) -> Result<(), UsernameError> {
    let mut scripts = name.chars().filter_map(script);
    match scripts.next() {
        Some(first) if scripts.any(|other| other != first) => Err(UsernameError::MixedScripts),
        _ => Ok(()),
    }
}

/// Folds case and form. Upper before lower, letter by letter, so that letters with several lower cases (final sigma, dotless i)
/// or none of their own (sharp s) become one; until nothing changes, because folding can leave a text that is not
/// normalised.
fn fold(text: &str) -> String {
    let mut folded: String = text.nfkc().collect();
    // Two rounds do for every letter there is; the bound only keeps a later Unicode from making this endless.
    for _ in 0..4 {
        let next: String =
            folded.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
        if next == folded {
            break;
        }
        folded = next;
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        Username::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).key().as_str().to_owned()
    }

    #[test]
    fn keeps_the_name_as_its_owner_writes_it() {
        assert_eq!(Username::parse("Ann.Smith-2").unwrap().as_str(), "Ann.Smith-2");
    }

    #[test]
    fn gives_one_key_to_every_way_of_writing_a_name() {
        for (one, other) in [
            ("arth", "ARTH"),
            ("arth", "ａｒｔｈ"),
            ("café", "cafe\u{301}"),
            ("Straße", "STRASSE"),
            ("όσος", "ΌΣΟΣ"),
            ("ﬁona", "FIONA"),
            ("İstanbul", "i\u{307}stanbul"),
            ("\u{212a}elvin", "kelvin"),
        ] {
            assert_eq!(key(one), key(other), "{one} and {other}");
        }
        assert_ne!(key("arth"), key("arht"));
    }

    #[test]
    fn takes_names_of_many_scripts() {
        for name in [
            "abc",
            "Zoë",
            "Владимир",
            "Ελένη",
            "山田太郎",
            "क्या",
            "สมชาย",
            "서연아",
            "o_o",
            "r2-d2",
            "123",
            "Đặng",
        ] {
            assert!(Username::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn counts_characters_after_normalising() {
        assert!(Username::parse(&"x".repeat(32)).is_ok());
        assert!(Username::parse(&"e\u{301}".repeat(32)).is_ok());
        assert_eq!(Username::parse(&"x".repeat(33)), Err(UsernameError::TooLong));
        assert_eq!(Username::parse(&"x".repeat(10_000)), Err(UsernameError::TooLong));
        assert_eq!(Username::parse("ab"), Err(UsernameError::TooShort));
        assert_eq!(Username::parse(""), Err(UsernameError::TooShort));
        // One character each, three letters when taken apart.
        assert!(Username::parse("\u{fb03}").is_ok());
    }

    #[test]
    fn refuses_what_cannot_be_seen_or_is_no_letter() {
        use UsernameError::{Character, OnlySeparators, Surrounded};
        for (text, error) in [
            (" arth", Surrounded),
            ("arth\t", Surrounded),
            ("\u{2003}arth", Surrounded),
            ("ar th", Character),
            ("ar\u{a0}th", Character),
            ("ar\0th", Character),
            ("ar\u{7}th", Character),
            ("ar\u{200d}th", Character),
            ("ar\u{202e}th", Character),
            ("ar\u{ad}th", Character),
            ("ar\u{fe0f}th", Character),
            ("ar\u{3164}th", Character),
            ("ar\u{feff}th", Character),
            ("ar@th", Character),
            ("<b>arth", Character),
            ("ar🍞th", Character),
            ("\u{301}arth", Character),
            ("ar.\u{328}th", Character),
            ("a\u{33f}\u{33f}\u{33f}\u{33f}rth", Character),
            ("...", OnlySeparators),
            ("_-_", OnlySeparators),
        ] {
            assert_eq!(Username::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn refuses_a_mix_of_scripts_that_look_alike() {
        for text in ["\u{430}dmin", "admi\u{3bf}", "p\u{430}ypal", "\u{531}dmin"] {
            assert_eq!(Username::parse(text), Err(UsernameError::MixedScripts), "{text}");
        }
        assert!(Username::parse("太郎taro").is_ok());
        assert!(Username::parse("Иван2").is_ok());
    }

    proptest! {
        #[test]
        fn folding_is_done_once_and_does_not_see_case(text in "\\PC{1,40}") {
            let folded = fold(&text);
            prop_assert_eq!(&fold(&folded), &folded);
            prop_assert_eq!(&fold(&text.nfd().collect::<String>()), &folded);
            prop_assert_eq!(&fold(&text.nfkd().collect::<String>()), &folded);
        }

        #[test]
        fn a_name_in_other_case_is_the_same_name(text in "[a-zA-Zà-öø-ÿα-ωа-я0-9._-]{3,32}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(fold(&text.to_uppercase()), name.key().0.clone());
                prop_assert_eq!(fold(&text.to_lowercase()), name.key().0);
            }
        }

        #[test]
        fn whatever_is_taken_is_short_and_visible(text in any::<String>()) {
            if let Ok(name) = Username::parse(&text) {
                prop_assert!((MIN_CHARS..=MAX_CHARS).contains(&name.as_str().chars().count()));
                prop_assert!(!name.as_str().chars().any(|c| c.is_control() || c.is_whitespace() || is_invisible(c)));
                prop_assert_eq!(Username::parse(name.as_str()), Ok(name));
            }
        }
    }
}
