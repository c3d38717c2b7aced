//! Passwords: what may be one, and how one travels without ever being shown.
//!
//! None of these types has `Debug` or `Display`, so that no log line, panic or error text can hold a password. Passwords are
//! composed (NFC, as RFC 8265 asks) and otherwise taken as they are: the same word typed on two keyboards is one password, and
//! case, width, spaces and control characters all count. There is one rule for their strength, length (NIST SP 800-63B).

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The fewest characters of a new password.
pub const MIN_CHARS: usize = 8;
/// The most characters of a password.
pub const MAX_CHARS: usize = 128;
/// The most bytes of a password, as it was typed.
pub const MAX_BYTES: usize = 1024;

/// A text that must not be shown.
///
/// ```compile_fail
/// let secret = auth::domain::password::Secret::new("hunter22");
/// println!("{secret:?}");
/// ```
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// Why a text cannot be a password; the texts are for the user and never repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing at all.
    #[error("must not be empty.")]
    Empty,
    /// Too few characters.
    #[error("must have at least {MIN_CHARS} characters.")]
    TooShort,
    /// Too many characters or bytes.
    #[error("must have at most {MAX_CHARS} characters ({MAX_BYTES} bytes).")]
    TooLong,
}

/// A password of acceptable length, composed, ready to be hashed.
pub struct Password(Secret);

impl Password {
    /// A new password. Characters are counted as they were typed.
    ///
    /// # Errors
    /// When it is too short or too long.
    pub fn choose(secret: &Secret) -> Result<Self, PasswordError> {
        if secret.reveal().chars().nth(MIN_CHARS - 1).is_none() {
            return Err(PasswordError::TooShort);
        }
        Self::attempt(secret)
    }

    /// A password that somebody gives as theirs. A short one is as wrong as any other and is told no sooner.
    ///
    /// # Errors
    /// When there is none, or more than could be one.
    pub fn attempt(secret: &Secret) -> Result<Self, PasswordError> {
        let text = secret.reveal();
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        if text.len() > MAX_BYTES || text.chars().nth(MAX_CHARS).is_some() {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(Secret(text.nfc().collect())))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.reveal().as_bytes()
    }
}

/// What is kept of a password: a PHC string with algorithm, parameters, salt and hash.
///
/// ```compile_fail
/// fn shown(hash: auth::domain::password::PasswordHash) { println!("{hash:?}"); }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub(crate) fn new(phc: String) -> Self {
        Self(phc)
    }

    pub(crate) fn as_phc(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> Option<PasswordError> {
        Password::choose(&Secret::new(text)).err()
    }

    #[test]
    fn takes_every_password_of_eight_to_a_hundred_and_twenty_eight_characters() {
        for text in ["password", "        ", "12345678", "пароль12", "\0\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}"]
        {
            assert_eq!(refusal(text), None);
        }
        assert_eq!(refusal(&"x".repeat(128)), None);
        assert_eq!(refusal(&"🍞".repeat(128)), None);
        // Eight as typed, four when composed.
        assert_eq!(refusal(&"e\u{301}".repeat(4)), None);
    }

    #[test]
    fn refuses_shorter_and_longer_ones() {
        assert_eq!(refusal(""), Some(PasswordError::TooShort));
        assert_eq!(refusal("1234567"), Some(PasswordError::TooShort));
        assert_eq!(refusal(&"x".repeat(129)), Some(PasswordError::TooLong));
        assert_eq!(refusal(&"x".repeat(10_000)), Some(PasswordError::TooLong));
    }

    #[test]
    fn an_attempt_may_be_short_but_not_empty() {
        assert!(Password::attempt(&Secret::new("x")).is_ok());
        assert_eq!(Password::attempt(&Secret::new("")).err(), Some(PasswordError::Empty));
        assert_eq!(Password::attempt(&Secret::new("x".repeat(129))).err(), Some(PasswordError::TooLong));
    }

    #[test]
    fn one_word_typed_on_two_keyboards_is_one_password() {
        let bytes = |text: &str| Password::choose(&Secret::new(text)).ok().unwrap().as_bytes().to_vec();
        assert_eq!(bytes("crème brûlée"), bytes("cre\u{300}me bru\u{302}le\u{301}e"));
        assert_ne!(bytes("password"), bytes("Password"));
        assert_ne!(bytes("password"), bytes("ｐassword"));
    }

    proptest! {
        #[test]
        fn length_alone_decides(text in "\\PC{0,140}") {
            let chars = text.chars().count();
            let fits = (MIN_CHARS..=MAX_CHARS).contains(&chars) && text.len() <= MAX_BYTES;
            prop_assert_eq!(refusal(&text).is_none(), fits);
        }
    }
}
