//! Holding stock for an order: all of its lines, or none.
//!
//! The steps, and what undoes each:
//!
//! | step | undone by |
//! |---|---|
//! | look: is a product surely short? then nothing is written at all | nothing to undo |
//! | hold each product, in the order of ids | give up what is held, the last first |
//! | where one is short: bar the order there, in the same write that finds it short | stays: no repeat may hold there |
//!
//! The bar makes several attempts at the same order agree: whoever finds the bar knows that the order is lost, and
//! whoever holds there before it goes on. Only after it is written are the other products given up; so no attempt can answer that
//! all is held while another gives it up. What cannot be undone (the process dies, the store is gone) runs out, and then the order
//! service is asked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use kit::{Code, Error, backoff::full_jitter, fault};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Inventory, Known, Trouble, refused, to_the_end};
use crate::domain::{
    OrderId, Pieces, ProductId,
    lines::{Fingerprint, Line, Lines, Shortage},
    movement::{Cause, Kind},
    stock::{Ask, Change, Refusal},
};

/// A hold is for work in flight. One that would outlive this is somebody's mistake, and would keep goods from everybody.
const LONGEST_HOLD: TimeDelta = TimeDelta::days(1);

/// How long a reservation waits for those of other orders to be decided, in all; then it takes their holds as they are. They take
/// milliseconds each; this is far below the deadline of whoever asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a hold is tried that the store could not make, and the waits between.
const TRIES: u32 = 3;
const BASE_WAIT: Duration = Duration::from_millis(20);
const MAX_WAIT: Duration = Duration::from_millis(200);

/// What an attempt to hold one product came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// It is held now.
    New,
    /// It was held before by the same order.
    Before,
    /// There is too little. Where the order was to be barred it is.
    Short(Pieces),
}

/// The products of one order, as the steps see them.
pub(super) trait Shelf: Send + Sync {
    /// Those of the lines of which there is surely too little, so that nothing need be tried. What the order has already is
    /// not short, and neither is what may come back in a moment.
    fn surely_short(&self, lines: &[Line]) -> impl Future<Output = Result<Vec<Shortage>, Trouble>> + Send;
    /// Those of the lines of which there is too little at this moment.
    fn short_now(&self, lines: &[Line]) -> impl Future<Output = Result<Vec<Shortage>, Trouble>> + Send;
    /// What the order was found short of when it was refused before.
    fn short_before(&self, lines: &[Line]) -> impl Future<Output = Result<Vec<Shortage>, Trouble>> + Send;
    /// Holds one product; where it is short and `bar` is set, the order is barred there in the same step.
    fn hold(&self, line: Line, bar: bool) -> impl Future<Output = Result<Held, Trouble>> + Send;
    /// Bars the order from a product; false where it holds it after all.
    fn bar(&self, line: Line) -> impl Future<Output = Result<bool, Trouble>> + Send;
    /// Gives up a hold, if there is one.
    fn give_up(&self, product: ProductId, kind: Kind) -> impl Future<Output = Result<(), Trouble>> + Send;
}

/// Why nothing is held.
#[derive(Debug)]
pub(super) enum Unreserved {
    /// Of these there was too little.
    Short(Vec<Shortage>),
    /// The order may not hold, or the store failed.
    Trouble(ProductId, Trouble),
}

/// What the order holds so far.
#[derive(Default)]
struct Taken {
    new: Vec<ProductId>,
    before: Vec<ProductId>,
}

