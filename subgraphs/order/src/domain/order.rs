//! An order: what was bought at which price, by whom, and everything that happened to it since.

use chrono::{DateTime, TimeDelta, Utc};
use kit::{Money, Quantity, identity::UserId};
use serde::{Deserialize, Serialize};

use super::{
    IdempotencyKey, OrderId, OrderStatus, ProductId, Quote,
    basket::Line,
    saga::{Failure, Repairer, Saga, SagaState, SagaStep},
    status::{allowed_next, is_fulfilment, shopper_may_cancel},
};

/// Who changed an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Actor {
    /// The shopper whose order it is.
    Customer(UserId),
    /// Somebody who runs the shop.
    Admin(UserId),
    /// The shop itself, by the name of the service that decided.
    Service(String),
}

impl Actor {
    /// The order service, which alone decides the fate of an order.
    fn shop() -> Self {
        Self::Service("order".to_owned())
    }
}

/// One entry of an order's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// What the order became.
    pub(crate) status: OrderStatus,
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// By whom.
    pub(crate) by: Actor,
    /// Why, in words for the shopper, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A product of which there was less than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shortage {
    /// Which.
    #[serde(rename = "_id")]
    pub(crate) product: ProductId,
    /// How many were asked for.
    pub(crate) requested: Quantity,
    /// How many there were.
    pub(crate) available: Quantity,
}

/// Why an order was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is that already.
    #[error("The order is {0} already: it cannot become {0} once more.")]
    Already(OrderStatus),
    /// The table has no such transition.
    #[error("An order that is {from} cannot become {to}.")]
    Illegal {
        /// What it is.
        from: OrderStatus,
        /// What it was to become.
        to: OrderStatus,
    },
    /// The shopper comes too late; staff could still do it.
    #[error("The order is {from}: it is too late for you to make it {to}. Please ask the shop.")]
    TooLate {
        /// What it is.
        from: OrderStatus,
        /// What it was to become.
        to: OrderStatus,
    },
    /// Such a change is not made by hand.
    #[error("An order that is {from} is not made {to} this way: {hint}")]
    NotByHand {
        /// What it is.
        from: OrderStatus,
        /// What it was to become.
        to: OrderStatus,
        /// What to do instead.
        hint: &'static str,
    },
}

/// How an attempt to place an order ended, for whoever repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Not yet.
    Open,
    /// It became a sale, whatever happened to it since.
    Placed,
    /// There was not enough stock.
    OutOfStock(Vec<Shortage>),
    /// It was given up for a fault of the shop's; the shopper was told to try again.
    GivenUp,
    /// Somebody cancelled it before it became a sale.
    Withdrawn,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    id: OrderId,
    customer: UserId,
    lines: Vec<Line>,
    total: Money,
    status: OrderStatus,
    placed_at: DateTime<Utc>,
    history: Vec<Change>,
    /// The key that a repeat of this order comes with. Given free when the order is given up, so that the repeat that the shopper
    /// was asked for can succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<IdempotencyKey>,
    /// The key that was given free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former_key: Option<IdempotencyKey>,
    /// Of a rejected order, so that a repeat is answered as the first was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shortages: Vec<Shortage>,
    /// What is left to be done, and who did what the shopper's request did not.
    #[serde(default, skip_serializing_if = "Saga::is_none")]
    saga: Saga,
}

impl Order {
    /// A new order, PENDING.
    pub(crate) fn place(
        customer: UserId,
        quote: Quote,
        key: Option<IdempotencyKey>,
        now: DateTime<Utc>,
    ) -> Self {
        let placed =
            Change { status: OrderStatus::Pending, at: now, by: Actor::Customer(customer), reason: None };
        Self {
            id: OrderId::new(),
            customer,
            lines: quote.lines,
            total: quote.total,
            status: OrderStatus::Pending,
            placed_at: now,
            history: vec![placed],
            key,
            former_key: None,
            shortages: Vec::new(),
            saga: Saga::default(),
        }
    }

    /// Its stock is held: it is a sale.
    pub(crate) fn confirm(&mut self, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.change(OrderStatus::Confirmed, Actor::shop(), None, now)
    }

    /// There was not enough stock.
    pub(crate) fn reject(&mut self, shortages: Vec<Shortage>, now: DateTime<Utc>) -> Result<(), Refusal> {
        let reason = self.describe(&shortages);
        self.change(OrderStatus::Rejected, Actor::shop(), Some(reason), now)?;
        self.shortages = shortages;
        Ok(())
    }

