//! Texts that people write: what is taken as they wrote it, and how it is compared when they search and sort.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Why a text is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextError {
    /// There is nothing in it that anybody could see.
    #[error("must not be empty.")]
    Empty,
    /// It is longer than its place.
    #[error("must be at most {0} characters long.")]
    TooLong(usize),
    /// It has characters that are not text.
    #[error(
        "must not have control characters, line breaks, or characters that change the direction of the text."
    )]
    Control,
}

/// A text of one line, trimmed and in Unicode's composed form, of 1 to `max` characters.
pub(crate) fn line(text: &str, max: usize) -> Result<String, TextError> {
    cleaned(text, max, |c| c.is_control() || is_hidden(c))
}

/// A text that may have line breaks and tabs, trimmed and composed, of 1 to `max` characters.
pub(crate) fn paragraphs(text: &str, max: usize) -> Result<String, TextError> {
    let unified = text.replace("\r\n", "\n");
    cleaned(&unified, max, |c| (c.is_control() && c != '\n' && c != '\t') || is_hidden(c))
}

fn cleaned(text: &str, max: usize, refused: impl Fn(char) -> bool) -> Result<String, TextError> {
    let text: String = text.trim().nfc().collect();
    if text.chars().all(is_joiner) {
        return Err(TextError::Empty);
    }
    if text.chars().count() > max {
        return Err(TextError::TooLong(max));
    }
    if text.chars().any(refused) {
        return Err(TextError::Control);
    }
    Ok(text)
}

/// Characters that show nothing and make a text read as another: line and paragraph separators, the embedding, overriding and
/// isolating of directions (UAX #9), and spaces without width.
const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{2060}' | '\u{feff}'
    )
}

/// Characters that mean something between others and nothing alone (joiners and direction marks).
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}')
}

/// How a text is compared: compatibility forms made one (NFKC), lower case, Latin, Greek and Cyrillic accents left out, and
/// letters that people without them on their keyboard write otherwise written so (`ß` as `ss`).
pub(crate) fn fold(text: &str) -> String {
    let bare = text.nfkd().filter(|c| !is_accent(*c)).flat_map(char::to_lowercase).filter(|c| !is_accent(*c));
    bare.fold(String::with_capacity(text.len()), |mut folded, c| {
        match plain(c) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
        folded
    })
    .nfkc()
    .collect()
}

/// The blocks of combining diacritical marks. The vowel signs of other scripts are letters, and stay.
const fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Letters that Unicode does not take apart.
const fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ł' => "l",
        'ı' => "i",
        'ħ' => "h",
        'ŧ' => "t",
        'ς' => "σ",
        _ => return None,
    })
}

/// The longest word that is told from a longer one that begins like it.
const MAX_WORD: usize = 32;

/// The words of a text as they are searched for, folded, each once and in their order. Apostrophes are no borders (`Ben's` is
/// `bens`); everything else that is neither letter nor digit is.
pub(crate) fn search_words(text: &str) -> Vec<String> {
    let folded: String = fold(text).chars().filter(|c| !matches!(c, '\'' | '\u{2019}' | '\u{2bc}')).collect();
    let mut words: Vec<String> = Vec::new();
    for word in folded.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)) {
        let word: String = word.chars().take(MAX_WORD).collect();
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// As much of a name as decides its place among others: it is kept in every index and cursor that is sorted by name.
const MAX_SORT_KEY: usize = 120;

/// What names are sorted by: folded, with single spaces.
pub(crate) fn sort_key(name: &str) -> String {
    let folded = fold(name);
    let spaced = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    spaced.chars().take(MAX_SORT_KEY).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_a_name_trimmed_and_composed() {
        assert_eq!(line("  Cre\u{300}me fraîche ", 200).unwrap(), "Crème fraîche");
        assert_eq!(line("👩\u{200d}🌾 eggs", 200).unwrap(), "👩\u{200d}🌾 eggs");
    }

    #[test]
    fn refuses_texts_that_nobody_can_see_or_that_hide_something() {
        for text in ["", "   ", "\t\n", "\u{200d}\u{200e}"] {
            assert_eq!(line(text, 10), Err(TextError::Empty), "{text:?}");
        }
        for text in
            ["a\u{0}b", "a\nb", "a\u{1b}[2Jb", "abc\u{202e}gpj", "a\u{200b}b", "a\u{2028}b", "a\u{85}b"]
        {
            assert_eq!(line(text, 10), Err(TextError::Control), "{text:?}");
        }
    }

    #[test]
    fn counts_characters_and_not_bytes() {
        assert!(line(&"ü".repeat(200), 200).is_ok());
        assert_eq!(line(&"ü".repeat(201), 200), Err(TextError::TooLong(200)));
        assert_eq!(line(&"x".repeat(10_000), 200), Err(TextError::TooLong(200)));
    }

    #[test]
    fn lets_descriptions_have_lines() {
        assert_eq!(paragraphs("one\r\n\ttwo\n", 100).unwrap(), "one\n\ttwo");
        assert_eq!(paragraphs("one\u{7}", 100), Err(TextError::Control));
    }

    #[test]
    fn folds_case_accents_and_compatibility_forms() {
        let pairs = [
            ("CRÈME Brûlée", "creme brulee"),
            ("Straße", "strasse"),
            ("SMØRREBRØD", "smorrebrod"),
            ("Żółć", "zolc"),
            ("İstanbul", "istanbul"),
            ("ﬁne ½", "fine 1⁄2"),
            ("Ｍｉｌｋ", "milk"),
            ("ΨΆΡΙ", "ψαρι"),
            ("がんも", "がんも"),
        ];
        for (text, folded) in pairs {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn finds_words_between_everything_that_is_no_letter() {
        assert_eq!(
            search_words("Ben's Gala-Apples (6 Pack), Ben’s!"),
            ["bens", "gala", "apples", "6", "pack"]
        );
        assert_eq!(search_words("牛乳 1L"), ["牛乳", "1l"]);
        assert!(search_words("!!! – …").is_empty());
    }

    #[test]
    fn sorts_names_without_regard_to_case_and_accents() {
        let mut names = ["éclair", "Zebra cake", "Eggs", "apple", "Äpfel"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["Äpfel", "apple", "éclair", "Eggs", "Zebra cake"]);
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing_more(text in ".{0,80}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn a_word_is_found_however_it_is_written(words in proptest::collection::vec("[a-zA-ZàéîõüÀÉÎÕÜßøł0-9]{1,12}", 1..6)) {
            let kept = search_words(&words.join(" - "));
            for word in words {
                for written in [word.to_uppercase(), word.to_lowercase(), word.nfd().collect(), format!("({word})")] {
                    for asked in search_words(&written) {
                        prop_assert!(kept.contains(&asked), "{} of {:?} is not among {:?}", asked, written, kept);
                    }
                }
            }
        }

        #[test]
        fn words_are_short_distinct_and_without_borders(text in ".{0,200}") {
            let words = search_words(&text);
            for (at, word) in words.iter().enumerate() {
                prop_assert!((1..=MAX_WORD).contains(&word.chars().count()));
                prop_assert!(!word.chars().any(char::is_whitespace));
                prop_assert!(!words[..at].contains(word));
            }
        }

        #[test]
        fn a_sort_key_is_never_long(text in ".{0,300}") {
            prop_assert!(sort_key(&text).len() <= MAX_SORT_KEY * 4);
        }
    }
}
