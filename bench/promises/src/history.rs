//! What shoppers and staff did and heard, and whether it can be true of what the shop says afterwards.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use anyhow::Result;
use parking_lot::Mutex;
use rand::RngExt as _;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    aftermath::{self, Level, levels},
    check::Trial,
    client::{Client, Outcome},
    shop::Shop,
};

/// What is known of the pieces that came in, of one product.
#[derive(Debug, Clone, Copy, Default)]
struct Received {
    /// For certain.
    surely: i64,
    /// Perhaps besides: the least and the most.
    perhaps: (i64, i64),
}

/// What one shopper heard.
#[derive(Debug, Default)]
struct Heard {
    answered: HashSet<String>,
    unknown: usize,
}

/// Shoppers and staff at one shop, and all that they heard.
pub(crate) struct History {
    products: Vec<String>,
    shoppers: Vec<Client>,
    staff: Client,
    heard: Vec<Mutex<Heard>>,
    received: Mutex<HashMap<String, Received>>,
    operations: AtomicU64,
}

/// Shoppers who are at it.
pub(crate) struct Rush {
    going: Arc<AtomicBool>,
    shoppers: JoinSet<()>,
}

impl Rush {
    /// Lets everybody finish what they are about.
    pub(crate) async fn end(self) {
        self.going.store(false, SeqCst);
        let _done = self.shoppers.join_all().await;
    }
}

const RESTOCK: &str = "mutation($input: RestockInput!) { restock(input: $input) { available } }";
const ADJUST: &str = "mutation($input: AdjustStockInput!) { adjustStock(input: $input) { available } }";

impl History {
    /// At a new shop, with so many products and shoppers.
    pub(crate) async fn begin(shop: &Shop, products: usize, shoppers: usize, stock: i64) -> Result<Self> {
        let (mut ids, mut people, mut received) = (Vec::new(), Vec::new(), HashMap::new());
        for n in 0..products {
            let id = shop.product(&format!("Tea {n}"), stock).await?;
            received.insert(id.clone(), Received { surely: stock, ..Received::default() });
            ids.push(id);
        }
        for n in 0..shoppers {
            people.push(shop.shopper(&format!("shopper{n}")).await?);
        }
        Ok(Self {
            products: ids,
            heard: people.iter().map(|_| Mutex::default()).collect(),
            shoppers: people,
            staff: shop.operator().await?,
            received: Mutex::new(received),
            operations: 0.into(),
        })
    }

    /// From now on every shopper does anything that comes to mind, until that is ended.
    pub(crate) fn rush(self: &Arc<Self>) -> Rush {
        let going = Arc::new(AtomicBool::new(true));
        let shopper = |shopper| {
            let (history, going) = (self.clone(), going.clone());
            async move {
                while going.load(SeqCst) {
                    history.anything(shopper).await;
                }
            }
        };
        let shoppers = (0..self.shoppers.len()).map(shopper).collect();
        Rush { going, shoppers }
    }

    /// Judges the shop when it has settled: by what was heard, and by its own books.
    pub(crate) async fn judge(&self, shop: &Shop, trial: &mut Trial) -> Result<()> {
        trial.tries = self.operations.load(SeqCst);
        aftermath::settle(shop, trial).await?;
        self.compare(trial).await?;
        trial.violations.extend(shop.recount()?);
        Ok(())
    }

    /// Something that this shopper, or the staff, may do at any moment.
    async fn anything(&self, shopper: usize) {
        self.operations.fetch_add(1, SeqCst);
        let any = rand::rng().random_range(0..100);
        match any {
            0..70 => drop(self.place(shopper).await),
            70..88 => self.cancel(shopper).await,
            88..94 => self.restock().await,
            _ => self.adjust().await,
        }
    }

    /// Places an order of some products; its id, where it was answered.
    async fn place(&self, shopper: usize) -> Option<String> {
        let lines: BTreeMap<&str, i64> = {
            let mut rng = rand::rng();
            let count = rng.random_range(1..=3);
            (0..count).map(|_| (self.a_product(), rng.random_range(1..=3))).collect()
        };
        let lines: Vec<_> = lines.into_iter().collect();
        let outcome = self.shoppers[shopper].place(&lines, None).await;
        let mut heard = self.heard[shopper].lock();
        match &outcome {
            Outcome::Done(_) => {
                let id = outcome.text("/placeOrder/_id")?.to_owned();
                heard.answered.insert(id.clone());
                Some(id)
            }
            Outcome::Unknown(_) => {
                heard.unknown += 1;
                None
            }
            Outcome::Refused(_) => None,
        }
    }

    async fn cancel(&self, shopper: usize) {
        let order = self.heard[shopper].lock().answered.iter().next().cloned();
        if let Some(order) = order {
            // Whatever is answered: the order is there, sold or cancelled.
            let _known = self.shoppers[shopper].cancel(&order).await;
        }
    }

    async fn restock(&self) {
        let (product, quantity) = (self.a_product(), rand::rng().random_range(1..=20_i64));
        let outcome =
            self.staff.send(RESTOCK, json!({ "input": { "product": product, "quantity": quantity } })).await;
        self.note(product, quantity, &outcome);
    }

    async fn adjust(&self) {
        let product = self.a_product();
        let Ok(expected) = self.staff.left(product).await else { return };
        let quantity = (expected + rand::rng().random_range(-5..=5_i64)).max(0);
        let input =
            json!({ "product": product, "expected": expected, "quantity": quantity, "reason": "counted" });
        let outcome = self.staff.send(ADJUST, json!({ "input": input })).await;
        self.note(product, quantity - expected, &outcome);
    }

    fn note(&self, product: &str, quantity: i64, outcome: &Outcome) {
        let mut received = self.received.lock();
        let Some(received) = received.get_mut(product) else { return };
        match outcome {
            Outcome::Done(_) => received.surely += quantity,
            Outcome::Unknown(_) if quantity < 0 => received.perhaps.0 += quantity,
            Outcome::Unknown(_) => received.perhaps.1 += quantity,
            Outcome::Refused(_) => {}
        }
    }

    fn a_product(&self) -> &str {
        &self.products[rand::rng().random_range(0..self.products.len())]
    }

    /// Whether the shop's own account can be true. It must have settled.
    async fn compare(&self, trial: &mut Trial) -> Result<()> {
        let levels: HashMap<String, Level> = levels(&self.staff).await?.into_iter().collect();
        for (product, received) in self.received.lock().iter() {
            let Some(level) = levels.get(product) else {
                trial.violations.push(format!("there is no stock of {product}"));
                continue;
            };
            let there = level.on_hand + level.sold;
            let (least, most) = (received.surely + received.perhaps.0, received.surely + received.perhaps.1);
            trial.expect((least..=most).contains(&there), || {
                format!("{product}: {least} to {most} came in, {there} are on hand or sold: {level:?}")
            });
        }
        for (shopper, heard) in self.shoppers.iter().zip(&self.heard) {
            let orders = shopper.orders().await?;
            let heard = heard.lock();
            let ids: HashSet<&String> = orders.iter().map(|(id, _)| id).collect();
            trial.expect(ids.len() == orders.len(), || "an order is listed twice".to_owned());
            for id in &heard.answered {
                trial.expect(ids.contains(id), || format!("the order {id} was answered and is not there"));
            }
            let placed = orders.iter().filter(|(_, status)| status != "REJECTED" && status != "CANCELLED");
            let more = placed.filter(|(id, _)| !heard.answered.contains(id)).count();
            trial.expect(more <= heard.unknown, || {
                format!("{more} orders that nobody was answered, of {} that may be", heard.unknown)
            });
        }
        Ok(())
    }
}
