//! What a shopper asks for, checked and merged, and what it costs at the prices of the moment.

use std::collections::{BTreeMap, HashMap};

use kit::{Money, Quantity, error::FieldError, money::AmountError};
use serde::{Deserialize, Serialize};

use super::ProductId;

/// One product of a basket.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    product: ProductId,
    quantity: Quantity,
    /// The place of the first line that named it, for errors.
    line: usize,
}

/// What a shopper asks for: 1 to 100 lines as sent, the same product on two lines merged into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Basket(Vec<Wanted>);

/// What the catalog says of a product that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Its name.
    pub(crate) name: String,
    /// The price of one.
    pub(crate) price: Money,
}

/// One product of an order, as it was when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    product: ProductId,
    name: String,
    quantity: Quantity,
    unit_price: Money,
    total: Money,
}

impl Line {
    /// Which product.
    pub(crate) const fn product(&self) -> ProductId {
        self.product
    }

    /// Its name at the time.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many.
    pub(crate) const fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// The price of one at the time.
    pub(crate) const fn unit_price(&self) -> Money {
        self.unit_price
    }

    /// The price of all of them.
    pub(crate) const fn total(&self) -> Money {
        self.total
    }
}

/// A basket with its prices: the lines of an order to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(super) lines: Vec<Line>,
    pub(super) total: Money,
}

/// Why a basket has no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PriceError {
    /// The catalog does not offer these.
    #[error("some products are not offered")]
    NotOffered(Vec<FieldError>),
    /// The price does not fit 32 bits.
    #[error("the basket is worth more than an order can be")]
    TooMuch(FieldError),
}

impl Basket {
    /// The most lines that a request may have, before merging: one page of the shop's lists.
    pub(crate) const MAX_LINES: usize = 100;
    /// The most pieces of one product in one order. Far above what a household or a small business buys at once, and low
    /// enough that a slip of the finger cannot empty a warehouse.
    pub(crate) const MAX_PIECES: i64 = 10_000;

    /// Checks the lines as the client sent them (`None` for a line that is null, otherwise id and quantity), and merges them.
    ///
    /// # Errors
    /// Every field that is wrong, named as the client wrote it.
    pub(crate) fn from_lines(lines: &[Option<(String, i32)>]) -> Result<Self, Vec<FieldError>> {
        if lines.is_empty() {
            return Err(vec![problem("products", "must have at least one line.")]);
        }
        if lines.len() > Self::MAX_LINES {
            let message = format!("must have at most {} lines; this has {}.", Self::MAX_LINES, lines.len());
            return Err(vec![problem("products", message)]);
        }
        let mut wanted: Vec<Wanted> = Vec::with_capacity(lines.len());
        let mut places: HashMap<ProductId, usize> = HashMap::with_capacity(lines.len());
        let mut problems = Vec::new();
        for (line, sent) in lines.iter().enumerate() {
            let Some((id, quantity)) = sent else {
                problems.push(problem(format!("products[{line}]"), "must not be null."));
                continue;
            };
            let id_field = || format!("products[{line}]._id");
            let product = ProductId::parse(id).map_err(|invalid| problem(id_field(), invalid.to_string()));
            let quantity = pieces(i64::from(*quantity))
                .map_err(|error| problem(format!("products[{line}].quantity"), error.to_string()));
            let (product, quantity) = match (product, quantity) {
                (Ok(product), Ok(quantity)) => (product, quantity),
                (product, quantity) => {
                    problems.extend(product.err());
                    problems.extend(quantity.err());
                    continue;
                }
            };
            let Some(&place) = places.get(&product) else {
                places.insert(product, wanted.len());
                wanted.push(Wanted { product, quantity, line });
                continue;
            };
            let before = wanted[place].quantity;
            match pieces(i64::from(before.get()) + i64::from(quantity.get())) {
                Ok(sum) => wanted[place].quantity = sum,
                Err(_) => problems.push(problem(
                    format!("products[{line}].quantity"),
                    format!(
                        "one order takes at most {} of a product, all its lines together.",
                        Self::MAX_PIECES
                    ),
                )),
            }
        }
        if problems.is_empty() { Ok(Self(wanted)) } else { Err(problems) }
    }