    /// The shop could not finish it. Only a PENDING order is given up: one that is a sale is not the shop's to end, though the
    /// table would let a person end it.
    pub(crate) fn give_up(&mut self, reason: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        if self.status != OrderStatus::Pending {
            return Err(self.refuse(OrderStatus::Cancelled));
        }
        self.change(OrderStatus::Cancelled, Actor::shop(), Some(reason.to_owned()), now)?;
        self.former_key = self.key.take();
        Ok(())
    }

    /// A person cancels it: the shopper before it is PACKED, staff before it is SHIPPED.
    pub(crate) fn cancel(
        &mut self,
        by: Actor,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let (from, to) = (self.status, OrderStatus::Cancelled);
        if matches!(by, Actor::Customer(_)) && allowed_next(from).contains(&to) && !shopper_may_cancel(from) {
            return Err(Refusal::TooLate { from, to });
        }
        self.change(to, by, reason, now)
    }

    /// Staff take it one step further on its way to the shopper.
    pub(crate) fn advance(
        &mut self,
        to: OrderStatus,
        admin: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let from = self.status;
        if allowed_next(from).contains(&to) && !is_fulfilment(to) {
            let hint = if to == OrderStatus::Cancelled {
                "use cancelOrder."
            } else {
                "the shop decides it by itself when the stock has been reserved."
            };
            return Err(Refusal::NotByHand { from, to, hint });
        }
        self.change(to, Actor::Admin(admin), None, now)
    }

    /// Its stock may be held though it has ended; unless it is known to be back by then, it is asked for at that time.
    pub(crate) fn owe_release(&mut self, due: DateTime<Utc>) {
        self.saga.owe_release(due);
    }

    /// Its stock is back, with somebody's help or without. False where that was known.
    pub(crate) fn released(&mut self, by: Option<Repairer>, now: DateTime<Utc>) -> bool {
        let owed = self.saga.release_due().is_some();
        if owed {
            self.saga.released(by, now);
        }
        owed
    }

    /// Somebody else than the shopper's request brought it to its end.
    pub(crate) fn repaired(&mut self, by: Repairer, now: DateTime<Utc>) {
        self.saga.repaired(by, now);
    }

    /// A try to finish it has failed. Nothing is kept of an order that was finished meanwhile.
    pub(crate) fn failed(&mut self, failure: Failure, due: DateTime<Utc>) {
        if self.saga_step() != SagaStep::Finished {
            self.saga.failed(failure, due);
        }
    }

    /// Staff had it looked after: an entry of its history that changes nothing.
    pub(crate) fn note_retry(&mut self, admin: UserId, now: DateTime<Utc>) {
        let reason = Some("The shop looked after it.".to_owned());
        self.history.push(Change { status: self.status, at: now, by: Actor::Admin(admin), reason });
    }

    /// The one place where the status changes.
    fn change(
        &mut self,
        to: OrderStatus,
        by: Actor,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if !allowed_next(self.status).contains(&to) {
            return Err(self.refuse(to));
        }
        self.status = to;
        self.history.push(Change { status: to, at: now, by, reason });
        Ok(())
    }

    fn refuse(&self, to: OrderStatus) -> Refusal {
        if self.status == to { Refusal::Already(to) } else { Refusal::Illegal { from: self.status, to } }
    }

    fn describe(&self, shortages: &[Shortage]) -> String {
        let each = shortages.iter().map(|short| {
            let line = self.lines.iter().find(|line| line.product() == short.product);
            let name = line.map_or("a product", Line::name);
            format!("{name} ({} asked for, {} there)", short.requested.get(), short.available.get())
        });
        let each: Vec<_> = each.collect();
        if each.is_empty() {
            "Out of stock.".to_owned()
        } else {
            format!("Out of stock: {}.", each.join(", "))
        }
    }

    /// Its id.
    pub(crate) const fn id(&self) -> OrderId {
        self.id
    }

    /// Whose it is.
    pub(crate) const fn customer(&self) -> UserId {
        self.customer
    }

    /// What was bought, each product once, in the order in which the shopper named them.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The products of the lines.
    pub(crate) fn products(&self) -> Vec<ProductId> {
        self.lines.iter().map(Line::product).collect()
    }

    /// What all of it costs.
    pub(crate) const fn total(&self) -> Money {
        self.total
    }

    /// Where it stands.
    pub(crate) const fn status(&self) -> OrderStatus {
        self.status
    }

    /// When it was placed.
    pub(crate) const fn placed_at(&self) -> DateTime<Utc> {
        self.placed_at
    }

    /// What happened to it, the oldest first.
    pub(crate) fn history(&self) -> &[Change] {
        &self.history
    }

    /// The key that a repeat of it comes with.
    pub(crate) const fn key(&self) -> Option<&IdempotencyKey> {
        self.key.as_ref()
    }

