//! Holding stock for an order: all of its lines, or none.
//!
//! The steps, and what undoes each:
//!
//! | step | undone by |
//! |---|---|
//! | look: is a product surely short? then nothing is written at all | nothing to undo |
//! | hold the products: all at once where there is plenty of each, else one by one in the order of ids | give up what is held, the last first |
//! | where one is short: bar the order there, in the same write that finds it short | stays: no repeat may hold there |
//!
//! The bar makes several attempts at the same order agree: whoever finds the bar knows that the order is lost, and
//! whoever holds there before it goes on. Only after it is written are the other products given up; so no attempt can answer that
//! all is held while another gives it up. What cannot be undone (the process dies, the store is gone) runs out, and then the order
//! service is asked.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{join_all, select_all};
use kit::{Code, Error, backoff::full_jitter, fault, store::StoreError};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Inventory, Known, Trouble,
    flights::{End, Flight, Flights},
    refused, to_the_end,
};
use crate::domain::{
    OrderId, Pieces, ProductId,
    lines::{Fingerprint, Line, Lines, Shortage},
    movement::{Cause, Kind, Past},
    stock::{Ask, Change, Refusal, Stock},
};

/// A hold is for work in flight. One that would outlive this is somebody's mistake, and would keep goods from everybody.
const LONGEST_HOLD: TimeDelta = TimeDelta::days(1);

/// How long a reservation waits for those of other orders to be decided, in all; then it takes their holds as they are. They take
/// milliseconds each; this is far below the deadline of whoever asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// There is plenty of a product where so many are left beside all that was asked for: what other processes may take in the moment between
/// the look and the hold.
const SPARE: Pieces = Pieces::new(32);

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

/// What there is, before anything is held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Those of the lines of which there is surely too little, so that nothing need be tried. What the order has already is
    /// not short, and neither is what may come back in a moment.
    pub(super) short: Vec<Shortage>,
    /// There is plenty of all others, and nobody will take it: they can be held in any order.
    pub(super) plenty: bool,
}

/// The products of one order, as the steps see them.
pub(super) trait Shelf: Send + Sync {
    /// What there is.
    fn look(&self, lines: &[Line]) -> impl Future<Output = Result<Look, Trouble>> + Send;
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
    /// The store failed, and perhaps holds them.
    perhaps: Vec<ProductId>,
}

/// Holds all of the lines, or none.
pub(super) async fn take(shelf: &impl Shelf, lines: &[Line]) -> Result<(), Unreserved> {
    let mut plenty = false;
    if let [first, _, ..] = lines {
        let look = shelf.look(lines).await.map_err(|trouble| Unreserved::Trouble(first.product, trouble))?;
        if !look.short.is_empty() {
            return Err(Unreserved::Short(look.short));
        }
        plenty = look.plenty;
    }
    if plenty { take_at_once(shelf, lines).await } else { take_in_order(shelf, lines).await }
}

/// One by one, in the order of ids.
async fn take_in_order(shelf: &impl Shelf, lines: &[Line]) -> Result<(), Unreserved> {
    let mut taken = Taken::default();
    for (at, line) in lines.iter().enumerate() {
        // Before the first nothing is held, and nothing has to be undone: a repeat may then try afresh.
        match hold_patiently(shelf, *line, at > 0).await {
            Ok(Held::New) => taken.new.push(line.product),
            Ok(Held::Before) => taken.before.push(line.product),
            Ok(Held::Short(available)) => {
                let short = vec![Shortage { product: line.product, requested: line.quantity, available }];
                return Err(taken.short(shelf, short, &lines[at + 1..]).await);
            }
            Err(trouble) => taken = taken.lacking(shelf, lines, *line, trouble).await?,
        }
    }
    Ok(())
}

