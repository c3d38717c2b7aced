//! Events that come three times, out of order and with malformed ones between bring about what they would have brought about plainly.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use chrono::{TimeDelta, Utc};
use inventory::{Books, OrderId, ProductId};
use kit::{
    bus::{Bus, Event, EventId},
    service::Context,
    subgraph::Subgraph,
    testing::{World, servers::RedisServer},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};

use crate::{
    check::{Check, Setting, Trial},
    client::Outcome,
    sim::Door,
};

pub(crate) const CHECK: Check = Check {
    name: "events",
    promise: "Events that come three times, shuffled, with malformed ones between, do what they would plainly",
    broken: &["catalog.believes_old_news"],
    on_shops: false,
};

const PRODUCTS: usize = 6;
const STOCK: i64 = 1_000;
/// Malformed events for each of the two who hear.
const MALFORMED: usize = 4;
/// The groups who hear, and whom the malformed ones reach.
const GROUPS: [&str; 3] = ["inventory", "catalog", "catalog-cache"];
/// Eight attempts with growing waits take a quarter of a minute.
const PATIENCE: Duration = Duration::from_secs(120);
/// What is asked of the log of a server, in words for its command line.
const RAW: &str = "XADD {larder:bus}:log * nonsense rubbish";

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let mut trial = Trial::default();
    for seed in 0..setting.size.of(1, 4) {
        let story = Story::random(&mut StdRng::seed_from_u64(seed), setting.size.of(40, 200));
        let server = RedisServer::start(&["--appendonly", "yes"]);
        let (redis, folder) = (Bus::redis(&server.url()).await?, tempfile::tempdir()?);
        let sqlite = Bus::sqlite(folder.path().join("told.db")).await?;
        let plain_log = Bus::sqlite(folder.path().join("plain.db")).await?;
        let plain = plainly(&story, plain_log).await?;
        let (sqlite, redis) = tokio::join!(
            confused("sqlite", &story, sqlite, None, &plain),
            confused("redis", &story, redis, Some(&server), &plain)
        );
        for mut part in [sqlite?, redis?] {
            trial.tries += part.tries;
            trial.faults += part.faults;
            trial.violations.append(&mut part.violations);
        }
    }
    Ok(trial)
}

/// What is told, in terms of the places of products and orders in their lists.
struct Story {
    /// Of each order the product, how many, and what is said of it.
    orders: Vec<(usize, i64, &'static [&'static str])>,
    /// Of a product whether there is anything to sell, in order.
    stock: Vec<(usize, bool)>,
}

impl Story {
    fn random(dice: &mut StdRng, length: usize) -> Self {
        const SAID: [&[&str]; 4] = [
            &["order.confirmed"],
            &["order.cancelled"],
            &["order.rejected"],
            &["order.confirmed", "order.cancelled"],
        ];
        let orders = (0..length).map(|_| {
            (dice.random_range(0..PRODUCTS), dice.random_range(1..=3), SAID[dice.random_range(0..SAID.len())])
        });
        let orders = orders.collect();
        let stock = (0..length).map(|_| (dice.random_range(0..PRODUCTS), dice.random_bool(0.5))).collect();
        Self { orders, stock }
    }
}

/// Of each product what can be sold, is held and is sold, and whether lists show it as something that can be bought.
type End = Vec<(i64, i64, i64, bool)>;

/// The same story as it should be told.
async fn plainly(story: &Story, log: Bus) -> Result<End> {
    let stage = Stage::open(log).await?;
    let told = stage.prepare(story).await?;
    for event in told {
        stage.log.publish(&[event]).await?;
    }
    stage.heard(0).await?;
    stage.end().await
}

