//! The way of messages between shoppers and services, on which each meets what is planned for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use kit::{
    bus::{Bus, Event, EventId, Sink},
    client::{Transport, TransportError},
    subgraph::{Request, Subgraph},
    testing::Life,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    history::History,
    plan::{Meeting, Plan, Trouble},
};

/// What messages are about, as the history calls it.
const FIELDS: [&str; 10] = [
    "placeOrder",
    "cancelOrder",
    "advanceOrder",
    "restock",
    "adjustStock",
    "reserveStock",
    "releaseStock",
    "settleOrder",
    "offers",
    "_entities",
];
/// The catalog, which answers the same whatever happens, and never ends.
const CATALOG: &str = "catalog";
/// An outbox waits half a minute for its sink.
const LATEST: u64 = 20_000;

/// All ways of one simulation.
#[derive(Clone)]
pub(super) struct Net(Arc<Inner>);

struct Inner {
    history: History,
    began: Instant,
    troubles: Mutex<Vec<Meeting>>,
    open: Mutex<BTreeMap<&'static str, (Arc<Subgraph>, Life)>>,
    under_way: AtomicUsize,
    healed: AtomicBool,
}

/// A message of its own, whoever waits for its answer.
#[derive(Clone)]
struct Message {
    to: &'static str,
    headers: HeaderMap,
    query: String,
    variables: Vec<u8>,
}

impl Net {
    pub(super) fn new(plan: &Plan, history: History) -> Self {
        Self(Arc::new(Inner {
            history,
            began: Instant::now(),
            troubles: Mutex::new(plan.troubles.clone()),
            open: Mutex::default(),
            under_way: AtomicUsize::new(0),
            healed: AtomicBool::new(false),
        }))
    }

    /// From now on messages arrive.
    pub(super) fn heal(&self) {
        self.0.healed.store(true, SeqCst);
    }

    /// Whether nothing is on its way any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.0.under_way.load(SeqCst) == 0
    }

    /// A service answers from now on.
    pub(super) fn open(&self, name: &'static str, subgraph: Arc<Subgraph>, life: Life) {
        self.0.open.lock().insert(name, (subgraph, life));
    }

    pub(super) fn close(&self, name: &'static str) {
        self.0.open.lock().remove(name);
    }

    pub(super) fn service(&self, name: &str) -> Option<Arc<Subgraph>> {
        self.0.open.lock().get(name).map(|(subgraph, _)| subgraph.clone())
    }

    /// The way from one to another.
    pub(super) fn way(&self, from: &'static str, to: &'static str) -> Arc<dyn Transport> {
        Arc::new(Way { net: self.clone(), from, to })
    }

    /// What is planned for the next message.
    fn next(&self, from: &str, to: &str, about: &str) -> Option<Trouble> {
        let trouble = self.meeting((from, to)).filter(|_| !self.0.healed.load(SeqCst));
        let line = format!("{from} to {to}: {about}");
        match trouble {
            Some(trouble) => self.0.history.fault(&format!("{line} ({trouble:?})")),
            None => self.0.history.note(&line),
        }
        trouble
    }

    /// What waits for a message on this way, if something does.
    fn meeting(&self, way: (&str, &str)) -> Option<Trouble> {
        let now = self.0.began.elapsed();
        let mut troubles = self.0.troubles.lock();
        let due = |one: &Meeting| one.way == way && Duration::from_millis(one.at) <= now;
        let found = troubles.iter().position(due)?;
        Some(troubles.remove(found).trouble)
    }

    /// Delivers a message some time later, whether anybody still waits or not.
    fn carry(
        &self,
        message: Message,
        after: Duration,
    ) -> tokio::task::JoinHandle<Result<Bytes, TransportError>> {
        let net = self.clone();
        net.0.under_way.fetch_add(1, SeqCst);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let answer = net.deliver(&message).await;
            net.0.under_way.fetch_sub(1, SeqCst);
            answer
        })
    }

    async fn deliver(&self, message: &Message) -> Result<Bytes, TransportError> {
        if message.to == CATALOG {
            return Ok(offers(&message.variables));
        }
        let open = self.0.open.lock().get(message.to).cloned();
        let Some((subgraph, life)) = open else { return Err(not_sent(message.to)) };
        let Message { headers, query, variables, .. } = message;
        let request = Request { query, operation_name: None, variables };
        tokio::select! {
            biased;
            () = life.ended() => Err(no_answer(message.to, "it has ended")),
            answer = subgraph.execute(headers, request) => Ok(answer),
        }
    }
}

