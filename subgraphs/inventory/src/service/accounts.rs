//! The books of every product, recounted: what the stock says, and what the movements sum to. For `larder check` and for tests.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kit::store::{Collection, Find, Found, Index, Store, StoreError};

use super::{Ledger, open};
use crate::{
    domain::{
        OrderId, ProductId,
        movement::{Kind, Moved},
        stock::Stock,
    },
    events,
};

/// Why the books could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A movement is not what it should be.
    #[error("a movement of {product} cannot be read: {source}")]
    Movement {
        /// The product.
        product: ProductId,
        /// Why.
        source: serde_json::Error,
    },
}

/// Goods that are kept for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldFor {
    /// The order.
    pub order: OrderId,
    /// How many.
    pub quantity: i64,
    /// When the order service is asked what has become of it.
    pub expires_at: DateTime<Utc>,
}

/// What all the movements of a product sum to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerSums {
    /// On hand, those that are held included.
    pub on_hand: i64,
    /// Held for orders.
    pub held: i64,
    /// Sold and not come back.
    pub sold: i64,
    /// Ever received.
    pub received: i64,
    /// What corrections added, less what they took away.
    pub adjusted: i64,
    /// How many movements there are.
    pub movements: u64,
}

/// The books of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The product.
    pub product: ProductId,
    /// Whether the stock was ended because the product never came to be.
    pub discarded: bool,
    /// How many there are, those that are held included: what can be sold is this less what is held.
    pub on_hand: i64,
    /// How many are held for orders.
    pub held: i64,
    /// How many are sold and did not come back.
    pub sold: i64,
    /// How many ever came in.
    pub received: i64,
    /// What corrections added, less what they took away.
    pub adjusted: i64,
    /// The number of movements that the stock has counted.
    pub movements: u64,
    /// The same, summed anew from the movements.
    pub ledger: LedgerSums,
    /// Whether the movements are numbered from one without a gap, and each says what was on hand and could be sold after it.
    pub unbroken: bool,
    /// What is held, by order.
    pub holds: Vec<HeldFor>,
    /// How many each order bought and did not give back.
    pub sold_to: BTreeMap<OrderId, i64>,
}

/// What is wrong with the books of one product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More is held than there is, or less than nothing.
    #[error("{held} are held of {on_hand} on hand")]
    Level {
        /// How many there are.
        on_hand: i64,
        /// How many are held.
        held: i64,
    },
    /// The stock does not add up.
    #[error("{free} free + {held} held + {sold} sold is not {received} received + {adjusted} adjusted")]
    Balance {
        /// How many can be sold.
        free: i64,
        /// How many are held.
        held: i64,
        /// How many are sold.
        sold: i64,
        /// How many came in.
        received: i64,
        /// What corrections added.
        adjusted: i64,
    },
    /// The stock is not what its movements sum to.
    #[error("the stock says {stock:?}, its movements sum to {ledger:?}")]
    Sums {
        /// The stock.
        stock: LedgerSums,
        /// Its movements.
        ledger: LedgerSums,
    },
    /// A movement is missing, or does not say what those before it come to.
    #[error("the movements do not follow from each other")]
    Sequence,
    /// Goods were sold to nobody.
    #[error("{sold} are sold, but {to_orders} to orders")]
    Sales {
        /// How many are sold.
        sold: i64,
        /// How many of those to orders.
        to_orders: i64,
    },
}

impl Account {
    /// What does not hold that must; empty where all is well.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut check = |holds: bool, fault: Fault| {
            if !holds {
                faults.push(fault);
            }
        };
        let Self { on_hand, held, sold, received, adjusted, movements, ledger, .. } = *self;
        let free = on_hand - held;
        check(free >= 0 && held >= 0, Fault::Level { on_hand, held });
        let balanced = free + held + sold == received + adjusted;
        check(balanced, Fault::Balance { free, held, sold, received, adjusted });
        let stock = LedgerSums { on_hand, held, sold, received, adjusted, movements };
        check(stock == ledger, Fault::Sums { stock, ledger });
        check(self.unbroken, Fault::Sequence);
        let to_orders: i64 = self.sold_to.values().sum();
        check(to_orders == sold, Fault::Sales { sold, to_orders });
        faults
    }
}

/// The books of every product, read from the stocks, the ledger and the movements that are on their way into it. Each product's books are
/// as of one moment, also while the service runs.
pub struct Books {
    ledger: Ledger,
    stocks: Collection<Stock>,
}

