//! A running router for a test, and a client for it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use kit::cache::Cache;
use router::{Listening, Options, RateLimits, RouterError, Supergraph, compose};
use serde_json::{Value, json};

use crate::subgraphs::Subgraphs;

/// A router on a free port, over the miniature subgraphs.
pub(crate) struct TestRouter {
    pub(crate) address: SocketAddr,
    pub(crate) subgraphs: Arc<Subgraphs>,
    pub(crate) cache: Cache,
    listening: Option<Listening>,
    thread: Option<std::thread::JoinHandle<Result<(), RouterError>>>,
    client: reqwest::Client,
}

/// A response, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or("no code").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The policy of the tests: the catalog and the inventory are public.
pub(crate) fn policy() -> compose::CachePolicy {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    compose::CachePolicy {
        fields: set(&["Query.products", "Query.product", "Query.fault"]),
        subgraphs: set(&["catalog", "inventory"]),
        ttl_seconds: 10,
        entities: [("Product".to_owned(), "_id".to_owned())].into(),
        tags: set(&["products"]),
        ..Default::default()
    }
}

impl TestRouter {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A router with other options.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::over(Subgraphs::new(), change).await
    }

    /// A router over prepared subgraphs.
    pub(crate) async fn over(subgraphs: Subgraphs, change: impl FnOnce(&mut Options)) -> Self {
        let schemas = subgraphs.schemas();
        Self::over_schemas(subgraphs, &schemas, change).await
    }

    pub(crate) async fn over_schemas(
        subgraphs: Subgraphs,
        schemas: &[compose::SubgraphSchema],
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let subgraphs = Arc::new(subgraphs);
        let composed = compose::compose(schemas).unwrap();
        let cache = Cache::memory(8 * 1024 * 1024);
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut options = Options::new(listen, Supergraph::Sdl(composed.supergraph));
        options.local = Some(subgraphs.clone());
        options.cache = Some(cache.clone());
        options.cache_policy = policy();
        options.cookie_subgraphs = vec!["auth".to_owned()];
        options.rate_limits = RateLimits::none();
        options.workers = Some(1);
        options.signals = false;
        change(&mut options);
        let (tell, told) = tokio::sync::oneshot::channel();
        options.on_listening = Some(Box::new(move |listening| {
            let _gone = tell.send(listening);
        }));
        let thread = std::thread::spawn(move || router::run(options));
        let Ok(listening) = told.await else {
            panic!("the router did not start: {:?}", thread.join().unwrap());
        };
        Self {
            address: listening.address,
            subgraphs,
            cache,
            listening: Some(listening),
            thread: Some(thread),
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(20))
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        }
    }

    /// Stops the router and gives what its run gave.
    pub(crate) async fn stop(mut self) -> Result<(), RouterError> {
        self.listening.take().unwrap().stop().await;
        let thread = self.thread.take().unwrap();
        tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn post(&self) -> reqwest::RequestBuilder {
        self.client.post(self.url("/graphql")).header("content-type", "application/json")
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends one document.
    pub(crate) async fn ask(&self, query: &str) -> Reply {
        self.ask_with(query, json!({})).await
    }

    pub(crate) async fn ask_with(&self, query: &str, variables: Value) -> Reply {
        send(self.post().body(json!({ "query": query, "variables": variables }).to_string())).await
    }
}

impl Drop for TestRouter {
    fn drop(&mut self) {
        // The router ends with its process; a test that cares about the end calls `stop`.
        drop(self.listening.take());
    }
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
