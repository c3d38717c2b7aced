//! One trace goes from the router through every service to the last consumer of an event, as a collector receives it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message as _;
use serde_json::json;

use crate::running::{Kind, Running, on_both_shops};

/// Traces are sent some hundred milliseconds after they end.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a collector has received.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<Span>>>);

impl Collected {
    /// A collector on a free port, and its address.
    async fn start() -> (Self, String) {
        let collected = Self::default();
        let take = async |State(collected): State<Self>, body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            collected.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        };
        let routes = Router::new().route("/v1/traces", post(take)).with_state(collected.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (collected, address)
    }

    /// The spans of one trace.
    fn of(&self, trace: &[u8]) -> Vec<Span> {
        self.0.lock().unwrap().iter().filter(|span| span.trace_id == trace).cloned().collect()
    }
}

/// What a span says of itself under this name.
fn says<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    let value = span.attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?;
    match value.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The first span that says so.
fn find<'a>(spans: &'a [Span], name: &str, key: &str, value: &str) -> Option<&'a Span> {
    spans.iter().find(|span| span.name == name && says(span, key) == Some(value))
}

on_both_shops!(one_trace_goes_from_the_client_to_the_last_consumer);

async fn one_trace_goes_from_the_client_to_the_last_consumer(kind: Kind) {
    let (collected, address) = Collected::start().await;
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*address), ("OTEL_BSP_SCHEDULE_DELAY", "100")];
    let shop = Running::stocked_in(kind, &environment, &["--no-rate-limits"]);
    let product = shop.product("Traced", 5).await;
    let (trace, client) = ([0x4b_u8; 16], [0x17_u8; 8]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let traceparent = format!("00-{}-{}-01", hex(&trace), hex(&client));
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 2 }]) { status } }";
    let customer = shop.demo("customer").await.header("traceparent", &traceparent);
    let answer = customer.send(query, json!({ "id": product })).await;
    assert_eq!(answer.data()["placeOrder"]["status"], "CONFIRMED");

    // Each process sends its spans when it likes.
    let deadline = Instant::now() + PATIENCE;
    while let Some(complaint) = wrong_with(&collected.of(&trace), &client) {
        assert!(Instant::now() < deadline, "{complaint}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What is missing of the trace of an order, or in the wrong place.
fn wrong_with(spans: &[Span], client: &[u8]) -> Option<String> {
    let by_id: HashMap<_, _> = spans.iter().map(|span| (span.span_id.clone(), span)).collect();
    let ancestors = |span: &Span| {
        let mut seen = HashSet::new();
        let mut parent = span.parent_span_id.clone();
        while let Some(span) = by_id.get(&parent) {
            assert!(seen.insert(parent.clone()), "a span is its own ancestor");
            parent.clone_from(&span.parent_span_id);
        }
        (seen, parent)
    };
    let Some(order) = find(spans, "graphql", "subgraph", "order") else {
        return Some("there is no span of the order service".to_owned());
    };
    for (name, key, value) in [
        ("graphql", "subgraph", "order"),
        ("graphql", "subgraph", "catalog"),
        ("graphql", "subgraph", "inventory"),
        ("event", "topic", "order.confirmed"),
    ] {
        let Some(span) = find(spans, name, key, value) else {
            let names: Vec<_> = spans.iter().map(|span| (&span.name, says(span, "subgraph"))).collect();
            return Some(format!("there is no {name} of {value}, only {names:?}"));
        };
        let (above, root) = ancestors(span);
        if span.span_id != order.span_id && !above.contains(&order.span_id) {
            return Some(format!("{name} of {value} is not below the order's"));
        }
        if root != client {
            return Some(format!("{name} of {value} does not belong to what the client began"));
        }
    }
    None
}
