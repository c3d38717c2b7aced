//! What becomes of an order's stock does not depend on how often, how late and in which order it is said.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use inventory::{Books, OrderId, ProductId};
use kit::testing::World;
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::json;

use crate::{
    check::{Check, Setting, Trial},
    client::Outcome,
    sim::Door,
};

pub(crate) const CHECK: Check = Check {
    name: "histories",
    promise: "Hold, commit and release end alike, however often, late and out of order they come",
    broken: &["inventory.release_leaves_no_mark"],
    on_shops: false,
};

/// How often it is looked whether nothing is held any more; then it is taken as it is.
const LOOKS: usize = 500;
/// So many are enough to know that it is broken.
const ENOUGH: usize = 10;

/// What the order service has decided, or will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Sold,
    /// It never became a sale.
    Ended,
    /// It was sold, and cancelled afterwards.
    Returned,
}

/// What the inventory is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Hold,
    Commit,
    Release,
}

impl Fate {
    /// What is said of such an order, in order.
    const fn plainly(self) -> &'static [Said] {
        match self {
            Self::Sold => &[Said::Hold, Said::Commit],
            Self::Ended => &[Said::Hold, Said::Release],
            Self::Returned => &[Said::Hold, Said::Commit, Said::Release],
        }
    }

    const fn answer(self) -> &'static str {
        match self {
            Self::Sold => "CONFIRMED",
            Self::Ended | Self::Returned => "ENDED",
        }
    }
}

/// An order: how many of each product there are, and how many of them it wants.
#[derive(Debug, Clone)]
struct History {
    fate: Fate,
    lines: Vec<(i64, i64)>,
    /// What is said, those together that come at once.
    said: Vec<Vec<Said>>,
    /// After which of these the hold runs out.
    runs_out: Option<usize>,
}

impl History {
    fn random(dice: &mut StdRng) -> Self {
        let fate = [Fate::Sold, Fate::Ended, Fate::Returned][dice.random_range(0..3)];
        let lines =
            (0..dice.random_range(1..=3)).map(|_| (dice.random_range(4..9), dice.random_range(1..=4)));
        let lines = lines.collect();
        let mut all: Vec<_> =
            fate.plainly().iter().flat_map(|said| vec![*said; dice.random_range(1..=3)]).collect();
        all.shuffle(dice);
        let mut said = Vec::new();
        while !all.is_empty() {
            let at_once = dice.random_range(1..=all.len().min(3));
            said.push(all.split_off(all.len() - at_once));
        }
        // A sale had its hold before the time was over: without it there had been no sale.
        let first = said.iter().position(|group| group.contains(&Said::Hold)).unwrap_or_default();
        let runs_out = dice.random_bool(0.5).then(|| dice.random_range(first..said.len()));
        Self { fate, lines, said, runs_out }
    }
}

/// Of each product what can be sold, what is held and what is sold.
type End = Vec<(i64, i64, i64)>;

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let stage = Stage::open().await?;
    let mut trial = Trial::default();
    for seed in 0..setting.size.of(50, 500) {
        if trial.violations.len() >= ENOUGH {
            break;
        }
        let history = History::random(&mut StdRng::seed_from_u64(seed));
        let plain = History {
            said: history.fate.plainly().iter().map(|said| vec![*said]).collect(),
            runs_out: None,
            ..history.clone()
        };
        let due = stage.live(&plain, &mut trial).await?;
        let end = stage.live(&history, &mut trial).await?;
        trial.tries += 1;
        trial.faults += history.said.iter().map(Vec::len).sum::<usize>() as u64;
        trial.expect(end == due, || format!("seed {seed}: {end:?} and not {due:?} after {history:?}"));
    }
    Ok(trial)
}

/// A real inventory, and an order service that answers what was decided.
struct Stage {
    world: World,
    subgraph: Arc<kit::subgraph::Subgraph>,
    books: Books,
    fates: Arc<Mutex<HashMap<String, Fate>>>,
}

