//! The calls to inventory. Both are idempotent there, so that they may be made again whenever the answer is unknown.

use std::time::Duration;

use kit::{
    Quantity,
    client::{Call, CallError, Client},
};
use serde::Deserialize;
use serde_json::json;

use crate::domain::ProductId;

const SCOPE: &str = "stock:create";
/// How long a person waits for a stock to be made, retries included.
const DEADLINE: Duration = Duration::from_secs(2);

const CREATE: Call = Call {
    document: "mutation CreateStock($product: ID!, $quantity: Int!) { createStock(product: $product, quantity: $quantity) }",
    scope: SCOPE,
    idempotent: true,
    deadline: DEADLINE,
};
const DISCARD: Call = Call {
    document: "mutation DiscardStock($product: ID!) { discardStock(product: $product) }",
    scope: SCOPE,
    idempotent: true,
    deadline: DEADLINE,
};

/// The answers say nothing that the absence of an error does not.
#[derive(Deserialize)]
struct Done {}

/// The service that holds the stock.
pub(super) struct Inventory {
    client: Client,
}

impl Inventory {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Has the stock made of a product that is new.
    pub(super) async fn create_stock(&self, product: ProductId, quantity: Quantity) -> Result<(), CallError> {
        let variables = json!({ "product": product, "quantity": quantity.get() });
        self.client.call::<Done>(&CREATE, &variables).await.map(|Done {}| ())
    }

    /// Has the stock ended of a product that never became visible, so that it cannot be made any more either.
    pub(super) async fn discard_stock(&self, product: ProductId) -> Result<(), CallError> {
        self.client.call::<Done>(&DISCARD, &json!({ "product": product })).await.map(|Done {}| ())
    }
}
