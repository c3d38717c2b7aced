//! What the shop is called and what it counts its money in.

/// The shop. Fixed at start-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shop {
    name: String,
    currency: String,
    exponent: i32,
}

impl Shop {
    /// A shop of this name, whose prices are in so many decimal places of this currency (ISO 4217).
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(crate) fn new(name: &str, currency: &str, exponent: u8) -> Result<Self, String> {
        let name = super::text::line(name, 100).map_err(|error| format!("the shop's name {error}"))?;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(format!(
                "the shop's currency must be three capital letters, such as EUR, not \"{currency}\""
            ));
        }
        // The largest that ISO 4217 has.
        if exponent > 4 {
            return Err(format!(
                "the exponent of the shop's currency must be between 0 and 4, not {exponent}"
            ));
        }
        Ok(Self { name, currency: currency.to_owned(), exponent: exponent.into() })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn currency(&self) -> &str {
        &self.currency
    }

    pub(crate) const fn exponent(&self) -> i32 {
        self.exponent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_currency_that_is_none() {
        for currency in ["", "eur", "EURO", "€"] {
            assert!(Shop::new("Larder", currency, 2).is_err(), "{currency}");
        }
        assert!(Shop::new(" ", "EUR", 2).is_err());
        assert!(Shop::new("Larder", "EUR", 5).is_err());
        assert!(Shop::new("Larder", "JPY", 0).is_ok());
    }
}
