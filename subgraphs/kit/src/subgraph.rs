//! A service's schema as something that can be asked: by the HTTP server, by the router in the same process, by another service.
//!
//! Whoever asks, the way is one: headers to caller, document to answer, errors to what a client may see. This module
//! knows no transport.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{
    EmptySubscription, ObjectType, SDLExportOptions, Schema, ServerError, Variables,
    parser::types::ExecutableDocument,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, header::COOKIE};
use moka::sync::Cache;
use tracing::Instrument;

use crate::{
    Error,
    error::{code_of, present},
    fault,
    identity::{Caller, Verifier},
    telemetry,
};

/// The header that carries the id of a request from the router to every log line that it causes.
pub const REQUEST_ID: &str = "x-request-id";
/// The header in which the router tells the address that it saw its client under. Subgraphs listen on a private network
/// only; the router removes the header from what comes in from outside.
pub const CLIENT_IP: &str = "x-larder-client-ip";

/// A GraphQL request as it comes off a wire.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The document.
    pub query: &'a str,
    /// Which of its operations, where there are several.
    pub operation_name: Option<&'a str>,
    /// The variables as a JSON object; empty for none.
    pub variables: &'a [u8],
}

/// What a resolver may want to know of the request besides who sent it.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The request's id, in the logs of every service that it reached.
    pub id: String,
    /// The address of the client, as the router saw it. Text, because it is a name for a bucket and nothing else.
    pub client_ip: Option<String>,
    /// The client's cookies, for the subgraph that keeps one (`cookies: true` in `supergraph.yaml`); the router gives them to no other.
    pub cookies: Option<String>,
}

/// An answer as it goes back to whoever asked.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    /// The JSON body of a GraphQL response.
    pub body: Bytes,
    /// The headers that resolvers want to go with it: `set-cookie`.
    pub headers: HeaderMap,
}

/// What a root field answers. An error makes null of this field alone: the other fields of the same request keep their answers, which
/// matters most where one of several mutations fails. (`Result<Option<T>>` would make null of all of `data`.)
pub type Answer<T> = Option<async_graphql::Result<T>>;

/// What joins a request with the calls that it causes.
#[derive(Debug, Clone)]
struct Thread {
    request_id: String,
    /// The trace that the request came with; what is traced here goes before it.
    trace: Option<String>,
}

tokio::task_local! {
    static THREAD: Thread;
}

/// The header of a trace, by the W3C's Trace Context.
const TRACE: &str = "traceparent";

