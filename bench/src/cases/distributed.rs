//! The distributed shop on this machine: what it costs to have a process for each service, and servers for data and cache.
//!
//! Its MongoDB is the one that is found (`larder cluster --help`); the servers are not counted as the shop's memory.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::{
    API_SECRET, OPERATOR_PASSWORD, TWENTY, answer, baskets, good,
    orders::{HOT, Rush, TAIL, products},
    stock, stocked,
};
use crate::{
    load::{self, Same, post},
    process::{self, Running, resident},
    report::{Promise, Report},
};

const CLIENTS: usize = 32;
const WARM: u64 = 30_000;
const UNCACHED: u64 = 200;
/// Few, since a MongoDB in memory (`scripts/mongo-java-server`) goes through all orders for every question: it has no indexes but the
/// unique ones.
const ORDERS: u64 = 600;
/// Baskets of each length in one run.
const BASKETS: usize = 20;

/// The services behind one list: catalog for the products, inventory for their quantities.
const LISTING: [&str; 2] = ["catalog", "inventory"];
const SERVICES: [&str; 4] = ["auth", "catalog", "inventory", "order"];

/// A process of the shop, as the cluster writes it down.
#[derive(Deserialize)]
struct Part {
    name: String,
    url: String,
    pid: Option<u32>,
}

/// A distributed shop of one process each.
struct Cluster {
    router: Running,
    parts: Vec<Part>,
}

impl Cluster {
    fn open(data: &Path) -> Result<Self> {
        let secrets = format!("API_SECRET={API_SECRET}\nLARDER_OPERATOR_PASSWORD={OPERATOR_PASSWORD}\n");
        kit::identity::write_private(&data.join("secrets/init/passwords.env"), secrets.as_bytes())?;
        let router = process::cluster(data)?;
        let parts = serde_json::from_slice(&std::fs::read(data.join("processes.json"))?)?;
        Ok(Self { router, parts })
    }

    fn part(&self, name: &str) -> Result<&Part> {
        self.parts.iter().find(|part| part.name == name).with_context(|| format!("no process {name}"))
    }

    fn resident(&self, name: &str) -> Result<f64> {
        Ok(resident(self.part(name)?.pid.context("it does not run")?)?.0)
    }

    /// A figure of a service, from its own `/metrics`.
    async fn metric(&self, service: &str, line_start: &str) -> Result<f64> {
        super::metric_at(&self.part(service)?.url, line_start).await
    }

    /// Questions to a service's database so far.
    async fn reads(&self, service: &str) -> Result<f64> {
        self.metric(service, &format!("larder_store_reads_total{{service=\"{service}\"}}")).await
    }

    /// Documents that it has written.
    async fn writes(&self, service: &str) -> Result<f64> {
        self.metric(service, &format!("larder_store_writes_total{{service=\"{service}\"}}")).await
    }

    /// Requests that it has answered.
    async fn calls(&self, service: &str) -> Result<f64> {
        let line = format!("larder_subgraph_request_seconds_count{{subgraph=\"{service}\"}}");
        self.metric(service, &line).await
    }
}

pub(crate) async fn run(runs: usize, report: &mut Report) -> Result<()> {
    report.section("The distributed shop: a process for each service, MongoDB, Redis");
    let folder = tempfile::tempdir()?;
    let shop = Cluster::open(&folder.path().join("cluster"))?;
    stock(&shop.router).await?;
    warm(&shop, &folder.path().join("standalone"), runs, report).await?;
    uncached(&shop, runs, report).await?;
    orders(&shop, runs, report).await?;
    rest(&shop, report)?;
    shop.router.stop()
}

/// The warm list over Redis beside the same over memory, in the standalone shop.
async fn warm(shop: &Cluster, data: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let standalone = stocked(data, &[]).await?;
    let request = post("/graphql", &[], &json!({ "query": TWENTY }));
    let script = async |port| {
        let body = answer(port, &request).await?;
        good(&body)?;
        anyhow::Ok(Arc::new(Same { request: request.clone(), body }))
    };
    let (over_redis, in_memory) = (script(shop.router.port).await?, script(standalone.port).await?);
    let (mut rates, mut ratios, mut questions) = (Vec::new(), Vec::new(), Vec::new());
    for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
        let before = asked(shop).await?;
        let ours = load::run(shop.router.port, CLIENTS, WARM, over_redis.clone()).await?;
        let asked = asked(shop).await? - before;
        let theirs = load::run(standalone.port, CLIENTS, WARM, in_memory.clone()).await?;
        if !warm_up {
            rates.push(ours.rate());
            ratios.push(ours.rate() / theirs.rate());
            questions.push(asked / WARM as f64);
        }
    }
    report.figure("warm list over Redis", "/s", &rates, Promise::None);
    report.figure("ratio to the same in memory", "x", &ratios, Promise::AtLeast(0.5));
    // An entry lives ten seconds, so that some are made anew meanwhile, and services look after their own data now and then.
    report.figure("database questions per cached answer", "", &questions, Promise::AtMost(0.01));
    standalone.stop()
}

