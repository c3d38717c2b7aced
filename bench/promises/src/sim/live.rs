//! Lets a plan happen: on one thread, with a time that jumps to whatever is due next.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use inventory::{Account, Books, ProductId};
use kit::{
    identity::{Role, UserId},
    subgraph::Request,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    door::Door,
    history::History,
    judge,
    plan::{PRODUCTS, Plan, Process, What},
    town::{Keys, Town},
};
use crate::client::Outcome;

/// How long a shopper waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Within this time after all trouble everything must have come to its end (in seconds): holds run out within a minute and a half.
const SETTLED_WITHIN: usize = 600;

/// What became of a plan.
pub(crate) struct Lived {
    pub(crate) history: Vec<String>,
    pub(crate) violations: Vec<String>,
    pub(crate) faults: usize,
}

/// Lets it happen.
pub(crate) fn live(plan: &Plan, keys: &Keys) -> Result<Lived> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    kit::testing::seed(Some(plan.seed));
    let lived = runtime.block_on(story(plan, keys));
    // Its tasks end before chance is chance again.
    drop(runtime);
    kit::testing::seed(None);
    lived
}

/// What shoppers and staff know.
#[derive(Default)]
pub(super) struct Records {
    /// Of each wish what its attempts were answered.
    pub(super) placed: BTreeMap<usize, Vec<Outcome>>,
    /// The orders that are known, and whose wish they are.
    pub(super) known: Vec<(String, usize)>,
    /// Of orders what was asked for, and answered.
    pub(super) moved: Vec<(String, &'static str, Outcome)>,
    /// By key: the product, how many, and the answers.
    pub(super) restocked: BTreeMap<u64, (usize, i64, Vec<Outcome>)>,
}

/// Who takes part.
#[derive(Clone)]
pub(super) struct Cast {
    pub(super) town: Town,
    pub(super) history: History,
    pub(super) products: Arc<[String]>,
    pub(super) shoppers: Arc<[UserId]>,
    pub(super) records: Arc<Mutex<Records>>,
    plan: Arc<Plan>,
}

async fn story(plan: &Plan, keys: &Keys) -> Result<Lived> {
    let history = History::new();
    let town = Town::new(plan, keys, &history);
    town.open(Process::Inventory).await?;
    town.open(Process::Order).await?;
    let cast = Cast::gather(plan, town, history).await?;
    let acts = plan.acts.iter().map(|act| {
        let (cast, act) = (cast.clone(), *act);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(act.at)).await;
            cast.act(act.what).await
        })
    });
    for act in acts.collect::<Vec<_>>() {
        act.await??;
    }
    cast.town.net().heal();
    cast.history.note("everything works from now on");
    let violations = match cast.settled().await? {
        Ok(accounts) => judge::all(&cast, plan, &accounts).await?,
        Err(unsettled) => vec![unsettled],
    };
    Ok(Lived { history: cast.history.lines(), faults: cast.history.faults(), violations })
}

impl Cast {
    async fn gather(plan: &Plan, town: Town, history: History) -> Result<Self> {
        let inventory = town.net().service("inventory").context("the inventory is not open")?;
        let token = town.service_token("catalog", "inventory", "stock:create")?;
        let door = Door::nobody(&inventory).bearer(&token)?;
        let mut products = Vec::new();
        for (number, stock) in plan.stock.iter().enumerate().take(PRODUCTS) {
            let product = ProductId::new().to_string();
            door.create_stock(&product, *stock).await?;
            history.note(&format!("there are {stock} of tea-{number}"));
            products.push(product);
        }
        let shoppers: Vec<_> = plan.wishes.iter().map(|_| UserId::new()).collect();
        let (records, plan) = (Arc::default(), Arc::new(plan.clone()));
        Ok(Self { town, history, products: products.into(), shoppers: shoppers.into(), records, plan })
    }

