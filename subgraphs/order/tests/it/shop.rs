//! A shop of which only the order service is real.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use kit::{
    bus::{Bus, Delivery, Event, Handler, Subscription},
    identity::Role,
    service::Context,
    store::Stats,
    testing::{Answer, Person, TestClient, World},
};
use order::{Config, OrderAccount, SERVICE};
use serde_json::{Value, json};

use crate::fakes::{Catalog, Inventory};

/// What most tests ask of an order.
pub(crate) const ORDER: &str = "{ _id userId status total placedAt products { _id name quantity unitPrice lineTotal } \
                         history { status at reason by { kind userId service } } }";

const TOPICS: [&str; 7] = [
    "order.placed",
    "order.confirmed",
    "order.rejected",
    "order.cancelled",
    "order.packed",
    "order.shipped",
    "order.delivered",
];

pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) catalog: Catalog,
    pub(crate) inventory: Inventory,
    pub(crate) client: TestClient,
    ctx: Context,
    config: Config,
    heard: Arc<Mutex<Vec<Event>>>,
    _hearing: Subscription,
}

struct Ear(Arc<Mutex<Vec<Event>>>);

#[async_trait]
impl Handler for Ear {
    async fn handle(&self, event: &Event) -> kit::Result<()> {
        let mut heard = self.0.lock().unwrap();
        if heard.iter().all(|other| other.id != event.id) {
            heard.push(event.clone());
        }
        Ok(())
    }
}

/// Deadlines that a test can wait out, and a reconciler that looks all the time. What is PENDING is still given a minute, by the
/// clock that the test moves.
pub(crate) fn quick() -> Config {
    Config {
        place_deadline: Duration::from_millis(500),
        pending_deadline: Duration::from_secs(60),
        reconcile_every: Duration::from_millis(5),
        release_deadline: Duration::from_millis(200),
    }
}

/// Deadlines that no machine is too slow for, and a reconciler that looks once, at the start.
pub(crate) fn without_reconciler() -> Config {
    Config { reconcile_every: Duration::from_secs(3_600), ..patient() }
}

/// Deadlines that no machine is too slow for.
pub(crate) fn patient() -> Config {
    Config {
        reconcile_every: Duration::from_millis(5),
        place_deadline: Duration::from_secs(20),
        pending_deadline: Duration::from_secs(60),
        ..Config::default()
    }
}

impl Shop {
    pub(crate) async fn start() -> Self {
        Self::with(patient()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::open(World::start().await, config, Catalog::default(), Inventory::default(), Arc::default())
            .await
    }

    /// The same shop after the order service was stopped where it stood and started again. The others have noticed nothing.
    pub(crate) async fn restart(self) -> Self {
        let config = self.config;
        self.restart_with(config).await
    }

    /// The same with other deadlines.
    pub(crate) async fn restart_with(self, config: Config) -> Self {
        let Self { world, catalog, inventory, heard, .. } = self;
        Self::open(world.restart().await, config, catalog, inventory, heard).await
    }

    async fn open(
        world: World,
        config: Config,
        catalog: Catalog,
        inventory: Inventory,
        heard: Arc<Mutex<Vec<Event>>>,
    ) -> Self {
        catalog.install(&world);
        inventory.install(&world);
        let ctx = world.context(&SERVICE).await;
        Self::with_context(world, ctx, config, catalog, inventory, heard).await
    }

    /// A shop over a file of orders that somebody else wrote.
    pub(crate) async fn older(config: Config, write: impl AsyncFnOnce(std::path::PathBuf)) -> Self {
        let world = World::start().await;
        write(world.host().folder().join("order.db")).await;
        Self::open(world, config, Catalog::default(), Inventory::default(), Arc::default()).await
    }

    /// With another event log than the world's, on which what it publishes by itself is heard, and nothing else.
    pub(crate) async fn apart(bus: Bus) -> Self {
        let world = World::start().await;
        let (catalog, inventory) = (Catalog::default(), Inventory::default());
        catalog.install(&world);
        inventory.install(&world);
        let ctx = Context { bus, ..world.context(&SERVICE).await };
        Self::with_context(world, ctx, patient(), catalog, inventory, Arc::default()).await
    }

    async fn with_context(
        world: World,
        ctx: Context,
        config: Config,
        catalog: Catalog,
        inventory: Inventory,
        heard: Arc<Mutex<Vec<Event>>>,
    ) -> Self {
        let hearing = ctx.bus.subscribe("test", &TOPICS, Delivery::default(), Ear(heard.clone()));
        let hearing = hearing.await.unwrap();
        let client = world.serve(order::subgraph(ctx.clone(), config).await.unwrap()).await;
        Self { world, catalog, inventory, client, ctx, config, heard, _hearing: hearing }
    }

    /// A product that is offered at this price and of which there are so many.
    pub(crate) fn product(&self, name: &str, price: i64, available: i64) -> String {
        let id = order::ProductId::new().to_string();
        self.catalog.offer(&id, name, price);
        self.inventory.stock(&id, available);
        id
    }

    pub(crate) fn person(&self, name: &str, role: Role) -> Shopper {
        let person = self.world.person(name, role);
        Shopper { client: self.client.as_person(&person), person }
    }

    pub(crate) fn customer(&self, name: &str) -> Shopper {
        self.person(name, Role::Customer)
    }

    pub(crate) fn admin(&self) -> Shopper {
        self.person("boss", Role::Admin)
    }

    /// The inventory, as it asks the order service.
    pub(crate) fn as_inventory(&self) -> TestClient {
        self.client.bearer(&self.world.service_token("inventory", "order", "order:settle"))
    }

    pub(crate) fn pass(&self, time: TimeDelta) {
        self.world.clock().advance(time);
    }

    /// The database fails from here on, until a restart.
    pub(crate) async fn database_fails(&self) {
        self.ctx.store.close().await;
    }

    pub(crate) fn stats(&self) -> Stats {
        self.ctx.store.stats()
    }

    pub(crate) async fn ledger(&self) -> Vec<OrderAccount> {
        order::ledger(&self.ctx.store).await.unwrap()
    }

    /// The one order that there is, as staff see it.
    pub(crate) async fn only_order(&self) -> Value {
        let orders = self.ledger().await;
        assert_eq!(orders.len(), 1, "{orders:?}");
        self.order(&orders[0].id.to_string()).await
    }

    /// The id of the one order of this shopper.
    pub(crate) async fn id_of_only(&self, shopper: &Shopper) -> String {
        let answer = shopper.client.ask("{ orders { _id } }").await;
        let orders = answer.data()["orders"].as_array().unwrap();
        assert_eq!(orders.len(), 1);
        orders[0]["_id"].as_str().unwrap().to_owned()
    }

    /// An order as staff see it.
    pub(crate) async fn order(&self, id: &str) -> Value {
        let answer = self
            .admin()
            .client
            .send(&format!("query Q($id: ID!) {{ order(id: $id) {ORDER} }}"), json!({ "id": id }))
            .await;
        answer.data()["order"].clone()
    }

    /// Waits until an order has this status.
    pub(crate) async fn until(&self, id: &str, status: &str) -> Value {
        eventually(status, async || Some(self.order(id).await).filter(|order| order["status"] == status))
            .await
    }

    /// Waits for the event of this topic about this order.
    pub(crate) async fn heard(&self, topic: &str, order: &str) -> Event {
        eventually(topic, async || {
            let heard = self.heard.lock().unwrap();
            heard.iter().find(|event| event.topic == topic && event.key == order).cloned()
        })
        .await
    }

    /// The topics of all events about an order, once it has settled.
    pub(crate) async fn topics(&self, order: &str) -> Vec<String> {
        self.world.host().settled().await;
        eventually("all events handled", async || {
            (self.ctx.bus.lag("test").await.unwrap() == 0).then_some(())
        })
        .await;
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|event| event.key == order).map(|event| event.topic.clone()).collect()
    }

