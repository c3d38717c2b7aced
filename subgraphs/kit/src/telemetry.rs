//! Logs, traces and figures: `tracing` everywhere, OTLP when an endpoint is configured, Prometheus at `/metrics`.
//!
//! One trace goes from the router through every service to the last consumer of an event: by the W3C `traceparent` header
//! on calls, and by [`Event::trace`](crate::bus::Event) on events.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use async_graphql::ServerError;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{global, propagation::TextMapPropagator, trace::TracerProvider};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use prometheus::{Encoder, HistogramVec, IntCounterVec, TextEncoder};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::bus::Event;

/// Keeps the exporter alive; what it still holds is sent when this is dropped.
pub struct Guard(Option<SdkTracerProvider>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Starts logging (to standard error; `RUST_LOG` says how much, `level` where it does not; `LARDER_LOG=json` how) and, when `OTEL_EXPORTER_OTLP_ENDPOINT`
/// is set, tracing. Once per process.
///
/// # Errors
/// When the exporter cannot be built from its configuration.
pub fn init(service: &'static str, level: &str) -> Result<Guard, Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let provider = match std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Ok(_) => Some(provider(service)?),
        Err(_) => None,
    };
    global::set_text_map_propagator(TraceContextPropagator::new());
    let otel = provider
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer(service)));
    let json = std::env::var("LARDER_LOG").is_ok_and(|format| format == "json");
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter).with(otel);
    if json {
        registry.with(format.json()).try_init()?;
    } else {
        registry.with(format.compact()).try_init()?;
    }
    Ok(Guard(provider))
}

fn provider(service: &'static str) -> Result<SdkTracerProvider, Box<dyn std::error::Error + Send + Sync>> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// The span of one request to a subgraph, a child of the trace that its headers carry.
pub(crate) fn request_span(subgraph: &'static str, headers: &HeaderMap, request_id: &str) -> Span {
    let span = tracing::info_span!("graphql", subgraph, request_id);
    if let Some(trace) = headers.get("traceparent").and_then(|value| value.to_str().ok()) {
        adopt(&span, trace);
    }
    span
}

/// The span of handling an event, a child of the trace of the change that caused it.
pub(crate) fn event_span(group: &str, event: &Event) -> Span {
    let span = tracing::info_span!("event", group, topic = event.topic, id = %event.id);
    if let Some(trace) = &event.trace {
        adopt(&span, trace);
    }
    span
}

fn adopt(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    // A span that no exporter listens to has no context to set; that is not an error.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
}

/// The `traceparent` of the work in hand, if it is traced.
pub(crate) fn current_traceparent() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove("traceparent")
}

/// Puts the trace of the work in hand onto an outgoing call.
pub(crate) fn inject(headers: &mut HeaderMap) {
    if let Some(value) = current_traceparent().and_then(|trace| HeaderValue::from_str(&trace).ok()) {
        headers.insert(HeaderName::from_static("traceparent"), value);
    }
}

static REQUESTS: LazyLock<Option<HistogramVec>> = LazyLock::new(|| {
    prometheus::register_histogram_vec!(
        "larder_subgraph_request_seconds",
        "How long a subgraph took to answer a request.",
        &["subgraph"],
        vec![0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
    )
    .ok()
});

static ERRORS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    prometheus::register_int_counter_vec!(
        "larder_subgraph_errors_total",
        "Errors that a subgraph answered, by code.",
        &["subgraph", "code"]
    )
    .ok()
});

pub(crate) fn observe_request(subgraph: &str, errors: &[ServerError], took: Duration) {
    if let Some(requests) = REQUESTS.as_ref() {
        requests.with_label_values(&[subgraph]).observe(took.as_secs_f64());
    }
    if let Some(counter) = ERRORS.as_ref() {
        for error in errors {
            let code = error.extensions.as_ref().and_then(|values| values.get("code"));
            let code = match code {
                Some(async_graphql::Value::String(code)) => code.as_str(),
                _ => "UNKNOWN",
            };
            counter.with_label_values(&[subgraph, code]).inc();
        }
    }
}

/// Every figure of this process in Prometheus' text format.
#[must_use]
pub fn metrics() -> String {
    let mut text = Vec::new();
    if TextEncoder::new().encode(&prometheus::gather(), &mut text).is_err() {
        return String::new();
    }
    String::from_utf8(text).unwrap_or_default()
}
