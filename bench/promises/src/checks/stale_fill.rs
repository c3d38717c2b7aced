//! Nobody reads of a product what was before a change that has been answered, however late a fill of the cache comes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use chrono::TimeDelta;
use inventory::{OrderId, ProductId};
use kit::{
    cache::{Cache, Entry, Fill},
    identity::Role,
    service::Context,
    testing::{World, servers::RedisServer},
};
use parking_lot::Mutex;
use rand::RngExt as _;
use serde_json::json;

use crate::{
    check::{Check, Setting, Trial},
    client::Outcome,
    sim::Door,
};

pub(crate) const CHECK: Check = Check {
    name: "stale-fill",
    promise: "Whoever comes after a change was answered never reads the older number",
    broken: &["cache.forgets_epochs"],
    on_shops: false,
};

const TTL: Duration = Duration::from_secs(10);
/// So many come at once for an answer that is not there.
const CROWD: usize = 100;
const PRODUCTS: usize = 4;
const READERS: usize = 6;
/// A cache that answers late sends past it, which is right and proves nothing: then it is tried again.
const PATIENCE: usize = 50;

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let mut trial = Trial::default();
    let server = RedisServer::start(&[]);
    for name in ["memory", "redis"] {
        let stage = if name == "memory" {
            let cache = Cache::memory(4 << 20);
            Stage::open(name, cache.clone(), cache).await?
        } else {
            // Two processes: one changes stock, the other shows it.
            Stage::open(name, Cache::redis(&server.url()).await?, Cache::redis(&server.url()).await?).await?
        };
        for round in 0..setting.size.of(10, 100) {
            stage.stopped_reader(round, &mut trial).await?;
        }
        stage.random_writes(Duration::from_secs(setting.size.of(2, 30)), &mut trial).await?;
        for round in 0..setting.size.of(5, 50) {
            stage.crowd(round, &mut trial).await?;
        }
    }
    Ok(trial)
}

/// An inventory that tells one cache what it changes, and readers of the same cache.
struct Stage {
    name: &'static str,
    world: World,
    nobody: Door,
    catalog: Door,
    orders: Door,
    admin: Door,
    cache: Cache,
}

impl Stage {
    async fn open(name: &'static str, told: Cache, cache: Cache) -> Result<Self> {
        let world = World::start().await;
        let context = Context { cache: told, ..world.context(&inventory::SERVICE).await };
        let subgraph = Arc::new(inventory::subgraph(context, inventory::Config::default()).await?);
        let nobody = Door::nobody(&subgraph);
        let service = |name: &str, scope: &str| nobody.bearer(&world.service_token(name, "inventory", scope));
        Ok(Self {
            catalog: service("catalog", "stock:create")?,
            orders: service("order", "stock:reserve")?,
            admin: nobody.bearer(&world.person("admin", Role::Admin).token)?,
            nobody,
            name,
            world,
            cache,
        })
    }

    async fn product(&self, quantity: i64) -> Result<String> {
        let product = ProductId::new().to_string();
        self.catalog.create_stock(&product, quantity).await?;
        Ok(product)
    }

    /// A fill of this key, which has no answer yet.
    async fn fill(&self, key: &str) -> Result<Fill> {
        for _ in 0..PATIENCE {
            match self.cache.enter(key).await {
                Entry::Fill(fill) => return Ok(fill),
                Entry::Hit(_) => bail!("there is an answer under {key} already"),
                Entry::Bypass => {}
            }
        }
        bail!("the {} cache does not answer", self.name)
    }

    /// A reader has read the database and stops; the stock changes, and the change is answered; then he goes on.
    async fn stopped_reader(&self, round: usize, trial: &mut Trial) -> Result<()> {
        let products = [self.product(1_000).await?];
        let key = format!("stopped-{round}");
        let fill = self.fill(&key).await?;
        let old = self.nobody.quantities(&products).await?;
        self.change(&products[0], 1_000, [1_007, 990, 3][round % 3]).await?;
        let now = self.nobody.quantities(&products).await?;
        ensure!(old != now, "the stock did not change");
        // One who comes now, and waits for the fill that began too early.
        let late = self.read(&key, &products);
        let goes_on = async {
            tokio::task::yield_now().await;
            fill.put(encode(&old), tags(&products), TTL).await;
        };
        let (late, ()) = tokio::join!(late, goes_on);
        let after = self.read(&key, &products).await?;
        for (who, read) in [("who waited", late?), ("who came after", after)] {
            trial.tries += 1;
            trial.expect(read == now, || {
                format!("{}, round {round}: one {who} read {read:?} and not {now:?}", self.name)
            });
        }
        trial.faults += 1;
        Ok(())
    }

    /// Reads as whoever shows products does: through the cache.
    async fn read(&self, key: &str, products: &[String]) -> Result<Vec<i64>> {
        let make = || async {
            let read = self.nobody.quantities(products).await?;
            // Between database and cache: long enough for a change to come.
            tokio::time::sleep(Duration::from_millis(rand::rng().random_range(0..4))).await;
            anyhow::Ok((encode(&read), tags(products)))
        };
        decode(&self.cache.get_or_fill(key, TTL, make).await?)
    }

