//! `larder check`: recounts every promise from the data, on a consistent copy, so the shop may run.
//!
//! Each service counts its own books; here they are held against each other: what the orders say was sold must be what
//! inventory sold, order by order and product by product.

mod findings;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clap::Args;
pub use findings::{Finding, Kind, findings};
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
        say!("{}  {}: {}", finding.about, finding.kind.name(), finding.what);
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

/// More documents of a kind that wait for their events to be delivered say nothing that these do not.
const STUCK: usize = 100;

fn verdict(findings: &[Finding]) -> String {
    match findings.len() {
        0 => "every promise is kept".to_owned(),
        broken => format!("{broken} broken promises"),
    }
}

/// What the services have written down.
pub struct Books {
    pub(crate) stocks: Vec<Account>,
    pub(crate) orders: Vec<OrderAccount>,
    pub(crate) products: catalog::Report,
    /// What has events that are not delivered, and since when.
    pub(crate) stuck: Vec<(String, DateTime<Utc>)>,
}

impl Books {
    /// Reads the books of every service from its store: stocks before orders and products, since there is no hold without an order and
    /// no stock without a product, but each may be there a moment earlier.
    pub(crate) async fn read(open: impl AsyncFn(&str) -> Result<Store>) -> Result<Self> {
        let (stock, order) = (open(inventory::SERVICE.name).await?, open(order::SERVICE.name).await?);
        let catalog = open(catalog::SERVICE.name).await?;
        let mut books = Self {
            stocks: inventory::accounts(&stock).await?,
            orders: order::ledger(&order).await?,
            products: catalog::check(&catalog, Utc::now()).await?,
            stuck: Vec::new(),
        };
        for store in [stock, order, catalog] {
            books.stuck.extend(store.stuck(STUCK).await?);
        }
        Ok(books)
    }

    /// Every promise that they break.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        findings(self, Utc::now())
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
