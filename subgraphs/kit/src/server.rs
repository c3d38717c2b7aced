//! A subgraph over HTTP: `/graphql`, `/health/live`, `/health/ready`, `/metrics`, `/.well-known/jwks.json`.
//!
//! Only the transport is here; the answer is [`Subgraph::execute`]'s, the same as within one process.

use std::{
    future::Future,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{Request as HttpRequest, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{
    Code, Error, fault,
    identity::KeyRing,
    service::figures_of,
    store::Store,
    subgraph::{Request, Subgraph},
    telemetry,
};

/// The largest request body: a batch of a hundred entities with all their arguments fits many times.
const MAX_BODY: usize = 1024 * 1024;
/// Longer than a subgraph's own deadline, which answers in its place.
const DEADLINE: Duration = Duration::from_secs(20);
/// A database that takes longer to say that it is there is as good as away.
const READY: Duration = Duration::from_secs(2);

/// What the server shows besides the schema.
#[derive(Clone)]
pub struct Served {
    /// The subgraph.
    pub subgraph: Arc<Subgraph>,
    /// The database that must answer for the service to be ready.
    pub store: Option<Store>,
    /// The keys whose public halves are published.
    pub keys: Option<Arc<KeyRing>>,
}

/// A subgraph's place on the network, from before it is open until after it is closed. Cheap to clone.
#[derive(Clone, Default)]
pub struct Endpoint(Arc<Phase>);

#[derive(Default)]
struct Phase {
    served: OnceLock<Served>,
    draining: AtomicBool,
}

impl Endpoint {
    /// From now on it answers, and is ready while its database is.
    pub fn open(&self, served: Served) {
        // An endpoint is opened once; whoever came first is served.
        let _ = self.0.served.set(served);
    }

    /// From now on it is not ready, and still answers.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// Serves until `stop` resolves, then answers what has been asked and returns. Connections on which nothing is asked are closed.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.routes()).with_graceful_shutdown(stop).await
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/graphql", any(graphql))
            .route("/health/live", get(|| async { "ok" }))
            .route("/health/ready", get(ready))
            .route("/metrics", get(metrics))
            .route("/.well-known/jwks.json", get(jwks))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, DEADLINE))
            .layer(CatchPanicLayer::new())
            .with_state(self)
    }

    fn served(&self) -> Option<&Served> {
        self.0.served.get()
    }
}

/// Serves an open subgraph until `stop` resolves, then answers what has been asked and returns.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    served: Served,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let endpoint = Endpoint::default();
    endpoint.open(served);
    endpoint.serve(listener, stop).await
}

/// Resolves when this process is asked to stop, by SIGTERM or SIGINT.
pub async fn stop_asked() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be heard; only SIGKILL will end this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    if fault::is_broken("server.stops_at_once") {
        std::process::abort();
    }
}

#[derive(Deserialize)]
struct Posted {
    query: String,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    variables: Option<Box<RawValue>>,
}

async fn graphql(State(endpoint): State<Endpoint>, request: HttpRequest<Body>) -> Response {
    let Some(served) = endpoint.served() else {
        let error =
            Error::new(Code::Unavailable, "This part of the shop is not open yet. Please try again shortly.");
        return refused(StatusCode::SERVICE_UNAVAILABLE, &error);
    };
    match read(request).await {
        Ok((headers, posted)) => {
            let variables = posted.variables.as_ref().map_or("", |json| json.get());
            let request = Request {
                query: &posted.query,
                operation_name: posted.operation_name.as_deref(),
                variables: if variables == "null" { b"" } else { variables.as_bytes() },
            };
            let answer = served.subgraph.answer(&headers, request).await;
            match fault::after_of(served.subgraph.name(), "answered").await {
                Ok(()) => (answer.headers, json(StatusCode::OK, answer.body)).into_response(),
                Err(lost) => cut(lost),
            }
        }
        Err((status, error)) => refused(status, &error),
    }
}

/// An answer whose connection ends before it does.
fn cut(lost: Error) -> Response {
    Body::from_stream(futures::stream::once(async move { Err::<Bytes, _>(lost.message().to_owned()) }))
        .into_response()
}

fn refused(status: StatusCode, error: &Error) -> Response {
    let body = serde_json::json!({
        "errors": [{ "message": error.message(), "extensions": { "code": error.code().as_str() } }]
    });
    json(status, body.to_string().into())
}

async fn read(request: HttpRequest<Body>) -> Result<(http::HeaderMap, Posted), (StatusCode, Error)> {
    let (parts, body) = request.into_parts();
    let refuse = |status, code, message: &str| (status, Error::new(code, message));
    if parts.method != http::Method::POST {
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, "Send GraphQL with POST."));
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("application/json"))
    {
        let message = "Send the request with `Content-Type: application/json`.";
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadRequest, message));
    }
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
        refuse(StatusCode::PAYLOAD_TOO_LARGE, Code::RequestTooLarge, "The body is too large, or was cut off.")
    })?;
    let posted = serde_json::from_slice(&body).map_err(|_| {
        let message = "The body must be one JSON object with a `query`; batches are not taken.";
        refuse(StatusCode::BAD_REQUEST, Code::BadRequest, message)
    })?;
    Ok((parts.headers, posted))
}

fn json(status: StatusCode, body: Bytes) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn ready(State(endpoint): State<Endpoint>) -> Response {
    let refuse = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    let Some(served) = endpoint.served() else { return refuse("not open yet") };
    if endpoint.0.draining.load(Ordering::Acquire) {
        return refuse("stopping");
    }
    let Some(store) = &served.store else { return "ok".into_response() };
    match tokio::time::timeout(READY, store.ping()).await {
        Ok(Ok(())) => "ok".into_response(),
        _ => refuse("the database does not answer"),
    }
}

async fn metrics(State(endpoint): State<Endpoint>) -> Response {
    let mut text = telemetry::metrics();
    if let Some(Served { subgraph, store: Some(store), .. }) = endpoint.served() {
        text += &figures_of(&[(subgraph.name(), store.clone())]);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn jwks(State(endpoint): State<Endpoint>) -> Response {
    match endpoint.served().and_then(|served| served.keys.as_ref()) {
        Some(keys) => axum::Json(keys.jwks()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