/// The story as a bad day tells it.
async fn confused(
    name: &str,
    story: &Story,
    log: Bus,
    server: Option<&RedisServer>,
    plain: &End,
) -> Result<Trial> {
    let (stage, mut trial) = (Stage::open(log).await?, Trial::default());
    let told = stage.prepare(story).await?;
    let (early, early_lines) = stage.unheld_order();
    let malformed = malformed();
    let mut all = in_confusion(&told);
    trial.tries = told.len() as u64;
    trial.faults = (all.len() - told.len() + malformed.len()) as u64;
    for event in malformed.iter().chain([&early]) {
        all.insert(rand::rng().random_range(0..=all.len()), event.clone());
    }
    for some in all.chunks(7) {
        stage.log.publish(some).await?;
        if let Some(server) = server.filter(|_| rand::rng().random_bool(0.05)) {
            ensure!(server.tell(RAW).starts_with('$'), "the log takes no raw entry");
        }
    }
    // What can be handled is, while the others wait for their next attempts.
    stage.heard(malformed.len() + 1).await?;
    let end = stage.end().await?;
    trial.expect(end == *plain, || format!("{name}: {end:?} and not {plain:?}"));
    if !trial.violations.is_empty() {
        return Ok(trial);
    }
    stage.heard(0).await?;
    let end = stage.end().await?;
    trial.expect(end == *plain, || format!("{name}, in the end: {end:?} and not {plain:?}"));
    stage.letters(name, &malformed, &early, &mut trial).await?;
    stage.replay(name, &early, &early_lines, &mut trial).await?;
    Ok(trial)
}

/// Each event three times, once under its own id again and once under another; all of them shuffled. Of one order only what is told for the first
/// time keeps its place, as the log promises; whatever is told again may come at any time.
fn in_confusion(events: &[Event]) -> Vec<Event> {
    let mut all: Vec<Event> = events.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
    all.extend(events.iter().map(|event| Event { id: EventId::new(), ..event.clone() }));
    all.shuffle(&mut rand::rng());
    for event in events.iter().filter(|event| event.topic == "order.cancelled") {
        let place = |topic: &str| all.iter().position(|one| one.key == event.key && one.topic == topic);
        if let (Some(confirmed), Some(cancelled)) = (place("order.confirmed"), place("order.cancelled"))
            && cancelled < confirmed
        {
            all.swap(confirmed, cancelled);
        }
    }
    all
}

/// What no hearer can make sense of, each with a key of its own.
fn malformed() -> Vec<Event> {
    let nonsense = [json!(null), json!("nonsense"), json!({ "orderId": 7, "productId": [] }), json!([1, 2])];
    let topics = ["order.confirmed", "stock.changed"];
    let each = topics.iter().flat_map(|topic| (0..MALFORMED).map(move |n| (topic, n)));
    each.map(|(topic, n)| Event::new(topic, format!("malformed-{n}"), Utc::now(), &nonsense[n])).collect()
}

/// A real catalog and a real inventory that hear what is on a log of ours, and nothing else.
struct Stage {
    world: World,
    stock: Arc<Subgraph>,
    catalog: Arc<Subgraph>,
    books: Books,
    products: Vec<String>,
    log: Bus,
}

impl Stage {
    async fn open(log: Bus) -> Result<Self> {
        let world = World::start().await;
        let context = Context { bus: log.clone(), ..world.context(&inventory::SERVICE).await };
        let store = context.store.clone();
        let stock = Arc::new(inventory::subgraph(context, inventory::Config::default()).await?);
        world.host().mesh().add(stock.clone());
        let context = Context { bus: log.clone(), ..world.context(&catalog::SERVICE).await };
        let catalog = Arc::new(catalog::subgraph(context, catalog::Config::default()).await?);
        let (door, mut products) = (Door::nobody(&catalog).with_api_key(), Vec::new());
        for n in 0..PRODUCTS {
            let create = "mutation($i: CreateProductInput) { createProduct(input: $i) { _id } }";
            let input = json!({ "name": format!("Tea {n}"), "price": 100, "quantity": STOCK });
            let data = door.must(create, json!({ "i": input })).await?;
            products.push(data["createProduct"]["_id"].as_str().context("no id")?.to_owned());
        }
        let books = Books::open(&store).await?;
        Ok(Self { world, stock, catalog, books, products, log })
    }

