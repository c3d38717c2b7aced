//! The services of the shop on one host, and the way from the router to them.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use kit::{
    cache::Cache,
    clock::Clock,
    identity::ApiKey,
    service::{Host, Service, StartError},
    subgraph::{Request, Subgraph},
};
use router::{LocalResponse, LocalSubgraphs};

/// How much of the cache's answers are kept: a few thousand pages of products.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// How a shop is opened.
pub struct Settings {
    /// What `x-api-key` must be.
    pub api_secret: String,
    /// The first admin: name and password.
    pub operator: (String, String),
}

/// Every service of the shop, running.
pub struct Shop {
    host: Host,
    subgraphs: Vec<Arc<Subgraph>>,
    api_secret: String,
}

impl Shop {
    /// Opens the shop in this data folder: databases, keys, events, background work.
    ///
    /// # Errors
    /// When the folder cannot be used, or a newer version wrote it.
    pub async fn open(folder: &Path, settings: Settings) -> Result<Self, StartError> {
        let api_key = Some(ApiKey::new(&settings.api_secret));
        let host = Host::open(folder, Clock::system(), Cache::memory(CACHE_BYTES), api_key).await?;
        let (username, password) = settings.operator;
        let people = auth::Config {
            admin: Some(auth::FirstAdmin::new(username, password)),
            ..auth::Config::new(host.people())
        };
        let start = async |service: &Service| host.context(service).await;
        let subgraphs = vec![
            auth::subgraph(start(&auth::SERVICE).await?, people).await?,
            catalog::subgraph(start(&catalog::SERVICE).await?, catalog::Config::default()).await?,
            inventory::subgraph(start(&inventory::SERVICE).await?, inventory::Config::default()).await?,
            order::subgraph(start(&order::SERVICE).await?, order::Config::default()).await?,
        ];
        let subgraphs: Vec<_> = subgraphs.into_iter().map(Arc::new).collect();
        for subgraph in &subgraphs {
            host.mesh().add(subgraph.clone());
        }
        Ok(Self { host, subgraphs, api_secret: settings.api_secret })
    }

    /// The host under it.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Its subgraphs, for those who serve them another way.
    #[must_use]
    pub fn subgraphs(&self) -> &[Arc<Subgraph>] {
        &self.subgraphs
    }

    /// What `x-api-key` must be.
    #[must_use]
    pub fn api_secret(&self) -> &str {
        &self.api_secret
    }

    /// The way from a router in this process to the services.
    #[must_use]
    pub fn local(&self) -> Arc<dyn LocalSubgraphs> {
        Arc::new(Local(self.host.clone()))
    }

    /// Ends the background work and closes the databases.
    pub async fn close(&self) {
        self.host.close().await;
    }
}

/// Each subgraph's schema, by name, as the composer wants it.
#[must_use]
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![
        (auth::SERVICE.name, auth::sdl()),
        (catalog::SERVICE.name, catalog::sdl()),
        (inventory::SERVICE.name, inventory::sdl()),
        (order::SERVICE.name, order::sdl()),
    ]
}

struct Local(Host);

#[async_trait]
impl LocalSubgraphs for Local {
    fn has(&self, subgraph: &str) -> bool {
        self.0.mesh().has(subgraph)
    }

    async fn execute(
        &self,
        subgraph: &str,
        headers: &HeaderMap,
        query: &str,
        operation_name: Option<&str>,
        variables_json: &[u8],
    ) -> Bytes {
        self.execute_with_headers(subgraph, headers, query, operation_name, variables_json).await.body
    }

    async fn execute_with_headers(
        &self,
        subgraph: &str,
        headers: &HeaderMap,
        query: &str,
        operation_name: Option<&str>,
        variables_json: &[u8],
    ) -> LocalResponse {
        let down = LocalResponse { body: Bytes::from_static(DOWN), ..LocalResponse::default() };
        let request = Request { query, operation_name, variables: variables_json };
        match self.0.mesh().execute(subgraph, headers, request).await {
            Ok(answer) => match kit::fault::after_of(subgraph, "answered").await {
                Ok(()) => LocalResponse { body: answer.body, headers: answer.headers },
                Err(_lost) => down,
            },
            Err(error) => {
                tracing::error!(subgraph, %error, "a subgraph of this process does not run");
                down
            }
        }
    }
}

/// What the router hears of a subgraph that does not run.
const DOWN: &[u8] = br#"{"errors":[{"message":"A part of the shop is not available at the moment. Please try again shortly.","extensions":{"code":"UNAVAILABLE"}}]}"#;
