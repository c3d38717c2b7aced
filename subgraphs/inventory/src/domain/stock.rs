//! The stock of one product, and the rules by which it changes.
//!
//! Every rule is pure, is idempotent by its cause, keeps `on hand ≥ held ≥ 0` and `on hand + sold = received + adjusted`, and
//! leaves a movement exactly where it changes something. A rule that is asked again decides by the holds in the document while
//! the work is in flight, and by the movements of the first time ([`Past`]) ever after. Who may ask, and how the past
//! is found, is not decided here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kit::{
    Quantity,
    identity::UserId,
    store::{Document, Index, Keys},
};
use serde::{Deserialize, Serialize};

use super::{
    OrderId, Pieces, ProductId,
    lines::Fingerprint,
    movement::{Kind, Moved, Past},
};

/// Goods that are kept for an order until its fate is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    quantity: Quantity,
    /// From then on the order service is asked what has become of the order; the hold does not end by itself.
    #[serde(with = "chrono::serde::ts_microseconds")]
    expires_at: DateTime<Utc>,
    lines: Fingerprint,
}

impl Hold {
    /// How many.
    #[must_use]
    pub const fn quantity(&self) -> Quantity {
        self.quantity
    }

    /// When to ask after the order.
    #[must_use]
    pub const fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }
}

/// What an order asks of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The order.
    pub order: OrderId,
    /// How many of this product; at least one.
    pub quantity: Quantity,
    /// All the lines of the order.
    pub lines: Fingerprint,
    /// When to ask after the order.
    pub expires_at: DateTime<Utc>,
    /// The time now.
    pub now: DateTime<Utc>,
}

/// A person's change: why, and who.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// Why.
    pub reason: Option<String>,
    /// Who.
    pub by: Option<UserId>,
    /// The idempotency key that it was asked for with.
    pub key: Option<String>,
}

/// Why a rule changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is less than asked for.
    #[error("only {} can be sold", .available.get())]
    Short {
        /// How many there are.
        available: Pieces,
    },
    /// The hold would have run out already.
    #[error("the hold would have run out already")]
    Late,
    /// The order has been released here; it cannot hold again.
    #[error("the order was released")]
    Released,
    /// The order was refused for a shortage and holds nothing any more.
    #[error("the order was refused for a shortage")]
    Undone,
    /// The order holds something else than this.
    #[error("the order asked for other lines before")]
    OtherLines,
    /// The order holds goods here, or has bought them.
    #[error("the order holds goods")]
    Held,
    /// There is no hold that could be sold.
    #[error("the order holds nothing")]
    NothingHeld,
    /// What can be sold is not what was expected.
    #[error("{} can be sold, not what was expected", .available.get())]
    Stale {
        /// How many there are.
        available: Pieces,
    },
    /// It would be more than a stock can have.
    #[error("more than a stock can have")]
    TooMany,
    /// The key was used for another quantity.
    #[error("the key was used for another request")]
    OtherRequest,
    /// Goods were held or sold, so that the stock cannot be taken for one that never was.
    #[error("the stock is in use")]
    InUse,
    /// The stock has been ended.
    #[error("there is no such stock any more")]
    Discarded,
    /// The movements and the holds do not fit together.
    #[error("the ledger and the holds of {0} disagree")]
    Inconsistent(OrderId),
}

/// What a rule did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The movement that tells of it.
    pub moved: Moved,
    /// What could be sold before.
    pub before: Pieces,
}

impl Change {
    /// Whether what can be sold has changed.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.before != self.moved.available
    }

    /// Whether the product came into stock or went out of it.
    #[must_use]
    pub fn crosses_zero(&self) -> bool {
        (self.before > Pieces::ZERO) != (self.moved.available > Pieces::ZERO)
    }

    /// Whether what can be sold fell to this threshold or below it.
    #[must_use]
    pub fn falls_to(&self, threshold: Quantity) -> bool {
        let threshold = Pieces::from(threshold);
        self.before > threshold && self.moved.available <= threshold
    }
}

/// What a rule gives: its change, or nothing where all was done before.
pub type Outcome = Result<Option<Change>, Refusal>;

