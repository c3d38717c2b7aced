//! The reservations of several products that are being made in this process.
//!
//! What such an order holds on its way may be given back, when a later product is short. Whoever finds too little because of that
//! waits until the order is decided, so that two orders do not both fail where one of them could have been served. Products are held
//! in the order of ids, and nobody waits for a product that is not after all that they hold: no circle of waiting can
//! close. Other processes' reservations are not seen here; they are taken for decided.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::domain::OrderId;

/// The orders on their way.
#[derive(Default)]
pub(crate) struct Flights {
    orders: Mutex<HashMap<OrderId, watch::Receiver<()>>>,
}

/// An order on its way, until this is dropped.
pub(crate) struct Flight {
    flights: Arc<Flights>,
    order: OrderId,
    /// Whoever waits learns of the end by its being dropped.
    _end: watch::Sender<()>,
}

impl Flights {
    /// Puts the order on its way; where it is already, after that has ended.
    pub(crate) async fn enter(self: &Arc<Self>, order: OrderId) -> Flight {
        loop {
            {
                let mut orders = self.orders.lock();
                if let Entry::Vacant(vacant) = orders.entry(order) {
                    let (end, ended) = watch::channel(());
                    vacant.insert(ended);
                    return Flight { flights: self.clone(), order, _end: end };
                }
            }
            self.ended(&order).await;
        }
    }

    /// Whether the order is on its way.
    pub(crate) fn has(&self, order: &OrderId) -> bool {
        self.orders.lock().contains_key(order)
    }

    /// Waits until the order is no longer on its way.
    pub(crate) async fn ended(&self, order: &OrderId) {
        let ended = self.orders.lock().get(order).cloned();
        if let Some(mut ended) = ended {
            // Nothing is ever sent: the only news is the end, as an error.
            let _ = ended.changed().await;
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.orders.lock().remove(&self.order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_is_on_its_way_once_at_a_time() {
        let (flights, order) = (Arc::new(Flights::default()), OrderId::new());
        let first = flights.enter(order).await;
        assert!(flights.has(&order));
        let second = flights.enter(order);
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        assert!(!flights.has(&order));
        flights.ended(&order).await;
    }
}
