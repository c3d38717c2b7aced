//! A running catalog beside an inventory that does as it is told, and short ways to use them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test whose helper fails has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use chrono::TimeDelta;
use kit::{
    bus::{Delivery, Event, Handler, Subscription},
    cache::Entry,
    client::TransportError,
    identity::Role,
    store::Store,
    testing::{Answer, Person, TestClient, World},
};
use serde_json::{Value, json};

/// What the scripted inventory does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// What it is asked.
    Obliging,
    /// Nothing: it refuses with this code.
    Refusing(&'static str),
    /// Nothing, and nobody hears of it: it is not there.
    Away,
    /// What it is asked, but its answer is lost.
    DoneAndLost,
    /// The same once; after that it is obliging.
    DoneAndLostOnce,
    /// Nothing, and there is no answer either.
    NotDoneAndLost,
    /// Nothing, until it is in another mood.
    Waiting,
    /// What it is asked, and then it never answers.
    DoneAndSilent,
    /// Nothing, and it never answers.
    Silent,
}

#[derive(Debug, Default)]
struct Stocks {
    made: BTreeMap<String, i64>,
    discarded: BTreeSet<String>,
    calls: Vec<(&'static str, String)>,
}

/// An inventory that remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Inventory {
    stocks: Arc<Mutex<Stocks>>,
    create: Arc<Mutex<Mood>>,
    discard: Arc<Mutex<Mood>>,
}

impl Inventory {
    fn new() -> Self {
        let mood = || Arc::new(Mutex::new(Mood::Obliging));
        Self { stocks: Arc::default(), create: mood(), discard: mood() }
    }

    pub(crate) fn create(&self, mood: Mood) {
        *self.create.lock().unwrap() = mood;
    }

    pub(crate) fn discard(&self, mood: Mood) {
        *self.discard.lock().unwrap() = mood;
    }

    /// The stocks that there are.
    pub(crate) fn stocks(&self) -> BTreeMap<String, i64> {
        self.stocks.lock().unwrap().made.clone()
    }

    pub(crate) fn discarded(&self) -> BTreeSet<String> {
        self.stocks.lock().unwrap().discarded.clone()
    }

    /// How often it was asked to make, or to discard, a stock.
    pub(crate) fn calls(&self, what: &str) -> usize {
        self.stocks.lock().unwrap().calls.iter().filter(|(call, _)| *call == what).count()
    }

    /// The products that it was asked to make the stock of.
    pub(crate) fn asked_for(&self) -> BTreeSet<String> {
        self.stocks.lock().unwrap().calls.iter().map(|(_, product)| product.clone()).collect()
    }

    fn act(&self, query: &str, variables: &Value) -> Value {
        let product = variables["product"].as_str().expect("a product").to_owned();
        let mut stocks = self.stocks.lock().unwrap();
        if query.contains("discardStock") {
            stocks.made.remove(&product);
            stocks.discarded.insert(product);
            return json!({ "data": { "discardStock": true } });
        }
        let quantity = variables["quantity"].as_i64().expect("a quantity");
        if stocks.discarded.contains(&product) {
            return refusal("CONFLICT");
        }
        if *stocks.made.entry(product).or_insert(quantity) != quantity {
            return refusal("CONFLICT");
        }
        json!({ "data": { "createStock": true } })
    }

