//! Pages of lists at 100,000 rows beside the same pages at 1,000: an index is walked, never a table.

use std::{borrow::Cow, path::Path, sync::Arc};

use anyhow::{Context, Result};
use serde_json::json;

use super::{graph, operator, prepare};
use crate::{
    load::{self, Same, Script, post},
    process::{self, Running},
    report::{Promise, Report},
};

const FEW: u64 = 1_000;
const MANY: u64 = 100_000;
const CATEGORIES: u64 = 14;
/// Few enough clients that a request does not wait for another: what is measured is the work, not the queue.
const CLIENTS: usize = 2;
const REQUESTS: u64 = 2_000;

/// The lists, each as it is asked for.
const LISTS: [(&str, &str); 3] = [
    ("products", "{ products(first: 100) { _id name price quantity } }"),
    (
        "ordersConnection",
        "{ ordersConnection(first: 20) { nodes { _id status total } pageInfo { hasNextPage } } }",
    ),
    (
        "productsConnection by category",
        "{ productsConnection(filter: { category: \"shelf-3\" }, sort: PRICE_ASC, first: 20) { nodes { _id name price quantity } pageInfo { hasNextPage } } }",
    ),
];

/// Sends what it makes of the number, and wants no errors.
struct Make<F>(F);

impl<F: Fn(u64) -> Vec<u8> + Send + Sync + 'static> Script for Make<F> {
    fn request(&self, n: u64) -> Cow<'_, [u8]> {
        (self.0)(n).into()
    }

    fn check(&self, _: u64, body: &[u8]) -> Result<()> {
        let failed = body.windows(9).any(|window| window == b"\"errors\":");
        anyhow::ensure!(!failed, "{}", String::from_utf8_lossy(body));
        Ok(())
    }
}

pub(crate) async fn run(runs: usize, report: &mut Report) -> Result<()> {
    report.section("Lists at 100,000 rows, beside 1,000 (uncached; p99 of 2,000 requests)");
    let folder = tempfile::tempdir()?;
    let (few, few_token) = filled(&folder.path().join("few"), FEW).await?;
    let (many, many_token) = filled(&folder.path().join("many"), MANY).await?;
    for (name, query) in LISTS {
        let mut ratios = Vec::new();
        let mut millis = Vec::new();
        for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
            let small = p99(&few, &few_token, query).await?;
            let large = p99(&many, &many_token, query).await?;
            if !warm_up {
                ratios.push(large / small);
                millis.push(large * 1_000.0);
            }
        }
        report.figure(&format!("{name}: p99 at 100,000"), "ms", &millis, Promise::None);
        report.figure(&format!("{name}: ratio to 1,000"), "x", &ratios, Promise::AtMost(2.0));
    }
    let peak = many.memory()?.1;
    report.figure("largest resident with 100,000 rows", "MB", &[peak], Promise::None);
    few.stop()?;
    many.stop()
}

async fn p99(shop: &Running, token: &str, query: &str) -> Result<f64> {
    let request =
        post("/graphql", &[("authorization", &format!("Bearer {token}"))], &json!({ "query": query }));
    let body = super::answer(shop.port, &request).await?;
    super::good(&body)?;
    let run = load::run(shop.port, CLIENTS, REQUESTS, Arc::new(Same { request, body })).await?;
    Ok(run.percentile(0.99).as_secs_f64())
}

/// A shop with that many products, in 14 categories, and that many orders of one shopper; and the shopper's token.
async fn filled(data: &Path, rows: u64) -> Result<(Running, String)> {
    prepare(data)?;
    let shop = process::shop(data, &["--no-list-cache"])?;
    let graph = graph(&shop)?;
    let token = operator(&graph).await?;
    let admin = graph.bearer(&token);
    for n in 0..CATEGORIES {
        let query = "mutation($input: CreateCategoryInput!) { createCategory(input: $input) { slug } }";
        let input = json!({ "slug": format!("shelf-{n}"), "name": format!("Shelf {n}") });
        admin.send(query, json!({ "input": input })).await?;
    }
    let authorization = format!("Bearer {token}");
    let product = {
        let authorization = authorization.clone();
        Make(move |n: u64| {
            let query = "mutation($input: CreateProductInput!) { createProduct(input: $input) { _id } }";
            let input = json!({
                "name": format!("Product {n}"), "price": 100 + n % 5_000, "quantity": 1_000_000,
                "category": format!("shelf-{}", n % CATEGORIES),
            });
            post(
                "/graphql",
                &[("authorization", &authorization)],
                &json!({ "query": query, "variables": { "input": input } }),
            )
        })
    };
    load::run(shop.port, 64, rows, Arc::new(product)).await.context("making the products")?;

    let data = graph.send("{ products(first: 1) { _id } }", json!({})).await?;
    let id = data["products"][0]["_id"].as_str().context("no product")?.to_owned();
    let query = "mutation { registerUser(input: { username: \"shopper\", password: \"shopper-password\" }) { access_token } }";
    let data = graph.send(query, json!({})).await?;
    let token = data["registerUser"]["access_token"].as_str().context("no token")?.to_owned();
    let authorization = format!("Bearer {token}");
    let order = Make(move |_| {
        let query =
            format!("mutation {{ placeOrder(products: [{{ _id: \"{id}\", quantity: 1 }}]) {{ _id }} }}");
        post("/graphql", &[("authorization", &authorization)], &json!({ "query": query }))
    });
    load::run(shop.port, 64, rows, Arc::new(order)).await.context("making the orders")?;
    let token = super::token(&graph, "shopper", "shopper-password").await?;
    Ok((shop, token))
}