/// What the catalog offers: everything.
fn offers(variables: &[u8]) -> Bytes {
    let variables: Value = serde_json::from_slice(variables).unwrap_or_default();
    let ids = variables["ids"].as_array().cloned().unwrap_or_default();
    let offers: Vec<_> =
        ids.into_iter().map(|id| json!({ "_id": id, "name": "Tea", "price": 100 })).collect();
    json!({ "data": { "offers": offers } }).to_string().into()
}

fn not_sent(service: &str) -> TransportError {
    TransportError::NotSent { service: service.to_owned(), reason: "it is not there".to_owned() }
}

fn no_answer(service: &str, reason: &str) -> TransportError {
    TransportError::NoAnswer { service: service.to_owned(), reason: reason.to_owned() }
}

struct Way {
    net: Net,
    from: &'static str,
    to: &'static str,
}

/// What a message is about, as the history calls it.
fn about(request: &Request<'_>, history: &History) -> String {
    let field = FIELDS.into_iter().find(|field| request.query.contains(&format!("{field}(")));
    let variables: Value = serde_json::from_slice(request.variables).unwrap_or_default();
    let order = ["order", "id", "o"].iter().find_map(|name| variables[name].as_str());
    match order {
        Some(order) => format!("{} {}", field.unwrap_or("?"), history.name(order)),
        None => field.unwrap_or("?").to_owned(),
    }
}

/// Whether the message may be sent again by whoever had no answer: an order without a key may not, since it would be another order.
fn is_repeatable(request: &Request<'_>) -> bool {
    let variables: Value = serde_json::from_slice(request.variables).unwrap_or_default();
    !request.query.contains("placeOrder(") || variables["k"].is_string()
}

#[async_trait]
impl Transport for Way {
    async fn send(&self, headers: HeaderMap, request: Request<'_>) -> Result<Bytes, TransportError> {
        let trouble = self.net.next(self.from, self.to, &about(&request, &self.net.0.history));
        let (query, variables) = (request.query.to_owned(), request.variables.to_vec());
        let message = Message { to: self.to, headers, query, variables };
        let after = match trouble {
            Some(Trouble::NotSent) => return Err(not_sent(self.to)),
            Some(Trouble::Lost) => return Err(no_answer(self.to, "lost")),
            Some(Trouble::Silence) => return std::future::pending().await,
            Some(Trouble::Late(millis)) => millis,
            Some(Trouble::Twice(millis)) if is_repeatable(&request) => {
                drop(self.net.carry(message.clone(), Duration::from_millis(millis)));
                1
            }
            Some(Trouble::AnswerLost | Trouble::Twice(_)) | None => 1,
        };
        let carried = self.net.carry(message, Duration::from_millis(after)).await;
        let answer = carried.map_err(|error| no_answer(self.to, &error.to_string()))?;
        if trouble == Some(Trouble::AnswerLost) { Err(no_answer(self.to, "lost")) } else { answer }
    }
}

/// The way from a service's outbox to the log.
pub(super) struct Post {
    pub(super) net: Net,
    pub(super) from: &'static str,
    pub(super) bus: Bus,
}

#[async_trait]
impl Sink for Post {
    async fn deliver(&self, events: &[Event]) -> kit::Result<()> {
        let topics: Vec<_> = events.iter().map(|event| event.topic.as_str()).collect();
        let trouble = self.net.next(self.from, "log", &topics.join(", "));
        let lost = || kit::Error::unavailable("The log", no_answer("log", "lost"));
        match trouble {
            Some(Trouble::NotSent | Trouble::Lost) => return Err(lost()),
            Some(Trouble::Silence) => return std::future::pending().await,
            Some(Trouble::Late(millis)) => {
                tokio::time::sleep(Duration::from_millis(millis.min(LATEST))).await;
            }
            _ => {}
        }
        self.bus.publish(events).await?;
        match trouble {
            Some(Trouble::AnswerLost) => Err(lost()),
            Some(Trouble::Twice(millis)) => {
                // Said again under another id, as after a lost log.
                let again = events.iter().map(|event| Event { id: EventId::new(), ..event.clone() });
                let (again, net) = (again.collect::<Vec<_>>(), self.net.clone());
                let bus = self.bus.clone();
                net.0.under_way.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    // Where its process has ended meanwhile it is not said.
                    let saying = bus.publish(&again);
                    let _ = tokio::time::timeout(Duration::from_secs(1), saying).await;
                    net.0.under_way.fetch_sub(1, SeqCst);
                });
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