    async fn answer(self, query: String, variables: Value) -> Result<Value, TransportError> {
        let lost = || TransportError::NoAnswer { service: "inventory".to_owned(), reason: "lost".to_owned() };
        let what = if query.contains("discardStock") { "discard" } else { "create" };
        let mood = if what == "discard" { self.discard.clone() } else { self.create.clone() };
        let product = variables["product"].as_str().expect("a product").to_owned();
        self.stocks.lock().unwrap().calls.push((what, product));
        let mut poll = tokio::time::interval(Duration::from_millis(5));
        while *mood.lock().unwrap() == Mood::Waiting {
            poll.tick().await;
        }
        let now = *mood.lock().unwrap();
        match now {
            Mood::Obliging | Mood::Waiting => Ok(self.act(&query, &variables)),
            Mood::Refusing(code) => Ok(refusal(code)),
            Mood::Away => {
                Err(TransportError::NotSent { service: "inventory".to_owned(), reason: "away".to_owned() })
            }
            Mood::DoneAndLost => {
                self.act(&query, &variables);
                Err(lost())
            }
            Mood::DoneAndLostOnce => {
                self.act(&query, &variables);
                *mood.lock().unwrap() = Mood::Obliging;
                Err(lost())
            }
            Mood::NotDoneAndLost => Err(lost()),
            Mood::DoneAndSilent => {
                self.act(&query, &variables);
                std::future::pending().await
            }
            Mood::Silent => std::future::pending().await,
        }
    }
}

fn refusal(code: &str) -> Value {
    json!({ "data": null, "errors": [{ "message": "secret reason", "extensions": { "code": code } }] })
}

pub(crate) struct Shop {
    pub(crate) world: World,
    /// A client without credentials.
    pub(crate) client: TestClient,
    pub(crate) inventory: Inventory,
    pub(crate) store: Store,
}

impl Shop {
    pub(crate) async fn start() -> Self {
        Self::start_in(World::start().await, Inventory::new()).await
    }

    async fn start_in(world: World, inventory: Inventory) -> Self {
        let scripted = inventory.clone();
        world.script("inventory", move |query, variables| scripted.clone().answer(query, variables));
        let ctx = world.context(&catalog::SERVICE).await;
        let store = ctx.store.clone();
        let subgraph = catalog::subgraph(ctx, catalog::Config::default()).await.expect("the catalog starts");
        let client = world.serve(subgraph).await;
        Self { world, client, inventory, store }
    }

    /// The same data after a stop and a start. Whatever was under way is lost.
    pub(crate) async fn restart(self) -> Self {
        let Self { world, client, inventory, store } = self;
        drop((client, store));
        Self::start_in(world.restart().await, inventory).await
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.world.clock().advance(by);
    }

    /// A client with the API key.
    pub(crate) fn key(&self) -> TestClient {
        self.client.with_api_key()
    }

    pub(crate) fn admin(&self) -> TestClient {
        self.client.as_person(&self.world.person("boss", Role::Admin))
    }

    pub(crate) fn seller(&self, name: &str) -> (Person, TestClient) {
        let person = self.world.person(name, Role::Seller);
        let client = self.client.as_person(&person);
        (person, client)
    }

    /// A product with these fields besides a name, a price and a quantity; its id.
    pub(crate) async fn product(&self, name: &str, more: Value) -> String {
        let mut input = json!({ "name": name, "price": 100, "quantity": 5 });
        merge(&mut input, more);
        let answer = create(&self.key(), input).await;
        id_of(&answer.data()["createProduct"])
    }

    /// A category; its id.
    pub(crate) async fn category(&self, name: &str, parent: Option<&str>) -> String {
        let query = "mutation($input: CreateCategoryInput!) { createCategory(input: $input) { _id slug } }";
        let answer = self.admin().send(query, json!({ "input": { "name": name, "parent": parent } })).await;
        id_of(&answer.data()["createCategory"])
    }

    /// The names in a page of products, with these arguments.
    pub(crate) async fn names(&self, arguments: &str) -> Vec<String> {
        let query = format!("{{ productsConnection({arguments}) {{ nodes {{ name }} }} }}");
        names(&self.client.ask(&query).await.data()["productsConnection"]["nodes"])
    }

    /// Publishes an event as another service.
    pub(crate) async fn tell(&self, topic: &str, key: &str, data: &Value) {
        let event = Event::new(topic, key, self.world.clock().now(), data);
        self.world.host().bus().publish(&[event]).await.expect("the event is published");
    }

