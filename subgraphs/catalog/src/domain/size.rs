//! How much is in a pack, and what a kilogram, a litre or a piece of it costs.

use kit::Money;
use serde::{Deserialize, Serialize};

/// What a size counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Unit {
    G,
    Kg,
    Ml,
    L,
    Piece,
}

/// A number that is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be between 1 and {max}.", max = Size::MAX)]
pub(crate) struct SizeError;

/// How much is in a pack: so many of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Size {
    amount: i32,
    unit: Unit,
}

/// A price per kilogram, litre or piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnitPrice {
    /// The price, to the nearest minor unit, halves up.
    pub(crate) amount: Money,
    /// `Kg`, `L` or `Piece`.
    pub(crate) per: Unit,
}

impl Size {
    /// The largest size: a tonne in grams.
    pub(crate) const MAX: i32 = 1_000_000;

    /// So many of the unit.
    pub(crate) fn new(amount: i32, unit: Unit) -> Result<Self, SizeError> {
        (1..=Self::MAX).contains(&amount).then_some(Self { amount, unit }).ok_or(SizeError)
    }

    pub(crate) const fn amount(self) -> i32 {
        self.amount
    }

    pub(crate) const fn unit(self) -> Unit {
        self.unit
    }

    /// As it is printed on the shelf: `500 g`, `6 pieces`.
    pub(crate) fn text(self) -> String {
        let unit = match (self.unit, self.amount) {
            (Unit::G, _) => "g",
            (Unit::Kg, _) => "kg",
            (Unit::Ml, _) => "ml",
            (Unit::L, _) => "l",
            (Unit::Piece, 1) => "piece",
            (Unit::Piece, _) => "pieces",
        };
        format!("{} {unit}", self.amount)
    }

    /// What a kilogram, a litre or a piece costs at this price for the pack. None where that is more than money can say.
    pub(crate) fn unit_price(self, price: Money) -> Option<UnitPrice> {
        let (per, parts) = match self.unit {
            Unit::G => (Unit::Kg, 1_000),
            Unit::Ml => (Unit::L, 1_000),
            whole @ (Unit::Kg | Unit::L | Unit::Piece) => (whole, 1),
        };
        let (cost, size) = (i64::from(price) * parts, i64::from(self.amount));
        // Half up: doubled, so that the half of an odd size is not lost.
        let amount = Money::from_minor((2 * cost + size) / (2 * size)).ok()?;
        Some(UnitPrice { amount, per })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn per(price: i64, amount: i32, unit: Unit) -> (i32, Unit) {
        let size = Size::new(amount, unit).unwrap();
        let price = size.unit_price(Money::from_minor(price).unwrap()).unwrap();
        (price.amount.minor(), price.per)
    }

    #[test]
    fn prices_a_kilogram_a_litre_and_a_piece() {
        assert_eq!(per(299, 750, Unit::G), (399, Unit::Kg));
        assert_eq!(per(279, 2, Unit::Kg), (140, Unit::Kg));
        assert_eq!(per(99, 330, Unit::Ml), (300, Unit::L));
        assert_eq!(per(119, 1, Unit::L), (119, Unit::L));
        assert_eq!(per(249, 6, Unit::Piece), (42, Unit::Piece));
    }

    #[test]
    fn rounds_halves_up() {
        assert_eq!(per(1, 2, Unit::Piece).0, 1);
        assert_eq!(per(5, 2, Unit::Piece).0, 3);
        assert_eq!(per(1, 3, Unit::Piece).0, 0);
        assert_eq!(per(5, 3, Unit::Piece).0, 2);
    }

    #[test]
    fn has_no_unit_price_beyond_what_money_can_say() {
        let gram = Size::new(1, Unit::G).unwrap();
        assert_eq!(gram.unit_price(Money::from_minor(100_000_000).unwrap()), None);
    }

    #[test]
    fn is_written_as_on_the_shelf() {
        let text = |amount, unit| Size::new(amount, unit).unwrap().text();
        assert_eq!(text(500, Unit::G), "500 g");
        assert_eq!(text(1, Unit::Piece), "1 piece");
        assert_eq!(text(6, Unit::Piece), "6 pieces");
    }

    #[test]
    fn refuses_sizes_that_are_none() {
        for amount in [0, -1, i32::MIN, 1_000_001, i32::MAX] {
            assert_eq!(Size::new(amount, Unit::G), Err(SizeError));
        }
    }

    proptest! {
        #[test]
        fn a_unit_price_is_the_nearest_one(price in 1_i64..=100_000_000, amount in 1..=Size::MAX, grams in any::<bool>()) {
            let unit = if grams { Unit::G } else { Unit::Piece };
            let Some(found) = Size::new(amount, unit).unwrap().unit_price(Money::from_minor(price).unwrap()) else {
                prop_assert!(price * 1_000 / i64::from(amount) > Money::MAX - 1);
                return Ok(());
            };
            let (parts, size) = (i128::from(if grams { 1_000 } else { 1 }), i128::from(amount));
            let exact = i128::from(price) * parts;
            let distance = i128::from(found.amount.minor()) * size - exact;
            // At most half a minor unit away, and exactly half only upwards.
            prop_assert!(2 * distance <= size && 2 * distance > -size, "{distance} of {size}");
        }
    }
}
