//! What values must look like: a check, and the words for somebody who got it wrong.

use std::{fmt, net::SocketAddr, path::Path};

/// What a value must look like.
#[derive(Clone, Copy)]
pub struct Form {
    /// Completes "it must be …".
    words: &'static str,
    holds: fn(&str) -> bool,
}

impl Form {
    /// Any text.
    pub const TEXT: Self = Self::new("any text", |_| true);
    /// A secret that cannot be guessed.
    pub const SECRET: Self = Self::new("at least 12 characters", |value| value.len() >= 12);
    /// An address to listen on.
    pub const ADDRESS: Self =
        Self::new("an address and a port, such as 0.0.0.0:4000", |value| value.parse::<SocketAddr>().is_ok());
    /// The base address of a server.
    pub const WEB: Self = Self::new("an address without a path, such as http://catalog:4002", |value| {
        url::Url::parse(value).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && matches!(url.path(), "" | "/")
        })
    });
    /// Where documents are kept.
    pub const STORE: Self = Self::new("mongodb://user:password@host/database or sqlite:FOLDER", |value| {
        database_of(value).is_some() || folder_of("sqlite", value).is_some()
    });
    /// Where events are kept.
    pub const BUS: Self = Self::new("redis://user:password@host:port/0 or sqlite:FOLDER", |value| {
        redis(value) || folder_of("sqlite", value).is_some()
    });
    /// Where what may be forgotten is kept.
    pub const MEMORY: Self =
        Self::new("redis://user:password@host:port/0 or memory:", |value| redis(value) || value == "memory:");
    /// A folder that is there.
    pub const FOLDER: Self = Self::new("a folder that is there", |value| Path::new(value).is_dir());
    /// A file that is there.
    pub const FILE: Self = Self::new("a file that is there", |value| Path::new(value).is_file());
    /// A switch.
    pub const SWITCH: Self = Self::new("true or false", |value| matches!(value, "true" | "false"));
    /// A small number.
    pub const COUNT: Self =
        Self::new("a whole number, at most 1000", |value| value.parse::<u16>().is_ok_and(|n| n <= 1000));

    /// A form of one's own; the words complete "it must be …".
    #[must_use]
    pub const fn new(words: &'static str, holds: fn(&str) -> bool) -> Self {
        Self { words, holds }
    }

    /// Whether a value is of this form.
    #[must_use]
    pub fn holds(&self, value: &str) -> bool {
        (self.holds)(value)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words)
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({})", self.words)
    }
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for Form {}

/// The database that the path of a MongoDB address names. (Not read as a URL: a replica set's has several hosts.)
pub(crate) fn database_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("mongodb://").or_else(|| url.strip_prefix("mongodb+srv://"))?;
    let (hosts, path) = rest.split_once('/')?;
    let name = path.split('?').next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (!hosts.is_empty() && !name.is_empty() && name.len() < 64 && name.chars().all(plain)).then_some(name)
}

/// The folder of an address like `sqlite:FOLDER`.
pub(crate) fn folder_of<'a>(scheme: &str, url: &'a str) -> Option<&'a Path> {
    let folder = url.strip_prefix(scheme)?.strip_prefix(':')?;
    (!folder.is_empty()).then(|| Path::new(folder))
}

fn redis(value: &str) -> bool {
    url::Url::parse(value).is_ok_and(|url| url.scheme() == "redis" && url.has_host())
}