/// Holds all of the lines, or none.
pub(super) async fn take(shelf: &impl Shelf, lines: &[Line]) -> Result<(), Unreserved> {
    if let [first, _, ..] = lines {
        let short =
            shelf.surely_short(lines).await.map_err(|trouble| Unreserved::Trouble(first.product, trouble))?;
        if !short.is_empty() {
            return Err(Unreserved::Short(short));
        }
    }
    let mut taken = Taken::default();
    for (at, line) in lines.iter().enumerate() {
        // Before the first nothing is held, and nothing has to be undone: a repeat may then try afresh.
        match hold_patiently(shelf, *line, at > 0).await {
            Ok(Held::New) => taken.new.push(line.product),
            Ok(Held::Before) => taken.before.push(line.product),
            Ok(Held::Short(available)) => {
                let mut short = vec![Shortage { product: line.product, requested: line.quantity, available }];
                match shelf.short_now(&lines[at + 1..]).await {
                    Ok(more) => short.extend(more),
                    Err(trouble) => tracing::warn!(error = %trouble, "not all shortages could be seen"),
                }
                taken.undo_all(shelf, Kind::Undo).await;
                return Err(Unreserved::Short(short));
            }
            Err(Trouble::Refused(Refusal::Undone)) => {
                taken.undo_new(shelf).await;
                let short = shelf.short_before(lines).await;
                return Err(match short {
                    Ok(short) if !short.is_empty() => Unreserved::Short(short),
                    Ok(_) => Unreserved::Trouble(line.product, Trouble::Refused(Refusal::Undone)),
                    Err(trouble) => Unreserved::Trouble(line.product, trouble),
                });
            }
            Err(Trouble::Refused(refusal)) => {
                taken.undo_new(shelf).await;
                return Err(Unreserved::Trouble(line.product, Trouble::Refused(refusal)));
            }
            Err(trouble) => match shelf.bar(*line).await {
                // The write was made though its answer was lost.
                Ok(false) => taken.before.push(line.product),
                Ok(true) => {
                    taken.undo_all(shelf, Kind::Release).await;
                    return Err(Unreserved::Trouble(line.product, trouble));
                }
                Err(again) => {
                    // Without the bar another attempt may yet succeed, and nothing may be given up behind its back.
                    tracing::warn!(error = %again, product = %line.product, "a reservation stays half made until it runs out");
                    return Err(Unreserved::Trouble(line.product, trouble));
                }
            },
        }
    }
    Ok(())
}

