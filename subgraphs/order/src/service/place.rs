//! Placing an order, step by step, and what undoes each step.
//!
//! | step | when it fails | undone by |
//! |---|---|---|
//! | 1 look for an earlier request with the same key | nothing was begun | |
//! | 2 ask the catalog for prices | nothing was begun | |
//! | 3 write the order down, PENDING | perhaps it is written | the reconciler ends it |
//! | 4 reserve the stock | not enough: REJECTED; anything else: CANCELLED | release, by this call, by the event, by the reconciler |
//! | 5 write CONFIRMED | perhaps it is written | the reconciler ends it, if it is not |
//!
//! The order is durable before anything is held for it, so whatever is held has an order that decides over it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use kit::{Code, Error, client::CallError, fault, identity::UserId, store::StoreError};
use serde_json::json;
use tokio::sync::oneshot;

use super::{OrderService, deadline::Deadline, remote::ReserveError, settle::Ending};
use crate::{
    domain::{Basket, IdempotencyKey, Offer, Order, Outcome, PriceError, Repairer, Shortage},
    events,
    orders::{ChangeError, InsertError},
};

/// What a shopper asks for.
#[derive(Debug, Clone)]
pub(crate) struct PlaceOrder {
    /// Who.
    pub(crate) customer: UserId,
    /// What.
    pub(crate) basket: Basket,
    /// Their name for this request.
    pub(crate) key: Option<IdempotencyKey>,
}

/// Why an order was not placed, by the step that failed.
#[derive(Debug, thiserror::Error)]
enum PlaceError {
    #[error("an earlier request with this key was for something else")]
    Mismatch,
    #[error("an earlier request with this key is still being worked on")]
    StillPlacing,
    #[error("the catalog gave no prices: {0}")]
    Catalog(#[source] CallError),
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error("another request with this key came first")]
    KeyTaken,
    #[error("there is not enough stock")]
    OutOfStock(Vec<Shortage>),
    #[error("the inventory reserved nothing, or did not say so: {0}")]
    Inventory(#[source] CallError),
    #[error("the order was given up")]
    GivenUp,
    #[error("the order was cancelled before it was confirmed")]
    Withdrawn,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the service is stopping")]
    Stopping,
    #[error("a test interrupted it")]
    Interrupted(Error),
}

impl From<PlaceError> for Error {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Mismatch => Self::new(
                Code::IdempotencyMismatch,
                "This idempotency key was used before, for other products or quantities. Use a new key for a new order.",
            ),
            PlaceError::Price(PriceError::NotOffered(fields)) => {
                let message = if fields.len() == 1 {
                    "A product of this order is not in the shop (any more)."
                } else {
                    "Some products of this order are not in the shop (any more)."
                };
                let error = Self::new(Code::NotFound, message);
                fields
                    .into_iter()
                    .fold(error, |error, problem| error.on_field(problem.field, problem.message))
            }
            PlaceError::Price(PriceError::TooMuch(field)) => Self::bad_inputs(vec![field]),
            PlaceError::OutOfStock(shortages) => {
                let listed = async_graphql::Value::from_json(json!(shortages)).unwrap_or_default();
                let message = "There is not enough stock for this order. Nothing was reserved.";
                Self::new(Code::OutOfStock, message).with("shortages", listed)
            }
            PlaceError::Withdrawn => Self::conflict(
                "The order was CANCELLED before it was CONFIRMED. Use a new key for a new order.",
            ),
            PlaceError::Catalog(cause) => Self::unavailable("The shop's catalog", cause),
            PlaceError::Inventory(cause) => Self::unavailable("The shop's stock", cause),
            PlaceError::Store(cause) => cause.into(),
            PlaceError::Interrupted(error) => error,
            PlaceError::StillPlacing | PlaceError::KeyTaken => Self::new(
                Code::Unavailable,
                "An earlier request with this idempotency key is still being worked on. Please try again shortly with the same key.",
            ),
            other @ (PlaceError::GivenUp | PlaceError::Stopping) => Self::unavailable("Ordering", other),
        }
    }
}

/// What an earlier request with the same key comes to.
enum Earlier {
    /// It has been answered: this is the order.
    Order(Box<Order>),
    /// It has been given up: the key is free again.
    Free,
}

/// How often a request that waits for an earlier one looks again: first soon, because placing takes milliseconds, then with patience.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// By when prices and stock must have been answered, in hundredths of the whole deadline. The rest is for giving stock back.
const PRICES_BY: u32 = 40;
const STOCK_BY: u32 = 80;

