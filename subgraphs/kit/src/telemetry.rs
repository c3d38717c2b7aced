//! Logs, traces and figures: `tracing` everywhere, OTLP when an endpoint is configured, Prometheus at `/metrics`.
//!
//! One trace goes from the router through every service to the last consumer of an event: by the W3C `traceparent` header
//! on calls, and by [`Event::trace`](crate::bus::Event) on events.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use async_graphql::ServerError;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    global,
    propagation::TextMapPropagator,
    trace::{TraceContextExt as _, TraceId, TracerProvider},
};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    runtime::TokioCurrentThread,
    trace::{SdkTracerProvider, span_processor_with_async_runtime::BatchSpanProcessor},
};
use prometheus::{Encoder, HistogramVec, IntCounterVec, IntGaugeVec, TextEncoder};
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{bus::Event, error::code_of};

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
    // How much is logged and what is traced are two questions: a quiet log must not cut traces short.
    let otel = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer(service)).with_filter(traced())
    });
    let json = std::env::var("LARDER_LOG").is_ok_and(|format| format == "json");
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(otel);
    if json {
        registry.with(format.json().with_filter(filter)).try_init()?;
    } else {
        registry.with(format.compact().with_filter(filter)).try_init()?;
    }
    Ok(Guard(provider))
}

/// What goes into traces: spans of `info` and above, but not those of the client that sends the traces, which would be
/// traced in turn.
fn traced() -> Targets {
    let senders = ["hyper", "hyper_util", "h2", "reqwest", "opentelemetry", "opentelemetry_sdk", "tower"];
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(senders.map(|target| (target, LevelFilter::OFF)))
}

fn provider(service: &'static str) -> Result<SdkTracerProvider, Box<dyn std::error::Error + Send + Sync>> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    let resource = Resource::builder().with_service_name(service).build();
    // The exporter's HTTP client needs a runtime; this gives it one on a thread of its own, whatever the process runs on.
    let batches = BatchSpanProcessor::builder(exporter, TokioCurrentThread).build();
    Ok(SdkTracerProvider::builder().with_span_processor(batches).with_resource(resource).build())
}

/// The span of one request to a subgraph, a child of the trace that its headers carry.
pub(crate) fn request_span(subgraph: &'static str, headers: &HeaderMap, request_id: &str) -> Span {
    let span = tracing::info_span!("graphql", subgraph, request_id, trace_id = field::Empty);
    adopt(&span, headers.get("traceparent").and_then(|value| value.to_str().ok()));
    span
}

/// The span of handling an event, a child of the trace of the change that caused it.
pub(crate) fn event_span(group: &str, event: &Event) -> Span {
    let span =
        tracing::info_span!("event", group, topic = event.topic, id = %event.id, trace_id = field::Empty);
    adopt(&span, event.trace.as_deref());
    span
}

/// Makes the span a part of that trace, and names its trace in the log lines below it, so that logs and traces find each other.
fn adopt(span: &Span, traceparent: Option<&str>) {
    let mut trace = TraceId::INVALID;
    if let Some(traceparent) = traceparent {
        let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        let parent = TraceContextPropagator::new().extract(&carrier);
        trace = parent.span().span_context().trace_id();
        // A span that no exporter listens to has no context to set; that is not an error.
        let _ = span.set_parent(parent);
    }
    if trace == TraceId::INVALID {
        trace = span.context().span().span_context().trace_id();
    }
    if trace != TraceId::INVALID {
        span.record("trace_id", field::display(trace));
    }
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
            counter.with_label_values(&[subgraph, code_of(error)]).inc();
        }
    }
}

static EVENTS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    prometheus::register_int_counter_vec!(
        "larder_events_total",
        "Attempts to handle an event, by group and outcome: handled, failed (it comes again) or dead.",
        &["group", "outcome"]
    )
    .ok()
});

static WAITING: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    prometheus::register_int_gauge_vec!(
        "larder_events_waiting",
        "Events that a group has still to handle, dead letters not counted.",
        &["group"]
    )
    .ok()
});

pub(crate) fn observe_event(group: &str, outcome: &str, count: usize) {
    if let Some(counter) = EVENTS.as_ref() {
        counter.with_label_values(&[group, outcome]).inc_by(count as u64);
    }
}

pub(crate) fn observe_waiting(group: &str, count: u64) {
    if let Some(gauge) = WAITING.as_ref() {
        gauge.with_label_values(&[group]).set(i64::try_from(count).unwrap_or(i64::MAX));
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
