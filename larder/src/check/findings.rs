//! What can be wrong with a shop's books, by kind, and how it is found.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use inventory::{Account, Fault};
use order::{OrderAccount, OrderStatus};

use super::Books;

/// The kinds of damage, all of them, and how each is called: one list, so that none is left out of a table.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident = $name:literal,)+) => {
        /// What is wrong. The name of each is what `larder check` prints, and stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])+ $kind,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// As it is printed.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A stock holds more than there is, or has less than nothing.
    NegativeLevel = "negative-level",
    /// On hand + held + sold is not what came in.
    UnbalancedStock = "unbalanced-stock",
    /// A stock is not what its movements sum to.
    LedgerMismatch = "ledger-mismatch",
    /// A movement is missing, or does not follow from those before it.
    LedgerGap = "ledger-gap",
    /// What was sold is not what the orders bought.
    SoldToNobody = "sold-to-nobody",
    /// An order has been PENDING for too long.
    UndecidedOrder = "undecided-order",
    /// An order is confirmed, and its goods are neither sold nor held.
    UnsoldOrder = "unsold-order",
    /// Goods were sold to an order that is not confirmed.
    SoldAfterEnd = "sold-after-end",
    /// Goods were sold to what is no order of them.
    SoldWithoutOrder = "sold-without-order",
    /// Goods are held for what is no order of them.
    HeldWithoutOrder = "held-without-order",
    /// A hold ran out long ago and nobody settled it.
    ForgottenHold = "forgotten-hold",
    /// An order ended, and its stock has long been due to go back.
    UnreturnedStock = "unreturned-stock",
    /// Two orders of a customer have the same idempotency key.
    DuplicateKey = "duplicate-key",
    /// A product was begun and neither published nor taken back.
    UnfinishedProduct = "unfinished-product",
    /// A product has no stock.
    MissingStock = "missing-stock",
    /// A stock is of no product.
    MissingProduct = "missing-product",
    /// An event has not been delivered for too long.
    StuckEvent = "stuck-event",
}

impl From<&Fault> for Kind {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Level { .. } => Self::NegativeLevel,
            Fault::Balance { .. } => Self::UnbalancedStock,
            Fault::Sums { .. } => Self::LedgerMismatch,
            Fault::Sequence => Self::LedgerGap,
            Fault::Sales { .. } => Self::SoldToNobody,
        }
    }
}

/// A promise that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub kind: Kind,
    /// What it is about: a product's or an order's id.
    pub about: String,
    /// What is wrong.
    pub what: String,
}

/// What is late for longer than this has been forgotten: holds are settled, stock goes back and events are delivered moments after they are
/// due, and a restart takes seconds.
const FORGOTTEN: TimeDelta = TimeDelta::minutes(5);