    async fn act(&self, what: What) -> Result<()> {
        match what {
            What::Place(wish) => self.place(wish).await,
            What::Cancel(nth) => self.move_on(nth, "CANCELLED").await,
            What::Advance(nth) => self.move_on(nth, "PACKED").await,
            What::Restock(product, quantity, key) => self.restock(product, quantity, key).await,
            What::Adjust(product, by) => self.adjust(product, by).await,
            What::Crash(process, down) => {
                self.town.crash(process);
                self.town.back_after(process, Duration::from_millis(down));
                Ok(())
            }
        }
    }

    async fn place(&self, number: usize) -> Result<()> {
        let wish = &self.plan.wishes[number];
        let lines: Vec<_> =
            wish.lines.iter().map(|(product, count)| format!("{count} of tea-{product}")).collect();
        let who = format!("shopper {number}");
        let key = wish.keyed.then(|| format!("key-{number}"));
        let with = if wish.keyed { ", with a key" } else { "" };
        self.history.note(&format!("{who} orders {}{with}", lines.join(" and ")));
        let query = "mutation($l: [OrderProductInput], $k: String) { \
            placeOrder(products: $l, idempotencyKey: $k) { _id status } }";
        let lines: Vec<_> = wish
            .lines
            .iter()
            .map(|(product, count)| json!({ "_id": self.products[*product], "quantity": count }))
            .collect();
        let token = self.town.token(self.shoppers[number], Role::Customer)?;
        let outcome = self.ask("shopper", "order", &token, query, &json!({ "l": lines, "k": key })).await?;
        let id = outcome.text("/placeOrder/_id").map(str::to_owned);
        let said = match &id {
            Some(id) => format!(
                "{} {}",
                self.history.name(id),
                outcome.text("/placeOrder/status").unwrap_or_default()
            ),
            None => said(&outcome),
        };
        self.history.note(&format!("{who} is answered {said}"));
        let mut records = self.records.lock();
        if let Some(id) = id
            && !records.known.iter().any(|(known, _)| *known == id)
        {
            records.known.push((id, number));
        }
        records.placed.entry(number).or_default().push(outcome);
        Ok(())
    }

    /// Cancels an order, or brings it on, if one is known.
    async fn move_on(&self, nth: usize, to: &'static str) -> Result<()> {
        let found = {
            let records = self.records.lock();
            let count = records.known.len().max(1);
            records.known.get(nth % count).cloned()
        };
        let Some((order, wish)) = found else { return Ok(()) };
        let name = self.history.name(&order);
        self.history.note(&format!("{name} shall be {to}"));
        let outcome = if to == "CANCELLED" {
            let query = "mutation($id: ID!) { cancelOrder(id: $id) { status } }";
            let token = self.town.token(self.shoppers[wish], Role::Customer)?;
            self.ask("shopper", "order", &token, query, &json!({ "id": order })).await?
        } else {
            let query = "mutation($id: ID!, $to: OrderStatus!) { advanceOrder(id: $id, to: $to) { status } }";
            let token = self.town.token(UserId::new(), Role::Admin)?;
            self.ask("staff", "order", &token, query, &json!({ "id": order, "to": to })).await?
        };
        self.history.note(&format!("{name} {to}: {}", said(&outcome)));
        self.records.lock().moved.push((order, to, outcome));
        Ok(())
    }

    async fn restock(&self, product: usize, quantity: i64, key: u64) -> Result<()> {
        self.history.note(&format!("{quantity} of tea-{product} come in"));
        let query = "mutation($i: RestockInput!) { restock(input: $i) { available } }";
        let input = json!({ "product": self.products[product], "quantity": quantity, "idempotencyKey": key.to_string() });
        let token = self.town.token(UserId::new(), Role::Admin)?;
        let outcome = self.ask("staff", "inventory", &token, query, &json!({ "i": input })).await?;
        self.history.note(&format!("tea-{product} coming in: {}", said(&outcome)));
        let mut records = self.records.lock();
        records.restocked.entry(key).or_insert((product, quantity, Vec::new())).2.push(outcome);
        Ok(())
    }

