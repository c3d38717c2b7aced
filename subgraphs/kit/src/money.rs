//! Amounts that cannot be mixed up: money in minor units and counts of pieces.
//!
//! Both fit GraphQL's 32-bit `Int` by construction. Which currency a shop has is the catalog's to say.

use serde::{Deserialize, Serialize};

/// Why a number is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is less than the smallest allowed.
    #[error("must be at least {0}.")]
    TooSmall(i64),
    /// It is more than the largest allowed.
    #[error("must be at most {0}.")]
    TooLarge(i64),
}

fn bounded(value: i64, min: i64, max: i64) -> Result<i32, AmountError> {
    if value < min {
        return Err(AmountError::TooSmall(min));
    }
    match i32::try_from(value) {
        Ok(small) if value <= max => Ok(small),
        _ => Err(AmountError::TooLarge(max)),
    }
}

/// An amount of money in minor units (cents), never negative, at most [`Money::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(try_from = "i64", into = "i64")]
pub struct Money(i32);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount: what GraphQL's `Int` holds.
    pub const MAX: i64 = i32::MAX as i64;

    /// That many minor units.
    ///
    /// # Errors
    /// When it is negative or more than [`Money::MAX`].
    pub fn from_minor(minor: i64) -> Result<Self, AmountError> {
        bounded(minor, 0, Self::MAX).map(Self)
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor(self) -> i32 {
        self.0
    }

    /// The price of that many at this price each.
    ///
    /// # Errors
    /// When the result is more than [`Money::MAX`].
    pub fn times(self, quantity: Quantity) -> Result<Self, AmountError> {
        Self::from_minor(i64::from(self.0) * i64::from(quantity.0))
    }

    /// The sum.
    ///
    /// # Errors
    /// When it is more than [`Money::MAX`].
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        Self::from_minor(i64::from(self.0) + i64::from(other.0))
    }
}

impl TryFrom<i64> for Money {
    type Error = AmountError;
    fn try_from(minor: i64) -> Result<Self, AmountError> {
        Self::from_minor(minor)
    }
}

impl From<Money> for i64 {
    fn from(money: Money) -> Self {
        Self::from(money.0)
    }
}

/// A count of pieces, never negative, at most [`Quantity::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quantity(i32);

impl Quantity {
    /// None.
    pub const ZERO: Self = Self(0);
    /// The largest count of one product: a billion pieces, so that the sum of two still fits 32 bits.
    pub const MAX: i64 = 1_000_000_000;

    /// That many.
    ///
    /// # Errors
    /// When it is negative or more than [`Quantity::MAX`].
    pub fn new(count: i64) -> Result<Self, AmountError> {
        bounded(count, 0, Self::MAX).map(Self)
    }

    /// That many, and at least one.
    ///
    /// # Errors
    /// When it is less than one or more than [`Quantity::MAX`].
    pub fn at_least_one(count: i64) -> Result<Self, AmountError> {
        bounded(count, 1, Self::MAX).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The sum.
    ///
    /// # Errors
    /// When it is more than [`Quantity::MAX`].
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        Self::new(i64::from(self.0) + i64::from(other.0))
    }

    /// The difference, or none where `other` is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|left| *left >= 0).map(Self)
    }
}

impl TryFrom<i64> for Quantity {
    type Error = AmountError;
    fn try_from(count: i64) -> Result<Self, AmountError> {
        Self::new(count)
    }
}

impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> Self {
        Self::from(quantity.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn money_never_overflows_or_goes_negative(a in any::<i64>(), n in any::<i64>()) {
            if let (Ok(price), Ok(count)) = (Money::from_minor(a), Quantity::new(n)) {
                match price.times(count) {
                    Ok(total) => prop_assert_eq!(i128::from(total.minor()), i128::from(a) * i128::from(n)),
                    Err(error) => prop_assert_eq!(error, AmountError::TooLarge(Money::MAX)),
                }
            } else {
                prop_assert!(!(0..=Money::MAX).contains(&a) || !(0..=Quantity::MAX).contains(&n));
            }
        }

        #[test]
        fn taking_away_never_goes_below_zero(a in 0..=Quantity::MAX, b in 0..=Quantity::MAX) {
            let left = Quantity::new(a).unwrap().minus(Quantity::new(b).unwrap());
            prop_assert_eq!(left.map(|q| i64::from(q.get())), (a >= b).then_some(a - b));
        }
    }

    #[test]
    fn refuses_a_stored_amount_that_is_out_of_bounds() {
        assert!(serde_json::from_str::<Money>("-1").is_err());
        assert!(serde_json::from_str::<Quantity>("4294967296").is_err());
    }
}