/// Holds one product; a failure of the store is waited out for a moment.
async fn hold_patiently(shelf: &impl Shelf, line: Line, bar: bool) -> Result<Held, Trouble> {
    let mut attempt = 1;
    loop {
        match shelf.hold(line, bar).await {
            Err(Trouble::Store(_) | Trouble::Restless) if attempt < TRIES => {
                tokio::time::sleep(full_jitter(BASE_WAIT, MAX_WAIT, attempt)).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

impl Taken {
    /// The order is lost: everything goes back, also what an earlier attempt held.
    async fn undo_all(self, shelf: &impl Shelf, kind: Kind) {
        let mut all: Vec<_> = self.new.into_iter().chain(self.before).collect();
        all.sort_unstable();
        undo(shelf, all, kind).await;
    }

    /// This attempt is refused: what it held itself goes back.
    async fn undo_new(self, shelf: &impl Shelf) {
        undo(shelf, self.new, Kind::Release).await;
    }
}

async fn undo(shelf: &impl Shelf, products: Vec<ProductId>, kind: Kind) {
    for product in products.into_iter().rev() {
        if let Err(error) = shelf.give_up(product, kind).await {
            tracing::warn!(%error, %product, "a hold could not be given up; the order service is asked when it runs out");
        }
    }
}

/// The real shelf of an order.
struct Reservation<'a> {
    inventory: &'a Inventory,
    order: OrderId,
    cause: Cause,
    expires_at: DateTime<Utc>,
    lines: Fingerprint,
    known: BTreeMap<ProductId, Known>,
    patient_until: Instant,
    /// What has become durable.
    changes: Mutex<Vec<(ProductId, Change)>>,
}

impl Inventory {
    /// Holds stock for an order: all of the lines, or none. The same again gives the same.
    ///
    /// # Errors
    /// `OUT_OF_STOCK` with every shortage; `CONFLICT` where the order was released, or asked for other lines before.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        order: OrderId,
        lines: Lines,
        expires_at: DateTime<Utc>,
    ) -> kit::Result<()> {
        if expires_at > self.now() + LONGEST_HOLD {
            return Err(Error::bad_input("expiresAt", "must be within the next 24 hours."));
        }
        let inventory = self.clone();
        to_the_end(async move { inventory.reserve_now(order, &lines, expires_at).await }).await
    }

    async fn reserve_now(&self, order: OrderId, lines: &Lines, expires_at: DateTime<Utc>) -> kit::Result<()> {
        // One product is held or not: nobody need wait to see which.
        let _flight = if lines.as_slice().len() > 1 { Some(self.flights.enter(order).await) } else { None };
        let cause = Cause::Order(order);
        let shelf = Reservation {
            inventory: self,
            order,
            known: self.ledger.known(&self.stocks, &cause, &lines.products()).await?,
            cause,
            expires_at,
            lines: lines.fingerprint(),
            patient_until: Instant::now() + PATIENCE,
            changes: Mutex::default(),
        };
        let taken = take(&shelf, lines.as_slice()).await;
        let changes = shelf.changes.into_inner();
        self.tell(&changes).await;
        taken.map_err(|unreserved| match unreserved {
            Unreserved::Short(shortages) => out_of_stock(&shortages),
            Unreserved::Trouble(product, trouble) => match trouble {
                Trouble::Refused(refusal) => refused(&refusal),
                trouble => trouble.of(product),
            },
        })
    }
}

/// Why one hold was not made.
enum NotHeld {
    Refused(Refusal),
    /// There would be enough if one of these orders came to nothing.
    Undecided(Vec<OrderId>),
}

impl Reservation<'_> {
    fn ask(&self, line: Line) -> Ask {
        let (lines, now) = (self.lines.clone(), self.inventory.now());
        Ask { order: self.order, quantity: line.quantity, lines, expires_at: self.expires_at, now }
    }

    fn known(&self, product: ProductId) -> Known {
        self.known.get(&product).cloned().unwrap_or_default()
    }

    fn durable(&self, product: ProductId, change: Option<Change>) {
        self.changes.lock().extend(change.map(|change| (product, change)));
    }

    /// Tries once; where other orders are undecided and this one still has patience, it says for whom to wait.
    async fn hold_once(&self, line: Line, bar: bool) -> Result<Held, Trouble<NotHeld>> {
        let (ask, order) = (self.ask(line), self.order);
        let flights = (Instant::now() < self.patient_until).then(|| self.inventory.flights.clone());
        let rule = move |stock: &mut crate::domain::stock::Stock, past: &crate::domain::movement::Past| {
            let available = match stock.hold(past, &ask) {
                Ok(None) => return Ok((Held::Before, None)),
                Ok(change) => return Ok((Held::New, change)),
                Err(Refusal::Short { .. }) if fault::is_broken("inventory.oversells") => {
                    return Ok((Held::New, None));
                }
                Err(Refusal::Short { available }) => available,
                Err(refusal) => return Err(NotHeld::Refused(refusal)),
            };
            if let Some(flights) = &flights {
                let mut undecided = Vec::new();
                let theirs = stock.held_by(|other| {
                    let flying = *other != order && flights.has(other);
                    undecided.extend(flying.then_some(*other));
                    flying
                });
                if available + theirs >= ask.quantity.into() {
                    return Err(NotHeld::Undecided(undecided));
                }
            }
            let change =
                if bar { stock.bar(past, order, Kind::Short, ask.quantity.into()) } else { Ok(None) };
            Ok((Held::Short(available), change.map_err(NotHeld::Refused)?))
        };
        let (held, change) =
            self.inventory.rule(line.product, &self.cause, self.known(line.product), rule).await?;
        self.durable(line.product, change);
        Ok(held)
    }

    async fn shortages(&self, lines: &[Line], surely: bool) -> Result<Vec<Shortage>, Trouble> {
        let products: Vec<_> = lines.iter().map(|line| line.product).collect();
        let stocks = self.inventory.stocks.get_many(&products).await?;
        let mut shortages = Vec::new();
        for line in lines {
            let stock = stocks.get(&line.product);
            if stock.is_some_and(|stock| stock.holds().contains_key(&self.order)) {
                continue;
            }
            let available = stock.map_or(Pieces::ZERO, crate::domain::stock::Stock::available);
            let undecided = match stock {
                Some(stock) if surely => stock.held_by(|order| self.inventory.flights.has(order)),
                _ => Pieces::ZERO,
            };
            if available + undecided < line.quantity.into() {
                shortages.push(Shortage { product: line.product, requested: line.quantity, available });
            }
        }
        Ok(shortages)
    }
}

impl Shelf for Reservation<'_> {
    async fn surely_short(&self, lines: &[Line]) -> Result<Vec<Shortage>, Trouble> {
        let short = self.shortages(lines, true).await?;
        // What the order has done before decides, not what there is now: then the rules must be asked.
        for shortage in &short {
            let known = self
                .inventory
                .ledger
                .known_anew(&self.inventory.stocks, &self.cause, shortage.product)
                .await?;
            if known.has_past() {
                return Ok(Vec::new());
            }
        }
        Ok(short)
    }

    async fn short_now(&self, lines: &[Line]) -> Result<Vec<Shortage>, Trouble> {
        self.shortages(lines, false).await
    }

    async fn short_before(&self, lines: &[Line]) -> Result<Vec<Shortage>, Trouble> {
        let mut shortages = Vec::new();
        for line in lines {
            let known =
                self.inventory.ledger.known_anew(&self.inventory.stocks, &self.cause, line.product).await?;
            shortages.extend(known.last().filter(|last| last.kind == Kind::Short).map(|last| Shortage {
                product: line.product,
                requested: line.quantity,
                available: last.available,
            }));
        }
        Ok(shortages)
    }

    async fn hold(&self, line: Line, bar: bool) -> Result<Held, Trouble> {
        loop {
            match self.hold_once(line, bar).await {
                Ok(held) => return Ok(held),
                // A product that inventory does not know has nothing to sell.
                Err(Trouble::NoStock) => return Ok(Held::Short(Pieces::ZERO)),
                Err(Trouble::Refused(NotHeld::Refused(refusal))) => return Err(Trouble::Refused(refusal)),
                Err(Trouble::Refused(NotHeld::Undecided(orders))) => {
                    let patience = self.patient_until.saturating_duration_since(Instant::now());
                    let decided = orders.iter().map(|order| Box::pin(self.inventory.flights.ended(order)));
                    // Which of them comes first does not matter: all is looked at anew.
                    let _ = tokio::time::timeout(patience, futures::future::select_all(decided)).await;
                }
                Err(Trouble::Store(error)) => return Err(Trouble::Store(error)),
                Err(Trouble::Restless) => return Err(Trouble::Restless),
            }
        }
    }

    async fn bar(&self, line: Line) -> Result<bool, Trouble> {
        let order = self.order;
        let barred =
            self.inventory.change(line.product, &self.cause, self.known(line.product), move |stock, past| {
                stock.bar(past, order, Kind::Refuse, Pieces::ZERO)
            });
        match barred.await {
            Ok(change) => {
                self.durable(line.product, change);
                Ok(true)
            }
            Err(Trouble::Refused(Refusal::Held)) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    async fn give_up(&self, product: ProductId, kind: Kind) -> Result<(), Trouble> {
        let order = self.order;
        let change = self.inventory.change_now(product, move |stock| Ok(stock.give_up(order, kind))).await?;
        self.durable(product, change);
        Ok(())
    }
}

/// `OUT_OF_STOCK` with all that is short.
fn out_of_stock(shortages: &[Shortage]) -> Error {
    let list = shortages.iter().map(|shortage| {
        async_graphql::value!({
            "_id": (shortage.product.to_string()),
            "requested": (shortage.requested.get()),
            "available": (shortage.available.shown()),
        })
    });
    let message = match shortages {
        [one] => format!(
            "There are only {} left of a product; {} were asked for.",
            one.available.get(),
            one.requested.get()
        ),
        several => format!("{} products have less stock than was asked for.", several.len()),
    };
    Error::new(Code::OutOfStock, message).with("shortages", async_graphql::Value::List(list.collect()))
}