    /// Holds what the orders of the story hold; what there is to tell of them.
    async fn prepare(&self, story: &Story) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for (product, count, topics) in &story.orders {
            let (order, lines) = (OrderId::new(), [(self.products[*product].clone(), *count)]);
            ensure!(matches!(self.reserve(order, &lines).await?, Outcome::Done(_)), "nothing was held");
            events.extend(topics.iter().map(|topic| self.of_order(topic, order, &lines)));
        }
        // A rejection names no products: what is held must be in the ledger before it is heard.
        self.world.host().settled().await;
        for (version, (product, in_stock)) in story.stock.iter().enumerate() {
            let id = &self.products[*product];
            // Beyond those that the inventory itself has told, of which this log knows nothing.
            let data = json!({ "productId": id, "inStock": in_stock, "version": version + 2 });
            events.push(Event::new("stock.changed", id, Utc::now(), &data));
        }
        Ok(events)
    }

    async fn reserve(&self, order: OrderId, lines: &[(String, i64)]) -> Result<Outcome> {
        let token = self.world.service_token("order", "inventory", "stock:reserve");
        let until = (self.world.clock().now() + TimeDelta::hours(1)).to_rfc3339();
        Ok(Door::nobody(&self.stock).bearer(&token)?.reserve(&order.to_string(), lines, &until).await)
    }

    fn of_order(&self, topic: &str, order: OrderId, lines: &[(String, i64)]) -> Event {
        let told = if topic == "order.rejected" { &[][..] } else { lines };
        let lines: Vec<Value> =
            told.iter().map(|(product, count)| json!({ "productId": product, "quantity": count })).collect();
        let data = json!({ "orderId": order.to_string(), "lines": lines });
        Event::new(topic, order, Utc::now(), &data)
    }

    /// The confirmation of an order for which nothing is held yet, and what it should hold.
    fn unheld_order(&self) -> (Event, (OrderId, [(String, i64); 1])) {
        let (order, lines) = (OrderId::new(), [(self.products[0].clone(), 5)]);
        (self.of_order("order.confirmed", order, &lines), (order, lines))
    }

    /// Waits until all but so many are heard.
    async fn heard(&self, but: usize) -> Result<()> {
        let hearing = async {
            loop {
                let mut lag = 0;
                for group in GROUPS {
                    lag += self.log.lag(group).await?;
                }
                if lag <= but as u64 {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, hearing).await.context("not all events were heard in time")?
    }

    async fn end(&self) -> Result<End> {
        let query = "{ productsConnection(filter: { inStock: true }, first: 100) { nodes { _id } } }";
        let shown = Door::nobody(&self.catalog).must(query, json!({})).await?;
        let shown = shown["productsConnection"]["nodes"].as_array().context("no list")?;
        let mut end = End::new();
        for product in &self.products {
            let account = self.books.of(ProductId::parse(product)?).await?.context("no stock")?;
            let listed = shown.iter().any(|one| one["_id"] == json!(product));
            end.push((account.on_hand - account.held, account.held, account.sold, listed));
        }
        Ok(end)
    }

    /// What nobody could handle is there to be looked at, and nothing else is.
    async fn letters(&self, name: &str, malformed: &[Event], early: &Event, trial: &mut Trial) -> Result<()> {
        let (mut found, mut raw) = (Vec::new(), 0);
        for group in GROUPS {
            for letter in self.log.dead_letters(group, 1_000).await? {
                if letter.event.topic == "malformed" {
                    raw += 1;
                } else {
                    found.push(letter.event.id);
                }
            }
        }
        let mut due: Vec<_> = malformed.iter().chain([early]).map(|event| event.id).collect();
        found.sort_unstable();
        due.sort_unstable();
        trial.faults += raw;
        trial.expect(found == due, || format!("{name}: {} dead letters and not {}", found.len(), due.len()));
        Ok(())
    }

    /// What came too early is handled when an operator gives it to its group again.
    async fn replay(
        &self,
        name: &str,
        early: &Event,
        (order, lines): &(OrderId, [(String, i64); 1]),
        trial: &mut Trial,
    ) -> Result<()> {
        let before = self.end().await?[0];
        ensure!(matches!(self.reserve(*order, lines).await?, Outcome::Done(_)), "nothing was held");
        let replayed = self.log.replay("inventory", early.id).await?;
        self.heard(0).await?;
        let after = self.end().await?[0];
        let again = self.log.replay("inventory", early.id).await?;
        trial.tries += 1;
        trial.expect(replayed && !again && after.2 == before.2 + lines[0].1, || {
            format!("{name}: replayed {replayed}, again {again}: {before:?} became {after:?}")
        });
        Ok(())
    }
}
