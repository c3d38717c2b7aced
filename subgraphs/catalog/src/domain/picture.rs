//! Where a picture of a product is.

use serde::{Deserialize, Serialize};
use url::Url;

/// A text that is no address of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PictureError {
    /// It is too long.
    #[error("must be at most {max} characters long.", max = Picture::MAX)]
    TooLong,
    /// It is of another kind.
    #[error(
        "must be a path of this shop that begins with one \"/\", or an address that begins with \"https://\"."
    )]
    Other,
}

/// The address of a picture: a path of the shop's own host, or `https` anywhere. Nothing that a browser would run or read from
/// elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Picture(String);

impl Picture {
    /// The longest address, in bytes.
    pub(crate) const MAX: usize = 500;

    /// The address that this text is.
    pub(crate) fn parse(text: &str) -> Result<Self, PictureError> {
        if text.len() > Self::MAX {
            return Err(PictureError::TooLong);
        }
        // Browsers read a backslash as a slash and leave out tabs and line breaks, so neither may be there to be read otherwise.
        let is_clean = text
            .chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '\\' | '"' | '<' | '>'));
        let is_path = text.starts_with('/') && !text.starts_with("//") && text.len() > 1;
        (is_clean && (is_path || is_https(text))).then(|| Self(text.to_owned())).ok_or(PictureError::Other)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_https(text: &str) -> bool {
    // With a third slash the host would be what looks like the path.
    text.strip_prefix("https://").is_some_and(|rest| !rest.starts_with('/'))
        && Url::parse(text).is_ok_and(|url| {
            url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
        })
}

impl TryFrom<String> for Picture {
    type Error = PictureError;
    fn try_from(text: String) -> Result<Self, PictureError> {
        Self::parse(&text)
    }
}

impl From<Picture> for String {
    fn from(picture: Picture) -> Self {
        picture.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_paths_of_the_shop_and_https() {
        for text in ["/pictures/egg.webp", "https://cdn.example.com/a/egg.webp?w=200", "https://example.com"]
        {
            assert!(Picture::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_a_browser_could_run_or_fetch_elsewhere() {
        let refused = [
            "",
            "/",
            "egg.webp",
            "../egg.webp",
            "//evil.example/x",
            "/\\evil.example/x",
            "http://example.com/x",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "https://",
            "https:///x",
            "https://user:pw@example.com/x",
            "https://exa mple.com",
            "/a\tb",
            "/a\nb",
            "/a\"onerror=alert(1)",
            "ftp://example.com/x",
            "file:///etc/passwd",
        ];
        for text in refused {
            assert_eq!(Picture::parse(text), Err(PictureError::Other), "{text:?}");
        }
        assert_eq!(Picture::parse(&format!("/{}", "a".repeat(500))), Err(PictureError::TooLong));
    }
}
