//! `larder check`: recounts every promise from the data, on a consistent copy, so the shop may run.
//!
//! Each service counts its own books; here they are held against each other: what the orders say was sold must be what
//! inventory sold, order by order and product by product.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use inventory::Account;
use kit::{
    bus::{Event, Sink},
    store::Store,
};
use order::OrderAccount;

use crate::{distributed::secrets::PREFIX, say};

/// What is checked.
#[derive(Args, Debug)]
pub struct Check {
    /// The data folder of the shop
    #[arg(long, env = "LARDER_DATA", default_value = "data")]
    data: PathBuf,
    /// The MongoDB of a distributed shop instead: mongodb://user:password@host/, the user may read every service's database
    #[arg(long, env = "LARDER_CHECK_STORE", hide_env_values = true)]
    store: Option<String>,
    /// What the names of the services' databases there begin with
    #[arg(long, env = "LARDER_DATABASE_PREFIX", default_value = PREFIX)]
    prefix: String,
}

/// A promise that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: a product's or an order's id.
    pub about: String,
    /// What is wrong.
    pub what: String,
}

impl From<catalog::Overdue> for Finding {
    fn from(product: catalog::Overdue) -> Self {
        let catalog::Overdue { id, name, since } = product;
        Self { about: id, what: format!("{name} was begun at {since} and neither published nor taken back") }
    }
}

/// A hold is settled moments after its order; one that is past its expiry for longer than this has been forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::minutes(5);

/// Where there is no moment at which everything can be read, books that do not agree are read again this often, this far
/// apart: what is on its way arrives, what is wrong stays.
const READINGS: usize = 5;
const BETWEEN: Duration = Duration::from_secs(2);

/// Recounts; false where a promise is broken.
///
/// # Errors
/// When the data cannot be read.
pub async fn check(args: &Check) -> Result<bool> {
    let (books, findings) = match &args.store {
        None => {
            let folder = tempfile::tempdir()?;
            let copy = folder.path().join("copy");
            kit::backup::copy_folder(&args.data, &copy)?;
            let books = Books::read(async |service| in_folder(&copy, service).await).await?;
            let findings = books.findings();
            (books, findings)
        }
        Some(url) => settled(&Servers { url, prefix: &args.prefix }).await?,
    };
    for finding in &findings {
        say!("{}  {}", finding.about, finding.what);
    }
    say!("{}: {}", books.summary(), verdict(&findings));
    Ok(findings.is_empty())
}

/// What is wrong on servers, and stays so.
async fn settled(servers: &Servers<'_>) -> Result<(Books, Vec<Finding>)> {
    let mut lasting: Option<Vec<Finding>> = None;
    let mut reading = 0;
    loop {
        reading += 1;
        let books = Books::read(async |service| servers.open(service).await).await?;
        let found = books.findings();
        // The text of a finding has its numbers: one that moves is on its way, and a new one is looked at again.
        let stays = |finding: &Finding| lasting.as_ref().is_none_or(|before| before.contains(finding));
        let found: Vec<_> = found.into_iter().filter(stays).collect();
        if found.is_empty() || reading == READINGS {
            return Ok((books, found));
        }
        lasting = Some(found);
        tokio::time::sleep(BETWEEN).await;
    }
}

fn verdict(findings: &[Finding]) -> String {
    match findings.len() {
        0 => "every promise is kept".to_owned(),
        broken => format!("{broken} broken promises"),
    }
}

/// What the services have written down.
pub(crate) struct Books {
    stocks: Vec<Account>,
    orders: Vec<OrderAccount>,
    products: catalog::Report,
}

impl Books {
    /// Reads the books of every service from its store.
    pub(crate) async fn read(open: impl AsyncFn(&str) -> Result<Store>) -> Result<Self> {
        let (stock, order) = (open(inventory::SERVICE.name).await?, open(order::SERVICE.name).await?);
        let catalog = open(catalog::SERVICE.name).await?;
        Ok(Self {
            stocks: inventory::accounts(&stock).await?,
            orders: order::ledger(&order).await?,
            products: catalog::check(&catalog, Utc::now()).await?,
        })
    }

