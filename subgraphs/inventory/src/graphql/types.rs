//! What those who run the shop see of stock.

use async_graphql::{Context, Enum, ID, Object};
use chrono::{DateTime, Utc};
use kit::{page::Counted, store::Find};

use super::{entity::Product, inventory};
use crate::{
    domain::movement::{Kind, Movement},
    service::Level,
};

/// The stock of a product in all its parts. For those who run the shop.
pub(super) struct StockLevel(pub(super) Level);

/// The stock of a product in all its parts. For those who run the shop.
#[Object]
impl StockLevel {
    /// The product.
    async fn product(&self) -> Product {
        Product::with(self.0)
    }

    /// How many can be sold now: `onHand` less `held`. The same number as `Product.quantity`.
    async fn available(&self) -> i32 {
        self.0.available().shown()
    }

    /// How many there are, those that are held included.
    async fn on_hand(&self) -> i32 {
        self.0.on_hand.shown()
    }

    /// How many are held for orders on their way.
    async fn held(&self) -> i32 {
        self.0.held.shown()
    }

    /// How many are sold and did not come back.
    async fn sold(&self) -> i32 {
        self.0.sold.shown()
    }

    /// How many ever came in.
    async fn received(&self) -> i32 {
        self.0.received.shown()
    }

    /// Whether any can be sold now.
    async fn in_stock(&self) -> bool {
        self.0.available().get() > 0
    }

    /// Whether `available` is at the shop's threshold or below it.
    async fn low(&self) -> bool {
        self.0.is_low()
    }
}

/// What happened to a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum StockMovementKind {
    /// Goods came in.
    Receive,
    /// Goods are kept for an order.
    Hold,
    /// Held goods are sold.
    Commit,
    /// Held goods can be sold to others again.
    Release,
    /// Held goods can be sold to others again, because another product of the order was short.
    Undo,
    /// Held goods can be sold to others again, after the hold ran out and the order had ended.
    Expire,
    /// Sold goods came back.
    Return,
    /// An order ended before it held anything; it never will.
    Refuse,
    /// There was less than an order asked for, after others of its products were held. `quantity` is what it asked for.
    Short,
    /// The number was corrected.
    Adjust,
    /// The stock of a product that never came to be was ended.
    Discard,
}

impl From<Kind> for StockMovementKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Receive => Self::Receive,
            Kind::Hold => Self::Hold,
            Kind::Commit => Self::Commit,
            Kind::Release => Self::Release,
            Kind::Undo => Self::Undo,
            Kind::Expire => Self::Expire,
            Kind::Return => Self::Return,
            Kind::Refuse => Self::Refuse,
            Kind::Short => Self::Short,
            Kind::Adjust => Self::Adjust,
            Kind::Discard => Self::Discard,
        }
    }
}

/// One entry of the ledger of a stock. The entries of a product, taken together, give its stock.
pub(super) struct StockMovement(pub(super) Movement);

/// One entry of the ledger of a stock. The entries of a product, taken together, give its stock.
#[Object]
impl StockMovement {
    /// Its id.
    #[graphql(name = "_id")]
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The product; null where it is no longer there.
    async fn product(&self) -> Option<Product> {
        Some(Product::unread(self.0.product))
    }

    /// Its place among the movements of this product: 1, 2, 3 and so on, without a gap.
    async fn seq(&self) -> i32 {
        i32::try_from(self.0.moved.seq).unwrap_or(i32::MAX)
    }

    /// What happened.
    async fn kind(&self) -> StockMovementKind {
        self.0.moved.kind.into()
    }

    /// How many pieces; negative where a correction took away.
    async fn quantity(&self) -> i32 {
        self.0.moved.quantity.shown()
    }

    /// How many were on hand afterwards, those that were held included.
    async fn on_hand(&self) -> i32 {
        self.0.moved.on_hand.shown()
    }

    /// How many could be sold afterwards.
    async fn available(&self) -> i32 {
        self.0.moved.available.shown()
    }

    /// The id of the order that it was done for; null where it was not for an order.
    async fn order_id(&self) -> Option<ID> {
        self.0.moved.order.map(|order| order.to_string().into())
    }

    /// Why, in the words of the person who did it; null where nobody said.
    async fn reason(&self) -> Option<&str> {
        self.0.moved.reason.as_deref()
    }

    /// The id of the user who did it; null where the shop did it by itself.
    async fn by(&self) -> Option<ID> {
        self.0.moved.by.map(|user| user.to_string().into())
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }
}

/// How long the list of movements is.
pub(super) struct MovementsOf(pub(super) Find);

impl Counted for MovementsOf {
    async fn count(&self, ctx: &Context<'_>) -> kit::Result<u64> {
        inventory(ctx).map_err(|error| kit::Error::bug(error.message))?.count_movements(self.0.clone()).await
    }
}

/// How long the list of low stocks is.
pub(super) struct LowOf(pub(super) Find);

impl Counted for LowOf {
    async fn count(&self, ctx: &Context<'_>) -> kit::Result<u64> {
        inventory(ctx).map_err(|error| kit::Error::bug(error.message))?.count_low(self.0.clone()).await
    }
}

kit::connection!(
    StockMovementConnection,
    StockMovementEdge,
    StockMovement,
    "movements of stock",
    MovementsOf
);
kit::connection!(StockLevelConnection, StockLevelEdge, StockLevel, "stocks that are low", LowOf);