    async fn adjust(&self, product: usize, by: i64) -> Result<()> {
        // What a person reads is read; where nobody answers there is nothing to correct.
        let Some(inventory) = self.town.net().service("inventory") else { return Ok(()) };
        let read = Door::nobody(&inventory);
        let products = [self.products[product].clone()];
        let reading = tokio::time::timeout(PATIENCE, read.quantities(&products)).await;
        let Ok(Ok(now)) = reading else { return Ok(()) };
        let to = (now[0] + by).max(0);
        self.history.note(&format!("tea-{product}: {to} are counted instead of {}", now[0]));
        let query = "mutation($i: AdjustStockInput!) { adjustStock(input: $i) { available } }";
        let input = json!({ "product": self.products[product], "expected": now[0], "quantity": to, "reason": "counted" });
        let token = self.town.token(UserId::new(), Role::Admin)?;
        let outcome = self.ask("staff", "inventory", &token, query, &json!({ "i": input })).await?;
        self.history.note(&format!("tea-{product} counted: {}", said(&outcome)));
        Ok(())
    }

    async fn ask(
        &self,
        from: &'static str,
        to: &'static str,
        token: &str,
        query: &str,
        variables: &Value,
    ) -> Result<Outcome> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}"))?);
        let variables = variables.to_string();
        let request = Request { query, operation_name: None, variables: variables.as_bytes() };
        let way = self.town.net().way(from, to);
        Ok(match tokio::time::timeout(PATIENCE, way.send(headers, request)).await {
            Ok(Ok(answer)) => Outcome::of(&serde_json::from_slice(&answer)?),
            Ok(Err(error)) => Outcome::Unknown(error.to_string()),
            Err(_) => Outcome::Unknown("nobody answered in time".to_owned()),
        })
    }

    /// Waits until everything has come to its end, and gives the books; what is not at its end where that takes too long.
    async fn settled(&self) -> Result<Result<Vec<Account>, String>> {
        let mut why = String::new();
        let mut books: Option<Books> = None;
        for _ in 0..SETTLED_WITHIN {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Some(reason) = self.under_way().await? {
                why = reason;
                continue;
            }
            let read = match &books {
                Some(books) => books,
                None => {
                    let store = self.town.store(Process::Inventory).context("the inventory is not open")?;
                    books.insert(Books::open(&store).await?)
                }
            };
            let accounts = read.all().await?;
            match accounts.iter().find(|account| account.held > 0) {
                Some(account) => why = format!("{} are still held", account.held),
                None => return Ok(Ok(accounts)),
            }
        }
        Ok(Err(format!("not at its end after {SETTLED_WITHIN} s: {why}")))
    }

    /// What is not at its end.
    async fn under_way(&self) -> Result<Option<String>> {
        let (order, inventory) = (self.town.store(Process::Order), self.town.store(Process::Inventory));
        let (Some(order), Some(inventory)) = (order, inventory) else {
            return Ok(Some("a process is not open".to_owned()));
        };
        if !self.town.net().is_quiet() {
            return Ok(Some("messages are on their way".to_owned()));
        }
        let undelivered = order.undelivered() + inventory.undelivered();
        if undelivered > 0 {
            return Ok(Some(format!("{undelivered} outboxes are not empty")));
        }
        let lag = self.town.log().lag("inventory").await?;
        if lag > 0 {
            return Ok(Some(format!("{lag} events are not heard")));
        }
        let orders = order::ledger(&order).await?;
        let pending = orders.iter().find(|order| order.status == order::OrderStatus::Pending);
        Ok(pending.map(|order| format!("{} is PENDING", self.history.name(&order.id.to_string()))))
    }
}

/// An answer in a word that is the same each time.
fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(_) => "done".to_owned(),
        Outcome::Refused(code) => code.clone(),
        Outcome::Unknown(_) => "unknown".to_owned(),
    }
}