/// The stock of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stock {
    product: ProductId,
    on_hand: Pieces,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    holds: BTreeMap<OrderId, Hold>,
    received: Pieces,
    sold: Pieces,
    /// What corrections have added, less what they have taken away.
    adjusted: Pieces,
    /// The number of movements.
    seq: u64,
    /// How many the stock was made with, by which a repeated creation is known.
    initial: Quantity,
    /// Whether anything was ever held.
    #[serde(default)]
    used: bool,
    #[serde(default)]
    discarded: bool,
}

impl Stock {
    /// The stocks by what can be sold.
    pub const BY_AVAILABLE: Index = Index::on("by_available", &["available"]);
    /// The stocks that have holds, by the time at which the first of them runs out.
    pub const BY_EXPIRY: Index = Index::on("by_expiry", &["expires"]);

    /// The stock of a new product, of which so many came in.
    #[must_use]
    pub fn receive(product: ProductId, quantity: Quantity) -> (Self, Change) {
        let mut stock = Self::empty(product, quantity);
        stock.on_hand += quantity.into();
        stock.received += quantity.into();
        let change = stock.moved(Pieces::ZERO, Kind::Receive, quantity.into());
        (stock, change)
    }

    /// The mark of a product that never came to be and never had a stock.
    #[must_use]
    pub fn never(product: ProductId) -> (Self, Change) {
        let mut stock = Self::empty(product, Quantity::ZERO);
        stock.discarded = true;
        let change = stock.moved(Pieces::ZERO, Kind::Discard, Pieces::ZERO);
        (stock, change)
    }

    const fn empty(product: ProductId, initial: Quantity) -> Self {
        Self {
            product,
            on_hand: Pieces::ZERO,
            holds: BTreeMap::new(),
            received: Pieces::ZERO,
            sold: Pieces::ZERO,
            adjusted: Pieces::ZERO,
            seq: 0,
            initial,
            used: false,
            discarded: false,
        }
    }

    /// The product.
    #[must_use]
    pub const fn product(&self) -> ProductId {
        self.product
    }

    /// How many there are, those that are held included.
    #[must_use]
    pub const fn on_hand(&self) -> Pieces {
        self.on_hand
    }

    /// How many are held for orders.
    #[must_use]
    pub fn held(&self) -> Pieces {
        self.holds.values().map(|hold| Pieces::from(hold.quantity)).sum()
    }

    /// How many of those are held by orders of which this is true.
    #[must_use]
    pub fn held_by(&self, mut those: impl FnMut(&OrderId) -> bool) -> Pieces {
        self.holds.iter().filter(|(order, _)| those(order)).map(|(_, hold)| Pieces::from(hold.quantity)).sum()
    }

    /// What can be sold now.
    #[must_use]
    pub fn available(&self) -> Pieces {
        self.on_hand - self.held()
    }

    /// The holds by order.
    #[must_use]
    pub const fn holds(&self) -> &BTreeMap<OrderId, Hold> {
        &self.holds
    }

    /// How many ever came in.
    #[must_use]
    pub const fn received(&self) -> Pieces {
        self.received
    }

    /// How many are sold and did not come back.
    #[must_use]
    pub const fn sold(&self) -> Pieces {
        self.sold
    }

    /// What corrections have added, less what they have taken away.
    #[must_use]
    pub const fn adjusted(&self) -> Pieces {
        self.adjusted
    }

    /// The number of movements so far.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether the product never came to be.
    #[must_use]
    pub const fn is_discarded(&self) -> bool {
        self.discarded
    }

