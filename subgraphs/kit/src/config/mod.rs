//! The environment of a process: every variable declared once, all of them read and checked once at the start.
//!
//! A process has a table of [`Variable`]s. Its `--help`, the table in the documentation and the check of the compose file come from that
//! table; [`Settings::read`] is what the environment says, checked, or everything that is wrong with it at once. The value of a
//! secret is never shown, and it may stand in a file (`NAME_FILE`), as secrets are mounted.

mod form;
mod program;
#[cfg(test)]
mod tests;
mod variables;

use std::{borrow::Cow, collections::BTreeMap, ffi::OsString, fmt::Write as _, str::FromStr};

pub use form::Form;
pub(crate) use form::{database_of, folder_of};
pub use program::Program;
pub use variables::{API_SECRET, BUS, CACHE, KEYS, LIMITS, LISTEN, LOG, STORE, TELEMETRY, TRACES, url_of};

/// The largest file that a secret is read from.
const MAX_SECRET: u64 = 64 * 1024;

/// One variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it is for, as a phrase.
    pub meaning: Cow<'static, str>,
    /// What it must look like.
    pub form: Form,
    /// What holds where it is not set.
    pub unset: Unset,
    /// Whether it is never shown, and may be given as `NAME_FILE`.
    pub secret: bool,
}

/// What holds where a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// The process does not start.
    Refused,
    /// This value.
    Is(&'static str),
    /// Nothing; the meaning says what that does.
    Nothing,
}

impl Variable {
    /// One that must be set.
    #[must_use]
    pub const fn required(name: &'static str, form: Form, meaning: &'static str) -> Self {
        Self::new(name, form, Unset::Refused, meaning)
    }

    /// One with a default.
    #[must_use]
    pub const fn or(name: &'static str, default: &'static str, form: Form, meaning: &'static str) -> Self {
        Self::new(name, form, Unset::Is(default), meaning)
    }

    /// One that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, form: Form, meaning: &'static str) -> Self {
        Self::new(name, form, Unset::Nothing, meaning)
    }

    const fn new(name: &'static str, form: Form, unset: Unset, meaning: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), meaning: Cow::Borrowed(meaning), form, unset, secret: false }
    }

    /// The same as a secret.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The name under which a file with its value is given.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}_FILE", self.name)
    }

    /// What the environment says, unchecked.
    fn look(&self, look: &impl Fn(&str) -> Option<OsString>) -> Result<Option<String>, String> {
        // An empty value is what a compose file makes of a variable that is not set.
        let text = |name: &str| match look(name).filter(|value| !value.is_empty()).map(OsString::into_string)
        {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(format!("{name} is not UTF-8 text")),
            None => Ok(None),
        };
        let value = text(&self.name)?;
        if !self.secret {
            return Ok(value);
        }
        let file = self.file_name();
        match (value, text(&file)?) {
            (Some(_), Some(_)) => {
                Err(format!("{} and {file} are both set; leave one of them out", self.name))
            }
            (None, Some(path)) => match read_secret(&path) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(format!("{file}: {path} cannot be read: {error}")),
            },
            (value, None) => Ok(value),
        }
    }

    fn read(&self, look: &impl Fn(&str) -> Option<OsString>) -> Result<Option<String>, String> {
        let Some(value) = self.look(look)? else {
            return match self.unset {
                Unset::Refused if self.secret => {
                    Err(format!("{} (or {}) is missing: {}", self.name, self.file_name(), self.meaning))
                }
                Unset::Refused => Err(format!("{} is missing: {}", self.name, self.meaning)),
                Unset::Is(default) => Ok(Some(default.to_owned())),
                Unset::Nothing => Ok(None),
            };
        };
        if self.form.holds(&value) {
            Ok(Some(value))
        } else if self.secret {
            Err(format!("{} must be {}", self.name, self.form))
        } else {
            Err(format!("{} is `{value}`; it must be {}", self.name, self.form))
        }
    }
}

fn read_secret(path: &str) -> std::io::Result<String> {
    use std::io::{Error, Read as _};
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_SECRET).read_to_string(&mut text)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(Error::other("it is empty")) } else { Ok(text.to_owned()) }
}

/// Everything that is wrong with an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// One thing that is wrong, for what no single variable's form can say.
    #[must_use]
    pub fn of(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }
}

/// What the environment says of the variables of a table, checked. It has no `Debug`, since it holds secrets.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads this process's environment.
    ///
    /// # Errors
    /// All that is missing or wrong, a line for each.
    pub fn of_process(table: &[Variable]) -> Result<Self, ConfigError> {
        Self::read(table, |name| std::env::var_os(name))
    }

    /// Reads an environment.
    ///
    /// # Errors
    /// All that is missing or wrong, a line for each.
    pub fn read(table: &[Variable], look: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
        for variable in table {
            match variable.read(&look) {
                Ok(Some(value)) => drop(values.insert(variable.name.to_string(), value)),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Self(values)) } else { Err(ConfigError(problems)) }
    }

    /// The value of a variable, if it is set or has a default.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable as what its form promises.
    #[must_use]
    pub fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// The value of a variable that its table makes sure of.
    ///
    /// # Errors
    /// When the table does not: a fault of ours, worded like any other.
    pub fn need(&self, name: &str) -> Result<&str, ConfigError> {
        self.get(name).ok_or_else(|| ConfigError::of(format!("{name} is missing")))
    }
}

/// A table of variables as `--help` shows it.
#[must_use]
pub fn help(table: &[Variable]) -> String {
    let mut text = String::new();
    for variable in table {
        let default = match variable.unset {
            Unset::Refused => " [required]".to_owned(),
            Unset::Is(default) => format!(" [default: {default}]"),
            Unset::Nothing => String::new(),
        };
        let file = if variable.secret {
            format!(", or {} with a path", variable.file_name())
        } else {
            String::new()
        };
        let Variable { name, meaning, form, .. } = variable;
        let _infallible = write!(text, "  {name}{file}{default}\n      {meaning}: {form}\n");
    }
    text
}