    /// Every promise that they break.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = findings(&self.stocks, &self.orders, Utc::now());
        findings.extend(self.products.overdue.iter().cloned().map(Finding::from));
        findings
    }

    /// How much there is, in one line.
    pub(crate) fn summary(&self) -> String {
        let pieces: i64 = self.stocks.iter().map(|stock| stock.sold).sum();
        let on_hand: i64 = self.stocks.iter().map(|stock| stock.on_hand).sum();
        format!(
            "{} products offered, {} stocks with {on_hand} pieces on hand, {} orders, {pieces} pieces sold",
            self.products.offered,
            self.stocks.len(),
            self.orders.len()
        )
    }
}

/// Events stay where they are: they are part of what is counted.
struct Keep;

#[async_trait]
impl Sink for Keep {
    async fn deliver(&self, _: &[Event]) -> kit::Result<()> {
        std::future::pending().await
    }
}

/// A service's store in a data folder that nobody serves. Its events are left alone.
pub(crate) async fn in_folder(folder: &Path, service: &str) -> Result<Store> {
    let path = folder.join(format!("{service}.db"));
    anyhow::ensure!(path.exists(), "the data folder has no {service}.db");
    Store::sqlite(&path, vec![Arc::new(Keep)]).await.with_context(|| format!("opening {}", path.display()))
}

/// A MongoDB that has the databases of all services.
pub(crate) struct Servers<'a> {
    /// Its address.
    pub(crate) url: &'a str,
    /// What the names of the databases begin with.
    pub(crate) prefix: &'a str,
}

impl Servers<'_> {
    /// A service's store. Its events are left to the service.
    pub(crate) async fn open(&self, service: &str) -> Result<Store> {
        let database = format!("{}{service}", self.prefix);
        let store = Store::mongo(self.url, &database, vec![Arc::new(Keep)]).await;
        store.with_context(|| format!("opening the database {database}"))
    }
}

