//! Subgraphs that run in the router's own process: the door they are called through, and the executor that puts them in
//! place of an HTTP call. What they answer and how they are built is theirs.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hive_router::{
    executor::{
        executors::{
            common::{SubgraphExecutionRequest, SubgraphExecutor},
            error::SubgraphExecutorError,
        },
        response::subgraph_response::SubgraphResponse,
    },
    http::{HeaderMap, Uri},
    plugins::plugin_context::PluginRequestState,
};

/// What the executor interface wants to know as the place of a subgraph that has none. It is never connected to.
static NOWHERE: LazyLock<Uri> = LazyLock::new(|| Uri::from_static("http://in-process.invalid/graphql"));

/// Where Hive's configuration gives no timeout. It always does; a call without a deadline would be the worse mistake.
const LAST_RESORT_DEADLINE: Duration = Duration::from_secs(30);

/// A subgraph's answer, with the headers that it wants to send to the client (`set-cookie`).
#[derive(Debug, Default)]
pub struct LocalResponse {
    /// The GraphQL-over-HTTP JSON response body.
    pub body: Bytes,
    /// Response headers; the router passes on only those that it would pass on from an HTTP subgraph.
    pub headers: HeaderMap,
}

/// The subgraphs of this process.
#[async_trait]
pub trait LocalSubgraphs: Send + Sync {
    /// Whether that subgraph runs here. One that does not is called at its URL.
    fn has(&self, subgraph: &str) -> bool;

    /// Runs one operation and gives the GraphQL-over-HTTP JSON response body. `headers` are the client's, filtered as
    /// for an HTTP subgraph. `variables_json` is a JSON object, or empty for none.
    async fn execute(
        &self,
        subgraph: &str,
        headers: &HeaderMap,
        query: &str,
        operation_name: Option<&str>,
        variables_json: &[u8],
    ) -> Bytes;

    /// As [`LocalSubgraphs::execute`], for a subgraph that also sends headers.
    async fn execute_with_headers(
        &self,
        subgraph: &str,
        headers: &HeaderMap,
        query: &str,
        operation_name: Option<&str>,
        variables_json: &[u8],
    ) -> LocalResponse {
        let body = self.execute(subgraph, headers, query, operation_name, variables_json).await;
        LocalResponse { body, headers: HeaderMap::new() }
    }
}

/// Runs one subgraph of this process where Hive would have made an HTTP request.
pub(crate) struct LocalExecutor {
    subgraphs: Arc<dyn LocalSubgraphs>,
    subgraph: String,
}

impl LocalExecutor {
    pub(crate) fn new(subgraphs: Arc<dyn LocalSubgraphs>, subgraph: &str) -> Self {
        Self { subgraphs, subgraph: subgraph.to_owned() }
    }
}

#[async_trait]
impl SubgraphExecutor for LocalExecutor {
    fn executor_name(&self) -> &'static str {
        "in-process"
    }

    fn endpoint(&self) -> &Uri {
        &NOWHERE
    }

    async fn execute<'a>(
        &self,
        request: SubgraphExecutionRequest<'a>,
        timeout: Option<Duration>,
        _state: Option<&'a PluginRequestState<'a>>,
    ) -> Result<SubgraphResponse<'static>, SubgraphExecutorError> {
        let variables = variables_json(&request)?;
        // The planner's documents are anonymous, so there is no operation name to send.
        let call = self.subgraphs.execute_with_headers(
            &self.subgraph,
            &request.headers,
            request.query,
            None,
            &variables,
        );
        let answer = tokio::time::timeout(timeout.unwrap_or(LAST_RESORT_DEADLINE), call).await?;
        let mut response =
            SubgraphResponse::deserialize_from_bytes(answer.body, request.custom_scalar_paths)?;
        response.headers = Some(Arc::new(answer.headers));
        Ok(response)
    }

    async fn subscribe<'a>(
        &self,
        _request: SubgraphExecutionRequest<'a>,
        _timeout: Option<Duration>,
    ) -> Result<
        BoxStream<'static, Result<SubgraphResponse<'static>, SubgraphExecutorError>>,
        SubgraphExecutorError,
    > {
        // Subscriptions do not pass the hook that installs this executor.
        Err(SubgraphExecutorError::HttpCallbackNotConfigured)
    }
}

/// The variables as one JSON object: those of the client, which are values, and the representations, which the router
/// has already written as JSON.
pub(crate) fn variables_json(
    request: &SubgraphExecutionRequest<'_>,
) -> Result<Vec<u8>, SubgraphExecutorError> {
    let mut json = Vec::new();
    let mut name_and_value = |name: &str, value: &[u8]| {
        json.push(if json.is_empty() { b'{' } else { b',' });
        json.push(b'"');
        // A GraphQL name is letters, digits and underscores: nothing to escape.
        json.extend_from_slice(name.as_bytes());
        json.extend_from_slice(b"\":");
        json.extend_from_slice(value);
    };
    for (name, value) in request.variables.iter().flatten() {
        let value = sonic_rs::to_vec(value).map_err(|error| {
            SubgraphExecutorError::VariablesSerializationFailure((*name).to_owned(), error)
        })?;
        name_and_value(name, &value);
    }
    for (name, value) in request.raw_variable_values.iter().flatten() {
        name_and_value(name, value);
    }
    if !json.is_empty() {
        json.push(b'}');
    }
    Ok(json)
}