impl OrderService {
    /// Places an order. Once begun it is finished, also when the shopper does not wait for the answer: an order that is left half way
    /// would keep its stock from others until the reconciler finds it.
    pub(crate) async fn place(self: &Arc<Self>, command: PlaceOrder) -> kit::Result<Order> {
        let (answer, answered) = oneshot::channel();
        let service = self.clone();
        let work = async move {
            // Nobody may be waiting any more.
            let _ = answer.send(service.place_to_the_end(&command).await);
        };
        self.tasks.spawn(work);
        let placed = answered.await.unwrap_or(Err(PlaceError::Stopping));
        Ok(placed?)
    }

    async fn place_to_the_end(&self, command: &PlaceOrder) -> Result<Order, PlaceError> {
        let deadline = Deadline::new(self.config.place_deadline);
        loop {
            if let Some(key) = &command.key
                && let Some(earlier) = self.orders.of(command.customer).by_key(key).await?
                && let Earlier::Order(order) = self.repeat(earlier, command, &deadline).await?
            {
                return Ok(*order);
            }
            match self.attempt(command, &deadline).await {
                // Whoever has the key now is the earlier one.
                Err(PlaceError::KeyTaken) if !deadline.is_over() => {}
                placed => return placed,
            }
        }
    }

    /// Answers a repeat as the first was answered, which may first have to be waited for.
    async fn repeat(
        &self,
        mut earlier: Order,
        command: &PlaceOrder,
        deadline: &Deadline,
    ) -> Result<Earlier, PlaceError> {
        if !command.basket.is_what_was_ordered(earlier.lines()) {
            return Err(PlaceError::Mismatch);
        }
        let mut under_way = false;
        let mut look_after = FIRST_LOOK;
        loop {
            match earlier.outcome() {
                Outcome::Placed => return Ok(Earlier::Order(Box::new(earlier))),
                Outcome::OutOfStock(shortages) => return Err(PlaceError::OutOfStock(shortages)),
                Outcome::Withdrawn => return Err(PlaceError::Withdrawn),
                // Both requests were under way at once, so this one ends as that one did; the next may try anew.
                Outcome::GivenUp if under_way => return Err(PlaceError::GivenUp),
                Outcome::GivenUp => return Ok(Earlier::Free),
                Outcome::Open if self.is_overdue(&earlier) => {
                    if self.take_over(&earlier, deadline).await? {
                        return Ok(Earlier::Free);
                    }
                    under_way = false;
                }
                Outcome::Open => under_way = true,
            }
            if deadline.is_over() {
                return Err(PlaceError::StillPlacing);
            }
            tokio::time::sleep(look_after.min(deadline.left())).await;
            look_after = (look_after * 2).min(LAST_LOOK);
            let id = earlier.id();
            earlier = self.orders.of(command.customer).get(id).await?.ok_or(PlaceError::GivenUp)?;
        }
    }

    /// Ends an earlier request that nobody works on any more, so that this one can have its key. False when it was decided
    /// by somebody else at this very moment.
    async fn take_over(&self, earlier: &Order, deadline: &Deadline) -> Result<bool, PlaceError> {
        let ending = Ending::repair("The order was left unfinished and is placed anew.", Repairer::Repeat);
        match self.give_up(earlier.id(), ending).await {
            Ok(order) => {
                let within = deadline.left_until(PRICES_BY);
                let released = self.release(&order, within, Some(Repairer::Repeat), "order.repair.released");
                released.await.map_err(PlaceError::Interrupted)?;
                Ok(true)
            }
            Err(ChangeError::Refused(_) | ChangeError::NotFound(_)) => Ok(false),
            Err(ChangeError::Store(error)) => Err(error.into()),
        }
    }

    async fn attempt(&self, command: &PlaceOrder, deadline: &Deadline) -> Result<Order, PlaceError> {
        let products = command.basket.products();
        let offers = self.catalog.offers(&products, deadline.left_until(PRICES_BY)).await;
        let order = self.write_down(command, &offers.map_err(PlaceError::Catalog)?).await?;
        reached("order.place.written").await?;
        let expires_at = order.placed_at() + self.config.hold_time();
        match self.inventory.reserve(&order, expires_at, deadline.left_until(STOCK_BY)).await {
            Ok(()) => {
                reached("order.place.held").await?;
                self.confirm(&order, deadline).await
            }
            Err(ReserveError::OutOfStock(shortages)) => self.reject(&order, shortages).await,
            Err(ReserveError::Call(_)) if fault::is_broken("order.answers_before_held") => {
                self.confirm(&order, deadline).await
            }
            Err(ReserveError::Call(error)) => {
                self.abandon(&order, &error, deadline).await?;
                Err(PlaceError::Inventory(error))
            }
        }
    }