impl Stage {
    async fn open() -> Result<Self> {
        let world = World::start().await;
        let fates = Arc::new(Mutex::new(HashMap::<String, Fate>::new()));
        let known = fates.clone();
        world.script("order", move |_, variables| {
            let id = variables["id"].as_str().unwrap_or_default();
            let fate = known.lock().get(id).map_or("UNDECIDED", |fate| fate.answer());
            async move { Ok(json!({ "data": { "settleOrder": fate } })) }
        });
        let config =
            inventory::Config { ask_every: Duration::from_millis(3), ..inventory::Config::default() };
        let context = world.context(&inventory::SERVICE).await;
        let store = context.store.clone();
        let subgraph = Arc::new(inventory::subgraph(context, config).await?);
        Ok(Self { world, subgraph, books: Books::open(&store).await?, fates })
    }

    /// Lets it happen; what it comes to.
    async fn live(&self, history: &History, trial: &mut Trial) -> Result<End> {
        let door = |from: &str, scope: &str| {
            Door::nobody(&self.subgraph).bearer(&self.world.service_token(from, "inventory", scope))
        };
        let (catalog, orders) = (door("catalog", "stock:create")?, door("order", "stock:reserve")?);
        let order = OrderId::new().to_string();
        let mut lines = Vec::new();
        for (stock, wanted) in &history.lines {
            let product = ProductId::new().to_string();
            catalog.create_stock(&product, *stock).await?;
            lines.push((product, *wanted));
        }
        self.fates.lock().insert(order.clone(), history.fate);
        let teller = Teller {
            orders,
            products: lines.iter().map(|(product, _)| product.clone()).collect(),
            lines,
            order,
            until: (self.world.clock().now() + TimeDelta::minutes(1)).to_rfc3339(),
        };
        self.tell(&teller, history, trial).await?;
        self.end(&teller.products).await
    }

    async fn tell(&self, teller: &Teller, history: &History, trial: &mut Trial) -> Result<()> {
        let mut sold = false;
        for (n, group) in history.said.iter().enumerate() {
            let outcomes = futures::future::join_all(group.iter().map(|said| teller.say(*said))).await;
            for (said, outcome) in group.iter().zip(outcomes) {
                sold |= *said == Said::Commit && matches!(outcome, Outcome::Done(_));
                let fair = matches!(outcome, Outcome::Done(_)) || outcome.is_refused_as("CONFLICT");
                trial.expect(fair, || format!("{said:?} was answered {outcome:?} in {history:?}"));
            }
            if history.runs_out == Some(n) {
                self.world.clock().advance(TimeDelta::minutes(2));
            }
        }
        // What was refused because it came too early comes again, as events do.
        if history.fate == Fate::Sold && !sold {
            let outcome = teller.say(Said::Commit).await;
            let done = matches!(outcome, Outcome::Done(_));
            trial.expect(done, || format!("a sale was answered {outcome:?} in {history:?}"));
        }
        Ok(())
    }

    /// What is there when nothing is held any more, or when that takes too long.
    async fn end(&self, products: &[String]) -> Result<End> {
        for last in (0..LOOKS).rev() {
            let mut end = End::new();
            for product in products {
                let account = self.books.of(ProductId::parse(product)?).await?;
                let account = account.context("a stock is not there")?;
                end.push((account.on_hand - account.held, account.held, account.sold));
            }
            if last == 0 || end.iter().all(|(_, held, _)| *held == 0) {
                return Ok(end);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(End::new())
    }
}

/// Whoever speaks for one order.
struct Teller {
    orders: Door,
    order: String,
    lines: Vec<(String, i64)>,
    products: Vec<String>,
    until: String,
}

impl Teller {
    async fn say(&self, said: Said) -> Outcome {
        match said {
            Said::Hold => self.orders.reserve(&self.order, &self.lines, &self.until).await,
            Said::Commit => self.orders.finish("commitStock", &self.order, &self.products).await,
            Said::Release => self.orders.finish("releaseStock", &self.order, &self.products).await,
        }
    }
}
