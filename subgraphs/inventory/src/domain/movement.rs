//! What each rule leaves behind: a movement; and what a late repeat learns from the movements of the first.

use chrono::{DateTime, Utc};
use kit::{
    bus::EventId,
    identity::UserId,
    store::{Document, Index, Keys},
};
use serde::{Deserialize, Serialize};

use super::{OrderId, Pieces, ProductId, lines::Fingerprint};

/// What happened to a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Goods came in.
    Receive,
    /// An order holds goods.
    Hold,
    /// Held goods are sold.
    Commit,
    /// Held goods can be sold to others again.
    Release,
    /// The same, because another product of the order was short.
    Undo,
    /// The same, after the hold ran out and the order service had ended the order.
    Expire,
    /// Sold goods came back.
    Return,
    /// The order ended before it held anything; it never will.
    Refuse,
    /// There was less than the order asked for, after others of its products were held; it never will hold any.
    Short,
    /// The number was corrected.
    Adjust,
    /// The product never came to be.
    Discard,
}

/// A movement as it is told: the data of a `stock.moved` event. Which product and when is the event's to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Its place among the movements of its product; the first is 1, and none is left out.
    pub seq: u64,
    /// What happened.
    pub kind: Kind,
    /// How many pieces; negative where an adjustment took away.
    pub quantity: Pieces,
    /// How many were on hand afterwards, those that are held included.
    pub on_hand: Pieces,
    /// How many could be sold afterwards.
    pub available: Pieces,
    /// The order that it was done for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// The fingerprint of that order's lines, with a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Fingerprint>,
    /// The idempotency key that it was asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why, as the person who did it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The person who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

/// A movement in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Movement {
    /// The id of the event that told of it.
    pub id: EventId,
    /// The product.
    pub product: ProductId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub moved: Moved,
}

/// On whose behalf something is done, so that a repeat of it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cause {
    /// An order.
    Order(OrderId),
    /// Somebody's request under a key of theirs.
    Key(String),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Order(order) => order.fmt(f),
            // An order's id never begins like this, so no key can be taken for an order.
            Self::Key(key) => write!(f, "key:{key}"),
        }
    }
}

impl Moved {
    /// On whose behalf it was done; none where a repeat need not be known.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match (self.order, &self.key) {
            (Some(order), _) => Some(Cause::Order(order)),
            (None, Some(key)) => Some(Cause::Key(key.clone())),
            (None, None) => None,
        }
    }
}

/// What has been done to one product for one cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    last: Option<Moved>,
    quantity: Pieces,
    lines: Option<Fingerprint>,
}

impl Past {
    /// Takes in one of the movements of that cause, in any order and as often as it comes.
    pub fn see(&mut self, moved: &Moved) {
        if moved.kind == Kind::Hold {
            self.quantity = moved.quantity;
            self.lines.clone_from(&moved.lines);
        }
        if self.last.as_ref().is_none_or(|last| last.seq < moved.seq) {
            self.last = Some(moved.clone());
        }
    }

    /// The latest movement.
    #[must_use]
    pub const fn last(&self) -> Option<&Moved> {
        self.last.as_ref()
    }

    /// What happened last.
    #[must_use]
    pub fn fate(&self) -> Option<Kind> {
        self.last.as_ref().map(|last| last.kind)
    }

    /// How many were held; none where nothing ever was.
    #[must_use]
    pub const fn held(&self) -> Pieces {
        self.quantity
    }

    /// The lines of the order when it held.
    #[must_use]
    pub const fn lines(&self) -> Option<&Fingerprint> {
        self.lines.as_ref()
    }
}

impl Movement {
    /// The movements of a product in their order.
    pub const BY_PRODUCT: Index = Index::on("by_product", &["product", "seq"]);
    /// The movements for one cause, by product.
    pub const BY_CAUSE: Index = Index::on("by_cause", &["cause", "product"]);
}

impl Document for Movement {
    type Id = EventId;
    const COLLECTION: &'static str = "movements";
    const INDEXES: &'static [Index] = &[Self::BY_PRODUCT, Self::BY_CAUSE];

    fn id(&self) -> EventId {
        self.id
    }

    fn keys(&self) -> Keys {
        let product = self.product.to_string();
        // Movements are counted from one per product: the number never comes near what an index holds.
        let seq = i64::try_from(self.moved.seq).unwrap_or(i64::MAX);
        let keys = Keys::new().with("product", product).with("seq", seq);
        match self.moved.cause() {
            Some(cause) => keys.with("cause", cause.to_string()),
            None => keys,
        }
    }
}
