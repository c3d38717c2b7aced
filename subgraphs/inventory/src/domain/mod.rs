//! What stock is and what may happen to it: pure types and rules, no I/O.
//!
//! [`stock`] is the aggregate and its rules, [`movement`] what each of them leaves behind and what a late repeat reads
//! from it, [`lines`] what an order asks for. How any of it is kept or spoken of is not known here.

pub mod lines;
pub mod movement;
pub mod stock;

use serde::{Deserialize, Serialize};

kit::typed_id! {
    /// The id of a product; the catalog makes it.
    pub struct ProductId;
}

kit::typed_id! {
    /// The id of an order; the order service makes it.
    pub struct OrderId;
}

/// A sum of quantities: pieces counted over any time, so that it may pass what one quantity may be. Negative only where
/// it is a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pieces(i64);

impl Pieces {
    /// None.
    pub const ZERO: Self = Self(0);

    /// That many.
    #[must_use]
    pub const fn new(count: i64) -> Self {
        Self(count)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// As GraphQL's `Int`; a sum that does not fit is shown as the largest that does.
    #[must_use]
    pub fn shown(self) -> i32 {
        i32::try_from(self.0).unwrap_or(if self.0 < 0 { i32::MIN } else { i32::MAX })
    }
}

impl From<kit::Quantity> for Pieces {
    fn from(quantity: kit::Quantity) -> Self {
        Self(quantity.into())
    }
}

impl std::ops::Add for Pieces {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Pieces {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::ops::AddAssign for Pieces {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::SubAssign for Pieces {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Pieces {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, std::ops::Add::add)
    }
}
