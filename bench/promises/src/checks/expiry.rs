//! A hold that runs out while its order is being confirmed: one of the two wins, and stock and order agree on which.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use http::HeaderMap;
use inventory::{Books, ProductId};
use kit::{
    client::{Clients, Mesh, Transport, TransportError},
    identity::{Role, ServiceTokens},
    service::Context,
    store::Store,
    subgraph::Request,
    testing::World,
};
use order::OrderStatus;
use parking_lot::Mutex;
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    check::{Check, Setting, Trial},
    client::Outcome,
    shop::until,
    sim::Door,
};

pub(crate) const CHECK: Check = Check {
    name: "expiry",
    promise: "A hold that runs out while its order is confirmed is sold or given back, as the order says",
    broken: &["inventory.expiry_forgets_order"],
    on_shops: false,
};

/// So many orders have holds that run out at the same moment, each with a product of its own.
const AT_ONCE: usize = 10;
/// The confirmations come within so many milliseconds before and after that moment.
const AROUND: i64 = 50;
/// What the order service keeps its PENDING orders for, and the holds beyond it.
const HELD_FOR: TimeDelta = TimeDelta::seconds(60 + 15);
const STOCK: i64 = 5;

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let stage = Stage::open().await?;
    let mut trial = Trial::default();
    let mut sold = 0;
    for _ in 0..setting.size.of(2, 20) {
        sold += stage.round(&mut trial).await?;
    }
    let all = trial.tries;
    trial
        .expect(0 < sold && sold < all, || format!("it was no race: {sold} of {all} were confirmed in time"));
    Ok(trial)
}

/// A real order service and a real inventory; what the one is answered by the other waits at gates.
struct Stage {
    world: World,
    gates: Gates,
    books: Books,
    ledger: Store,
    orders: Arc<kit::subgraph::Subgraph>,
    stock: Arc<kit::subgraph::Subgraph>,
}

/// The gates, by product.
#[derive(Clone, Default)]
struct Gates(Arc<Mutex<HashMap<String, watch::Sender<At>>>>);

/// How far a reservation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Asked,
    /// Made, and not answered.
    Held,
    /// It may be answered.
    Open,
}

/// The way to the inventory, on which the answers of reservations wait.
struct Gated {
    mesh: Mesh,
    gates: Gates,
}

#[async_trait]
impl Transport for Gated {
    async fn send(&self, headers: HeaderMap, request: Request<'_>) -> Result<Bytes, TransportError> {
        let answer = self.mesh.execute("inventory", &headers, request).await?;
        if request.query.contains("reserveStock(") {
            let variables: Value = serde_json::from_slice(request.variables).unwrap_or_default();
            let product = variables["lines"][0]["product"].as_str().unwrap_or_default();
            let gate = self.gates.0.lock().get(product).cloned();
            if let Some(gate) = gate {
                gate.send_replace(At::Held);
                // The gates are kept longer than anybody waits.
                let _ = gate.subscribe().wait_for(|at| *at == At::Open).await;
            }
        }
        Ok(answer.body)
    }
}

/// An order on its way.
struct Placing {
    product: String,
    gate: watch::Sender<At>,
    /// When its reservation is answered, in milliseconds after the hold has run out.
    confirmed_at: i64,
    answer: tokio::task::JoinHandle<Outcome>,
}

impl Stage {
    async fn open() -> Result<Self> {
        let world = World::start().await;
        world.script("catalog", |_, variables| async move {
            let ids = variables["ids"].as_array().cloned().unwrap_or_default();
            let offers: Vec<_> =
                ids.into_iter().map(|id| json!({ "_id": id, "name": "Tea", "price": 100 })).collect();
            Ok(json!({ "data": { "offers": offers } }))
        });
        let config =
            inventory::Config { ask_every: Duration::from_millis(2), ..inventory::Config::default() };
        let context = world.context(&inventory::SERVICE).await;
        let store = context.store.clone();
        let stock = Arc::new(inventory::subgraph(context, config).await?);
        world.host().mesh().add(stock.clone());

        let (gates, host) = (Gates::default(), world.host());
        let tokens = Arc::new(ServiceTokens::new("order", host.ring("order")?, world.clock().clone()));
        let gated: Arc<dyn Transport> = Arc::new(Gated { mesh: host.mesh().clone(), gates: gates.clone() });
        let ways =
            vec![("catalog".to_owned(), host.mesh().transport("catalog")), ("inventory".to_owned(), gated)];
        let context =
            Context { clients: Clients::new(ways, &tokens), ..world.context(&order::SERVICE).await };
        // Only the inventory's question ends an order here: the reconciler would be there first.
        let ledger = context.store.clone();
        let config = order::Config {
            place_deadline: Duration::from_secs(25),
            pending_deadline: Duration::from_secs(60),
            reconcile_every: Duration::from_secs(3_600),
            ..order::Config::default()
        };
        let orders = Arc::new(order::subgraph(context, config).await?);
        host.mesh().add(orders.clone());
        let books = Books::open(&store).await?;
        Ok(Self { world, gates, books, ledger, orders, stock })
    }