    /// The products, each once.
    pub(crate) fn products(&self) -> Vec<ProductId> {
        self.0.iter().map(|wanted| wanted.product).collect()
    }

    /// Whether these are the products and quantities of that order's lines, in whatever order.
    pub(crate) fn is_what_was_ordered(&self, lines: &[Line]) -> bool {
        let mine: BTreeMap<_, _> = self.0.iter().map(|wanted| (wanted.product, wanted.quantity)).collect();
        let theirs: BTreeMap<_, _> = lines.iter().map(|line| (line.product, line.quantity)).collect();
        mine == theirs
    }

    /// The basket at these prices.
    ///
    /// # Errors
    /// When a product is not offered, or when the sum is more than an order can be worth.
    pub(crate) fn price(&self, offers: &HashMap<ProductId, Offer>) -> Result<Quote, PriceError> {
        let mut lines = Vec::with_capacity(self.0.len());
        let mut total = Money::ZERO;
        let mut not_offered = Vec::new();
        for wanted in &self.0 {
            let Some(offer) = offers.get(&wanted.product) else {
                let message = "There is no such product in the shop at the moment.";
                not_offered.push(problem(format!("products[{}]._id", wanted.line), message));
                continue;
            };
            let sum = offer.price.times(wanted.quantity);
            let sum = sum.and_then(|line_total| Ok((line_total, total.plus(line_total)?)));
            let (line_total, sum) = sum.map_err(|_| {
                let message =
                    format!("makes the order worth more than {} in all, the most there can be.", Money::MAX);
                PriceError::TooMuch(problem(format!("products[{}].quantity", wanted.line), message))
            })?;
            total = sum;
            lines.push(Line {
                product: wanted.product,
                name: offer.name.clone(),
                quantity: wanted.quantity,
                unit_price: offer.price,
                total: line_total,
            });
        }
        if not_offered.is_empty() {
            Ok(Quote { lines, total })
        } else {
            Err(PriceError::NotOffered(not_offered))
        }
    }
}

fn pieces(count: i64) -> Result<Quantity, AmountError> {
    if count > Basket::MAX_PIECES {
        return Err(AmountError::TooLarge(Basket::MAX_PIECES));
    }
    Quantity::at_least_one(count)
}

