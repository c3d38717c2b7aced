//! From the start of a stocked shop to its first good answer, and what it holds in memory when nobody asks.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{TWENTY, answer, good, stocked};
use crate::{
    load::post,
    process,
    report::{Promise, Report},
};

pub(crate) async fn run(runs: usize, report: &mut Report) -> Result<()> {
    report.section("Start of a stocked shop, and memory at rest");
    let folder = tempfile::tempdir()?;
    stocked(folder.path(), &[]).await?.stop()?;
    let request = post("/graphql", &[], &json!({ "query": TWENTY }));
    let (mut seconds, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let started = Instant::now();
        let shop = process::shop(folder.path(), &[])?;
        let body = answer(shop.port, &request).await?;
        seconds.push(started.elapsed().as_secs_f64());
        anyhow::ensure!(good(&body)?["data"]["products"].as_array().is_some_and(|list| list.len() == 20));
        // Long enough for what a start leaves behind to be given back.
        tokio::time::sleep(Duration::from_secs(1)).await;
        resident.push(shop.memory()?.0);
        shop.stop()?;
    }
    report.figure("start to first good answer", "s", &seconds, Promise::AtMost(0.5));
    report.figure("resident at rest", "MB", &resident, Promise::AtMost(80.0));
    Ok(())
}
