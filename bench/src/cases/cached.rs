//! The warm list, beside a bare HTTP server that answers the same bytes.

use std::sync::Arc;

use anyhow::Result;
use serde_json::json;

use super::{TWENTY, answer, good, stocked};
use crate::{
    load::{self, Same, post},
    process::peer,
    report::{Promise, Report},
};

const CLIENTS: usize = 32;
const REQUESTS: u64 = 60_000;

pub(crate) async fn run(runs: usize, report: &mut Report) -> Result<()> {
    report.section("Warm `products` with 20 products and quantities, beside a bare server of the same bytes");
    let folder = tempfile::tempdir()?;
    let shop = stocked(&folder.path().join("data"), &[]).await?;
    let request = post("/graphql", &[], &json!({ "query": TWENTY }));
    let body = answer(shop.port, &request).await?;
    anyhow::ensure!(good(&body)?["data"]["products"].as_array().is_some_and(|list| list.len() == 20));
    let file = folder.path().join("body.json");
    std::fs::write(&file, &body)?;
    let bare = peer(&["bare", &file.to_string_lossy()])?;

    let script = Arc::new(Same { request, body });
    let (mut rates, mut ratios, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
        let ours = load::run(shop.port, CLIENTS, REQUESTS, script.clone()).await?;
        let theirs = load::run(bare.port, CLIENTS, REQUESTS, script.clone()).await?;
        if !warm_up {
            rates.push(ours.rate());
            ratios.push(ours.rate() / theirs.rate());
            peaks.push(shop.memory()?.1);
        }
    }
    report.figure("answers", "/s", &rates, Promise::None);
    report.figure("ratio to the bare server", "x", &ratios, Promise::AtLeast(0.5));
    report.figure("largest resident under this load", "MB", &peaks, Promise::AtMost(250.0));
    shop.stop()
}
