//! A client of the graph, for the commands that are one: seeding is an ordinary client, so that it proves the API.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Sends operations to one graph as one caller. Cheap to clone.
#[derive(Clone)]
pub struct Graph {
    url: String,
    token: Option<String>,
    http: reqwest::Client,
}

/// An error that the graph answered with.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct GraphError {
    /// `extensions.code`.
    pub code: String,
    /// The text.
    pub message: String,
    /// `extensions.retryAfter`, where the code is `RATE_LIMITED`.
    pub retry_after: Option<u64>,
}

impl Graph {
    /// How long one operation may take, its wait in the shop's queues included.
    const DEADLINE: Duration = Duration::from_secs(30);

    /// The graph at this address.
    ///
    /// # Errors
    /// When no HTTP client can be built on this machine.
    pub fn new(url: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(Self::DEADLINE).build()?;
        Ok(Self { url: url.to_owned(), token: None, http })
    }

    /// The same as the owner of this access token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Sends an operation and gives its `data`.
    ///
    /// # Errors
    /// A [`GraphError`] for one that the graph answered with; any other when it did not answer.
    pub async fn send(&self, query: &str, variables: Value) -> Result<Value> {
        let mut request = self.http.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.with_context(|| format!("asking {}", self.url))?;
        let mut body: Value =
            response.json().await.with_context(|| format!("reading the answer of {}", self.url))?;
        if let Some(error) = body["errors"].as_array().and_then(|errors| errors.first()) {
            return Err(GraphError {
                code: error["extensions"]["code"].as_str().unwrap_or("UNKNOWN").to_owned(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
                retry_after: error["extensions"]["retryAfter"].as_u64(),
            }
            .into());
        }
        Ok(body["data"].take())
    }

    /// Sends an operation again while the graph says to wait, up to ten times.
    ///
    /// # Errors
    /// As [`Graph::send`].
    pub async fn send_patiently(&self, query: &str, variables: &Value) -> Result<Value> {
        for _ in 0..10 {
            match self.send(query, variables.clone()).await {
                Err(error) => match error.downcast_ref::<GraphError>().and_then(|error| error.retry_after) {
                    Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.min(10))).await,
                    None => return Err(error),
                },
                data => return data,
            }
        }
        self.send(query, variables.clone()).await
    }
}
