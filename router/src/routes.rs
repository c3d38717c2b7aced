//! What the router serves beside the graph: health, keys, metrics, and static pages for the rest.

use std::{fmt::Write as _, sync::Arc};

use bytes::Bytes;
use hive_router::SchemaState;
use kit::cache::Cache;
use ntex::web::{self, HttpRequest, HttpResponse};

use crate::{
    drain::Drain,
    options::{Readiness, Source},
    web::Site,
};

/// What the routes answer from.
pub(crate) struct Routes {
    pub(crate) jwks: Option<Source>,
    pub(crate) metrics: Option<Source>,
    pub(crate) ready: Option<Readiness>,
    pub(crate) drain: Drain,
    pub(crate) cache: Option<Cache>,
    pub(crate) site: Site,
}

/// Adds the routes to an application.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/health/live", web::get().to(live))
        .route("/health/ready", web::get().to(ready))
        .route("/.well-known/jwks.json", web::get().to(jwks))
        .route("/metrics", web::get().to(metrics));
}

/// Everything that no route takes.
pub(crate) async fn page(request: HttpRequest, routes: web::types::State<Arc<Routes>>) -> HttpResponse {
    routes.site.answer(&request).await
}

async fn live() -> HttpResponse {
    status(true)
}

async fn ready(
    request: HttpRequest,
    routes: web::types::State<Arc<Routes>>,
    schema: web::types::State<Arc<SchemaState>>,
) -> HttpResponse {
    let asked = routes.ready.as_ref().is_none_or(|ready| ready());
    status(asked && !routes.drain.is_stopping() && schema.is_ready(&request).await)
}

fn status(well: bool) -> HttpResponse {
    let (mut response, body) = if well {
        (HttpResponse::Ok(), r#"{"status":"ok"}"#)
    } else {
        (HttpResponse::ServiceUnavailable(), r#"{"status":"unavailable"}"#)
    };
    response.header("cache-control", "no-store").content_type("application/json").body(body)
}

async fn jwks(routes: web::types::State<Arc<Routes>>) -> HttpResponse {
    match &routes.jwks {
        Some(keys) => HttpResponse::Ok()
            // Short: a key that was withdrawn should be believed no longer than it must.
            .header("cache-control", "public, max-age=60")
            .content_type("application/json")
            .body(body(&keys())),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn metrics(routes: web::types::State<Arc<Routes>>) -> HttpResponse {
    let mut text = routes.metrics.as_ref().map_or_else(Vec::new, |metrics| metrics().to_vec());
    if let Some(cache) = &routes.cache {
        text.extend_from_slice(list_cache(cache).as_bytes());
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}

fn list_cache(cache: &Cache) -> String {
    let stats = cache.stats();
    let mut text = String::new();
    for (name, kind, help, value) in [
        ("hits_total", "counter", "Answers given from the list cache.", stats.hits),
        ("misses_total", "counter", "Answers that the list cache did not have.", stats.misses),
        ("fills_total", "counter", "Answers that the list cache took in.", stats.fills),
        ("raises_total", "counter", "Tags that were raised.", stats.raises),
        ("entries", "gauge", "Answers that the list cache holds.", stats.entries),
        ("bytes", "gauge", "Bytes that the list cache holds.", stats.bytes),
    ] {
        let name = format!("larder_list_cache_{name}");
        let _infallible = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
    text
}

fn body(bytes: &Bytes) -> ntex::util::Bytes {
    ntex::util::Bytes::copy_from_slice(bytes)
}