    /// How long it has been PENDING beyond the time in which it should have been decided, if it has.
    pub(crate) fn overdue(&self, deadline: TimeDelta, now: DateTime<Utc>) -> Option<TimeDelta> {
        let beyond = now - self.placed_at - deadline;
        (self.status == OrderStatus::Pending && beyond >= TimeDelta::zero()).then_some(beyond)
    }

    /// What is written of the work on it.
    pub(crate) const fn saga(&self) -> &Saga {
        &self.saga
    }

    /// How far the work on it has come.
    pub(crate) fn saga_step(&self) -> SagaStep {
        if self.status == OrderStatus::Pending {
            SagaStep::Reserving
        } else if self.saga.release_due().is_some() {
            SagaStep::Releasing
        } else {
            SagaStep::Finished
        }
    }

    /// Whether anything is left to be done; none where nothing ever was but what the shopper's request did.
    pub(crate) fn saga_state(&self) -> Option<SagaState> {
        match self.saga_step() {
            SagaStep::Reserving | SagaStep::Releasing => Some(SagaState::Unfinished),
            SagaStep::Finished => self.saga.repair().map(|_| SagaState::Repaired),
        }
    }

    /// When the shop tries next to finish it; none where nothing is left to be done.
    pub(crate) fn next_retry(&self, deadline: TimeDelta) -> Option<DateTime<Utc>> {
        match self.saga_step() {
            SagaStep::Reserving => Some(self.placed_at + deadline),
            SagaStep::Releasing => self.saga.release_due(),
            SagaStep::Finished => None,
        }
    }

    /// What made it what it is.
    pub(crate) fn decision(&self) -> Option<&Change> {
        self.history.iter().find(|change| change.status == self.status)
    }

    /// How the attempt to place it ended.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.status {
            OrderStatus::Pending => Outcome::Open,
            OrderStatus::Rejected => Outcome::OutOfStock(self.shortages.clone()),
            OrderStatus::Cancelled => {
                let was_placed = self.history.iter().any(|change| change.status == OrderStatus::Confirmed);
                let by_the_shop =
                    self.decision().is_some_and(|change| matches!(change.by, Actor::Service(_)));
                match (was_placed, by_the_shop) {
                    (true, _) => Outcome::Placed,
                    (false, true) => Outcome::GivenUp,
                    (false, false) => Outcome::Withdrawn,
                }
            }
            OrderStatus::Confirmed | OrderStatus::Packed | OrderStatus::Shipped | OrderStatus::Delivered => {
                Outcome::Placed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::domain::{Basket, Offer};

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn order() -> Order {
        let product = ProductId::new();
        let basket = Basket::from_lines(&[Some((product.to_string(), 3))]).unwrap();
        let offer = Offer { name: "milk".to_owned(), price: Money::from_minor(129).unwrap() };
        let quote = basket.price(&HashMap::from([(product, offer)])).unwrap();
        let key = IdempotencyKey::new("once".to_owned()).unwrap();
        Order::place(UserId::new(), quote, Some(key), NOW)
    }

    /// An order in that status, reached by the rules.
    fn order_that_is(status: OrderStatus) -> Order {
        let mut order = order();
        let admin = UserId::new();
        let steps: &[OrderStatus] = match status {
            OrderStatus::Pending => &[],
            OrderStatus::Rejected => {
                order.reject(Vec::new(), NOW).unwrap();
                &[]
            }
            OrderStatus::Cancelled => {
                order.give_up("gone", NOW).unwrap();
                &[]
            }
            OrderStatus::Confirmed => &[OrderStatus::Confirmed],
            OrderStatus::Packed => &[OrderStatus::Confirmed, OrderStatus::Packed],
            OrderStatus::Shipped => &[OrderStatus::Confirmed, OrderStatus::Packed, OrderStatus::Shipped],
            OrderStatus::Delivered => {
                &[OrderStatus::Confirmed, OrderStatus::Packed, OrderStatus::Shipped, OrderStatus::Delivered]
            }
        };
        for step in steps {
            match step {
                OrderStatus::Confirmed => order.confirm(NOW).unwrap(),
                step => order.advance(*step, admin, NOW).unwrap(),
            }
        }
        assert_eq!(order.status(), status);
        order
    }

    type Rule = fn(&mut Order) -> Result<(), Refusal>;

    /// Every way to change an order × every status: what it becomes, or `-` where it is refused and stays as it was.
    #[test]
    fn changes_only_as_the_rules_allow() {
        let rules: [(&str, Rule); 8] = [
            ("confirm", |order| order.confirm(NOW)),
            ("reject", |order| order.reject(Vec::new(), NOW)),
            ("give up", |order| order.give_up("late", NOW)),
            ("cancel, shopper", |order| order.cancel(Actor::Customer(order.customer), None, NOW)),
            ("cancel, admin", |order| order.cancel(Actor::Admin(UserId::new()), None, NOW)),
            ("pack", |order| order.advance(OrderStatus::Packed, UserId::new(), NOW)),
            ("ship", |order| order.advance(OrderStatus::Shipped, UserId::new(), NOW)),
            ("deliver", |order| order.advance(OrderStatus::Delivered, UserId::new(), NOW)),
        ];
        let mut table = format!("{:<16}", "");
        for status in OrderStatus::ALL {
            table += &format!("{status:>10}");
        }
        for (name, rule) in rules {
            table += &format!("\n{name:<16}");
            for status in OrderStatus::ALL {
                let before = order_that_is(status);
                let mut order = before.clone();
                match rule(&mut order) {
                    Ok(()) => {
                        assert_eq!(order.history.last().unwrap().status, order.status);
                        table += &format!("{:>10}", order.status.as_str());
                    }
                    Err(_) => {
                        assert_eq!(order, before, "a refused change changed something");
                        table += &format!("{:>10}", "-");
                    }
                }
            }
        }
        insta::assert_snapshot!(table, @r"
                           PENDING CONFIRMED    PACKED   SHIPPED DELIVERED  REJECTED CANCELLED
        confirm          CONFIRMED         -         -         -         -         -         -
        reject            REJECTED         -         -         -         -         -         -
        give up          CANCELLED         -         -         -         -         -         -
        cancel, shopper  CANCELLED CANCELLED         -         -         -         -         -
        cancel, admin    CANCELLED CANCELLED CANCELLED         -         -         -         -
        pack                     -    PACKED         -         -         -         -         -
        ship                     -         -   SHIPPED         -         -         -         -
        deliver                  -         -         - DELIVERED         -         -         -
        ");
    }

    #[test]
    fn a_refusal_names_both_states() {
        let admin = UserId::new();
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                let Err(refusal) = order_that_is(from).advance(to, admin, NOW) else { continue };
                let text = refusal.to_string();
                assert!(text.contains(from.as_str()) && text.contains(to.as_str()), "{text}");
            }
        }
        let packed =
            order_that_is(OrderStatus::Packed).cancel(Actor::Customer(admin), None, NOW).unwrap_err();
        assert!(
            packed.to_string().contains("PACKED") && packed.to_string().contains("CANCELLED"),
            "{packed}"
        );
    }