async fn asked(shop: &Cluster) -> Result<f64> {
    let mut sum = 0.0;
    for service in LISTING {
        sum += shop.reads(service).await?;
    }
    Ok(sum)
}

/// The list as nobody has asked for it before: how often each service and its database are asked for it.
async fn uncached(shop: &Cluster, runs: usize, report: &mut Report) -> Result<()> {
    for service in LISTING {
        let (mut calls, mut questions) = (Vec::new(), Vec::new());
        for run in 0..runs {
            let (calls_before, reads_before) = (shop.calls(service).await?, shop.reads(service).await?);
            for n in 0..UNCACHED {
                // The name of an operation is no part of what it asks for; the name of a field is.
                let query = TWENTY.replace("products(", &format!("of_{service}_{run}_{n}: products("));
                good(&answer(shop.router.port, &post("/graphql", &[], &json!({ "query": query }))).await?)?;
            }
            calls.push((shop.calls(service).await? - calls_before) / UNCACHED as f64);
            questions.push((shop.reads(service).await? - reads_before) / UNCACHED as f64);
        }
        report.figure(&format!("calls of {service} per uncached list"), "", &calls, Promise::AtMost(1.05));
        let name = format!("database questions of {service} per uncached list");
        report.figure(&name, "", &questions, Promise::AtMost(1.05));
    }
    Ok(())
}

/// Orders over MongoDB: what one costs its databases, and what a hot product costs.
async fn orders(shop: &Cluster, runs: usize, report: &mut Report) -> Result<()> {
    let (token, products) = products(&shop.router).await?;
    // First, as long as the server has few orders to go through.
    baskets::run(shop.router.port, (&token, &products), (runs, BASKETS), report).await?;
    let (rush, port) = (Rush::of(&token, &products), shop.router.port);
    let (mut rates, mut ratios, mut tails, mut slower) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
        let before = operations(shop).await?;
        let early = rush.over_many(port, ORDERS / 2).await?;
        let after = operations(shop).await?;
        let hot = rush.of_one(port, ORDERS).await?;
        let late = rush.over_many(port, ORDERS / 2).await?;
        if !warm_up {
            // Half of them before and half after, since each order makes the next a little slower there.
            let spread = ORDERS as f64 / (early.took + late.took).as_secs_f64();
            rates.push(spread);
            slower.push(early.rate() / late.rate());
            ratios.push(hot.rate() / spread);
            tails.push(hot.tail());
            reads.push((after.0 - before.0) / (ORDERS / 2) as f64);
            writes.push((after.1 - before.1) / (ORDERS / 2) as f64);
        }
    }
    report.figure("orders over 200 products", "/s", &rates, Promise::None);
    report.figure("what 900 orders cost the next ones, ratio", "x", &slower, Promise::None);
    report.figure("one hot product, ratio to 200 products", "x", &ratios, HOT);
    report.figure("an order of it, p99 over median", "x", &tails, TAIL);
    report.figure("database questions per order, all services", "", &reads, Promise::None);
    report.figure("documents written per order, all services", "", &writes, Promise::None);
    Ok(())
}

/// Questions and writes of all databases so far.
async fn operations(shop: &Cluster) -> Result<(f64, f64)> {
    let (mut reads, mut writes) = (0.0, 0.0);
    for service in SERVICES {
        reads += shop.reads(service).await?;
        writes += shop.writes(service).await?;
    }
    Ok((reads, writes))
}

/// Memory, a while after all that.
fn rest(shop: &Cluster, report: &mut Report) -> Result<()> {
    for service in SERVICES {
        let resident = shop.resident(service)?;
        report.figure(&format!("resident after all that: {service}"), "MB", &[resident], Promise::None);
    }
    let router = shop.resident("router")?;
    report.figure("resident after all that: router", "MB", &[router], Promise::None);
    Ok(())
}

/// Memory of a stocked shop that nobody asks for anything.
pub(crate) async fn idle(runs: usize, report: &mut Report) -> Result<()> {
    report.section("The distributed shop, stocked and at rest");
    let mut services: Vec<Vec<f64>> = vec![Vec::new(); SERVICES.len()];
    let mut router = Vec::new();
    for _ in 0..runs {
        let folder = tempfile::tempdir()?;
        let shop = Cluster::open(folder.path())?;
        stock(&shop.router).await?;
        // Connections are closed some seconds after the last request, and memory is given back.
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        for (figures, service) in services.iter_mut().zip(SERVICES) {
            figures.push(shop.resident(service)?);
        }
        router.push(shop.resident("router")?);
        shop.router.stop()?;
    }
    for (figures, service) in services.iter().zip(SERVICES) {
        report.figure(&format!("resident at rest: {service}"), "MB", figures, Promise::AtMost(30.0));
    }
    report.figure("resident at rest: router", "MB", &router, Promise::AtMost(60.0));
    Ok(())
}
