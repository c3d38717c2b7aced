//! An inventory to ask things of: one world per test, gone with it.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its shop has failed")]

use std::{future::Future, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use inventory::{Account, Config, OrderId, ProductId};
use kit::{
    bus::{Bus, Delivery, Event, Handler},
    client::TransportError,
    identity::Role,
    service::Context,
    testing::{Answer, TestClient, World},
};
use serde_json::{Value, json};

/// Inventory behind its endpoint, with an order service that is down until a test scripts it.
pub(crate) struct Shop {
    pub(crate) world: World,
    /// Nobody.
    pub(crate) nobody: TestClient,
}

/// Every name of a field that only services may call, and its scope.
pub(crate) const CREATE: &str = "stock:create";
pub(crate) const RESERVE: &str = "stock:reserve";

pub(crate) fn config() -> Config {
    Config { ask_every: Duration::from_millis(10), ..Config::default() }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let world = World::start().await;
        world.script("order", |_, _| async { Err(down()) });
        Self::on(world).await
    }

    async fn on(world: World) -> Self {
        let context = world.context(&inventory::SERVICE).await;
        Self::with(world, context).await
    }

    /// With another event log than the world's, on which what it publishes by itself is heard, and nothing else.
    pub(crate) async fn apart(bus: Bus) -> Self {
        let world = World::start().await;
        world.script("order", |_, _| async { Err(down()) });
        let context = Context { bus, ..world.context(&inventory::SERVICE).await };
        Self::with(world, context).await
    }

    async fn with(world: World, context: Context) -> Self {
        let nobody = world.serve(inventory::subgraph(context, config()).await.unwrap()).await;
        Self { world, nobody }
    }

    /// The same data after a stop and a start.
    pub(crate) async fn reopened(self) -> Self {
        let world = self.world.restart().await;
        world.script("order", |_, _| async { Err(down()) });
        Self::on(world).await
    }

    /// Scripts what the order service says when it is asked after an order.
    pub(crate) fn orders_are(&self, fate: &'static str) {
        self.world.script("order", move |_, _| async move { Ok(json!({ "data": { "settleOrder": fate } })) });
    }

    pub(crate) fn admin(&self) -> TestClient {
        self.nobody.as_person(&self.world.person("admin", Role::Admin))
    }

    pub(crate) fn catalog(&self) -> TestClient {
        self.nobody.bearer(&self.world.service_token("catalog", "inventory", CREATE))
    }

    pub(crate) fn orders(&self) -> TestClient {
        self.nobody.bearer(&self.world.service_token("order", "inventory", RESERVE))
    }

    /// A new product with so many in stock.
    pub(crate) async fn product(&self, quantity: i64) -> ProductId {
        let product = ProductId::new();
        assert_eq!(self.create(product, quantity).await.data(), &json!({ "createStock": true }));
        product
    }

    pub(crate) async fn create(&self, product: ProductId, quantity: i64) -> Answer {
        let create = "mutation($p: ID!, $q: Int!) { createStock(product: $p, quantity: $q) }";
        self.catalog().send(create, json!({ "p": product.to_string(), "q": quantity })).await
    }

    pub(crate) async fn discard(&self, product: ProductId) -> Answer {
        let discard = "mutation($p: ID!) { discardStock(product: $p) }";
        self.catalog().send(discard, json!({ "p": product.to_string() })).await
    }

    pub(crate) fn in_a_minute(&self) -> DateTime<Utc> {
        self.world.clock().now() + TimeDelta::minutes(1)
    }

    /// The reservation of an order, for a minute.
    pub(crate) async fn reserve(&self, order: OrderId, lines: &[(ProductId, i64)]) -> Answer {
        let lines: Vec<_> = lines
            .iter()
            .map(|(product, count)| json!({ "product": product.to_string(), "quantity": count }))
            .collect();
        self.reserve_raw(json!(order.to_string()), json!(lines), json!(self.in_a_minute())).await
    }

    pub(crate) async fn reserve_raw(&self, order: Value, lines: Value, until: Value) -> Answer {
        let reserve = "mutation($o: ID!, $l: [StockLineInput!]!, $e: DateTime!) {
            reserveStock(order: $o, lines: $l, expiresAt: $e) }";
        self.orders().send(reserve, json!({ "o": order, "l": lines, "e": until })).await
    }

    pub(crate) async fn held(&self, lines: &[(ProductId, i64)]) -> OrderId {
        let order = OrderId::new();
        assert_eq!(self.reserve(order, lines).await.data(), &json!({ "reserveStock": true }));
        order
    }

    pub(crate) async fn commit(&self, order: OrderId, products: &[ProductId]) -> Answer {
        self.finish("commitStock", order, products).await
    }

    pub(crate) async fn release(&self, order: OrderId, products: &[ProductId]) -> Answer {
        self.finish("releaseStock", order, products).await
    }

    async fn finish(&self, field: &str, order: OrderId, products: &[ProductId]) -> Answer {
        let products: Vec<_> = products.iter().map(ToString::to_string).collect();
        let finish = format!("mutation($o: ID!, $p: [ID!]!) {{ {field}(order: $o, products: $p) }}");
        self.orders().send(&finish, json!({ "o": order.to_string(), "p": products })).await
    }

    /// What anybody reads of these products, in their order; null for those without stock.
    pub(crate) async fn entities(&self, ids: &[String], fields: &str) -> Answer {
        let keys: Vec<_> = ids.iter().map(|id| json!({ "__typename": "Product", "_id": id })).collect();
        let query = format!(
            "query($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on Product {{ {fields} }} }} }}"
        );
        self.nobody.send(&query, json!({ "r": keys })).await
    }

    /// How many can be sold.
    pub(crate) async fn quantity(&self, product: ProductId) -> i64 {
        let answer = self.entities(&[product.to_string()], "quantity").await;
        answer.data()["_entities"][0]["quantity"].as_i64().unwrap()
    }

    pub(crate) async fn adjust(&self, product: ProductId, expected: i64, quantity: i64) -> Answer {
        let adjust = "mutation($i: AdjustStockInput!) { adjustStock(input: $i) { available onHand held } }";
        let input = json!({ "product": product.to_string(), "expected": expected, "quantity": quantity, "reason": "counted" });
        self.admin().send(adjust, json!({ "i": input })).await
    }

    /// The books of every product, which must be in order.
    pub(crate) async fn accounts(&self) -> Vec<Account> {
        let stores = self.world.host().stores();
        let (_, store) = stores.iter().rev().find(|(name, _)| *name == "inventory").unwrap();
        let accounts = inventory::accounts(store).await.unwrap();
        for account in &accounts {
            assert_eq!(account.faults(), [], "{account:?}");
        }
        accounts
    }

    pub(crate) async fn account(&self, product: ProductId) -> Account {
        self.accounts().await.into_iter().find(|account| account.product == product).unwrap()
    }

    /// Tells the service of an order, and waits until it has heard.
    pub(crate) async fn tell(&self, topic: &str, order: OrderId, data: &Value) {
        let event = Event::new(topic, order, self.world.clock().now(), data);
        self.world.host().bus().publish(&[event]).await.unwrap();
        self.heard().await;
    }

    pub(crate) async fn heard(&self) {
        until("the events are heard", || async {
            self.world.host().bus().lag("inventory").await.unwrap() == 0
        })
        .await;
    }
}

