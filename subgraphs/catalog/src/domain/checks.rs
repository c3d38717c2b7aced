//! Gathering what is wrong with an input, so that its sender hears of all of it at once.

use std::fmt::Display;

use kit::{Error, Result, error::FieldError};

/// What is wrong with an input so far.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    fields: Vec<FieldError>,
}

impl Checks {
    /// Takes what is right, and remembers under `field` why it is not.
    pub(crate) fn take<T, E: Display>(&mut self, field: impl Into<String>, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.refuse(field, error.to_string())).ok()
    }

    /// Takes an optional value: absent is right.
    pub(crate) fn take_optional<T, E: Display>(
        &mut self,
        field: impl Into<String>,
        value: Option<Result<T, E>>,
    ) -> Option<T> {
        value.and_then(|value| self.take(field, value))
    }

    /// Takes an edit of a field that cannot be without a value.
    pub(crate) fn take_required<T, U, E: Display>(
        &mut self,
        field: &str,
        edit: Edit<T>,
        check: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match edit {
            Edit::Keep => None,
            Edit::Clear => {
                self.refuse(field, "cannot be null. Leave it out to keep what is there.");
                None
            }
            Edit::Set(value) => self.take(field, check(value)),
        }
    }

    /// Takes an edit of a field that may be without a value.
    pub(crate) fn take_edit<T, U, E: Display>(
        &mut self,
        field: &str,
        edit: Edit<T>,
        check: impl FnOnce(T) -> Result<U, E>,
    ) -> Edit<U> {
        match edit {
            Edit::Keep => Edit::Keep,
            Edit::Clear => Edit::Clear,
            Edit::Set(value) => self.take(field, check(value)).map_or(Edit::Keep, Edit::Set),
        }
    }

    /// Remembers that `field` is wrong, and why.
    pub(crate) fn refuse(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.fields.push(FieldError { field: field.into(), message: message.into() });
    }

    /// Goes on only where nothing was wrong.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with every field that was.
    pub(crate) fn done(self) -> Result<()> {
        if self.fields.is_empty() { Ok(()) } else { Err(Error::bad_inputs(self.fields)) }
    }

    /// The refusal, for where a value is missing that was not refused by name.
    pub(crate) fn into_error(self) -> Error {
        if self.fields.is_empty() {
            Error::bug("a checked input lacks a value")
        } else {
            Error::bad_inputs(self.fields)
        }
    }
}

/// What a partial input says of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Edit<T> {
    /// Nothing: it stays as it is.
    #[default]
    Keep,
    /// It shall have no value.
    Clear,
    /// It shall have this value.
    Set(T),
}

impl<T> Edit<T> {
    /// Puts the edit into the field.
    pub(crate) fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_field_that_is_wrong() {
        let mut checks = Checks::default();
        assert_eq!(checks.take::<_, &str>("input.a", Ok(1)), Some(1));
        assert_eq!(checks.take::<i32, _>("input.b", Err("must be b.")), None);
        assert_eq!(checks.take_required("input.c", Edit::<i32>::Clear, Ok::<_, String>), None);
        let error = checks.done().unwrap_err();
        let named: Vec<_> = error.fields().iter().map(|field| field.field.as_str()).collect();
        assert_eq!(named, ["input.b", "input.c"]);
    }
}
