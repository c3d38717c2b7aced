//! Holds that have run out: the order service is asked, and what it says is done. A hold never ends by the clock alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt as _;
use kit::{
    client::{Call, CallError},
    fault,
    store::{Find, Found, StoreError},
};
use serde::{Deserialize, Serialize};

use super::Inventory;
use crate::domain::{OrderId, ProductId, stock::Stock};

/// How many orders are asked after at once: enough to be done soon after a restart, too few to be a load.
const AT_ONCE: usize = 8;

/// How many stocks are read at once.
const PAGE: usize = 200;

/// The question to the order service. Asked again it gives the same answer, or a later one.
const SETTLE: Call = Call {
    document: "mutation SettleOrder($id: ID!) { settleOrder(id: $id) }",
    scope: "order:settle",
    idempotent: true,
    // Far above what it takes; a later round asks again.
    deadline: Duration::from_secs(3),
};

/// What has become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OrderFate {
    /// Its goods are sold.
    Confirmed,
    /// It holds nothing any more.
    Ended,
    /// Nobody knows yet.
    Undecided,
}

impl Inventory {
    /// Asks after every order with a hold that has run out. What cannot be settled now is found again in the next round.
    pub(crate) async fn settle_expired(self: &Arc<Self>) {
        let expired = match self.expired().await {
            Ok(expired) => expired,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "holds that have run out could not be looked for"
                );
                return;
            }
        };
        let settled = futures::stream::iter(expired).map(|(order, products)| async move {
            self.settle(order, &products.into_iter().collect::<Vec<_>>()).await;
        });
        settled.buffer_unordered(AT_ONCE).for_each(|()| async {}).await;
    }

    /// The orders with holds that have run out, and the products held.
    async fn expired(&self) -> Result<BTreeMap<OrderId, BTreeSet<ProductId>>, StoreError> {
        let now = self.now();
        let mut expired = BTreeMap::<_, BTreeSet<_>>::new();
        let mut after = None;
        loop {
            let find = Find::by(&Stock::BY_EXPIRY).to(now).after(after).limit(PAGE);
            let Found { items, more } = self.stocks.find(find).await?;
            after = items.last().map(|(cursor, _)| cursor.clone());
            for (_, stock) in &items {
                for (order, _) in stock.holds().iter().filter(|(_, hold)| hold.expires_at() <= now) {
                    expired.entry(*order).or_default().insert(stock.product());
                }
            }
            if !more || after.is_none() {
                return Ok(expired);
            }
        }
    }

    async fn settle(self: &Arc<Self>, order: OrderId, products: &[ProductId]) {
        let done = match self.fate(order).await {
            Ok(OrderFate::Confirmed) => self.commit(order, products).await,
            Ok(OrderFate::Ended) => self.expire(order, products).await,
            Ok(OrderFate::Undecided) => return,
            Err(error) => {
                tracing::warn!(%order, error = &error as &dyn std::error::Error, "the order service does not say what has become of an order");
                return;
            }
        };
        match done {
            Ok(()) => tracing::info!(%order, products = products.len(), "settled holds that had run out"),
            Err(error) => tracing::warn!(%order, %error, "holds that have run out could not be settled"),
        }
    }

    /// Whether the order service says that the order holds nothing any more. Where it says nothing, nobody knows.
    pub(crate) async fn has_ended(&self, order: OrderId) -> bool {
        matches!(self.fate(order).await, Ok(OrderFate::Ended))
    }

    async fn fate(&self, order: OrderId) -> Result<OrderFate, CallError> {
        // A hold that ends by the clock alone, for whoever tries this promise.
        if fault::is_broken("inventory.expiry_forgets_order") {
            return Ok(OrderFate::Ended);
        }
        #[derive(Serialize)]
        struct Variables {
            id: OrderId,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Settled {
            settle_order: OrderFate,
        }
        let settled: Settled = self.orders.call(&SETTLE, &Variables { id: order }).await?;
        Ok(settled.settle_order)
    }
}
