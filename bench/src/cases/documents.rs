//! Documents that ask for too much: how soon each is refused, and what refusing them leaves in memory. That each is refused with its code, and
//! that no service hears of it, is a test of `larder`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{answer, prepare};
use crate::{
    load::post,
    process::{self, Running, resident},
    report::{Promise, Report, median},
};

/// How often each document is sent in one run.
const OF_EACH: usize = 200;
/// What a shop has answered before its memory is taken for what it usually is.
const WARM_UP: usize = 2_000;
/// How long it may take until memory that is no longer used has been given back.
const GIVEN_BACK: Duration = Duration::from_secs(10);

pub(crate) async fn run(runs: usize, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    report.section("Documents that ask for too much, at the standalone shop");
    let data = folder.path().join("standalone");
    prepare(&data)?;
    let shop = process::shop(&data, &[])?;
    refused(shop.port, shop.id(), runs, report).await?;
    shop.stop()?;
    report.section("The same at the router of a distributed shop");
    let data = folder.path().join("cluster");
    let shop: Running = process::cluster(&data)?;
    refused(shop.port, router(&data)?, runs, report).await?;
    shop.stop()
}

/// The process of a cluster's router.
fn router(data: &std::path::Path) -> Result<u32> {
    let parts: Value = serde_json::from_slice(&std::fs::read(data.join("processes.json"))?)?;
    let router = parts.as_array().into_iter().flatten().find(|part| part["name"] == "router");
    router.and_then(|router| u32::try_from(router["pid"].as_u64()?).ok()).context("no router")
}

/// The documents, each as the bytes of its request, with the code that refuses it.
fn documents() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let operation = |query: String| json!({ "query": query });
    let deep = format!("{{ categories {}{{ slug }}{} }}", "{ children ".repeat(50), " }".repeat(50));
    let aliases: String = (0..1_000).map(|n| format!("a{n}: shop {{ name }} ")).collect();
    let login = "login(input: { username: \"customer\", password: \"guess\" }) { access_token }";
    let logins: String = (0..100).map(|n| format!("a{n}: {login} ")).collect();
    let circular =
        "{ shop { ...A } } fragment A on Shop { name ...B } fragment B on Shop { currency ...A }".to_owned();
    let batch = vec![operation("{ shop { name } }".to_owned()); 100];
    let documents = [
        ("depth 50", operation(deep), "OPERATION_TOO_COMPLEX"),
        ("1,000 aliases", operation(format!("{{ {aliases} }}")), "OPERATION_TOO_COMPLEX"),
        ("100 logins", operation(format!("mutation {{ {logins} }}")), "OPERATION_TOO_COMPLEX"),
        (
            "10,000 tokens",
            operation(format!("{{ shop {{ {} }} }}", "name ".repeat(10_000))),
            "OPERATION_TOO_COMPLEX",
        ),
        (
            "a body of 3 MB",
            operation(format!("{{ shop {{ name }} }} #{}", "x".repeat(3 << 20))),
            "REQUEST_TOO_LARGE",
        ),
        ("circular fragments", operation(circular), "GRAPHQL_VALIDATION_FAILED"),
        ("first: 99999999", operation("{ products(first: 99999999) { name } }".to_owned()), "BAD_USER_INPUT"),
        ("a batch of 100", json!(batch), "BAD_REQUEST"),
    ];
    documents.into_iter().map(|(what, body, code)| (what, post("/graphql", &[], &body), code)).collect()
}

/// Sends each document many times, and looks at the memory of the process that refuses them before and after.
async fn refused(port: u16, process: u32, runs: usize, report: &mut Report) -> Result<()> {
    let documents = documents();
    let good = post("/graphql", &[], &json!({ "query": "{ shop { name } }" }));
    for _ in 0..WARM_UP {
        answer(port, &good).await?;
    }
    let mut times = vec![Vec::new(); documents.len()];
    let mut ratios = Vec::new();
    for _ in 0..runs {
        let before = resident(process)?.0;
        for ((what, request, code), times) in documents.iter().zip(&mut times) {
            let mut took = Vec::new();
            for _ in 0..OF_EACH {
                took.push(one(port, request, code).await.context(*what)?.as_secs_f64() * 1e3);
            }
            times.push(median(took));
        }
        ratios.push(after(process, before).await? / before);
    }
    for ((what, ..), times) in documents.iter().zip(&times) {
        report.figure(&format!("refused: {what}"), "ms", times, Promise::AtMost(100.0));
    }
    report.figure("resident after 200 of each, ratio to before", "x", &ratios, Promise::AtMost(1.1));
    Ok(())
}

/// How long a document takes to be refused, on a connection of its own. What comes back is read while it is still being sent: of a body that
/// is too long the shop does not wait for the end.
async fn one(port: u16, request: &[u8], code: &str) -> Result<Duration> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let began = Instant::now();
    let told = async {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"}]}") {
            if reader.read_buf(&mut bytes).await? == 0 {
                break;
            }
        }
        anyhow::Ok((bytes, began.elapsed()))
    };
    // It may be told to stop by a closed connection.
    let (told, _sent) = tokio::join!(told, writer.write_all(request));
    let (bytes, took) = told?;
    let text = String::from_utf8_lossy(&bytes);
    ensure!(text.contains(&format!("\"code\":\"{code}\"")), "it was not refused as {code}: {text}");
    Ok(took)
}

/// The memory of a process once it has given back what it no longer uses, or what it has after some seconds.
async fn after(process: u32, before: f64) -> Result<f64> {
    let patience = Instant::now() + GIVEN_BACK;
    loop {
        let now = resident(process)?.0;
        if now <= before || Instant::now() > patience {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