    /// Holds of several orders run out at one moment, and their confirmations come around it; how many were confirmed.
    async fn round(&self, trial: &mut Trial) -> Result<u64> {
        let mut placings = Vec::new();
        for _ in 0..AT_ONCE {
            placings.push(self.place().await?);
        }
        for placing in &placings {
            let mut held = placing.gate.subscribe();
            tokio::time::timeout(Duration::from_secs(20), held.wait_for(|at| *at == At::Held))
                .await
                .context("a reservation was not made")??;
        }
        let clock = self.world.clock();
        clock.advance(HELD_FOR - TimeDelta::milliseconds(AROUND));
        for now in -AROUND..=AROUND {
            for placing in placings.iter().filter(|placing| placing.confirmed_at == now) {
                placing.gate.send_replace(At::Open);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            clock.advance(TimeDelta::milliseconds(1));
        }
        let mut sold = 0;
        for placing in placings {
            trial.tries += 1;
            trial.faults += 1;
            sold += u64::from(self.judge(placing, trial).await?);
        }
        self.gates.0.lock().clear();
        Ok(sold)
    }

    async fn place(&self) -> Result<Placing> {
        let product = ProductId::new().to_string();
        let token = self.world.service_token("catalog", "inventory", "stock:create");
        Door::nobody(&self.stock).bearer(&token)?.create_stock(&product, STOCK).await?;
        let gate = watch::Sender::new(At::Asked);
        self.gates.0.lock().insert(product.clone(), gate.clone());
        let shopper = self.world.person("ann", Role::Customer);
        let door = Door::nobody(&self.orders).bearer(&shopper.token)?;
        let lines = [(product.clone(), 1)];
        let answer = tokio::spawn(async move { door.place(&lines, None).await });
        let confirmed_at = rand::rng().random_range(-AROUND..=AROUND);
        Ok(Placing { product, gate, confirmed_at, answer })
    }

    /// Whether the order is sold; everything must say the same.
    async fn judge(&self, placing: Placing, trial: &mut Trial) -> Result<bool> {
        let answer = placing.answer.await?;
        let product = ProductId::parse(&placing.product)?;
        let settled = until("a hold is settled", || async {
            self.books.of(product).await.ok()?.filter(|account| account.held == 0)
        });
        let account = settled.await?;
        let orders = order::ledger(&self.ledger).await?;
        let order = orders
            .into_iter()
            .find(|order| order.lines.iter().any(|(product, _)| product.to_string() == placing.product))
            .context("the order is not there")?;
        let said = match (answer.text("/placeOrder/status"), &answer) {
            (Some("CONFIRMED"), _) => Some(OrderStatus::Confirmed),
            (_, Outcome::Unknown(_)) => Some(OrderStatus::Cancelled),
            _ => None,
        };
        let sold =
            account.sold_to.iter().map(|(order, count)| (order.to_string(), *count)).collect::<Vec<_>>();
        let due = match order.status {
            OrderStatus::Confirmed => vec![(order.id.to_string(), 1)],
            _ => Vec::new(),
        };
        // What came in, what was held, and one end of it.
        let agreed = said == Some(order.status) && sold == due && account.movements == 3;
        trial.expect(agreed && account.faults().is_empty(), || {
            format!(
                "{:+} ms: answered {answer:?}, the order is {:?}, sold {sold:?}, {} movements, {:?}",
                placing.confirmed_at,
                order.status,
                account.movements,
                account.faults()
            )
        });
        Ok(order.status == OrderStatus::Confirmed)
    }
}