    #[test]
    fn giving_up_frees_the_key_and_cancelling_does_not() {
        let mut given_up = order();
        given_up.give_up("late", NOW).unwrap();
        assert!(given_up.key().is_none() && given_up.former_key.is_some());
        assert_eq!(given_up.outcome(), Outcome::GivenUp);
        let mut cancelled = order();
        cancelled.cancel(Actor::Customer(cancelled.customer), None, NOW).unwrap();
        assert!(cancelled.key().is_some());
        assert_eq!(cancelled.outcome(), Outcome::Withdrawn);
    }

    #[test]
    fn a_sale_that_was_cancelled_was_placed_all_the_same() {
        let mut order = order_that_is(OrderStatus::Confirmed);
        order.cancel(Actor::Admin(UserId::new()), None, NOW).unwrap();
        assert_eq!(order.outcome(), Outcome::Placed);
    }

    #[test]
    fn is_overdue_only_while_pending_and_from_the_deadline_on() {
        let minute = TimeDelta::minutes(1);
        let mut order = order();
        assert_eq!(order.overdue(minute, NOW + minute - TimeDelta::microseconds(1)), None);
        assert_eq!(order.overdue(minute, NOW + minute), Some(TimeDelta::zero()));
        assert_eq!(order.overdue(minute, NOW + minute * 3), Some(minute * 2));
        order.confirm(NOW).unwrap();
        assert_eq!(order.overdue(minute, NOW + minute * 3), None);
    }

    #[test]
    fn reads_back_what_it_wrote() {
        for status in OrderStatus::ALL {
            let order = order_that_is(status);
            let json = serde_json::to_string(&order).unwrap();
            assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), order);
        }
    }

    #[test]
    fn says_what_was_short() {
        let mut order = order();
        let short = Shortage {
            product: order.lines[0].product(),
            requested: Quantity::new(3).unwrap(),
            available: Quantity::new(1).unwrap(),
        };
        order.reject(vec![short], NOW).unwrap();
        assert_eq!(
            order.history.last().unwrap().reason.as_deref(),
            Some("Out of stock: milk (3 asked for, 1 there).")
        );
        assert_eq!(order.outcome(), Outcome::OutOfStock(vec![short]));
    }
}