/// Every promise that these books break.
#[must_use]
pub fn findings(stocks: &[Account], orders: &[OrderAccount], now: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |about: &str, what: String| findings.push(Finding { about: about.to_owned(), what });
    // What each order has of each product, by inventory's books: sold, and held until when.
    let mut sold: HashMap<(String, String), i64> = HashMap::new();
    let mut held: HashMap<(String, String), (i64, DateTime<Utc>)> = HashMap::new();
    for stock in stocks {
        let product = stock.product.to_string();
        for fault in stock.faults() {
            find(&product, fault);
        }
        for (order, quantity) in &stock.sold_to {
            sold.insert((order.to_string(), product.clone()), *quantity);
        }
        for hold in &stock.holds {
            held.insert((hold.order.to_string(), product.clone()), (hold.quantity, hold.expires_at));
        }
    }
    for order in orders {
        let id = order.id.to_string();
        if let Some(overdue) = order.overdue {
            find(&id, format!("is still PENDING, {} s past its deadline", overdue.num_seconds()));
        }
        // An order names each product once; its lines are taken out of what inventory says, so that what stays is too much.
        let lines: BTreeMap<_, _> = order
            .lines
            .iter()
            .map(|(product, quantity)| (product.to_string(), i64::from(quantity.get())))
            .collect();
        for (product, quantity) in lines {
            let key = (id.clone(), product.clone());
            let has_sold = sold.remove(&key).unwrap_or_default();
            let has_held = held.get(&key).map_or(0, |(quantity, _)| *quantity);
            let wanted = if order.status.is_sold() { quantity } else { 0 };
            // Between the order's confirmation and the event that inventory hears, the goods are held, not yet sold.
            if order.status.is_sold() && has_sold + has_held != wanted
                || !order.status.is_sold() && has_sold != 0
            {
                let status = order.status;
                find(
                    &id,
                    format!(
                        "is {status:?} with {quantity} of {product}; {has_sold} sold and {has_held} held"
                    ),
                );
            }
        }
    }
    for ((order, product), quantity) in sold {
        if quantity != 0 {
            find(&order, format!("is no order of {product}, and inventory sold {quantity} to it"));
        }
    }
    for ((order, product), (quantity, expires_at)) in held {
        if now - expires_at > FORGOTTEN {
            find(
                &product,
                format!(
                    "{quantity} are held for the order {order}, which should have been settled at {expires_at}"
                ),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use inventory::{HeldFor, LedgerSums};
    use kit::Quantity;
    use order::OrderStatus;

    /// A product of which ten came in and three were sold to one order.
    fn stock(order: &str) -> Account {
        let sums = LedgerSums { on_hand: 7, held: 0, sold: 3, received: 10, adjusted: 0, movements: 3 };
        Account {
            product: "01920000-0000-7000-8000-00000000000a".parse().unwrap(),
            discarded: false,
            on_hand: 7,
            held: 0,
            sold: 3,
            received: 10,
            adjusted: 0,
            movements: 3,
            ledger: sums,
            unbroken: true,
            holds: Vec::new(),
            sold_to: [(order.parse().unwrap(), 3)].into(),
        }
    }

    const ORDER: &str = "01920000-0000-7000-8000-000000000001";

    fn order(status: OrderStatus, quantity: i64) -> OrderAccount {
        OrderAccount {
            id: ORDER.parse().unwrap(),
            status,
            lines: vec![(
                "01920000-0000-7000-8000-00000000000a".parse().unwrap(),
                Quantity::new(quantity).unwrap(),
            )],
            placed_at: Utc::now(),
            overdue: None,
        }
    }

    fn count(stock: &Account, orders: &[OrderAccount]) -> usize {
        findings(std::slice::from_ref(stock), orders, Utc::now()).len()
    }

    #[test]
    fn finds_nothing_where_all_is_well() {
        assert_eq!(count(&stock(ORDER), &[order(OrderStatus::Confirmed, 3)]), 0);
        assert_eq!(count(&stock(ORDER), &[order(OrderStatus::Delivered, 3)]), 0);
    }

    #[test]
    fn finds_an_order_whose_goods_were_not_sold() {
        assert_eq!(count(&stock(ORDER), &[order(OrderStatus::Confirmed, 4)]), 1);
    }

    #[test]
    fn finds_goods_that_were_sold_to_an_order_that_ended_or_never_was() {
        assert_eq!(count(&stock(ORDER), &[order(OrderStatus::Cancelled, 3)]), 1);
        assert_eq!(count(&stock(ORDER), &[]), 1);
    }

    #[test]
    fn finds_stock_that_is_not_what_its_movements_sum_to() {
        let mut stock = stock(ORDER);
        stock.ledger.on_hand = 8;
        assert_eq!(count(&stock, &[order(OrderStatus::Confirmed, 3)]), 1);
    }

    #[test]
    fn finds_an_order_that_was_never_decided() {
        let late = OrderAccount { overdue: Some(TimeDelta::minutes(1)), ..order(OrderStatus::Confirmed, 3) };
        assert_eq!(count(&stock(ORDER), &[late]), 1);
    }

    #[test]
    fn names_a_product_that_was_left_half_made() {
        let half =
            catalog::Overdue { id: "p".to_owned(), name: "Milk".to_owned(), since: DateTime::UNIX_EPOCH };
        let finding = Finding::from(half);
        assert_eq!(finding.about, "p");
        assert!(finding.what.starts_with("Milk was begun at 1970-01-01"), "{}", finding.what);
    }

    #[test]
    fn finds_a_hold_that_was_forgotten() {
        let mut stock = stock(ORDER);
        let other = "01920000-0000-7000-8000-000000000002".parse().unwrap();
        let expires_at = Utc::now() - TimeDelta::minutes(6);
        (stock.held, stock.ledger.held) = (2, 2);
        stock.holds.push(HeldFor { order: other, quantity: 2, expires_at });
        assert_eq!(count(&stock, &[order(OrderStatus::Confirmed, 3)]), 1);
    }
}
