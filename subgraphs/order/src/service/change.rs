//! Changes of an order by people: the shopper or staff cancel it, staff take it on.

use kit::{fault, identity::UserId, store::Outbox};

use super::{OrderService, Viewer, release::push_end};
use crate::{
    domain::{Order, OrderId, OrderStatus, Refusal},
    events,
};

impl OrderService {
    /// Cancels an order. The decision is durable before the stock is given back; where the inventory does not answer in time,
    /// the stock follows by the event.
    pub(crate) async fn cancel(
        &self,
        viewer: Viewer,
        id: OrderId,
        reason: Option<String>,
    ) -> kit::Result<Order> {
        let (now, release_due) = (self.clock.now(), self.release_due());
        let rule = move |order: &mut Order, outbox: &mut Outbox<'_>| -> Result<Order, Refusal> {
            order.cancel(viewer.into(), reason.clone(), now)?;
            order.owe_release(release_due);
            // Of an order that was still PENDING it is not known here whether stock is held. Giving back nothing is harmless.
            push_end(outbox, events::cancelled(order, true, now));
            Ok(order.clone())
        };
        let order = match viewer {
            Viewer::Customer(customer) => self.orders.of(customer).change(id, rule).await?,
            Viewer::Admin(_) => self.orders.change_unscoped(id, rule).await?,
        };
        fault::after("order.cancel.cancelled").await?;
        self.release(&order, self.config.release_deadline, None, "order.cancel.released").await?;
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
}
