//! A caller of one service of this process.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use kit::subgraph::{Request, Subgraph};
use serde_json::{Value, json};

use crate::client::Outcome;

/// Somebody before one service.
#[derive(Clone)]
pub(crate) struct Door {
    subgraph: Arc<Subgraph>,
    headers: HeaderMap,
}

impl Door {
    /// Nobody.
    pub(crate) fn nobody(subgraph: &Arc<Subgraph>) -> Self {
        Self { subgraph: subgraph.clone(), headers: HeaderMap::new() }
    }

    /// Somebody with this token.
    pub(crate) fn bearer(&self, token: &str) -> Result<Self> {
        let mut headers = self.headers.clone();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
        Ok(Self { headers, ..self.clone() })
    }

    /// Somebody with the API key of the tests' worlds.
    pub(crate) fn with_api_key(&self) -> Self {
        let mut headers = self.headers.clone();
        headers.insert("x-api-key", HeaderValue::from_static(kit::testing::API_KEY));
        Self { headers, ..self.clone() }
    }

    /// Sends an operation with one field.
    pub(crate) async fn send(&self, query: &str, variables: Value) -> Outcome {
        let variables = variables.to_string();
        let request = Request { query, operation_name: None, variables: variables.as_bytes() };
        let answer = self.subgraph.execute(&self.headers, request).await;
        match serde_json::from_slice(&answer) {
            Ok(answer) => Outcome::of(&answer),
            Err(error) => Outcome::Unknown(error.to_string()),
        }
    }

    /// The data of an operation that must be done.
    pub(crate) async fn must(&self, query: &str, variables: Value) -> Result<Value> {
        match self.send(query, variables).await {
            Outcome::Done(data) => Ok(data),
            other => bail!("{query}: {other:?}"),
        }
    }

    /// How many of each of these products can be sold.
    pub(crate) async fn quantities(&self, products: &[String]) -> Result<Vec<i64>> {
        let query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on Product { quantity } } }";
        let keys: Vec<_> = products.iter().map(|id| json!({ "__typename": "Product", "_id": id })).collect();
        let data = self.must(query, json!({ "r": keys })).await?;
        let entities = data["_entities"].as_array().context("no entities")?;
        entities.iter().map(|one| one["quantity"].as_i64().context("no quantity")).collect()
    }

    /// Makes the stock of a product, as the catalog does.
    pub(crate) async fn create_stock(&self, product: &str, quantity: i64) -> Result<()> {
        let create = "mutation($p: ID!, $q: Int!) { createStock(product: $p, quantity: $q) }";
        self.must(create, json!({ "p": product, "q": quantity })).await?;
        Ok(())
    }

    /// Holds stock for an order, as the order service does.
    pub(crate) async fn reserve(&self, order: &str, lines: &[(String, i64)], until: &str) -> Outcome {
        let reserve = "mutation($o: ID!, $l: [StockLineInput!]!, $e: DateTime!) { \
            reserveStock(order: $o, lines: $l, expiresAt: $e) }";
        let lines: Vec<_> =
            lines.iter().map(|(product, count)| json!({ "product": product, "quantity": count })).collect();
        self.send(reserve, json!({ "o": order, "l": lines, "e": until })).await
    }

    /// Sells (`commitStock`) or gives back (`releaseStock`) what an order has of these products.
    pub(crate) async fn finish(&self, field: &str, order: &str, products: &[String]) -> Outcome {
        let finish = format!("mutation($o: ID!, $p: [ID!]!) {{ {field}(order: $o, products: $p) }}");
        self.send(&finish, json!({ "o": order, "p": products })).await
    }

    /// Places an order of so many of each.
    pub(crate) async fn place(&self, lines: &[(String, i64)], key: Option<&str>) -> Outcome {
        let place = "mutation($l: [OrderProductInput], $k: String) { \
            placeOrder(products: $l, idempotencyKey: $k) { _id status } }";
        let lines: Vec<_> =
            lines.iter().map(|(id, quantity)| json!({ "_id": id, "quantity": quantity })).collect();
        self.send(place, json!({ "l": lines, "k": key })).await
    }
}
