//! What an order asks for: each product once, in the order of ids, so that every order takes its products in the same
//! order and none waits for another in a circle.

use std::collections::BTreeMap;

use kit::{Quantity, money::AmountError};
use serde::{Deserialize, Serialize};

use super::ProductId;

/// One product and how many of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The product.
    pub product: ProductId,
    /// How many; at least one.
    pub quantity: Quantity,
}

/// A product of which there is less than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// The product.
    pub product: ProductId,
    /// How many were asked for.
    pub requested: Quantity,
    /// How many could be sold at that moment.
    pub available: super::Pieces,
}

/// The lines of an order, merged and sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(Vec<Line>);

impl Lines {
    /// Makes one line of all that name the same product. The error says which of the given lines brought the sum over
    /// the largest quantity.
    ///
    /// # Errors
    /// When the quantities of one product add up to more than [`Quantity::MAX`].
    pub fn merged(given: impl IntoIterator<Item = Line>) -> Result<Self, (usize, AmountError)> {
        let mut merged = BTreeMap::<ProductId, Quantity>::new();
        for (at, line) in given.into_iter().enumerate() {
            let sum = merged.entry(line.product).or_insert(Quantity::ZERO);
            *sum = sum.plus(line.quantity).map_err(|error| (at, error))?;
        }
        Ok(Self(merged.into_iter().map(|(product, quantity)| Line { product, quantity }).collect()))
    }

    /// The lines in the order of their products' ids.
    #[must_use]
    pub fn as_slice(&self) -> &[Line] {
        &self.0
    }

    /// The products in order.
    #[must_use]
    pub fn products(&self) -> Vec<ProductId> {
        self.0.iter().map(|line| line.product).collect()
    }

    /// A fingerprint of all the lines, by which a repeat is told from another request under the same order id.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        // FNV-1a: the same in every build, and nobody gains by a collision: the quantity of each product is compared as well.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for line in &self.0 {
            for byte in format!("{}={};", line.product, line.quantity.get()).bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Fingerprint(format!("{hash:016x}"))
    }
}

/// What all the lines of an order come down to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn line(product: ProductId, quantity: i64) -> Line {
        Line { product, quantity: Quantity::new(quantity).unwrap() }
    }

    #[test]
    fn the_same_product_on_two_lines_is_one_line_in_id_order() {
        let (a, b) = (ProductId::new(), ProductId::new());
        let lines = Lines::merged([line(b, 1), line(a, 2), line(b, 3)]).unwrap();
        assert_eq!(lines.as_slice(), [line(a, 2), line(b, 4)]);
        assert_eq!(lines.fingerprint(), Lines::merged([line(a, 2), line(b, 4)]).unwrap().fingerprint());
    }

    #[test]
    fn a_sum_that_is_too_large_names_the_line_that_made_it_so() {
        let a = ProductId::new();
        let merged = Lines::merged([line(a, Quantity::MAX), line(ProductId::new(), 1), line(a, 1)]);
        assert_eq!(merged.unwrap_err(), (2, AmountError::TooLarge(Quantity::MAX)));
    }

    #[test]
    fn other_lines_have_another_fingerprint() {
        let (a, b) = (ProductId::new(), ProductId::new());
        let all = [vec![line(a, 1)], vec![line(b, 1)], vec![line(a, 2)], vec![line(a, 1), line(b, 1)]];
        let prints: Vec<_> =
            all.into_iter().map(|lines| Lines::merged(lines).unwrap().fingerprint()).collect();
        for (i, print) in prints.iter().enumerate() {
            assert!(!prints[i + 1..].contains(print));
        }
    }
}
