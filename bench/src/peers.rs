//! What the shop is measured against, each a process of its own: a bare HTTP server, a plain Hive Router, and the subgraphs
//! behind HTTP.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use axum::{Router, http::header, routing::post};
use clap::Subcommand;
use kit::server::{Served, serve};
use larder::shop::{Settings, Shop};

use crate::report::print;

#[derive(Subcommand)]
pub(crate) enum Peer {
    /// A server that answers every POST with the bytes of a file
    #[command(hide = true)]
    Bare {
        /// The file
        file: PathBuf,
    },
    /// The subgraphs of a data folder, each on a port of its own
    #[command(hide = true)]
    Subgraphs {
        /// The data folder
        data: PathBuf,
        /// Where the addresses are written, as `name=url` lines
        urls: PathBuf,
    },
    /// Hive Router as it comes, with the configuration that `ROUTER_CONFIG_FILE_PATH` names
    #[command(hide = true)]
    PlainRouter {
        /// The port that the configuration says
        port: u16,
    },
}

impl Peer {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Bare { file } => block_on(bare(file)),
            Self::Subgraphs { data, urls } => block_on(subgraphs(data, urls)),
            Self::PlainRouter { port } => plain_router(port),
        }
    }
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}

async fn listen() -> Result<(tokio::net::TcpListener, SocketAddr)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn bare(file: PathBuf) -> Result<()> {
    let body: &'static [u8] = std::fs::read(file)?.leak();
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    let (listener, address) = listen().await?;
    print(&format!("http://{address}"));
    Ok(axum::serve(listener, Router::new().route("/graphql", post(answer))).await?)
}

async fn subgraphs(data: PathBuf, urls: PathBuf) -> Result<()> {
    let settings = Settings {
        api_secret: "bench-api-secret".to_owned(),
        operator: ("operator".to_owned(), "bench-operator-password".to_owned()),
    };
    let shop = Shop::open(&data, settings).await?;
    let mut lines = String::new();
    let mut last = None;
    for subgraph in shop.subgraphs() {
        let (listener, address) = listen().await?;
        lines.push_str(&format!("{}=http://{address}/graphql\n", subgraph.name()));
        let served = Served { subgraph: Arc::clone(subgraph), store: None, keys: None };
        tokio::spawn(serve(listener, served, std::future::pending()));
        last = Some(address);
    }
    std::fs::write(urls, lines)?;
    print(&format!("http://{}", last.context("no subgraph")?));
    std::future::pending().await
}

/// Hive Router's own entry point, without any plug-in.
fn plain_router(port: u16) -> Result<()> {
    print(&format!("http://127.0.0.1:{port}"));
    hive_router::init_rustls_crypto_provider();
    ntex::rt::System::build()
        .name("plain-router")
        .build(ntex::rt::DefaultRuntime)
        .block_on(hive_router::router_entrypoint(hive_router::PluginRegistry::new()))
        .map_err(|error| anyhow::anyhow!("the plain router: {error}"))
}

/// The configuration of a plain router: its defaults, but for what would make the comparison unequal. Request
/// de-duplication is off, as it is in the shop.
pub(crate) fn plain_configuration(
    urls: &str,
    supergraph: &std::path::Path,
    port: u16,
) -> Result<serde_json::Value> {
    let mut overrides = serde_json::Map::new();
    for line in urls.lines() {
        let (name, url) = line.split_once('=').context("a line of the addresses")?;
        overrides.insert(name.to_owned(), serde_json::json!({ "url": url }));
    }
    Ok(serde_json::json!({
        "log": { "level": "error" },
        "supergraph": { "source": "file", "path": supergraph },
        "http": { "host": "127.0.0.1", "port": port },
        "override_subgraph_urls": { "subgraphs": overrides },
        "traffic_shaping": {
            "all": { "dedupe_enabled": false },
            "router": { "dedupe": { "enabled": false } },
        },
    }))
}
