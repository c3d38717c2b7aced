//! Orders by 64 clients: spread over 200 products, and all of one product; and how many orders one fsync carries.

use std::{borrow::Cow, sync::Arc};

use anyhow::{Context, Result};
use serde_json::json;

use super::{graph, metric, operator, prepare};
use crate::{
    load::{self, Script, post},
    process::{self, Running},
    report::{Promise, Report},
};

pub(super) const CLIENTS: usize = 64;
const PRODUCTS: usize = 200;
const ORDERS: u64 = 6_000;
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
    let spread = Arc::new(Orders { requests: of_products(&token, &products) });
    let hot = Arc::new(Orders { requests: of_products(&token, &products[..1]) });

    let (mut rates, mut per_fsync, mut ratios, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
        let before = metric(&shop, COMMITS).await?;
        let over_many = load::run(shop.port, CLIENTS, ORDERS, spread.clone()).await?;
        let commits = metric(&shop, COMMITS).await? - before;
        let of_one = load::run(shop.port, CLIENTS, ORDERS, hot.clone()).await?;
        if !warm_up {
            rates.push(over_many.rate());
            per_fsync.push(ORDERS as f64 / commits);
            ratios.push(of_one.rate() / over_many.rate());
            peaks.push(shop.memory()?.1);
        }
    }
    report.figure("orders over 200 products", "/s", &rates, Promise::None);
    report.figure("orders per fsync of the order database", "", &per_fsync, Promise::AtLeast(8.0));
    report.figure("one hot product, ratio to 200 products", "x", &ratios, Promise::AtLeast(0.7));
    report.figure("largest resident under this load", "MB", &peaks, Promise::AtMost(250.0));
    shop.stop()
}

/// An order of one piece of each of these products.
pub(super) fn of_products(token: &str, products: &[String]) -> Vec<Vec<u8>> {
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
