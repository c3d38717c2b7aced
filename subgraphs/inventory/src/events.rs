//! What inventory tells the others (`stock.moved`, `stock.changed`, `stock.low`), and what it does when it hears of orders.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kit::{
    Code, Quantity,
    bus::{Delivery, Event, Handler},
};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        OrderId, ProductId,
        movement::{Moved, Movement},
        stock::{Change, Stock},
    },
    service::Inventory,
};

/// One movement of a stock; its data is a [`Moved`], its key the product.
pub const MOVED: &str = "stock.moved";
/// A product came into stock or went out of it; its data is a [`Changed`].
pub const CHANGED: &str = "stock.changed";
/// What can be sold fell to the threshold or below it; its data is a [`Low`].
pub const LOW: &str = "stock.low";

/// The data of `stock.changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The product.
    pub product_id: ProductId,
    /// Whether there is anything to sell.
    pub in_stock: bool,
    /// Grows with every change of this product; what is older than what a hearer has is to be ignored.
    pub version: u64,
}

/// The data of `stock.low`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Low {
    /// The product.
    pub product_id: ProductId,
    /// How many can still be sold.
    pub available: i64,
    /// The threshold.
    pub threshold: i64,
}

/// The events of a change.
pub(crate) fn of_change(stock: &Stock, change: &Change, low_at: Quantity, at: DateTime<Utc>) -> Vec<Event> {
    let product = stock.product();
    let Change { moved, .. } = change;
    let mut events = vec![Event::new(MOVED, product, at, moved)];
    // A creation is told too: until then nobody knows of the stock.
    if change.crosses_zero() || moved.seq == 1 {
        let in_stock = moved.available.get() > 0;
        events.push(Event::new(
            CHANGED,
            product,
            at,
            &Changed { product_id: product, in_stock, version: moved.seq },
        ));
    }
    if change.falls_to(low_at) && !stock.is_discarded() {
        let (available, threshold) = (moved.available.get(), low_at.into());
        events.push(Event::new(LOW, product, at, &Low { product_id: product, available, threshold }));
    }
    events
}

/// Whether there is anything to sell of this stock, as of now.
pub(crate) fn of_stock(stock: &Stock, at: DateTime<Utc>) -> Event {
    let (product, in_stock) = (stock.product(), stock.available().get() > 0);
    Event::new(CHANGED, product, at, &Changed { product_id: product, in_stock, version: stock.seq() })
}

/// The place of the movement that this event tells of; none where it tells of something else.
pub(crate) fn place(event: &Event) -> Option<u64> {
    if event.topic == MOVED { event.data.get("seq")?.as_u64() } else { None }
}

/// Whether the event tells of a movement for this cause (as the ledger's index writes it).
pub(crate) fn is_for(event: &Event, cause: &str) -> bool {
    // Read in place: this is asked of every event of a busy envelope.
    let field = |name| event.data.get(name).and_then(serde_json::Value::as_str);
    match cause.strip_prefix("key:") {
        Some(key) => field("key") == Some(key),
        None => field("order") == Some(cause),
    }
}

/// The movement that this event tells of.
pub(crate) fn movement(event: &Event) -> kit::Result<Option<Movement>> {
    if event.topic != MOVED {
        return Ok(None);
    }
    let product = ProductId::parse(&event.key).map_err(kit::Error::internal)?;
    Ok(Some(Movement { id: event.id, product, at: event.at, moved: event.data::<Moved>()? }))
}

/// What is heard of an order: what all the events of orders have in common.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: OrderId,
    /// Left out of events that do not need them.
    #[serde(default)]
    lines: Vec<OrderLine>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderLine {
    product_id: ProductId,
}

/// Finishes what orders hold when their fate is known.
struct Orders(Arc<Inventory>);

impl Orders {
    const CONFIRMED: &'static str = "order.confirmed";
    const CANCELLED: &'static str = "order.cancelled";
    const REJECTED: &'static str = "order.rejected";
}

#[async_trait]
impl Handler for Orders {
    async fn handle(&self, event: &Event) -> kit::Result<()> {
        let Order { order_id: order, lines } = event.data()?;
        let products: Vec<_> = lines.iter().map(|line| line.product_id).collect();
        match event.topic.as_str() {
            Self::CONFIRMED => match self.0.commit(order, &products).await {
                // Cancelled since, and given back by a call that overtook this event: there is nothing left to sell.
                Err(refusal) if refusal.code() == Code::Conflict && self.0.has_ended(order).await => Ok(()),
                sold => sold,
            },
            _ if products.is_empty() => self.0.release_all(order).await,
            _ => self.0.release(order, &products).await,
        }
    }
}

/// The group under which inventory hears events.
const GROUP: &str = "inventory";

/// Listens to the orders' events until the service stops.
pub(crate) async fn listen(
    ctx: &kit::service::Context,
    inventory: Arc<Inventory>,
) -> Result<(), kit::bus::BusError> {
    // A confirmed order's holds are in the way of every change of a busy product until they are sold: as many are
    // finished at once as orders usually come at once.
    let delivery = Delivery { concurrency: 64, ..Delivery::default() };
    let topics = [Orders::CONFIRMED, Orders::CANCELLED, Orders::REJECTED];
    let subscription = ctx.bus.subscribe(GROUP, &topics, delivery, Orders(inventory)).await?;
    ctx.tasks.hold(subscription);
    Ok(())
}
