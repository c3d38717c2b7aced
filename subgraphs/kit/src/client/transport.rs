//! How a request reaches another service.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::subgraph::Request;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The request surely did not reach the service.
    #[error("{service} cannot be reached: {reason}")]
    NotSent {
        /// The service.
        service: String,
        /// Why.
        reason: String,
    },
    /// The request may have been served, but its answer did not come back.
    #[error("no answer from {service}: {reason}")]
    NoAnswer {
        /// The service.
        service: String,
        /// Why.
        reason: String,
    },
}

/// Carries a request to one service and its answer back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// The body of the answer.
    ///
    /// # Errors
    /// When none came. The caller sets the deadline by dropping the future.
    async fn send(&self, headers: HeaderMap, request: Request<'_>) -> Result<Bytes, TransportError>;
}

/// Over HTTP to the service's `/graphql`.
pub struct Http {
    service: String,
    url: String,
    http: reqwest::Client,
}

impl Http {
    /// Long enough for a healthy neighbour to accept; a dead host is then not waited for.
    const CONNECT: Duration = Duration::from_millis(500);
    /// An answer of another service is never larger than this.
    const MAX_ANSWER: usize = 8 * 1024 * 1024;

    /// The service of this name at this address.
    ///
    /// # Errors
    /// When no HTTP client can be built on this machine.
    pub fn new(service: &str, url: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(Self::CONNECT)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { service: service.to_owned(), url: url.to_owned(), http })
    }

    fn no_answer(&self, reason: &impl ToString) -> TransportError {
        TransportError::NoAnswer { service: self.service.clone(), reason: reason.to_string() }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    query: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", rename = "operationName")]
    operation_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<&'a RawValue>,
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, mut headers: HeaderMap, request: Request<'_>) -> Result<Bytes, TransportError> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let not_sent = |reason: String| TransportError::NotSent { service: self.service.clone(), reason };
        let variables = match request.variables {
            [] => None,
            json => Some(serde_json::from_slice(json).map_err(|error| not_sent(error.to_string()))?),
        };
        let body = Body { query: request.query, operation_name: request.operation_name, variables };
        let body = serde_json::to_vec(&body).map_err(|error| not_sent(error.to_string()))?;
        let sent = self.http.post(&self.url).headers(headers).body(body).send().await;
        let mut answer = sent.map_err(|error| {
            if error.is_connect() { not_sent(error.to_string()) } else { self.no_answer(&error) }
        })?;
        if !answer.status().is_success() && !answer.status().is_client_error() {
            return Err(self.no_answer(&format!("HTTP {}", answer.status())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.no_answer(&error))? {
            if bytes.len() + chunk.len() > Self::MAX_ANSWER {
                return Err(self.no_answer(&"the answer is too large"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.into())
    }
}