/// Puts the id and the trace of the request in hand onto a call that it makes.
pub(crate) fn thread(headers: &mut HeaderMap) {
    // What is done in the background has no request.
    let Ok(thread) = THREAD.try_with(Clone::clone) else { return };
    let carried = [(REQUEST_ID, Some(thread.request_id)), (TRACE, thread.trace)];
    for (name, value) in carried {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// The same work as a part of the request in hand, wherever it runs: for a task of its own.
pub fn threaded<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let thread = THREAD.try_with(Clone::clone).ok();
    let work = work.in_current_span();
    async move {
        match thread {
            Some(thread) => THREAD.scope(thread, work).await,
            None => work.await,
        }
    }
}

/// Runs documents. Implemented by every schema.
#[async_trait]
trait Run: Send + Sync {
    async fn run(&self, request: async_graphql::Request) -> async_graphql::Response;
    fn sdl(&self) -> String;
}

#[async_trait]
impl<Q: ObjectType + 'static, M: ObjectType + 'static> Run for Schema<Q, M, EmptySubscription> {
    async fn run(&self, request: async_graphql::Request) -> async_graphql::Response {
        self.execute(request).await
    }

    fn sdl(&self) -> String {
        self.sdl_with_options(SDLExportOptions::new().federation().compose_directive())
    }
}

/// One service's part of the graph.
pub struct Subgraph {
    name: &'static str,
    run: Arc<dyn Run>,
    verifier: Verifier,
    /// Parsed documents by their text, those without a text value in them. The router sends the same few again and again; a value that was
    /// written into the document (a password, maybe) makes it one that does not come again, and is not remembered.
    documents: Cache<String, Arc<ExecutableDocument>>,
}

impl Subgraph {
    /// How long an operation may take before its caller is told `UNAVAILABLE`; longer than any deadline of the calls that it makes.
    const DEADLINE: Duration = Duration::from_secs(15);
    /// How much text of parsed documents is remembered.
    const DOCUMENT_BYTES: u64 = 512 * 1024;

    /// The subgraph of this schema.
    #[must_use]
    pub fn new<Q: ObjectType + 'static, M: ObjectType + 'static>(
        name: &'static str,
        schema: Schema<Q, M, EmptySubscription>,
        verifier: Verifier,
    ) -> Self {
        let documents = Cache::builder()
            .max_capacity(Self::DOCUMENT_BYTES)
            .weigher(|text: &String, _| u32::try_from(text.len()).unwrap_or(u32::MAX))
            .build();
        Self { name, run: Arc::new(schema), verifier, documents }
    }

    /// Its name in `supergraph.yaml`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its schema with the federation directives, as the composer wants it.
    #[must_use]
    pub fn sdl(&self) -> String {
        self.run.sdl()
    }

    /// Answers a request: the JSON body of a GraphQL response, whatever happens.
    pub async fn execute(&self, headers: &HeaderMap, request: Request<'_>) -> Bytes {
        self.answer(headers, request).await.body
    }

    /// As [`Subgraph::execute`], with the headers that go with the answer.
    pub async fn answer(&self, headers: &HeaderMap, request: Request<'_>) -> Answered {
        let info = RequestInfo {
            id: request_id(headers),
            client_ip: text(headers, CLIENT_IP),
            cookies: text(headers, COOKIE.as_str()),
        };
        let span = telemetry::request_span(self.name, headers, &info.id);
        let thread = Thread { request_id: info.id.clone(), trace: text(headers, TRACE) };
        let answered = async {
            let _none = fault::after_of(self.name, "asked").await;
            let started = std::time::Instant::now();
            let id = info.id.clone();
            // A panic is the fault of one request, and is told as any other fault of ours.
            let running = AssertUnwindSafe(self.respond(headers, request, info)).catch_unwind();
            let mut response = match tokio::time::timeout(Self::DEADLINE, running).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(error))) => refusal(error),
                Ok(Err(panic)) => refusal(Error::bug(said(&*panic))),
                Err(late) => refusal(Error::unavailable("The shop", late)),
            };
            present(&mut response.errors, self.name, &id);
            let took = started.elapsed();
            if !response.errors.is_empty() {
                // Codes alone: messages may name what a client sent.
                tracing::info!(codes = ?codes(&response.errors), ?took, "a request was answered with errors");
            }
            telemetry::observe_request(self.name, &response.errors, took);
            let body =
                serde_json::to_vec(&response).map_or_else(|_| Bytes::from_static(UNWRITABLE), Bytes::from);
            Answered { body, headers: response.http_headers }
        };
        THREAD.scope(thread, answered.instrument(span)).await
    }

    async fn respond(
        &self,
        headers: &HeaderMap,
        request: Request<'_>,
        info: RequestInfo,
    ) -> Result<async_graphql::Response, Error> {
        let caller: Caller = self.verifier.caller(headers).await?;
        let variables = if request.variables.is_empty() {
            Variables::default()
        } else {
            serde_json::from_slice(request.variables)
                .map_err(|_| Error::new(crate::Code::BadRequest, "`variables` must be a JSON object."))?
        };
        let document = match self.parse(request.query) {
            Ok(document) => document,
            Err(error) => return Ok(async_graphql::Response::from_errors(vec![error])),
        };
        let mut run = async_graphql::Request::new(request.query).variables(variables).data(caller).data(info);
        run.operation_name = request.operation_name.map(str::to_owned);
        run.set_parsed_query(ExecutableDocument::clone(&document));
        fault::panic_at(self.name);
        Ok(self.run.run(run).await)
    }

    fn parse(&self, query: &str) -> Result<Arc<ExecutableDocument>, ServerError> {
        if let Some(document) = self.documents.get(query) {
            return Ok(document);
        }
        let document = async_graphql::parser::parse_query(query).map_err(|error| {
            let mut error = ServerError::from(error);
            error.extensions.get_or_insert_default().set("code", crate::Code::GraphqlParseFailed.as_str());
            error
        })?;
        let document = Arc::new(document);
        if !query.contains('"') {
            self.documents.insert(query.to_owned(), document.clone());
        }
        Ok(document)
    }
}

/// What is said when an answer cannot be written as JSON, which no schema of ours can cause.
const UNWRITABLE: &[u8] =
    br#"{"data":null,"errors":[{"message":"Something went wrong on our side.","extensions":{"code":"INTERNAL"}}]}"#;

fn codes(errors: &[ServerError]) -> Vec<&str> {
    errors.iter().map(code_of).collect()
}

fn refusal(error: Error) -> async_graphql::Response {
    let error = async_graphql::Error::from(error);
    let error = ServerError { source: error.source, ..ServerError::new(error.message, None) };
    async_graphql::Response::from_errors(vec![error])
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a panic: {}", text.unwrap_or_default())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The request's id from its header, if it is one that is safe to write into a log; otherwise a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = text(headers, REQUEST_ID).filter(|id| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    });
    given.unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, Object};

    use super::*;
    use crate::clock::Clock;

    struct Query;

    #[Object]
    impl Query {
        async fn careless(&self) -> i32 {
            unforeseen()
        }
    }

    fn unforeseen() -> i32 {
        panic!("a text of the inside");
    }

    #[tokio::test]
    async fn a_panic_of_a_resolver_is_told_as_any_fault_of_ours() {
        let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
        let subgraph =
            Subgraph::new("careless", schema, Verifier::new("careless", Vec::new(), Clock::system()));
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static(REQUEST_ID),
            HeaderValue::from_static("the-request"),
        )]);
        let request = Request { query: "{ careless }", operation_name: None, variables: b"" };
        let answer: serde_json::Value =
            serde_json::from_slice(&subgraph.execute(&headers, request).await).unwrap();
        let error = &answer["errors"][0];
        assert_eq!(error["message"], crate::error::INTERNAL_TEXT);
        assert_eq!(
            error["extensions"],
            serde_json::json!({ "code": "INTERNAL", "requestId": "the-request" })
        );
        assert!(!answer.to_string().contains("inside"), "{answer}");
    }
}
