//! Changes of an order by people: the shopper or staff cancel it, staff take it on.

use kit::{bus::Event, fault, identity::UserId, store::Outbox};

use super::{OrderService, Viewer};
use crate::{
    domain::{Order, OrderId, OrderStatus, Refusal},
    events,
};

/// A variant for tests of the promise that it breaks: the stock of orders that ended is given back neither by call nor by event.
const RELEASE_IS_LOST: &str = "order.release_is_lost";

/// Leaves the event that gives an order's stock back.
pub(super) fn push_end(outbox: &mut Outbox<'_>, event: Event) {
    if !fault::is_broken(RELEASE_IS_LOST) {
        outbox.push(event);
    }
}

impl OrderService {
    /// Cancels an order. The decision is durable before the stock is given back; where the inventory does not answer in time,
    /// the stock follows by the event.
    pub(crate) async fn cancel(
        &self,
        viewer: Viewer,
        id: OrderId,
        reason: Option<String>,
    ) -> kit::Result<Order> {
        let now = self.clock.now();
        let rule = move |order: &mut Order, outbox: &mut Outbox<'_>| -> Result<Order, Refusal> {
            order.cancel(viewer.into(), reason.clone(), now)?;
            // Of an order that was still PENDING it is not known here whether stock is held. Giving back nothing is harmless.
            push_end(outbox, events::cancelled(order, true, now));
            Ok(order.clone())
        };
        let order = match viewer {
            Viewer::Customer(customer) => self.orders.of(customer).change(id, rule).await?,
            Viewer::Admin(_) => self.orders.change_unscoped(id, rule).await?,
        };
        fault::after("order.cancel.cancelled").await?;
        self.release(&order, self.config.release_deadline).await;
        fault::after("order.cancel.released").await?;
        Ok(order)
    }

    /// Takes an order one step further on its way to the shopper.
    pub(crate) async fn advance(&self, admin: UserId, id: OrderId, to: OrderStatus) -> kit::Result<Order> {
        let now = self.clock.now();
        let advanced = self.orders.change_unscoped(id, move |order, outbox| {
            order.advance(to, admin, now)?;
            if let Some(event) = events::advanced(order, now) {
                outbox.push(event);
            }
            Ok(order.clone())
        });
        let order = advanced.await?;
        fault::after("order.advance.written").await?;
        Ok(order)
    }

    /// Asks the inventory to give the order's stock back now. When it does not answer that is no failure: it hears of the order's end by
    /// the event as well.
    pub(super) async fn release(&self, order: &Order, within: std::time::Duration) {
        if fault::is_broken(RELEASE_IS_LOST) {
            return;
        }
        if let Err(error) = self.inventory.release(order, within).await {
            tracing::warn!(order = %order.id(), %error, "the stock is not given back yet; the event will see to it");
        }
    }
}
