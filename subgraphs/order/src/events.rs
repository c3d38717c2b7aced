//! What the rest of the shop hears of an order. This service hears nothing itself.
//!
//! The key of every event is the order's id: what happens to one order is heard in order.

use chrono::{DateTime, Utc};
use kit::{Money, Quantity, bus::Event, identity::UserId};
use serde::Serialize;

use crate::domain::{Order, OrderId, OrderStatus, ProductId};

/// A product and how many.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pieces {
    product_id: ProductId,
    quantity: Quantity,
}

/// `order.placed`, `order.confirmed`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sale {
    order_id: OrderId,
    customer_id: UserId,
    lines: Vec<Pieces>,
    total: Money,
}

/// `order.rejected`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rejected<'a> {
    order_id: OrderId,
    customer_id: UserId,
    reason: &'a str,
}

/// `order.cancelled`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled<'a> {
    order_id: OrderId,
    customer_id: UserId,
    lines: Vec<Pieces>,
    /// Whether stock may be held or sold for it, and has to go back.
    stock_held: bool,
    /// In words for the shopper; empty where nobody gave one.
    reason: &'a str,
}

/// `order.packed`, `order.shipped`, `order.delivered`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    order_id: OrderId,
    customer_id: UserId,
}

/// It was written down; its stock is about to be reserved.
pub(crate) fn placed(order: &Order, at: DateTime<Utc>) -> Event {
    Event::new("order.placed", order.id(), at, &sale(order))
}

/// It is a sale: its stock is to be committed.
pub(crate) fn confirmed(order: &Order, at: DateTime<Utc>) -> Event {
    Event::new("order.confirmed", order.id(), at, &sale(order))
}

/// There was not enough stock.
pub(crate) fn rejected(order: &Order, at: DateTime<Utc>) -> Event {
    let data = Rejected { order_id: order.id(), customer_id: order.customer(), reason: latest_reason(order) };
    Event::new("order.rejected", order.id(), at, &data)
}

/// It ended before it was shipped.
pub(crate) fn cancelled(order: &Order, stock_held: bool, at: DateTime<Utc>) -> Event {
    let data = Cancelled {
        order_id: order.id(),
        customer_id: order.customer(),
        lines: pieces(order),
        stock_held,
        reason: latest_reason(order),
    };
    Event::new("order.cancelled", order.id(), at, &data)
}

/// It came one step nearer to the shopper; none for a status that is no such step.
pub(crate) fn advanced(order: &Order, at: DateTime<Utc>) -> Option<Event> {
    let topic = match order.status() {
        OrderStatus::Packed => "order.packed",
        OrderStatus::Shipped => "order.shipped",
        OrderStatus::Delivered => "order.delivered",
        _ => return None,
    };
    let data = Step { order_id: order.id(), customer_id: order.customer() };
    Some(Event::new(topic, order.id(), at, &data))
}

fn sale(order: &Order) -> Sale {
    Sale { order_id: order.id(), customer_id: order.customer(), lines: pieces(order), total: order.total() }
}

fn pieces(order: &Order) -> Vec<Pieces> {
    let lines = order.lines().iter();
    lines.map(|line| Pieces { product_id: line.product(), quantity: line.quantity() }).collect()
}

fn latest_reason(order: &Order) -> &str {
    order.decision().and_then(|change| change.reason.as_deref()).unwrap_or_default()
}