pub(crate) fn down() -> TransportError {
    TransportError::NotSent { service: "order".to_owned(), reason: "it is down".to_owned() }
}

/// Waits until it is true; ten seconds are far more than it ever takes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let polling = async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(10), polling).await.is_ok(),
        "it never came to be that {what}"
    );
}

/// What is only done, and not looked at.
pub(crate) trait Done {
    /// There must have been no errors.
    fn done(&self);
}

impl Done for Answer {
    #[track_caller]
    fn done(&self) {
        let _ = self.data();
    }
}

/// The shortages of a refusal, as (id, requested, available).
#[track_caller]
pub(crate) fn shortages(answer: &Answer) -> Vec<(String, i64, i64)> {
    assert_eq!(answer.code(), "OUT_OF_STOCK", "{}", answer.body);
    let shortages = answer.error()["extensions"]["shortages"].as_array().unwrap();
    let short = |one: &Value| {
        (
            one["_id"].as_str().unwrap().to_owned(),
            one["requested"].as_i64().unwrap(),
            one["available"].as_i64().unwrap(),
        )
    };
    shortages.iter().map(short).collect()
}

/// Whatever is published on some topics.
#[derive(Clone, Default)]
pub(crate) struct Ear(pub(crate) Arc<std::sync::Mutex<Vec<Event>>>);

#[async_trait::async_trait]
impl Handler for Ear {
    async fn handle(&self, event: &Event) -> kit::Result<()> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

impl Ear {
    /// Listens from the beginning.
    pub(crate) async fn on(shop: &Shop, topics: &[&str]) -> Self {
        Self::at(shop.world.host().bus(), topics).await
    }

    /// The same, of that log.
    pub(crate) async fn at(bus: &Bus, topics: &[&str]) -> Self {
        let ear = Self::default();
        let subscription = bus.subscribe("ear", topics, Delivery::default(), ear.clone()).await;
        // It goes on until the test ends.
        std::mem::forget(subscription.unwrap());
        ear
    }

    /// The data of what was heard of a product, once it is so many events.
    pub(crate) async fn of(&self, product: ProductId, count: usize) -> Vec<Value> {
        let key = product.to_string();
        let heard = || -> Vec<Value> {
            let events = self.0.lock().unwrap();
            events.iter().filter(|event| event.key == key).map(|event| event.data.clone()).collect()
        };
        until("the events are published", || async { heard().len() >= count }).await;
        heard()
    }
}