    /// Keeps goods for an order.
    ///
    /// # Errors
    /// [`Refusal::Short`] where there are too few; [`Refusal::Released`], [`Refusal::Undone`] or [`Refusal::OtherLines`] where
    /// the order's past says so.
    pub fn hold(&mut self, past: &Past, ask: &Ask) -> Outcome {
        if let Some(held) = self.holds.get(&ask.order) {
            let same = held.quantity == ask.quantity && held.lines == ask.lines;
            return if same { Ok(None) } else { Err(Refusal::OtherLines) };
        }
        match past.fate() {
            None => {}
            Some(Kind::Commit) => {
                let same = past.held() == ask.quantity.into() && past.lines() == Some(&ask.lines);
                return if same { Ok(None) } else { Err(Refusal::OtherLines) };
            }
            Some(Kind::Undo | Kind::Short) => return Err(Refusal::Undone),
            Some(Kind::Hold) => return Err(Refusal::Inconsistent(ask.order)),
            Some(_) => return Err(Refusal::Released),
        }
        if ask.expires_at <= ask.now {
            return Err(Refusal::Late);
        }
        let before = self.available();
        if self.discarded {
            return Err(Refusal::Short { available: Pieces::ZERO });
        }
        if before < ask.quantity.into() {
            return Err(Refusal::Short { available: before });
        }
        let hold = Hold { quantity: ask.quantity, expires_at: ask.expires_at, lines: ask.lines.clone() };
        self.holds.insert(ask.order, hold);
        self.used = true;
        let change = self.for_order(before, Kind::Hold, ask.quantity.into(), ask.order);
        Ok(Some(Change { moved: Moved { lines: Some(ask.lines.clone()), ..change.moved }, ..change }))
    }

    /// Leaves the mark by which no repeat of this order can hold here: [`Kind::Short`] with what was asked for where there was too
    /// little, [`Kind::Refuse`] where it failed otherwise. Nothing else changes.
    ///
    /// # Errors
    /// [`Refusal::Held`] where the order holds here after all.
    pub fn bar(&mut self, past: &Past, order: OrderId, kind: Kind, asked: Pieces) -> Outcome {
        if self.holds.contains_key(&order) {
            return Err(Refusal::Held);
        }
        match past.fate() {
            None => Ok(Some(self.for_order(self.available(), kind, asked, order))),
            Some(Kind::Commit) => Err(Refusal::Held),
            Some(_) => Ok(None),
        }
    }

    /// Sells what the order holds.
    ///
    /// # Errors
    /// [`Refusal::NothingHeld`] where there is no hold and never was a sale.
    pub fn commit(&mut self, past: &Past, order: OrderId) -> Outcome {
        let before = self.available();
        let Some(hold) = self.holds.remove(&order) else {
            return match past.fate() {
                Some(Kind::Commit | Kind::Return) => Ok(None),
                Some(Kind::Hold) => Err(Refusal::Inconsistent(order)),
                _ => Err(Refusal::NothingHeld),
            };
        };
        self.on_hand -= hold.quantity.into();
        self.sold += hold.quantity.into();
        Ok(Some(self.for_order(before, Kind::Commit, hold.quantity.into(), order)))
    }

    /// Ends what the order has here: a hold is given up, sold goods come back, and an order that has nothing yet never will.
    ///
    /// # Errors
    /// Only [`Refusal::Inconsistent`].
    pub fn release(&mut self, past: &Past, order: OrderId) -> Outcome {
        if self.holds.contains_key(&order) {
            return Ok(self.give_up(order, Kind::Release));
        }
        let before = self.available();
        match past.fate() {
            None => Ok(Some(self.for_order(before, Kind::Refuse, Pieces::ZERO, order))),
            Some(Kind::Commit) => {
                self.on_hand += past.held();
                self.sold -= past.held();
                Ok(Some(self.for_order(before, Kind::Return, past.held(), order)))
            }
            Some(Kind::Hold) => Err(Refusal::Inconsistent(order)),
            Some(_) => Ok(None),
        }
    }

    /// Gives up a hold, and only that: `kind` says on what occasion ([`Kind::Undo`], [`Kind::Expire`]). None where there is no hold.
    pub fn give_up(&mut self, order: OrderId, kind: Kind) -> Option<Change> {
        let before = self.available();
        let hold = self.holds.remove(&order)?;
        Some(self.for_order(before, kind, hold.quantity.into(), order))
    }