/// Every promise that these books break.
#[must_use]
pub fn findings(books: &Books, now: DateTime<Utc>) -> Vec<Finding> {
    let mut find = Findings::default();
    find.stocks(&books.stocks);
    find.orders(&books.orders, now);
    find.goods(&books.stocks, &books.orders, now);
    find.products(&books.products, &books.stocks);
    for (id, since) in &books.stuck {
        if now - since > FORGOTTEN {
            find.one(Kind::StuckEvent, id, format!("has an event that is not delivered since {since}"));
        }
    }
    find.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

/// An order and a product of it.
type Place = (String, String);

impl Findings {
    fn one(&mut self, kind: Kind, about: &impl ToString, what: String) {
        self.0.push(Finding { kind, about: about.to_string(), what });
    }

    /// What each stock says of itself.
    fn stocks(&mut self, stocks: &[Account]) {
        for stock in stocks {
            for fault in stock.faults() {
                self.one((&fault).into(), &stock.product, fault.to_string());
            }
        }
    }

    /// What each order says of itself.
    fn orders(&mut self, orders: &[OrderAccount], now: DateTime<Utc>) {
        let mut keys = HashMap::new();
        for order in orders {
            // Moments and no spans: what is wrong says the same whenever it is looked at.
            if order.overdue.is_some() {
                let what = format!("is PENDING since {} and long past its deadline", order.placed_at);
                self.one(Kind::UndecidedOrder, &order.id, what);
            }
            if let Some(due) = order.owed.filter(|due| now - due > FORGOTTEN) {
                let what = format!("ended, and its stock should have gone back at {due}");
                self.one(Kind::UnreturnedStock, &order.id, what);
            }
            if let Some(key) = &order.key
                && let Some(first) = keys.insert((order.customer, key), order.id)
            {
                let what = format!("has the idempotency key of {first}, of the same customer");
                self.one(Kind::DuplicateKey, &order.id, what);
            }
        }
    }

    /// Whether the orders have what the stocks say that they have: each order names each product once.
    fn goods(&mut self, stocks: &[Account], orders: &[OrderAccount], now: DateTime<Utc>) {
        let (mut sold, mut held): (BTreeMap<Place, i64>, BTreeMap<Place, i64>) = Default::default();
        for stock in stocks {
            let place = |order: &inventory::OrderId| (order.to_string(), stock.product.to_string());
            sold.extend(stock.sold_to.iter().map(|(order, quantity)| (place(order), *quantity)));
            held.extend(stock.holds.iter().map(|hold| (place(&hold.order), hold.quantity)));
        }
        for order in orders {
            for (product, quantity) in &order.lines {
                let (place, quantity) =
                    ((order.id.to_string(), product.to_string()), i64::from(quantity.get()));
                // They are taken out, so that what stays is too much.
                let sold = sold.remove(&place).unwrap_or_default();
                let of_held = held.get(&place).copied().unwrap_or_default();
                if of_held == quantity {
                    held.remove(&place);
                }
                self.line(order.status, &place, quantity, (sold, of_held));
            }
        }
        for ((order, product), quantity) in sold {
            let what = format!("is no order of {product}, and inventory sold {quantity} to it");
            self.one(Kind::SoldWithoutOrder, &order, what);
        }
        for ((order, product), quantity) in held {
            let what = format!("is no order of {product}, and inventory holds {quantity} for it");
            self.one(Kind::HeldWithoutOrder, &order, what);
        }
        self.holds(stocks, now);
    }

    fn line(
        &mut self,
        status: OrderStatus,
        (order, product): &Place,
        quantity: i64,
        (sold, held): (i64, i64),
    ) {
        let what = format!("is {status:?} with {quantity} of {product}; {sold} sold and {held} held");
        // Between the order's confirmation and the event that inventory hears, the goods are held, not yet sold.
        if status.is_sold() && sold + held != quantity {
            self.one(Kind::UnsoldOrder, order, what);
        } else if !status.is_sold() && sold != 0 {
            self.one(Kind::SoldAfterEnd, order, what);
        }
    }

    fn holds(&mut self, stocks: &[Account], now: DateTime<Utc>) {
        for stock in stocks {
            for hold in stock.holds.iter().filter(|hold| now - hold.expires_at > FORGOTTEN) {
                let (quantity, order, expires_at) = (hold.quantity, hold.order, hold.expires_at);
                let what = format!(
                    "{quantity} are held for the order {order}, which should have been settled at {expires_at}"
                );
                self.one(Kind::ForgottenHold, &stock.product, what);
            }
        }
    }

    /// Whether each product has a stock, and each stock a product.
    fn products(&mut self, catalog: &catalog::Report, stocks: &[Account]) {
        for catalog::Overdue { id, name, since } in &catalog.overdue {
            let what = format!("{name} was begun at {since} and neither published nor taken back");
            self.one(Kind::UnfinishedProduct, id, what);
        }
        let stocks = stocks.iter().filter(|stock| !stock.discarded);
        let stocks: HashSet<_> = stocks.map(|stock| stock.product.to_string()).collect();
        for (product, _) in catalog.products.iter().filter(|(id, made)| **made && !stocks.contains(*id)) {
            self.one(Kind::MissingStock, product, "is a product without a stock".to_owned());
        }
        let mut orphans: Vec<_> =
            stocks.iter().filter(|product| !catalog.products.contains_key(*product)).collect();
        orphans.sort_unstable();
        for product in orphans {
            self.one(Kind::MissingProduct, product, "is a stock of no product".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inventory::{HeldFor, LedgerSums};
    use kit::Quantity;
    use order::OrderStatus;

    /// A product of which ten came in and three were sold to one order.
    fn stock(order: &str) -> Account {
        let sums = LedgerSums { on_hand: 7, held: 0, sold: 3, received: 10, adjusted: 0, movements: 3 };
        Account {
            product: "01920000-0000-7000-8000-00000000000a".parse().unwrap(),
            discarded: false,
            on_hand: 7,
            held: 0,
            sold: 3,
            received: 10,
            adjusted: 0,
            movements: 3,
            ledger: sums,
            unbroken: true,
            holds: Vec::new(),
            sold_to: [(order.parse().unwrap(), 3)].into(),
        }
    }

    const ORDER: &str = "01920000-0000-7000-8000-000000000001";

    fn order(status: OrderStatus, quantity: i64) -> OrderAccount {
        OrderAccount {
            id: ORDER.parse().unwrap(),
            status,
            lines: vec![(
                "01920000-0000-7000-8000-00000000000a".parse().unwrap(),
                Quantity::new(quantity).unwrap(),
            )],
            placed_at: Utc::now(),
            customer: "01920000-0000-7000-8000-00000000000c".parse().unwrap(),
            key: None,
            owed: None,
            overdue: None,
        }
    }

    fn books(stock: &Account, orders: &[OrderAccount]) -> Books {
        let products = [(stock.product.to_string(), true)].into();
        let products =
            catalog::Report { offered: 1, archived: 0, unfinished: 0, products, overdue: Vec::new() };
        Books { stocks: vec![stock.clone()], orders: orders.to_vec(), products, stuck: Vec::new() }
    }

    fn found(books: &Books) -> Vec<Kind> {
        findings(books, Utc::now()).into_iter().map(|finding| finding.kind).collect()
    }

    fn kinds(stock: &Account, orders: &[OrderAccount]) -> Vec<Kind> {
        found(&books(stock, orders))
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }

    #[test]
    fn finds_nothing_where_all_is_well() {
        assert_eq!(kinds(&stock(ORDER), &[order(OrderStatus::Confirmed, 3)]), []);
        assert_eq!(kinds(&stock(ORDER), &[order(OrderStatus::Delivered, 3)]), []);
    }

    #[test]
    fn finds_an_order_whose_goods_were_not_sold() {
        assert_eq!(kinds(&stock(ORDER), &[order(OrderStatus::Confirmed, 4)]), [Kind::UnsoldOrder]);
    }

    #[test]
    fn finds_goods_that_were_sold_to_an_order_that_ended_or_never_was() {
        assert_eq!(kinds(&stock(ORDER), &[order(OrderStatus::Cancelled, 3)]), [Kind::SoldAfterEnd]);
        assert_eq!(kinds(&stock(ORDER), &[]), [Kind::SoldWithoutOrder]);
    }

    #[test]
    fn finds_stock_that_is_not_what_its_movements_sum_to() {
        let mut stock = stock(ORDER);
        stock.ledger.on_hand = 8;
        assert_eq!(kinds(&stock, &[order(OrderStatus::Confirmed, 3)]), [Kind::LedgerMismatch]);
    }

    #[test]
    fn finds_an_order_that_was_never_decided() {
        let late = OrderAccount { overdue: Some(TimeDelta::minutes(1)), ..order(OrderStatus::Confirmed, 3) };
        assert_eq!(kinds(&stock(ORDER), &[late]), [Kind::UndecidedOrder]);
    }

    #[test]
    fn names_a_product_that_was_left_half_made() {
        let mut books = books(&stock(ORDER), &[order(OrderStatus::Confirmed, 3)]);
        let (id, name) = ("p".to_owned(), "Milk".to_owned());
        books.products.overdue.push(catalog::Overdue { id, name, since: DateTime::UNIX_EPOCH });
        let found = findings(&books, Utc::now());
        assert_eq!((found.len(), found[0].kind, &*found[0].about), (1, Kind::UnfinishedProduct, "p"));
        assert!(found[0].what.starts_with("Milk was begun at 1970-01-01"), "{}", found[0].what);
    }

    #[test]
    fn finds_products_and_stocks_without_each_other() {
        let mut books = books(&stock(ORDER), &[order(OrderStatus::Confirmed, 3)]);
        books.products.products = [("another".to_owned(), true), ("half made".to_owned(), false)].into();
        assert_eq!(found(&books), [Kind::MissingStock, Kind::MissingProduct]);
        books.stocks[0].discarded = true;
        books.products.products.clear();
        assert_eq!(found(&books), []);
    }

    #[test]
    fn what_is_on_its_way_is_no_damage_until_it_is_late() {
        let mut books = books(&stock(ORDER), &[order(OrderStatus::Confirmed, 3)]);
        let (soon, late) = (TimeDelta::minutes(4), TimeDelta::minutes(6));
        let since = Utc::now() - soon;
        (books.orders[0].owed, books.stuck) = (Some(since), vec![(ORDER.to_owned(), since)]);
        assert_eq!(found(&books), []);
        let since = Utc::now() - late;
        (books.orders[0].owed, books.stuck) = (Some(since), vec![(ORDER.to_owned(), since)]);
        assert_eq!(found(&books), [Kind::UnreturnedStock, Kind::StuckEvent]);
    }

    #[test]
    fn a_key_is_of_one_order_of_a_customer() {
        let stock = stock(ORDER);
        let other: order::OrderId = "01920000-0000-7000-8000-000000000002".parse().unwrap();
        let one = OrderAccount { key: Some("k".to_owned()), ..order(OrderStatus::Confirmed, 3) };
        let other = OrderAccount { id: other, status: OrderStatus::Cancelled, ..one.clone() };
        assert_eq!(kinds(&stock, &[one.clone(), other.clone()]), [Kind::DuplicateKey]);
        let customer = "01920000-0000-7000-8000-00000000000d".parse().unwrap();
        assert_eq!(kinds(&stock, &[one, OrderAccount { customer, ..other }]), []);
    }

    #[test]
    fn finds_a_hold_that_was_forgotten() {
        let mut stock = stock(ORDER);
        let other = "01920000-0000-7000-8000-000000000002".parse().unwrap();
        let expires_at = Utc::now() - TimeDelta::minutes(6);
        (stock.held, stock.ledger.held) = (2, 2);
        stock.holds.push(HeldFor { order: other, quantity: 2, expires_at });
        let late = OrderAccount {
            id: "01920000-0000-7000-8000-000000000002".parse().unwrap(),
            ..order(OrderStatus::Cancelled, 2)
        };
        let orders = [order(OrderStatus::Confirmed, 3), late];
        assert_eq!(kinds(&stock, &orders), [Kind::ForgottenHold]);
        stock.holds[0].expires_at = Utc::now();
        assert_eq!(kinds(&stock, &orders), []);
        assert_eq!(kinds(&stock, &orders[..1]), [Kind::HeldWithoutOrder]);
    }
}