/// All in one go: as long as the slowest of them, not as long as all of them together.
async fn take_at_once(shelf: &impl Shelf, lines: &[Line]) -> Result<(), Unreserved> {
    let holds = join_all(lines.iter().map(|line| hold_patiently(shelf, *line, true))).await;
    let (mut taken, mut short, mut refused, mut failed) =
        (Taken::default(), Vec::new(), Vec::new(), Vec::new());
    for (line, held) in lines.iter().zip(holds) {
        match held {
            Ok(Held::New) => taken.new.push(line.product),
            Ok(Held::Before) => taken.before.push(line.product),
            Ok(Held::Short(available)) => {
                short.push(Shortage { product: line.product, requested: line.quantity, available });
            }
            Err(Trouble::Refused(refusal)) => refused.push((*line, Trouble::Refused(refusal))),
            Err(trouble) => failed.push((*line, trouble)),
        }
    }
    taken.perhaps = failed.iter().map(|(line, _)| line.product).collect();
    if !short.is_empty() {
        return Err(taken.short(shelf, short, &[]).await);
    }
    for (line, trouble) in refused.into_iter().chain(failed) {
        taken = taken.lacking(shelf, lines, line, trouble).await?;
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
    /// There is too little, and the order is barred where something is held.
    async fn short(self, shelf: &impl Shelf, mut short: Vec<Shortage>, untried: &[Line]) -> Unreserved {
        match shelf.short_now(untried).await {
            Ok(more) => short.extend(more),
            Err(trouble) => tracing::warn!(error = %trouble, "not all shortages could be seen"),
        }
        self.undo_all(shelf, Kind::Undo).await;
        Unreserved::Short(short)
    }

    /// One of the lines is not held, for another reason: either it is held after all, or the order is given up.
    async fn lacking(
        mut self,
        shelf: &impl Shelf,
        lines: &[Line],
        line: Line,
        trouble: Trouble,
    ) -> Result<Self, Unreserved> {
        if let Trouble::Refused(refusal) = trouble {
            self.undo_new(shelf).await;
            let short =
                if refusal == Refusal::Undone { shelf.short_before(lines).await } else { Ok(Vec::new()) };
            return Err(match short {
                Ok(short) if !short.is_empty() => Unreserved::Short(short),
                Ok(_) => Unreserved::Trouble(line.product, Trouble::Refused(refusal)),
                Err(trouble) => Unreserved::Trouble(line.product, trouble),
            });
        }
        match shelf.bar(line).await {
            // The write was made though its answer was lost.
            Ok(false) => {
                self.perhaps.retain(|product| *product != line.product);
                self.before.push(line.product);
                Ok(self)
            }
            Ok(true) => {
                self.undo_all(shelf, Kind::Release).await;
                Err(Unreserved::Trouble(line.product, trouble))
            }
            Err(again) => {
                // Without the bar another attempt may yet succeed, and nothing may be given up behind its back.
                tracing::warn!(error = %again, product = %line.product, "a reservation stays half made until it runs out");
                Err(Unreserved::Trouble(line.product, trouble))
            }
        }
    }

    /// The order is lost: everything goes back, also what an earlier attempt held.
    async fn undo_all(self, shelf: &impl Shelf, kind: Kind) {
        let mut all: Vec<_> = self.new.into_iter().chain(self.before).chain(self.perhaps).collect();
        all.sort_unstable();
        undo(shelf, all, kind).await;
    }

    /// This attempt is refused: what it held itself goes back. What the store perhaps holds runs out, and then the order service is asked.
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
pub(super) struct Reservation<'a> {
    inventory: &'a Inventory,
    order: OrderId,
    cause: Cause,
    expires_at: DateTime<Utc>,
    lines: Fingerprint,
    known: BTreeMap<ProductId, Known>,
    patient_until: Instant,
    flight: Flight,
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
        let shelf = self.shelf_of(order, lines, expires_at).await?;
        let taken = take(&shelf, lines.as_slice()).await;
        let changes = std::mem::take(&mut *shelf.changes.lock());
        self.tell(&changes).await;
        taken.map_err(|unreserved| match unreserved {
            Unreserved::Short(shortages) => out_of_stock(&shortages),
            Unreserved::Trouble(product, trouble) => match trouble {
                Trouble::Refused(refusal) => refused(&refusal),
                trouble => trouble.of(product),
            },
        })
    }

    /// The shelf of an order, which is on its way from then on.
    pub(super) async fn shelf_of(
        &self,
        order: OrderId,
        lines: &Lines,
        expires_at: DateTime<Utc>,
    ) -> Result<Reservation<'_>, StoreError> {
        let flight = self.flights.enter(order, lines.as_slice()).await;
        let cause = Cause::Order(order);
        Ok(Reservation {
            inventory: self,
            order,
            known: self.ledger.known(&self.stocks, &cause, &lines.products()).await?,
            cause,
            expires_at,
            lines: lines.fingerprint(),
            patient_until: Instant::now() + PATIENCE,
            flight,
            changes: Mutex::default(),
        })
    }
}

