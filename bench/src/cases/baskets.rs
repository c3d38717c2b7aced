//! One shopper after the other: how much longer a basket of thirty lines takes than a basket of one.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::{
    load::{Connection, Script, post},
    report::{Promise, Report, median},
};

use super::orders::Orders;

/// How many lines a long basket has.
const LONG: usize = 30;

/// What the products of an order cost in time: as many orders of one line as of many, in turn, so that whatever else the machine
/// does is in both.
pub(super) async fn run(
    port: u16,
    (token, products): (&str, &[String]),
    (runs, tries): (usize, usize),
    report: &mut Report,
) -> Result<()> {
    let (one, many) = (
        Orders { requests: of_lines(token, products, 1) },
        Orders { requests: of_lines(token, products, LONG) },
    );
    let mut connection = Connection::open(port).await?;
    let (mut short, mut ratios) = (Vec::new(), Vec::new());
    for warm_up in std::iter::once(true).chain(std::iter::repeat_n(false, runs)) {
        let (mut of_one, mut of_many) = (Vec::new(), Vec::new());
        for n in 0..tries as u64 {
            of_one.push(place(&mut connection, &one, n).await?.as_secs_f64());
            of_many.push(place(&mut connection, &many, n).await?.as_secs_f64());
        }
        if !warm_up {
            let (of_one, of_many) = (median(of_one), median(of_many));
            short.push(of_one * 1e3);
            ratios.push(of_many / of_one);
        }
    }
    report.figure("a basket of one line, one client", "ms", &short, Promise::None);
    report.figure("a basket of thirty lines, ratio to one line", "x", &ratios, Promise::AtMost(6.0));
    Ok(())
}

async fn place(connection: &mut Connection, orders: &Orders, n: u64) -> Result<Duration> {
    let request = orders.request(n);
    let sent = Instant::now();
    let body = connection.send(&request).await?;
    let took = sent.elapsed();
    orders.check(n, body)?;
    Ok(took)
}

/// An order of one piece of each of so many products in a row, beginning at each product in turn.
fn of_lines(token: &str, products: &[String], lines: usize) -> Vec<Vec<u8>> {
    let query =
        "mutation($products: [OrderProductInput!]!) { placeOrder(products: $products) { _id status } }";
    let basket = |first: usize| {
        let lines = products.iter().cycle().skip(first * lines % products.len()).take(lines);
        let lines: Vec<_> = lines.map(|product| json!({ "_id": product, "quantity": 1 })).collect();
        let body = json!({ "query": query, "variables": { "products": lines } });
        post("/graphql", &[("authorization", &format!("Bearer {token}"))], &body)
    };
    (0..products.len()).map(basket).collect()
}