    async fn write_down(
        &self,
        command: &PlaceOrder,
        offers: &HashMap<crate::domain::ProductId, Offer>,
    ) -> Result<Order, PlaceError> {
        let now = self.clock.now();
        let key = command.key.clone().filter(|_| !fault::is_broken("order.forgets_keys"));
        let order = Order::place(command.customer, command.basket.price(offers)?, key, now);
        let event = events::placed(&order, now);
        self.orders.insert(order.clone(), vec![event]).await.map_err(|error| match error {
            InsertError::KeyTaken => PlaceError::KeyTaken,
            InsertError::Store(error) => error.into(),
        })?;
        Ok(order)
    }

    async fn confirm(&self, order: &Order, deadline: &Deadline) -> Result<Order, PlaceError> {
        let now = self.clock.now();
        let confirmed = self.orders.change_unscoped(order.id(), move |order, outbox| {
            order.confirm(now)?;
            outbox.push(events::confirmed(order, now));
            Ok(order.clone())
        });
        match confirmed.await {
            Ok(order) => {
                reached("order.place.confirmed").await?;
                Ok(order)
            }
            // Whether it is confirmed is not known. The reconciler reads it when the store answers again, and decides.
            Err(ChangeError::Store(error)) => Err(error.into()),
            Err(ChangeError::Refused(_) | ChangeError::NotFound(_)) => {
                self.confirmed_too_late(order, deadline).await
            }
        }
    }

    /// Somebody ended the order while it was being placed: the reconciler, or a person. What was held for it goes back.
    async fn confirmed_too_late(&self, order: &Order, deadline: &Deadline) -> Result<Order, PlaceError> {
        let outcome = self.orders.get_unscoped(order.id()).await?.map(|order| order.outcome());
        self.give_back(order, deadline).await?;
        Err(if outcome == Some(Outcome::Withdrawn) { PlaceError::Withdrawn } else { PlaceError::GivenUp })
    }

    async fn give_back(&self, order: &Order, deadline: &Deadline) -> Result<(), PlaceError> {
        let released = self.release(order, deadline.left(), None, "order.place.released");
        released.await.map_err(PlaceError::Interrupted)
    }

    async fn reject(&self, order: &Order, shortages: Vec<Shortage>) -> Result<Order, PlaceError> {
        let now = self.clock.now();
        let short = shortages.clone();
        let rejected = self.orders.change_unscoped(order.id(), move |order, outbox| {
            order.reject(short.clone(), now)?;
            outbox.push(events::rejected(order, now));
            Ok(())
        });
        match rejected.await {
            // Where it was ended by somebody else meanwhile, nothing is held either: the reason is still the stock.
            Ok(()) | Err(ChangeError::Refused(_) | ChangeError::NotFound(_)) => {
                reached("order.place.ended").await?;
                Err(PlaceError::OutOfStock(shortages))
            }
            Err(ChangeError::Store(error)) => Err(error.into()),
        }
    }

    /// Ends an order whose stock could not be reserved for certain.
    async fn abandon(&self, order: &Order, why: &CallError, deadline: &Deadline) -> Result<(), PlaceError> {
        let perhaps_held = !matches!(why, CallError::NotMade(_));
        let reason = "The stock could not be reserved in time.";
        let ending = Ending { reason, stock_held: perhaps_held, by: None, asked_by: None };
        match self.give_up(order.id(), ending).await {
            Ok(_) => {
                reached("order.place.ended").await?;
                if perhaps_held {
                    self.give_back(order, deadline).await?;
                }
            }
            // Whoever ended it meanwhile has given its stock back.
            Err(ChangeError::Refused(_) | ChangeError::NotFound(_)) => {}
            // Its fate is the reconciler's now. Releasing before the order has ended would be deciding twice.
            Err(ChangeError::Store(error)) => {
                tracing::error!(order = %order.id(), %error, "an order stays PENDING for now");
            }
        }
        Ok(())
    }
}

/// A step has been made, after which a test may want the work to end.
async fn reached(point: &str) -> Result<(), PlaceError> {
    fault::after(point).await.map_err(PlaceError::Interrupted)
}