/// Why one hold was not made.
enum NotHeld {
    Refused(Refusal),
    /// There would be enough if one of the orders came to nothing whose ends these are.
    Undecided(Vec<End>),
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
        let has_claims = self.flight.has_claims();
        let rule = move |stock: &mut Stock, past: &Past| {
            let available = match stock.hold(past, &ask) {
                Ok(None) => return Ok((Held::Before, None)),
                Ok(change) => {
                    if let Some(flights) = flights.as_ref().filter(|_| !has_claims) {
                        spare_claims(flights, stock)?;
                    }
                    return Ok((Held::New, change));
                }
                Err(Refusal::Short { .. }) if fault::is_broken("inventory.oversells") => {
                    return Ok((Held::New, None));
                }
                Err(Refusal::Short { available }) => available,
                Err(refusal) => return Err(NotHeld::Refused(refusal)),
            };
            if let Some(flights) = &flights {
                let mut undecided = Vec::new();
                let theirs = stock.held_by(|other| {
                    let end = flights.end_of(other).filter(|_| *other != order);
                    let flying = end.is_some();
                    undecided.extend(end);
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

    async fn stocks(&self, lines: &[Line]) -> Result<HashMap<ProductId, Stock>, Trouble> {
        let products: Vec<_> = lines.iter().map(|line| line.product).collect();
        Ok(self.inventory.stocks.get_many(&products).await?)
    }

    /// Whether there is enough of each for this order and for all who asked before, and some to spare. Read after the claims were made.
    fn is_plenty(&self, lines: &[Line], stocks: &HashMap<ProductId, Stock>) -> bool {
        lines.iter().all(|line| {
            stocks.get(&line.product).is_some_and(|stock| {
                let wanted = Pieces::from(line.quantity) + self.flight.before(line.product) + SPARE;
                stock.available() >= wanted
            })
        })
    }

    fn shortages(&self, lines: &[Line], stocks: &HashMap<ProductId, Stock>, surely: bool) -> Vec<Shortage> {
        let mut shortages = Vec::new();
        for line in lines {
            let stock = stocks.get(&line.product);
            if stock.is_some_and(|stock| stock.holds().contains_key(&self.order)) {
                continue;
            }
            let available = stock.map_or(Pieces::ZERO, Stock::available);
            let undecided = match stock {
                Some(stock) if surely => stock.held_by(|order| self.inventory.flights.has(order)),
                _ => Pieces::ZERO,
            };
            if available + undecided < line.quantity.into() {
                shortages.push(Shortage { product: line.product, requested: line.quantity, available });
            }
        }
        shortages
    }
}

/// Refuses a hold that leaves less than what others have claimed and do not hold yet.
fn spare_claims(flights: &Flights, stock: &Stock) -> Result<(), NotHeld> {
    let (claimed, undecided) = flights.claims(stock.product(), |order| !stock.holds().contains_key(order));
    if claimed > stock.available() && !undecided.is_empty() {
        return Err(NotHeld::Undecided(undecided));
    }
    Ok(())
}

impl Shelf for Reservation<'_> {
    async fn look(&self, lines: &[Line]) -> Result<Look, Trouble> {
        let stocks = self.stocks(lines).await?;
        let plenty = self.is_plenty(lines, &stocks);
        if !plenty {
            self.flight.give_way();
        }
        let short = self.shortages(lines, &stocks, true);
        // What the order has done before decides, not what there is now: then the rules must be asked.
        for shortage in &short {
            let known = self
                .inventory
                .ledger
                .known_anew(&self.inventory.stocks, &self.cause, shortage.product)
                .await?;
            if known.has_past() {
                return Ok(Look { short: Vec::new(), plenty });
            }
        }
        Ok(Look { short, plenty })
    }

    async fn short_now(&self, lines: &[Line]) -> Result<Vec<Shortage>, Trouble> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.shortages(lines, &self.stocks(lines).await?, false))
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
                Err(Trouble::Refused(NotHeld::Undecided(mut ends))) => {
                    let patience = self.patient_until.saturating_duration_since(Instant::now());
                    let decided = ends.iter_mut().map(|end| Box::pin(end.changed()));
                    // Which of them comes first does not matter: all is looked at anew.
                    let _ = tokio::time::timeout(patience, select_all(decided)).await;
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
