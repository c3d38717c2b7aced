//! What inventory must know of orders and would never ask about, said again after the event log was lost: the sales that were taken back. It asks
//! about every hold that has run out, and so hears of all others.

use async_trait::async_trait;
use chrono::TimeDelta;
use kit::{bus::Bus, service::CatchUp, store::Found};

use super::OrderService;
use crate::{
    domain::{Order, OrderStatus},
    events,
    orders::Orders,
};

/// How far back the log reaches, at most: what was cancelled before has long been heard.
const REACH: TimeDelta = TimeDelta::days(7);

/// How many orders are read at once.
const BATCH: usize = 100;

#[async_trait]
impl CatchUp for OrderService {
    async fn catch_up(&self, bus: &Bus) -> kit::Result<()> {
        let now = self.clock.now();
        let mut after = None;
        loop {
            let cancelled = Orders::list_unscoped(None, Some(OrderStatus::Cancelled));
            let Found { items, more } = self.orders.find(cancelled.after(after).limit(BATCH)).await?;
            let sold = items.iter().map(|(_, order)| order).filter(|order| was_sold(order));
            let recent = sold.filter(|order| order.decision().is_some_and(|ended| now - ended.at <= REACH));
            bus.publish(&recent.map(|order| events::cancelled(order, true, now)).collect::<Vec<_>>()).await?;
            after = items.last().map(|(cursor, _)| cursor.clone());
            if !more || after.is_none() {
                return Ok(());
            }
        }
    }
}

fn was_sold(order: &Order) -> bool {
    order.history().iter().any(|change| change.status.is_sold())
}
