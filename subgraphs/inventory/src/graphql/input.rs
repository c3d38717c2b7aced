//! What clients send, checked: every bad field is told at once.

use kit::{Error, Quantity, Result, error::FieldError, money::AmountError};

use crate::domain::{
    OrderId, ProductId,
    lines::{Line, Lines},
};

/// The most lines of one order, and the most products named at once.
pub(super) const MAX_LINES: usize = 100;
/// The longest reason, in characters: what fits a line or three of a list.
const MAX_REASON: usize = 500;
/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 128;

/// Gathers what is wrong.
#[derive(Default)]
pub(super) struct Check {
    wrong: Vec<FieldError>,
}

impl Check {
    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.wrong.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    /// The value, or a note of what is wrong with it.
    fn take<T, E: std::fmt::Display>(&mut self, field: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.wrong(field, error.to_string())).ok()
    }

    pub(super) fn product(&mut self, field: &str, text: &str) -> Option<ProductId> {
        self.take(field, ProductId::parse(text))
    }

    pub(super) fn order(&mut self, field: &str, text: &str) -> Option<OrderId> {
        self.take(field, OrderId::parse(text))
    }

    pub(super) fn quantity(&mut self, field: &str, count: i32) -> Option<Quantity> {
        self.take(field, Quantity::new(count.into()))
    }

    pub(super) fn at_least_one(&mut self, field: &str, count: i32) -> Option<Quantity> {
        self.take(field, Quantity::at_least_one(count.into()))
    }

    /// A reason without the spaces around it, of at least one and at most 500 characters.
    pub(super) fn reason(&mut self, field: &str, text: &str) -> Option<String> {
        let text = text.trim();
        match text.chars().count() {
            0 => self.wrong(field, "must say why."),
            1..=MAX_REASON if !text.chars().any(char::is_control) => return Some(text.to_owned()),
            1..=MAX_REASON => self.wrong(field, "must be one line of text."),
            _ => self.wrong(field, format!("must be at most {MAX_REASON} characters.")),
        }
        None
    }

    /// An idempotency key: 1 to 128 printable ASCII characters.
    pub(super) fn key(&mut self, field: &str, text: &str) -> Option<String> {
        let fits = (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            self.wrong(field, format!("must be 1 to {MAX_KEY} letters, digits or signs, without spaces."));
        }
        fits.then(|| text.to_owned())
    }

    /// Distinct products by their ids: 1 to 100.
    pub(super) fn products(&mut self, field: &str, texts: &[async_graphql::ID]) -> Option<Vec<ProductId>> {
        self.length(field, texts.len())?;
        let parsed: Vec<_> = texts
            .iter()
            .enumerate()
            .filter_map(|(i, text)| self.product(&format!("{field}[{i}]"), text))
            .collect();
        (parsed.len() == texts.len()).then_some(parsed)
    }

    /// The lines of an order, the same product made one line: 1 to 100 of them.
    pub(super) fn lines<'a>(
        &mut self,
        field: &str,
        given: impl ExactSizeIterator<Item = (&'a str, i32)>,
    ) -> Option<Lines> {
        self.length(field, given.len())?;
        let count = given.len();
        let mut lines = Vec::with_capacity(count);
        for (i, (product, quantity)) in given.enumerate() {
            let product = self.product(&format!("{field}[{i}].product"), product);
            let quantity = self.at_least_one(&format!("{field}[{i}].quantity"), quantity);
            lines.extend(product.zip(quantity).map(|(product, quantity)| Line { product, quantity }));
        }
        if lines.len() < count {
            return None;
        }
        let merged = Lines::merged(lines);
        merged
            .map_err(|(i, error): (usize, AmountError)| {
                self.wrong(&format!("{field}[{i}].quantity"), error.to_string());
            })
            .ok()
    }

    fn length(&mut self, field: &str, length: usize) -> Option<()> {
        let fits = (1..=MAX_LINES).contains(&length);
        if !fits {
            self.wrong(field, format!("must have 1 to {MAX_LINES} entries; it has {length}."));
        }
        fits.then_some(())
    }

    /// What was taken, if nothing was wrong.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` with all that was.
    pub(super) fn done<T>(self, taken: Option<T>) -> Result<T> {
        match taken {
            Some(value) if self.wrong.is_empty() => Ok(value),
            _ => Err(Error::bad_inputs(self.wrong)),
        }
    }
}
