//! What is measured. Each case opens shops of its own and leaves nothing behind.

mod baskets;
mod cached;
mod distributed;
mod documents;
mod orders;
mod scale;
mod start;
mod uncached;

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use larder::{graph::Graph, seed};
use serde_json::{Value, json};

use crate::{
    process::{self, Running},
    report::{Report, print},
};

/// The secrets that every shop of the bench is opened with, so that a case can sign in.
const API_SECRET: &str = "bench-api-secret";
const OPERATOR_PASSWORD: &str = "bench-operator-password";

/// Twenty products with their quantities: the list that a front page shows.
const TWENTY: &str = "query Twenty { products(first: 20) { _id name price quantity } }";

/// Runs the cases whose name begins like that; false when a promise was broken.
pub(crate) fn run(only: &str, runs: usize) -> Result<bool> {
    print(&format!(
        "Medians of {runs} runs (least to most). {} cores, load generator included.",
        std::thread::available_parallelism()?
    ));
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        if "start".starts_with(only) {
            start::run(runs, &mut report).await.context("start")?;
        }
        if "cached".starts_with(only) {
            cached::run(runs, &mut report).await.context("cached")?;
        }
        if "uncached".starts_with(only) {
            uncached::run(runs, &mut report).await.context("uncached")?;
        }
        if "orders".starts_with(only) {
            orders::run(runs, &mut report).await.context("orders")?;
        }
        if "scale".starts_with(only) {
            scale::run(runs, &mut report).await.context("scale")?;
        }
        if "documents".starts_with(only) {
            documents::run(runs, &mut report).await.context("documents")?;
        }
        if "distributed".starts_with(only) {
            distributed::run(runs, &mut report).await.context("distributed")?;
            distributed::idle(runs, &mut report).await.context("distributed, at rest")?;
        }
        anyhow::Ok(())
    })?;
    Ok(report.end())
}

/// Gives the folder the secrets of the bench.
fn prepare(data: &Path) -> Result<()> {
    let text = format!("API_SECRET={API_SECRET}\nLARDER_OPERATOR_PASSWORD={OPERATOR_PASSWORD}\n");
    Ok(kit::identity::write_private(&data.join("secrets.env"), text.as_bytes())?)
}

/// Stocks a shop with the demo range.
async fn stock(shop: &Running) -> Result<()> {
    seed::seed(&graph(shop)?, (larder::secrets::OPERATOR, OPERATOR_PASSWORD), |_, _| {}).await.map(drop)
}

fn graph(shop: &Running) -> Result<Graph> {
    Graph::new(&format!("http://127.0.0.1:{}/graphql", shop.port))
}

/// A signed-in person's access token.
async fn token(graph: &Graph, username: &str, password: &str) -> Result<String> {
    let query = "mutation($input: LoginInput!) { login(input: $input) { access_token } }";
    let data = graph.send(query, json!({ "input": { "username": username, "password": password } })).await?;
    Ok(data["login"]["access_token"].as_str().context("no token")?.to_owned())
}

/// The operator's access token.
async fn operator(graph: &Graph) -> Result<String> {
    token(graph, larder::secrets::OPERATOR, OPERATOR_PASSWORD).await
}

/// A figure of the shop's own, from `/metrics`.
async fn metric(shop: &Running, line_start: &str) -> Result<f64> {
    metric_at(&format!("http://127.0.0.1:{}", shop.port), line_start).await
}

/// A figure from the `/metrics` at this base address.
async fn metric_at(base: &str, line_start: &str) -> Result<f64> {
    let text = reqwest::get(format!("{base}/metrics")).await?.text().await?;
    let line = text.lines().find(|line| line.starts_with(line_start));
    let value = line.and_then(|line| line.rsplit(' ').next()).and_then(|text| text.parse().ok());
    value.with_context(|| format!("no {line_start} in /metrics"))
}

/// One answer, as bytes, through the load client.
async fn answer(port: u16, request: &[u8]) -> Result<Vec<u8>> {
    // A peer may say where it will listen a moment before it does.
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        match crate::load::Connection::open(port).await {
            Ok(mut connection) => return Ok(connection.send(request).await?.to_vec()),
            Err(error) if std::time::Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// An answer that must have data and no errors.
fn good(body: &[u8]) -> Result<Value> {
    let value: Value = serde_json::from_slice(body)?;
    anyhow::ensure!(value.get("errors").is_none() && value["data"].is_object(), "{value}");
    Ok(value)
}

/// A stocked shop on a folder, ready to be loaded.
async fn stocked(data: &Path, more: &[&str]) -> Result<Running> {
    prepare(data)?;
    let shop = process::shop(data, more)?;
    stock(&shop).await?;
    Ok(shop)
}
