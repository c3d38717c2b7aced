//! A catalog and an inventory that keep the promises of the real ones, and break down where a test wants them to.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use kit::{client::TransportError, testing::World};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How a service answers.
#[derive(Clone)]
pub(crate) enum Mode {
    /// It does what it is asked and says so.
    Works,
    /// It cannot be reached.
    Down,
    /// It takes the request, does nothing, and never answers.
    Silent,
    /// It does what it is asked and never answers.
    DoesAndHangs,
    /// It does what it is asked; the answer is lost.
    DoesAndLosesAnswer,
    /// The same for the first request; then it works.
    LosesFirstAnswer,
    /// It does what it is asked, and answers when the gate is opened.
    DoesAndWaits(watch::Receiver<bool>),
    /// It does nothing and answers this.
    Says(Value),
}

impl Mode {
    /// A gate: the way to open it, and the mode that waits for it.
    pub(crate) fn gated() -> (watch::Sender<bool>, Self) {
        let (open, gate) = watch::channel(false);
        (open, Self::DoesAndWaits(gate))
    }

    /// An answer that is an error with this code.
    pub(crate) fn refuses(code: &str) -> Self {
        Self::Says(json!({ "data": null, "errors": [{ "message": "no", "extensions": { "code": code } }] }))
    }

    async fn run(self, service: &str, act: impl FnOnce() -> Value) -> Result<Value, TransportError> {
        let lost = || TransportError::NoAnswer { service: service.to_owned(), reason: "lost".to_owned() };
        match self {
            Self::Works | Self::LosesFirstAnswer => Ok(act()),
            Self::Down => {
                Err(TransportError::NotSent { service: service.to_owned(), reason: "it is down".to_owned() })
            }
            Self::Silent => std::future::pending().await,
            Self::DoesAndHangs => {
                act();
                std::future::pending().await
            }
            Self::DoesAndLosesAnswer => {
                act();
                Err(lost())
            }
            Self::DoesAndWaits(mut gate) => {
                let answer = act();
                gate.wait_for(|open| *open).await.map_err(|_| lost())?;
                Ok(answer)
            }
            Self::Says(answer) => Ok(answer),
        }
    }
}

/// A request that a service was sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The root field.
    pub(crate) field: &'static str,
    /// The variables.
    pub(crate) variables: Value,
}

#[derive(Default)]
struct CatalogState {
    offers: HashMap<String, (String, i64)>,
    mode: Option<Mode>,
    calls: Vec<Call>,
}

/// A catalog.
#[derive(Clone, Default)]
pub(crate) struct Catalog(Arc<Mutex<CatalogState>>);

impl Catalog {
    pub(crate) fn install(&self, world: &World) {
        let this = self.clone();
        world.script("catalog", move |query, variables| {
            let this = this.clone();
            async move {
                assert!(query.contains("offers(ids: $ids)"), "{query}");
                let mode = {
                    let mut state = this.0.lock().unwrap();
                    state.calls.push(Call { field: "offers", variables: variables.clone() });
                    state.mode.clone().unwrap_or(Mode::Works)
                };
                mode.run("catalog", || this.offers(&variables)).await
            }
        });
    }

    pub(crate) fn offer(&self, product: &str, name: &str, price: i64) {
        self.0.lock().unwrap().offers.insert(product.to_owned(), (name.to_owned(), price));
    }

    pub(crate) fn withdraw(&self, product: &str) {
        self.0.lock().unwrap().offers.remove(product);
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.0.lock().unwrap().mode = Some(mode);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
    }

    fn offers(&self, variables: &Value) -> Value {
        let state = self.0.lock().unwrap();
        let ids = variables["ids"].as_array().unwrap();
        assert!(ids.len() <= 100, "more ids than the catalog takes");
        let known = ids.iter().filter_map(|id| {
            let (name, price) = state.offers.get(id.as_str()?)?;
            Some(json!({ "_id": id, "name": name, "price": price }))
        });
        json!({ "data": { "offers": known.collect::<Vec<_>>() } })
    }
}

#[derive(Default)]
struct InventoryState {
    available: HashMap<String, i64>,
    holds: HashMap<String, BTreeMap<String, i64>>,
    released: HashSet<String>,
    reserve: Option<Mode>,
    release: Option<Mode>,
    calls: Vec<Call>,
}

