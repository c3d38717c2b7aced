//! A shopper's program: every call has a deadline, and an answer that did not come is one that is not known.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Longer than the shop takes for anything that it answers at all.
const DEADLINE: Duration = Duration::from_secs(20);

const PLACE: &str = "mutation($products: [OrderProductInput!]!, $key: String) { \
    placeOrder(products: $products, idempotencyKey: $key) { _id status } }";
const CANCEL: &str = "mutation($id: ID!) { cancelOrder(id: $id) { _id status } }";

/// What a caller knows of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// It was done; its data.
    Done(Value),
    /// It was refused, with this code: nothing was done.
    Refused(String),
    /// It may have been done: there was no answer, or one that does not say.
    Unknown(String),
}

impl Outcome {
    /// What an answer says.
    pub(crate) fn of(answer: &Value) -> Self {
        match answer["errors"][0]["extensions"]["code"].as_str() {
            None if answer["errors"].is_null() => Self::Done(answer["data"].clone()),
            // What could not be asked may have done a part of it.
            Some("UNAVAILABLE" | "INTERNAL") | None => Self::Unknown(answer["errors"].to_string()),
            Some(code) => Self::Refused(code.to_owned()),
        }
    }

    /// A text in the data, as `"/placeOrder/_id"`.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        match self {
            Self::Done(data) => data.pointer(pointer)?.as_str(),
            _ => None,
        }
    }

    pub(crate) fn is_refused_as(&self, code: &str) -> bool {
        matches!(self, Self::Refused(found) if found == code)
    }
}

/// Somebody who calls the shop.
#[derive(Clone)]
pub(crate) struct Client {
    url: String,
    http: reqwest::Client,
    headers: Vec<(String, String)>,
}

impl Client {
    /// Nobody, at this endpoint.
    pub(crate) fn nobody(url: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(DEADLINE).build()?;
        Ok(Self { url: url.to_owned(), http, headers: Vec::new() })
    }

    /// The same with this header besides.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut next = self.clone();
        next.headers.push((name.to_owned(), value.to_owned()));
        next
    }

    /// The same with this access token.
    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// The same at another endpoint.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The whole answer, if one came.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> Result<Value> {
        let mut request = self.http.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        Ok(request.send().await?.json().await?)
    }

    /// Sends an operation with one field.
    pub(crate) async fn send(&self, query: &str, variables: Value) -> Outcome {
        let answer = match self.ask(query, variables).await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Unknown(format!("{error:#}")),
        };
        Outcome::of(&answer)
    }

    /// The data of an operation that must be done.
    pub(crate) async fn must(&self, query: &str, variables: Value) -> Result<Value> {
        match self.send(query, variables).await {
            Outcome::Done(data) => Ok(data),
            other => bail!("{query}: {other:?}"),
        }
    }

    /// Places an order of so many of each.
    pub(crate) async fn place(&self, lines: &[(&str, i64)], key: Option<&str>) -> Outcome {
        let lines: Vec<_> =
            lines.iter().map(|(id, quantity)| json!({ "_id": id, "quantity": quantity })).collect();
        self.send(PLACE, json!({ "products": lines, "key": key })).await
    }

    pub(crate) async fn cancel(&self, order: &str) -> Outcome {
        self.send(CANCEL, json!({ "id": order })).await
    }

    /// How many of a product can be bought.
    pub(crate) async fn left(&self, product: &str) -> Result<i64> {
        let query = "query($id: ID!) { product(id: $id) { quantity } }";
        let data = self.must(query, json!({ "id": product })).await?;
        data["product"]["quantity"].as_i64().with_context(|| format!("no quantity: {data}"))
    }

    /// The states of this shopper's orders, by id.
    pub(crate) async fn orders(&self) -> Result<Vec<(String, String)>> {
        let query = "query($after: String) { ordersConnection(first: 100, after: $after) { \
            nodes { _id status } pageInfo { hasNextPage endCursor } } }";
        let (mut orders, mut after) = (Vec::new(), Value::Null);
        loop {
            let data = self.must(query, json!({ "after": after })).await?;
            let page = &data["ordersConnection"];
            for order in page["nodes"].as_array().context("no orders")? {
                let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
                orders.push((text("_id"), text("status")));
            }
            if page["pageInfo"]["hasNextPage"] != true {
                return Ok(orders);
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }
}