    /// Takes in new goods.
    ///
    /// # Errors
    /// [`Refusal::TooMany`]; [`Refusal::OtherRequest`] where the key was used for another quantity.
    pub fn restock(&mut self, past: &Past, quantity: Quantity, note: &Note) -> Outcome {
        self.exists()?;
        if let Some(first) = past.last() {
            return if first.quantity == quantity.into() { Ok(None) } else { Err(Refusal::OtherRequest) };
        }
        let before = self.available();
        if (self.on_hand + quantity.into()).get() > Quantity::MAX {
            return Err(Refusal::TooMany);
        }
        self.on_hand += quantity.into();
        self.received += quantity.into();
        Ok(Some(self.noted(before, Kind::Receive, quantity.into(), note)))
    }

    /// Corrects what can be sold to `quantity`, if it is still what the person saw. What is held stays held, so that on hand never
    /// falls below it.
    ///
    /// # Errors
    /// [`Refusal::Stale`] where it is another number by now, [`Refusal::TooMany`].
    pub fn adjust(&mut self, expected: Quantity, quantity: Quantity, note: &Note) -> Outcome {
        self.exists()?;
        let before = self.available();
        if before != expected.into() {
            return Err(Refusal::Stale { available: before });
        }
        let by = Pieces::from(quantity) - before;
        if by == Pieces::ZERO {
            return Ok(None);
        }
        if (self.on_hand + by).get() > Quantity::MAX {
            return Err(Refusal::TooMany);
        }
        self.on_hand += by;
        self.adjusted += by;
        Ok(Some(self.noted(before, Kind::Adjust, by, note)))
    }

    /// Whether a creation with this quantity is a repeat of the one that made this stock.
    ///
    /// # Errors
    /// [`Refusal::OtherRequest`] where it was made with another, [`Refusal::Discarded`] where it has been ended.
    pub fn is_made_with(&self, quantity: Quantity) -> Result<(), Refusal> {
        self.exists()?;
        if self.initial == quantity { Ok(()) } else { Err(Refusal::OtherRequest) }
    }

    /// Ends the stock of a product that never came to be.
    ///
    /// # Errors
    /// [`Refusal::InUse`] where anything was ever held.
    pub fn discard(&mut self) -> Outcome {
        if self.discarded {
            return Ok(None);
        }
        if self.used {
            return Err(Refusal::InUse);
        }
        let (before, gone) = (self.available(), self.on_hand);
        self.on_hand = Pieces::ZERO;
        self.adjusted -= gone;
        self.discarded = true;
        Ok(Some(self.moved(before, Kind::Discard, Pieces::ZERO - gone)))
    }

    const fn exists(&self) -> Result<(), Refusal> {
        if self.discarded { Err(Refusal::Discarded) } else { Ok(()) }
    }

    fn moved(&mut self, before: Pieces, kind: Kind, quantity: Pieces) -> Change {
        self.seq += 1;
        let moved = Moved {
            seq: self.seq,
            kind,
            quantity,
            on_hand: self.on_hand,
            available: self.available(),
            order: None,
            lines: None,
            key: None,
            reason: None,
            by: None,
        };
        Change { moved, before }
    }

    fn for_order(&mut self, before: Pieces, kind: Kind, quantity: Pieces, order: OrderId) -> Change {
        let change = self.moved(before, kind, quantity);
        Change { moved: Moved { order: Some(order), ..change.moved }, ..change }
    }

    fn noted(&mut self, before: Pieces, kind: Kind, quantity: Pieces, note: &Note) -> Change {
        let change = self.moved(before, kind, quantity);
        let Note { reason, by, key } = note.clone();
        Change { moved: Moved { reason, by, key, ..change.moved }, ..change }
    }
}

impl Document for Stock {
    type Id = ProductId;
    const COLLECTION: &'static str = "stocks";
    const INDEXES: &'static [Index] = &[Self::BY_AVAILABLE, Self::BY_EXPIRY];

    fn id(&self) -> ProductId {
        self.product
    }

    fn keys(&self) -> Keys {
        let keys =
            if self.discarded { Keys::new() } else { Keys::new().with("available", self.available().get()) };
        match self.holds.values().map(|hold| hold.expires_at).min() {
            Some(first) => keys.with("expires", first),
            None => keys,
        }
    }
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
