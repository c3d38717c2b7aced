//! Orders by 64 clients: spread over 200 products, and all of one product; how many orders one fsync carries; and long baskets.

use std::{borrow::Cow, sync::Arc};

use anyhow::{Context, Result};
use serde_json::json;

use super::{baskets, graph, metric, operator, prepare};
use crate::{
    load::{self, Run, Script, post},
    process::{self, Running},
    report::{Promise, Report},
};

const CLIENTS: usize = 64;
const PRODUCTS: usize = 200;
const ORDERS: u64 = 6_000;
/// Baskets of each length in one run.
const BASKETS: usize = 100;
/// What is promised of one hot product, on both shops: how fast it sells beside 200, and how far the slowest of a hundred orders of it
/// are behind the middle one.
pub(super) const HOT: Promise = Promise::AtLeast(0.8);
pub(super) const TAIL: Promise = Promise::AtMost(10.0);
const COMMITS: &str = "larder_store_commits_total{service=\"order\"}";

/// One order of one piece per request, of the products in turn.
pub(super) struct Orders {
    pub(super) requests: Vec<Vec<u8>>,
}

impl Script for Orders {
    fn request(&self, n: u64) -> Cow<'_, [u8]> {
        let which = usize::try_from(n).unwrap_or_default() % self.requests.len();
        self.requests[which].as_slice().into()
    }

    fn check(&self, _: u64, body: &[u8]) -> Result<()> {
        let placed = body.windows(11).any(|window| window == b"\"CONFIRMED\"");
        anyhow::ensure!(placed, "no order: {}", String::from_utf8_lossy(body));
        Ok(())
    }
}

pub(crate) async fn run(runs: usize, report: &mut Report) -> Result<()> {
    report.section("`placeOrder` by 64 clients");
    let folder = tempfile::tempdir()?;
    prepare(folder.path())?;
    let shop = process::shop(folder.path(), &[])?;
    let (token, products) = products(&shop).await?;
    baskets::run(shop.port, (&token, &products), (runs, BASKETS), report).await?;
    let rush = Rush::of(&token, &products);

    let (mut rates, mut per_fsync, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tails, mut peaks) = (Vec::new(), Vec::new());
    for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
        let before = metric(&shop, COMMITS).await?;
        let spread = rush.over_many(shop.port, ORDERS).await?;
        let commits = metric(&shop, COMMITS).await? - before;
        let hot = rush.of_one(shop.port, ORDERS).await?;
        if !warm_up {
            rates.push(spread.rate());
            per_fsync.push(ORDERS as f64 / commits);
            ratios.push(hot.rate() / spread.rate());
            tails.push(hot.tail());
            peaks.push(shop.memory()?.1);
        }
    }
    report.figure("orders over 200 products", "/s", &rates, Promise::None);
    report.figure("orders per fsync of the order database", "", &per_fsync, Promise::AtLeast(8.0));
    report.figure("one hot product, ratio to 200 products", "x", &ratios, HOT);
    report.figure("an order of it, p99 over median", "x", &tails, TAIL);
    report.figure("largest resident under this load", "MB", &peaks, Promise::AtMost(250.0));
    shop.stop()
}

/// 64 clients who buy one piece each time.
pub(super) struct Rush {
    spread: Arc<Orders>,
    hot: Arc<Orders>,
}

impl Rush {
    pub(super) fn of(token: &str, products: &[String]) -> Self {
        let orders = |products| Arc::new(Orders { requests: of_products(token, products) });
        Self { spread: orders(products), hot: orders(&products[..1]) }
    }

    /// So many orders, of all products in turn.
    pub(super) async fn over_many(&self, port: u16, orders: u64) -> Result<Run> {
        load::run(port, CLIENTS, orders, self.spread.clone()).await
    }

    /// So many orders, all of one product.
    pub(super) async fn of_one(&self, port: u16, orders: u64) -> Result<Run> {
        load::run(port, CLIENTS, orders, self.hot.clone()).await
    }
}

/// An order of one piece of each of these products.
fn of_products(token: &str, products: &[String]) -> Vec<Vec<u8>> {
    let order = |product: &String| {
        let query = format!(
            "mutation {{ placeOrder(products: [{{ _id: \"{product}\", quantity: 1 }}]) {{ _id status }} }}"
        );
        post("/graphql", &[("authorization", &format!("Bearer {token}"))], &json!({ "query": query }))
    };
    products.iter().map(order).collect()
}

/// A shopper's token and the products to buy, each with stock enough.
pub(super) async fn products(shop: &Running) -> Result<(String, Vec<String>)> {
    let graph = graph(shop)?;
    let admin = graph.bearer(&operator(&graph).await?);
    let mut products = Vec::new();
    for n in 0..PRODUCTS {
        let query = "mutation($input: CreateProductInput!) { createProduct(input: $input) { _id } }";
        let input = json!({ "name": format!("Product {n}"), "price": 100 + n, "quantity": 1_000_000 });
        let data = admin.send(query, json!({ "input": input })).await?;
        products.push(data["createProduct"]["_id"].as_str().context("no id")?.to_owned());
    }
    let query = "mutation { registerUser(input: { username: \"shopper\", password: \"shopper-password\" }) { access_token } }";
    let data = graph.send(query, json!({})).await?;
    let token = data["registerUser"]["access_token"].as_str().context("no token")?.to_owned();
    Ok((token, products))
}
