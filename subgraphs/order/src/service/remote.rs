//! What this service asks of others: the catalog's offers, and the inventory's stock.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use kit::{
    Code, Money, Quantity,
    client::{Call, CallError, Client},
};
use serde::{Deserialize, Serialize};

use crate::domain::{Offer, Order, OrderId, ProductId, Shortage};

/// Every call gets its deadline from the request that it is made for.
const BY_THE_REQUEST: Duration = Duration::ZERO;

const OFFERS: Call = Call {
    document: "query OrderOffers($ids: [ID!]!) { offers(ids: $ids) { _id name price } }",
    scope: "catalog:offers",
    idempotent: true,
    deadline: BY_THE_REQUEST,
};

/// Idempotent by the order's id.
const RESERVE: Call = Call {
    document: "mutation OrderReserve($order: ID!, $lines: [StockLineInput!]!, $expiresAt: DateTime!) { \
               reserveStock(order: $order, lines: $lines, expiresAt: $expiresAt) }",
    scope: "stock:reserve",
    idempotent: true,
    deadline: BY_THE_REQUEST,
};

/// Idempotent by the order's id.
const RELEASE: Call = Call {
    document: "mutation OrderRelease($order: ID!, $products: [ID!]!) { \
               releaseStock(order: $order, products: $products) }",
    scope: "stock:reserve",
    idempotent: true,
    deadline: BY_THE_REQUEST,
};

/// The catalog, as far as orders need it.
pub(crate) struct Catalog(Client);

impl Catalog {
    pub(crate) const fn new(client: Client) -> Self {
        Self(client)
    }

    /// What is offered of these products; what is not is left out.
    pub(super) async fn offers(
        &self,
        ids: &[ProductId],
        within: Duration,
    ) -> Result<HashMap<ProductId, Offer>, CallError> {
        #[derive(Serialize)]
        struct Variables<'a> {
            ids: &'a [ProductId],
        }
        #[derive(Deserialize)]
        struct Data {
            offers: Vec<Row>,
        }
        #[derive(Deserialize)]
        struct Row {
            _id: ProductId,
            name: String,
            price: Money,
        }
        let data: Data = self.0.call(&Call { deadline: within, ..OFFERS }, &Variables { ids }).await?;
        Ok(data.offers.into_iter().map(|row| (row._id, Offer { name: row.name, price: row.price })).collect())
    }
}

/// Why no stock was reserved.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReserveError {
    /// There is not enough; nothing is held.
    #[error("there is not enough stock")]
    OutOfStock(Vec<Shortage>),
    /// Anything else: perhaps something is held.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// The inventory, as far as orders need it.
pub(crate) struct Inventory(Client);

impl Inventory {
    pub(crate) const fn new(client: Client) -> Self {
        Self(client)
    }

    /// Holds the stock of all lines for the order, or of none.
    pub(super) async fn reserve(
        &self,
        order: &Order,
        expires_at: DateTime<Utc>,
        within: Duration,
    ) -> Result<(), ReserveError> {
        #[derive(Serialize)]
        struct Line {
            product: ProductId,
            quantity: Quantity,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Variables {
            order: OrderId,
            lines: Vec<Line>,
            expires_at: DateTime<Utc>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            reserve_stock: bool,
        }
        let lines = order.lines().iter();
        let lines = lines.map(|line| Line { product: line.product(), quantity: line.quantity() }).collect();
        let variables = Variables { order: order.id(), lines, expires_at };
        let reserved: Result<Data, _> = self.0.call(&Call { deadline: within, ..RESERVE }, &variables).await;
        match reserved {
            Ok(Data { reserve_stock: true }) => Ok(()),
            Ok(Data { reserve_stock: false }) => Err(unreadable("reserveStock is false").into()),
            Err(error) => Err(match error.refused_with(Code::OutOfStock) {
                Some(refused) => {
                    shortages(&refused.extensions).map_or_else(Into::into, ReserveError::OutOfStock)
                }
                None => error.into(),
            }),
        }
    }

    /// Gives back whatever is held or sold for the order, and sees to it that nothing will be.
    pub(super) async fn release(&self, order: &Order, within: Duration) -> Result<(), CallError> {
        #[derive(Serialize)]
        struct Variables {
            order: OrderId,
            products: Vec<ProductId>,
        }
        let variables = Variables { order: order.id(), products: order.products() };
        let call = Call { deadline: within, ..RELEASE };
        self.0.call::<serde::de::IgnoredAny>(&call, &variables).await.map(drop)
    }
}

fn shortages(extensions: &serde_json::Value) -> Result<Vec<Shortage>, CallError> {
    let listed = extensions.get("shortages").unwrap_or(&serde_json::Value::Null);
    Vec::deserialize(listed).map_err(|error| unreadable(&format!("shortages: {error}")))
}

fn unreadable(reason: &str) -> CallError {
    CallError::Unreadable { service: "inventory".to_owned(), reason: reason.to_owned() }
}
