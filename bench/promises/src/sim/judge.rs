//! What must hold when everything has come to its end.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use inventory::Account;
use kit::identity::{Role, UserId};
use serde_json::{Value, json};

use super::{
    door::Door,
    live::Cast,
    plan::{Plan, Process},
};
use crate::client::Outcome;

/// An order as the order service shows it to staff.
struct Shown {
    id: String,
    shopper: String,
    status: String,
    /// The statuses that it had, and who brought it there.
    history: Vec<(String, String)>,
    lines: Vec<(String, i64)>,
}

impl Shown {
    fn of(order: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let history = order["history"].as_array()?.iter();
        let lines = order["products"].as_array()?.iter();
        Some(Self {
            id: text(&order["_id"])?,
            shopper: text(&order["userId"])?,
            status: text(&order["status"])?,
            history: history
                .map(|change| Some((text(&change["status"])?, text(&change["by"]["kind"])?)))
                .collect::<Option<_>>()?,
            lines: lines
                .map(|line| Some((text(&line["_id"])?, line["quantity"].as_i64()?)))
                .collect::<Option<_>>()?,
        })
    }

    fn was(&self, status: &str) -> bool {
        self.history.iter().any(|(had, _)| had == status)
    }

    fn is_sold(&self) -> bool {
        self.was("CONFIRMED") && self.status != "CANCELLED"
    }

    /// Whether the shop gave it up for a fault of its own, so that its key is free again.
    fn is_given_up(&self) -> bool {
        let by_the_shop = self.history.last().is_some_and(|(_, by)| by == "SERVICE");
        self.status == "CANCELLED" && by_the_shop && !self.was("CONFIRMED")
    }
}

/// Everything that does not hold.
pub(super) async fn all(cast: &Cast, plan: &Plan, accounts: &[Account]) -> Result<Vec<String>> {
    let orders = orders(cast).await?;
    let mut wrong = Vec::new();
    for (number, shopper) in cast.shoppers.iter().enumerate() {
        let theirs: Vec<_> = orders.iter().filter(|order| order.shopper == shopper.to_string()).collect();
        let answers = cast.records.lock().placed.get(&number).cloned().unwrap_or_default();
        let keyed = plan.wishes[number].keyed;
        wrong.extend(
            of_shopper(&theirs, &answers, keyed).into_iter().map(|text| format!("shopper {number}: {text}")),
        );
    }
    wrong.extend(of_moves(cast, &orders));
    wrong.extend(of_stock(cast, plan, &orders, accounts));
    let letters = cast.town.log().dead_letters("inventory", 10).await?;
    wrong.extend(
        letters.iter().map(|letter| format!("{} could not be heard: {}", letter.event.topic, letter.error)),
    );
    Ok(wrong)
}

async fn orders(cast: &Cast) -> Result<Vec<Shown>> {
    let service = cast.town.net().service(Process::Order.name()).context("the order service is not open")?;
    let door = Door::nobody(&service).bearer(&cast.town.token(UserId::new(), Role::Admin)?)?;
    let query = "{ orders(first: 250) { _id userId status history { status by { kind } } products { _id quantity } } }";
    let data = door.must(query, json!({})).await?;
    let orders = data["orders"].as_array().context("no orders")?.iter();
    orders.map(|order| Shown::of(order).with_context(|| format!("not an order: {order}"))).collect()
}

/// A shopper has one order at most for what they asked for once, and it is the one that they were answered.
fn of_shopper(theirs: &[&Shown], answers: &[Outcome], keyed: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let standing: Vec<_> = theirs.iter().filter(|order| !order.is_given_up()).collect();
    if standing.len() > 1 || (!keyed && theirs.len() > 1) {
        wrong.push(format!("{} orders, {} of them standing, for one wish", theirs.len(), standing.len()));
    }
    for answer in answers {
        match answer {
            Outcome::Done(_) => {
                let id = answer.text("/placeOrder/_id").unwrap_or_default();
                if !theirs.iter().any(|order| order.id == id && order.was("CONFIRMED")) {
                    wrong.push("an order was answered that is not there, or never was confirmed".to_owned());
                }
            }
            Outcome::Refused(code) if code == "OUT_OF_STOCK" => {
                if theirs.iter().any(|order| order.was("CONFIRMED")) {
                    wrong.push("out of stock was answered, and yet it was sold".to_owned());
                }
            }
            // Cancelled before it was confirmed.
            Outcome::Refused(code) if code == "CONFLICT" => {}
            Outcome::Refused(code) => wrong.push(format!("{code} was answered")),
            Outcome::Unknown(_) => {}
        }
    }
    wrong
}

/// What was answered as done to an order stands in its history.
fn of_moves(cast: &Cast, orders: &[Shown]) -> Vec<String> {
    let records = cast.records.lock();
    let done = records.moved.iter().filter(|(.., outcome)| matches!(outcome, Outcome::Done(_)));
    let lost = done.filter(|(id, to, _)| !orders.iter().any(|order| order.id == *id && order.was(to)));
    lost.map(|(id, to, _)| format!("{} was answered as {to}, and is not", cast.history.name(id))).collect()
}

/// What came in is there or sold, and what is sold is what the orders say.
fn of_stock(cast: &Cast, plan: &Plan, orders: &[Shown], accounts: &[Account]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, product) in cast.products.iter().enumerate() {
        let Some(account) = accounts.iter().find(|account| account.product.to_string() == *product) else {
            wrong.push(format!("tea-{number} has no books"));
            continue;
        };
        wrong.extend(account.faults().into_iter().map(|fault| format!("tea-{number}: {fault}")));
        let mut due = BTreeMap::new();
        for order in orders.iter().filter(|order| order.is_sold()) {
            due.extend(
                order
                    .lines
                    .iter()
                    .filter(|(of, _)| of == product)
                    .map(|(_, count)| (order.id.clone(), *count)),
            );
        }
        let sold: BTreeMap<_, _> =
            account.sold_to.iter().map(|(order, count)| (order.to_string(), *count)).collect();
        if sold != due {
            let named = |all: &BTreeMap<String, i64>| {
                let each = all.iter().map(|(id, count)| format!("{count} to {}", cast.history.name(id)));
                each.collect::<Vec<_>>().join(", ")
            };
            wrong.push(format!("tea-{number}: sold {}; the orders say {}", named(&sold), named(&due)));
        }
        if !may_have_come_in(cast, number, account.received - plan.stock[number]) {
            wrong.push(format!("tea-{number}: {} came in", account.received));
        }
    }
    wrong
}

/// Whether so many can have come in: each delivery that was answered once, each that is unknown once or not at all.
fn may_have_come_in(cast: &Cast, product: usize, count: i64) -> bool {
    let records = cast.records.lock();
    let mut sums = vec![0];
    for (of, quantity, answers) in records.restocked.values() {
        if *of != product {
            continue;
        }
        let surely = answers.iter().any(|answer| matches!(answer, Outcome::Done(_)));
        let with: Vec<i64> = sums.iter().map(|sum| sum + quantity).collect();
        if surely {
            sums = with;
        } else {
            sums.extend(with);
        }
    }
    sums.contains(&count)
}