impl Books {
    /// Opens them. The store must be given the sinks that it always has: opening it goes on with delivering events.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(store: &Store) -> Result<Self, AccountError> {
        let (ledger, stocks) = open(store).await?;
        Ok(Self { ledger, stocks })
    }

    /// Those of every product.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn all(&self) -> Result<Vec<Account>, AccountError> {
        let (mut accounts, mut after) = (Vec::new(), None);
        loop {
            let find = Find::by(&Index::ID).after(after).limit(500);
            let Found { items, more } = self.stocks.find(find).await?;
            after = items.last().map(|(cursor, _)| cursor.clone());
            for (_, stock) in items {
                accounts.extend(self.of(stock.product()).await?);
            }
            if !more || after.is_none() {
                return Ok(accounts);
            }
        }
    }

    /// Those of one product; none where there is no stock of it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(&self, product: ProductId) -> Result<Option<Account>, AccountError> {
        // First the stock with its envelope, then the ledger: a movement that leaves the one meanwhile is in the other.
        let Some((stock, pending)) = self.stocks.get_with_pending(&product).await? else { return Ok(None) };
        let mut moved = BTreeMap::<u64, Moved>::new();
        for event in pending.iter().filter(|event| event.topic == events::MOVED) {
            let one: Moved = serde_json::from_value(event.data.clone())
                .map_err(|source| AccountError::Movement { product, source })?;
            moved.insert(one.seq, one);
        }
        for movement in self.ledger.of_product(product).await? {
            moved.insert(movement.moved.seq, movement.moved);
        }
        // What came after the stock was read does not belong to it.
        moved.retain(|seq, _| *seq <= stock.seq());
        Ok(Some(recount(&stock, moved.values())))
    }
}

/// The books of every product, of a store that is opened for that.
///
/// # Errors
/// When the store cannot be read.
pub async fn accounts(store: &Store) -> Result<Vec<Account>, AccountError> {
    Books::open(store).await?.all().await
}

fn recount<'a>(stock: &Stock, movements: impl Iterator<Item = &'a Moved>) -> Account {
    let mut sums = LedgerSums::default();
    let mut sold_to = BTreeMap::<OrderId, i64>::new();
    let mut unbroken = true;
    for moved in movements {
        let count = moved.quantity.get();
        let mut sold = 0;
        match moved.kind {
            Kind::Receive => (sums.on_hand, sums.received) = (sums.on_hand + count, sums.received + count),
            Kind::Hold => sums.held += count,
            Kind::Commit => {
                (sums.on_hand, sums.held) = (sums.on_hand - count, sums.held - count);
                sold = count;
            }
            Kind::Release | Kind::Undo | Kind::Expire => sums.held -= count,
            Kind::Return => {
                sums.on_hand += count;
                sold = -count;
            }
            Kind::Adjust | Kind::Discard => {
                (sums.on_hand, sums.adjusted) = (sums.on_hand + count, sums.adjusted + count);
            }
            Kind::Refuse | Kind::Short => {}
        }
        sums.sold += sold;
        if let Some(order) = moved.order.filter(|_| sold != 0) {
            *sold_to.entry(order).or_default() += sold;
        }
        sums.movements += 1;
        unbroken &= moved.seq == sums.movements
            && moved.on_hand.get() == sums.on_hand
            && moved.available.get() == sums.on_hand - sums.held;
    }
    sold_to.retain(|_, count| *count != 0);
    let holds = stock.holds().iter().map(|(order, hold)| HeldFor {
        order: *order,
        quantity: hold.quantity().into(),
        expires_at: hold.expires_at(),
    });
    Account {
        product: stock.product(),
        discarded: stock.is_discarded(),
        on_hand: stock.on_hand().get(),
        held: stock.held().get(),
        sold: stock.sold().get(),
        received: stock.received().get(),
        adjusted: stock.adjusted().get(),
        movements: stock.seq(),
        ledger: sums,
        unbroken,
        holds: holds.collect(),
        sold_to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Pieces;

    #[test]
    fn a_lost_movement_is_a_fault() {
        let (stock, change) = Stock::receive(ProductId::new(), kit::Quantity::new(5).unwrap());
        assert_eq!(recount(&stock, [change.moved].iter()).faults(), []);
        assert!(!recount(&stock, std::iter::empty()).faults().is_empty());
        assert_eq!(stock.held(), Pieces::ZERO);
    }
}