    /// Hears what the catalog tells.
    pub(crate) async fn listen(&self, topics: &[&str]) -> Heard {
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let handler = Listener(events.clone());
        let bus = self.world.host().bus();
        let subscription =
            bus.subscribe("test", topics, Delivery::default(), handler).await.expect("it is heard");
        Heard { events, _subscription: subscription }
    }

    /// Waits until everything that was told has been heard by the catalog itself.
    pub(crate) async fn quiet(&self) {
        let host = self.world.host();
        eventually("nothing is under way", || async {
            host.settled().await;
            let lags =
                [host.bus().lag("catalog").await.unwrap(), host.bus().lag("catalog-cache").await.unwrap()];
            lags == [0, 0]
        })
        .await;
    }

    /// Puts something into the cache under these tags.
    pub(crate) async fn remember(&self, key: &str, tags: &[&str]) {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        match self.world.host().cache().enter(key).await {
            Entry::Fill(fill) => {
                fill.put(Bytes::from_static(b"old"), tags, Duration::from_secs(10)).await;
            }
            _ => panic!("{key} is in the cache already"),
        }
        assert!(self.remembers(key).await);
    }

    pub(crate) async fn remembers(&self, key: &str) -> bool {
        matches!(self.world.host().cache().enter(key).await, Entry::Hit(_))
    }

    /// Waits until nothing that was begun is left.
    pub(crate) async fn tidy(&self) {
        eventually("nothing is left half done", || async { self.report().await.unfinished == 0 }).await;
    }

    pub(crate) async fn report(&self) -> catalog::Report {
        catalog::check(&self.store, self.world.clock().now()).await.expect("the data is counted")
    }
}

/// Events that were heard.
pub(crate) struct Heard {
    events: Arc<Mutex<Vec<Event>>>,
    _subscription: Subscription,
}

impl Heard {
    /// Waits until so many have been heard, and gives their topics and data in order.
    pub(crate) async fn first(&self, count: usize) -> Vec<(String, Value)> {
        let enough = || async { self.events.lock().unwrap().len() >= count };
        eventually(&format!("{count} events are heard"), enough).await;
        self.all()
    }

    pub(crate) fn all(&self) -> Vec<(String, Value)> {
        self.events.lock().unwrap().iter().map(|event| (event.topic.clone(), event.data.clone())).collect()
    }
}

struct Listener(Arc<Mutex<Vec<Event>>>);

#[async_trait::async_trait]
impl Handler for Listener {
    async fn handle(&self, event: &Event) -> kit::Result<()> {
        let mut events = self.0.lock().unwrap();
        if events.iter().all(|heard| heard.id != event.id) {
            events.push(event.clone());
        }
        Ok(())
    }
}

pub(crate) async fn create(client: &TestClient, input: Value) -> Answer {
    let query = "mutation($input: CreateProductInput) { createProduct(input: $input) { _id name price slug sellerId } }";
    client.send(query, json!({ "input": input })).await
}

pub(crate) async fn update(client: &TestClient, id: &str, input: Value) -> Answer {
    let query = "mutation($id: ID!, $input: UpdateProductInput!) { updateProduct(id: $id, input: $input) {
        _id name price slug brand size unit sizeText description storage allergens pictures category { slug } updatedAt } }";
    client.send(query, json!({ "id": id, "input": input })).await
}

pub(crate) async fn archive(client: &TestClient, id: &str) -> Answer {
    client
        .send("mutation($id: ID!) { archiveProduct(id: $id) { _id archivedAt } }", json!({ "id": id }))
        .await
}

pub(crate) fn id_of(thing: &Value) -> String {
    thing["_id"].as_str().unwrap_or_else(|| panic!("no id: {thing}")).to_owned()
}

pub(crate) fn names(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().unwrap_or_else(|| panic!("no list: {nodes}"));
    nodes.iter().map(|node| node["name"].as_str().expect("a name").to_owned()).collect()
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

/// Asks again until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        let mut poll = tokio::time::interval(Duration::from_millis(5));
        while !is_so().await {
            poll.tick().await;
        }
    });
    assert!(patience.await.is_ok(), "in vain: {what}");
}