fn problem(field: impl Into<String>, message: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(error: &[FieldError]) -> Vec<&str> {
        error.iter().map(|problem| problem.field.as_str()).collect()
    }

    fn line(product: ProductId, quantity: i32) -> Option<(String, i32)> {
        Some((product.to_string(), quantity))
    }

    fn offer(price: i64) -> Offer {
        Offer { name: "milk".to_owned(), price: Money::from_minor(price).unwrap() }
    }

    #[test]
    fn names_every_field_that_is_wrong() {
        let lines = [
            None,
            Some(("x".to_owned(), 0)),
            line(ProductId::new(), -1),
            line(ProductId::new(), 10_001),
            line(ProductId::new(), 1),
        ];
        let problems = Basket::from_lines(&lines).unwrap_err();
        assert_eq!(
            fields(&problems),
            [
                "products[0]",
                "products[1]._id",
                "products[1].quantity",
                "products[2].quantity",
                "products[3].quantity"
            ]
        );
    }

    #[test]
    fn counts_the_lines_as_they_were_sent() {
        let product = ProductId::new();
        assert!(Basket::from_lines(&vec![line(product, 1); 100]).is_ok());
        assert_eq!(fields(&Basket::from_lines(&vec![line(product, 1); 101]).unwrap_err()), ["products"]);
        assert_eq!(fields(&Basket::from_lines(&[]).unwrap_err()), ["products"]);
    }

    #[test]
    fn refuses_too_many_of_one_product_over_several_lines() {
        let product = ProductId::new();
        let problems = Basket::from_lines(&[line(product, 10_000), line(product, 1)]).unwrap_err();
        assert_eq!(fields(&problems), ["products[1].quantity"]);
    }

    #[test]
    fn refuses_a_sum_that_does_not_fit() {
        let (dear, more) = (ProductId::new(), ProductId::new());
        let offers = HashMap::from([(dear, offer(Money::MAX)), (more, offer(1))]);
        let whole = Basket::from_lines(&[line(dear, 1)]).unwrap().price(&offers).unwrap();
        assert_eq!(i64::from(whole.total.minor()), Money::MAX);
        for lines in [vec![line(dear, 2)], vec![line(dear, 1), line(more, 1)]] {
            let refused = Basket::from_lines(&lines).unwrap().price(&offers);
            assert!(matches!(refused, Err(PriceError::TooMuch(_))), "{refused:?}");
        }
    }

    #[test]
    fn names_the_lines_whose_product_is_not_offered() {
        let (known, unknown) = (ProductId::new(), ProductId::new());
        let basket = Basket::from_lines(&[line(known, 1), line(unknown, 1), line(unknown, 2)]).unwrap();
        let Err(PriceError::NotOffered(problems)) = basket.price(&HashMap::from([(known, offer(5))])) else {
            panic!("priced a product that is not offered");
        };
        assert_eq!(fields(&problems), ["products[1]._id"]);
    }

    /// Lines over a few products, so that most baskets name one twice.
    fn lines() -> impl Strategy<Value = (Vec<ProductId>, Vec<(usize, i32)>)> {
        let products = (0..5).map(|_| ProductId::new()).collect::<Vec<_>>();
        (Just(products), prop::collection::vec((0..5_usize, 1..=100_i32), 1..=100))
    }

    proptest! {
        #[test]
        fn merging_keeps_every_piece_and_names_each_product_once((products, sent) in lines()) {
            let lines: Vec<_> = sent.iter().map(|&(n, quantity)| line(products[n], quantity)).collect();
            let basket = Basket::from_lines(&lines).unwrap();
            let mut named = basket.products();
            named.sort_unstable();
            named.dedup();
            prop_assert_eq!(named.len(), basket.0.len());
            for (n, product) in products.iter().enumerate() {
                let asked: i32 = sent.iter().filter(|line| line.0 == n).map(|line| line.1).sum();
                let merged = basket.0.iter().find(|wanted| wanted.product == *product);
                prop_assert_eq!(merged.map_or(0, |wanted| wanted.quantity.get()), asked);
            }
        }

        #[test]
        fn the_total_is_the_sum_of_the_lines((products, sent) in lines(), prices in prop::array::uniform5(0..=1_000_000_i64)) {
            let lines: Vec<_> = sent.iter().map(|&(n, quantity)| line(products[n], quantity)).collect();
            let basket = Basket::from_lines(&lines).unwrap();
            let offers = products.iter().zip(prices).map(|(product, price)| (*product, offer(price))).collect();
            let exact: i64 = sent.iter().map(|&(n, quantity)| prices[n] * i64::from(quantity)).sum();
            match basket.price(&offers) {
                Ok(quote) => {
                    prop_assert_eq!(i64::from(quote.total.minor()), exact);
                    let by_line: i64 = quote.lines.iter().map(|line| i64::from(line.total.minor())).sum();
                    prop_assert_eq!(by_line, exact);
                }
                Err(error) => {
                    prop_assert!(matches!(error, PriceError::TooMuch(_)));
                    prop_assert!(exact > Money::MAX);
                }
            }
        }

        #[test]
        fn the_same_pieces_in_another_order_are_the_same_basket((products, sent) in lines(), more in 0..5_usize) {
            let lines: Vec<_> = sent.iter().map(|&(n, quantity)| line(products[n], quantity)).collect();
            let offers = products.iter().map(|product| (*product, offer(1))).collect();
            let ordered = Basket::from_lines(&lines).unwrap().price(&offers).unwrap().lines;
            let mut shuffled = lines.clone();
            shuffled.reverse();
            prop_assert!(Basket::from_lines(&shuffled).unwrap().is_what_was_ordered(&ordered));
            shuffled[0] = line(products[more], 101);
            prop_assert!(!Basket::from_lines(&shuffled).unwrap().is_what_was_ordered(&ordered));
        }
    }
}