/// An inventory.
#[derive(Clone, Default)]
pub(crate) struct Inventory(Arc<Mutex<InventoryState>>);

impl Inventory {
    pub(crate) fn install(&self, world: &World) {
        let this = self.clone();
        world.script("inventory", move |query, variables| {
            let this = this.clone();
            async move {
                let field = if query.contains("reserveStock(") { "reserveStock" } else { "releaseStock" };
                assert!(query.contains(&format!("{field}(")), "{query}");
                let mode = this.begin(field, &variables);
                let act = || {
                    if field == "reserveStock" { this.reserve(&variables) } else { this.release(&variables) }
                };
                mode.run("inventory", act).await
            }
        });
    }

    pub(crate) fn stock(&self, product: &str, available: i64) {
        self.0.lock().unwrap().available.insert(product.to_owned(), available);
    }

    pub(crate) fn available(&self, product: &str) -> i64 {
        self.0.lock().unwrap().available[product]
    }

    /// How reservations go from now on.
    pub(crate) fn reserving(&self, mode: Mode) {
        self.0.lock().unwrap().reserve = Some(mode);
    }

    /// How releases go from now on.
    pub(crate) fn releasing(&self, mode: Mode) {
        self.0.lock().unwrap().release = Some(mode);
    }

    /// The orders that something is held for.
    pub(crate) fn held(&self) -> Vec<String> {
        self.0.lock().unwrap().holds.keys().cloned().collect()
    }

    /// The requests to this field, in the order in which they came.
    pub(crate) fn calls(&self, field: &str) -> Vec<Value> {
        let state = self.0.lock().unwrap();
        state.calls.iter().filter(|call| call.field == field).map(|call| call.variables.clone()).collect()
    }

    fn begin(&self, field: &'static str, variables: &Value) -> Mode {
        let mut state = self.0.lock().unwrap();
        state.calls.push(Call { field, variables: variables.clone() });
        let mode = if field == "reserveStock" { &mut state.reserve } else { &mut state.release };
        match mode {
            None => Mode::Works,
            Some(Mode::LosesFirstAnswer) => {
                *mode = Some(Mode::Works);
                Mode::DoesAndLosesAnswer
            }
            Some(mode) => mode.clone(),
        }
    }

    fn reserve(&self, variables: &Value) -> Value {
        let mut state = self.0.lock().unwrap();
        let order = variables["order"].as_str().unwrap().to_owned();
        if state.released.contains(&order) {
            return json!({ "data": null, "errors": [{ "message": "released", "extensions": { "code": "CONFLICT" } }] });
        }
        if state.holds.contains_key(&order) {
            return json!({ "data": { "reserveStock": true } });
        }
        let lines = variables["lines"].as_array().unwrap().iter();
        let wanted: BTreeMap<String, i64> = lines
            .map(|line| (line["product"].as_str().unwrap().to_owned(), line["quantity"].as_i64().unwrap()))
            .collect();
        let shortages: Vec<_> = wanted
            .iter()
            .filter_map(|(product, requested)| {
                let available = *state.available.get(product).unwrap_or(&0);
                let short = json!({ "_id": product, "requested": requested, "available": available });
                (available < *requested).then_some(short)
            })
            .collect();
        if !shortages.is_empty() {
            let extensions = json!({ "code": "OUT_OF_STOCK", "shortages": shortages });
            return json!({ "data": null, "errors": [{ "message": "too little", "extensions": extensions }] });
        }
        for (product, quantity) in &wanted {
            *state.available.get_mut(product).unwrap() -= quantity;
        }
        state.holds.insert(order, wanted);
        json!({ "data": { "reserveStock": true } })
    }

    fn release(&self, variables: &Value) -> Value {
        let mut state = self.0.lock().unwrap();
        let order = variables["order"].as_str().unwrap().to_owned();
        for (product, quantity) in state.holds.remove(&order).unwrap_or_default() {
            *state.available.get_mut(&product).unwrap() += quantity;
        }
        state.released.insert(order);
        json!({ "data": { "releaseStock": true } })
    }
}