    /// Waits until the inventory was asked for a reservation, and says for which order.
    pub(crate) async fn reserving(&self) -> String {
        self.reserving_nth(1).await
    }

    /// Waits for that many requests for a reservation, and says for which order the last of them was.
    pub(crate) async fn reserving_nth(&self, n: usize) -> String {
        eventually("a reservation", async || {
            Some(self.inventory.calls("reserveStock").get(n - 1)?["order"].as_str()?.to_owned())
        })
        .await
    }
}

/// A person at the shop's door.
#[derive(Clone)]
pub(crate) struct Shopper {
    pub(crate) person: Person,
    pub(crate) client: TestClient,
}

impl Shopper {
    pub(crate) fn id(&self) -> String {
        self.person.user.id.to_string()
    }

    /// Places an order of so many of each of these products.
    pub(crate) async fn place(&self, lines: &[(&str, i64)]) -> Answer {
        self.send_order(lines, None).await
    }

    /// The same under a key.
    pub(crate) async fn place_as(&self, key: &str, lines: &[(&str, i64)]) -> Answer {
        self.send_order(lines, Some(key)).await
    }

    /// An order that must succeed; its id.
    pub(crate) async fn buys(&self, lines: &[(&str, i64)]) -> String {
        let answer = self.place(lines).await;
        id_of(&answer)
    }

    async fn send_order(&self, lines: &[(&str, i64)], key: Option<&str>) -> Answer {
        let lines: Vec<_> =
            lines.iter().map(|(id, quantity)| json!({ "_id": id, "quantity": quantity })).collect();
        self.place_json(json!(lines), json!(key)).await
    }

    /// Places an order of whatever this is.
    pub(crate) async fn place_json(&self, products: Value, key: Value) -> Answer {
        let mutation = format!(
            "mutation Place($products: [OrderProductInput], $key: String) {{ \
             placeOrder(products: $products, idempotencyKey: $key) {ORDER} }}"
        );
        self.client.send(&mutation, json!({ "products": products, "key": key })).await
    }

    pub(crate) async fn cancel(&self, id: &str, reason: Option<&str>) -> Answer {
        let mutation = format!(
            "mutation Cancel($id: ID!, $reason: String) {{ cancelOrder(id: $id, reason: $reason) {ORDER} }}"
        );
        self.client.send(&mutation, json!({ "id": id, "reason": reason })).await
    }

    pub(crate) async fn advance(&self, id: &str, to: &str) -> Answer {
        let mutation = format!(
            "mutation Advance($id: ID!, $to: OrderStatus!) {{ advanceOrder(id: $id, to: $to) {ORDER} }}"
        );
        self.client.send(&mutation, json!({ "id": id, "to": to })).await
    }

    pub(crate) async fn order(&self, id: &str) -> Answer {
        self.client.send("query One($id: ID!) { order(id: $id) { _id status } }", json!({ "id": id })).await
    }
}

/// The id of the order that was placed.
#[track_caller]
pub(crate) fn id_of(answer: &Answer) -> String {
    answer.data()["placeOrder"]["_id"].as_str().expect("an id").to_owned()
}

/// The statuses of an order's history.
pub(crate) fn statuses(order: &Value) -> Vec<&str> {
    order["history"].as_array().unwrap().iter().map(|change| change["status"].as_str().unwrap()).collect()
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let polling = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), polling)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}
