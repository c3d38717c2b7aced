//! The same list without the cache, beside a plain Hive Router over the same subgraphs by HTTP.

use std::{
    fs,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::json;

use super::{TWENTY, answer, good, stocked};
use crate::{
    load::{self, Same, post},
    peers::plain_configuration,
    process::{Running, peer},
    report::{Promise, Report},
};

const CLIENTS: usize = 32;
const REQUESTS: u64 = 20_000;
/// What the plain router says while it has no supergraph yet, and how long that may last.
const NOT_YET: &[u8] = b"NO_SUPERGRAPH_AVAILABLE";
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(runs: usize, report: &mut Report) -> Result<()> {
    report.section("The same list uncached, beside a plain Hive Router over the same subgraphs by HTTP");
    let folder = tempfile::tempdir()?;
    let (ours_data, theirs_data) = (folder.path().join("ours"), folder.path().join("theirs"));
    let shop = stocked(&ours_data, &["--no-list-cache"]).await?;
    let request = post("/graphql", &[], &json!({ "query": TWENTY }));
    let body = answer(shop.port, &request).await?;
    good(&body)?;

    // The same data, so that every body can be compared.
    kit::backup::copy_folder(&ours_data, &theirs_data)?;
    let urls = folder.path().join("urls");
    let _subgraphs = peer(&["subgraphs", &theirs_data.to_string_lossy(), &urls.to_string_lossy()])?;
    let supergraph = folder.path().join("supergraph.graphql");
    fs::write(&supergraph, larder::SUPERGRAPH)?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let configuration = plain_configuration(&fs::read_to_string(&urls)?, &supergraph, port)?;
    let file = folder.path().join("router.config.json");
    fs::write(&file, configuration.to_string())?;
    let plain = Running::start(
        Command::new(std::env::current_exe()?)
            .args(["plain-router", &port.to_string()])
            .env("ROUTER_CONFIG_FILE_PATH", &file),
    )?;
    let theirs = planned(plain.port, &request).await?;
    anyhow::ensure!(good(&theirs)? == good(&body)?, "the two do not answer the same");

    let script = Arc::new(Same { request: request.clone(), body });
    let plain_script = Arc::new(Same { request, body: theirs });
    let (mut rates, mut ratios, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
        let ours = load::run(shop.port, CLIENTS, REQUESTS, script.clone()).await?;
        let theirs = load::run(plain.port, CLIENTS, REQUESTS, plain_script.clone()).await?;
        if !warm_up {
            rates.push(ours.rate());
            ratios.push(ours.rate() / theirs.rate());
            peaks.push(shop.memory()?.1);
        }
    }
    report.figure("answers", "/s", &rates, Promise::None);
    report.figure("ratio to the plain router", "x", &ratios, Promise::AtLeast(0.97));
    report.figure("largest resident under this load", "MB", &peaks, Promise::AtMost(250.0));
    shop.stop()
}

/// The answer of a plain router, which listens before it has read its supergraph and refuses until then.
async fn planned(port: u16, request: &[u8]) -> Result<Vec<u8>> {
    let patience = Instant::now() + PATIENCE;
    loop {
        let body = answer(port, request).await?;
        if !body.windows(NOT_YET.len()).any(|window| window == NOT_YET) || Instant::now() > patience {
            return Ok(body);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