    /// Makes `to` of `from` that can be sold, in one of the ways in which that happens.
    async fn change(&self, product: &str, from: i64, to: i64) -> Result<()> {
        if to < from && rand::rng().random_bool(0.5) {
            let lines = [(product.to_owned(), from - to)];
            let until = self.world.clock().now() + TimeDelta::hours(1);
            let held = self.orders.reserve(&OrderId::new().to_string(), &lines, &until.to_rfc3339()).await;
            ensure!(matches!(held, Outcome::Done(_)), "not held: {held:?}");
        } else if to > from && rand::rng().random_bool(0.5) {
            let restock = "mutation($i: RestockInput!) { restock(input: $i) { available } }";
            self.admin.must(restock, json!({ "i": { "product": product, "quantity": to - from } })).await?;
        } else {
            let adjust = "mutation($i: AdjustStockInput!) { adjustStock(input: $i) { available } }";
            let input = json!({ "product": product, "expected": from, "quantity": to, "reason": "counted" });
            self.admin.must(adjust, json!({ "i": input })).await?;
        }
        Ok(())
    }

    /// Changes and readings at random, side by side, for so long.
    async fn random_writes(&self, span: Duration, trial: &mut Trial) -> Result<()> {
        let mut shelves = Vec::new();
        for _ in 0..PRODUCTS {
            shelves.push(Shelf::new(self.product(500).await?, 500));
        }
        let products: Vec<_> = shelves.iter().map(|shelf| shelf.product.clone()).collect();
        let (over, reads, until) = (AtomicBool::new(false), AtomicU64::new(0), Instant::now() + span);
        let found = Mutex::new(Vec::new());
        let writing = shelves.iter().map(|shelf| async {
            let written = self.write(shelf, until).await;
            over.store(true, SeqCst);
            written
        });
        let reading = (0..READERS).map(|_| async {
            while !over.load(SeqCst) {
                let key = format!("list-{}", rand::rng().random_range(0..3));
                let due: Vec<_> = shelves.iter().map(|shelf| shelf.answered.load(SeqCst)).collect();
                let read = self.read(&key, &products).await?;
                let old = shelves.iter().zip(&read).zip(due);
                let old = old.filter(|((shelf, read), due)| shelf.is_older(**read, *due));
                let old = old.map(|((_, read), due)| {
                    format!("{}: {read} was read when change {due} had been answered", self.name)
                });
                found.lock().extend(old);
                reads.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
            }
            anyhow::Ok(())
        });
        let (written, read) =
            tokio::join!(futures::future::try_join_all(writing), futures::future::try_join_all(reading));
        let writes: u64 = written?.iter().sum();
        read?;
        ensure!(self.cache.stats().hits > 0, "nobody was served by the {} cache", self.name);
        trial.tries += reads.load(SeqCst);
        trial.faults += writes;
        trial.violations.extend(found.into_inner());
        Ok(())
    }

    /// Changes one product again and again; never to a number that it had before, so that a number tells its moment.
    async fn write(&self, shelf: &Shelf, until: Instant) -> Result<u64> {
        let (mut now, mut writes) = (shelf.first, 0);
        while Instant::now() < until {
            let next = rand::rng().random_range(1..1_000_000);
            let Some(moment) = shelf.announce(next) else { continue };
            self.change(&shelf.product, now, next).await?;
            shelf.answered.store(moment, SeqCst);
            now = next;
            writes += 1;
            tokio::time::sleep(Duration::from_millis(rand::rng().random_range(0..6))).await;
        }
        Ok(writes)
    }

    /// Many come at once for an answer that is not there: one of them makes it.
    async fn crowd(&self, round: usize, trial: &mut Trial) -> Result<()> {
        for attempt in 0..PATIENCE {
            let key = format!("crowd-{round}-{attempt}");
            let (fetches, past) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let come = (0..CROWD).map(|_| async {
                match self.cache.enter(&key).await {
                    Entry::Hit(_) => {}
                    Entry::Bypass => drop(past.fetch_add(1, SeqCst)),
                    Entry::Fill(fill) => {
                        fetches.fetch_add(1, SeqCst);
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        fill.put(Bytes::from_static(b"[]"), Vec::new(), TTL).await;
                    }
                }
            });
            futures::future::join_all(come).await;
            if past.load(SeqCst) == 0 {
                trial.tries += 1;
                let fetches = fetches.load(SeqCst);
                trial.expect(fetches == 1, || {
                    format!("{}: {CROWD} who came at once made {fetches} fetches", self.name)
                });
                return Ok(());
            }
        }
        bail!("the {} cache is never there for all who come at once", self.name)
    }
}

/// A product, and the moments at which it was what.
struct Shelf {
    product: String,
    first: i64,
    moments: Mutex<HashMap<i64, usize>>,
    /// The moment of the latest change that was answered.
    answered: AtomicUsize,
}

impl Shelf {
    fn new(product: String, first: i64) -> Self {
        let moments = Mutex::new(HashMap::from([(first, 0)]));
        Self { product, first, moments, answered: AtomicUsize::new(0) }
    }

    /// The moment of a change that is about to be made; none where the number was there before.
    fn announce(&self, next: i64) -> Option<usize> {
        let mut moments = self.moments.lock();
        let moment = moments.len();
        if moments.contains_key(&next) {
            return None;
        }
        moments.insert(next, moment);
        Some(moment)
    }

    /// Whether a number is from before that moment, or never was.
    fn is_older(&self, read: i64, due: usize) -> bool {
        self.moments.lock().get(&read).is_none_or(|moment| *moment < due)
    }
}

fn tags(products: &[String]) -> Vec<String> {
    products.iter().map(|product| format!("product:{product}")).collect()
}

fn encode(numbers: &[i64]) -> Bytes {
    Bytes::from(json!(numbers).to_string())
}

fn decode(bytes: &[u8]) -> Result<Vec<i64>> {
    serde_json::from_slice(bytes).context("what was cached")
}
