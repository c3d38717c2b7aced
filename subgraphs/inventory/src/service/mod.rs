//! The use cases: load, apply a rule, save with its events, tell the cache.
//!
//! [`Inventory`] is the one handle that resolvers, event handlers and background work share. How a rule is applied so that
//! a repeat is known is here; what each use case does with it is in the modules below.

mod accounts;
mod admin;
mod again;
mod flights;
mod ledger;
mod levels;
mod orders;
mod reserve;
#[cfg(test)]
mod reserve_tests;
mod settle;
mod supply;
mod tags;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use kit::{
    Error, Quantity,
    client::Client,
    clock::Clock,
    service::{Context, StartError},
    store::{Collection, Store, StoreError, UpdateError},
};

pub use self::accounts::{Account, AccountError, Books, Fault, HeldFor, LedgerSums, accounts};
pub(crate) use self::{
    admin::{Adjustment, Restocking},
    levels::Level,
};
use self::{
    flights::Flights,
    ledger::{Known, Ledger},
    levels::Levels,
    tags::Tags,
};
use crate::{
    Config,
    domain::{
        ProductId,
        movement::{Cause, Past},
        stock::{Change, Outcome, Refusal, Stock},
    },
    events,
};

/// How often a change is tried while movements slip from the envelope into the ledger between its two looks. Each try that
/// fails takes a delivery in a window of a millisecond or so; the second and all after it read the document first.
const LOOKS: u32 = 20;

/// Everything that inventory can do.
pub(crate) struct Inventory {
    stocks: Collection<Stock>,
    ledger: Ledger,
    levels: Levels,
    flights: Arc<Flights>,
    tags: Tags,
    orders: Client,
    clock: Clock,
    low_at: Quantity,
}

/// Why a change of one stock was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble<E = Refusal> {
    /// There is no stock of that product.
    #[error("there is no such stock")]
    NoStock,
    /// The rule refused.
    #[error("the rule refused")]
    Refused(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Movements slipped by at every look.
    #[error("the stock moves too fast to be sure of its past")]
    Restless,
}

/// What a rule gives that answers more than its change.
type Ruled<R, E> = Result<(R, Option<Change>), E>;

/// What makes the rule be run again, or ends it.
enum Stop<E> {
    /// A movement has slipped by.
    Unseen,
    /// The rule's own refusal.
    Refused(E),
}

/// The two collections of this service, opened in the order that keeps every movement.
async fn open(store: &Store) -> Result<(Ledger, Collection<Stock>), StoreError> {
    let ledger = Ledger::open(store).await?;
    Ok((ledger, store.collection().await?))
}

impl Inventory {
    /// Opens the collections.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub(crate) async fn open(ctx: &Context, config: &Config) -> Result<Arc<Self>, StartError> {
        let (ledger, stocks) = open(&ctx.store).await?;
        let orders = ctx.clients.to("order").map_err(|error| StartError::Config(error.to_string()))?;
        Ok(Arc::new(Self {
            levels: Levels::new(stocks.clone(), config.low_at),
            stocks,
            ledger,
            flights: Arc::default(),
            tags: Tags::new(ctx.cache.clone()),
            orders,
            clock: ctx.clock.clone(),
            low_at: config.low_at,
        }))
    }

    /// Starts the work in the background: asking after holds that have run out, and raising tags that could not be raised.
    pub(crate) fn start(self: &Arc<Self>, ctx: &Context, config: &Config) {
        let inventory = self.clone();
        ctx.tasks.every(config.ask_every, move || {
            let inventory = inventory.clone();
            async move { inventory.settle_expired().await }
        });
        let inventory = self.clone();
        ctx.tasks.every(RAISE_AGAIN_EVERY, move || {
            let inventory = inventory.clone();
            async move { inventory.tags.settle().await }
        });
    }

    /// Applies a rule that knows what its cause has done to this product before. `known` is what was found of that so far.
    ///
    /// # Errors
    /// See [`Trouble`].
    async fn change(
        &self,
        product: ProductId,
        cause: &Cause,
        known: Known,
        rule: impl Fn(&mut Stock, &Past) -> Outcome + Clone + Send + 'static,
    ) -> Result<Option<Change>, Trouble> {
        let ruled = move |stock: &mut Stock, past: &Past| rule(stock, past).map(|change| ((), change));
        self.rule(product, cause, known, ruled).await.map(|((), change)| change)
    }

    /// The same for a rule that answers more than its change.
    async fn rule<R, E>(
        &self,
        product: ProductId,
        cause: &Cause,
        mut known: Known,
        rule: impl Fn(&mut Stock, &Past) -> Ruled<R, E> + Clone + Send + 'static,
    ) -> Result<(R, Option<Change>), Trouble<E>>
    where
        R: Send + 'static,
        E: Send + 'static,
    {
        for _ in 0..LOOKS {
            let (rule, for_rule) = (rule.clone(), cause.clone());
            let (low_at, at) = (self.low_at, self.clock.now());
            let updated = self.stocks.update(&product, move |stock, outbox| {
                let past = known.complete(outbox.pending(), &for_rule, stock.seq()).ok_or(Stop::Unseen)?;
                let (answer, change) = rule(stock, &past).map_err(Stop::Refused)?;
                if let Some(change) = &change {
                    for event in events::of_change(stock, change, low_at, at) {
                        outbox.push(event);
                    }
                }
                Ok((answer, change))
            });
            match updated.await {
                Ok(done) => return Ok(done),
                Err(UpdateError::Rule(Stop::Unseen)) => {
                    known = self.ledger.known_anew(&self.stocks, cause, product).await?;
                }
                Err(UpdateError::Rule(Stop::Refused(refusal))) => return Err(Trouble::Refused(refusal)),
                Err(UpdateError::NotFound) => return Err(Trouble::NoStock),
                Err(UpdateError::Store(error)) => return Err(error.into()),
            }
        }
        Err(Trouble::Restless)
    }

    /// Applies a rule that needs no past.
    async fn change_now(
        &self,
        product: ProductId,
        rule: impl Fn(&mut Stock) -> Outcome + Send + 'static,
    ) -> Result<Option<Change>, Trouble> {
        let (low_at, at) = (self.low_at, self.clock.now());
        let updated = self.stocks.update(&product, move |stock, outbox| {
            let change = rule(stock)?;
            if let Some(change) = &change {
                for event in events::of_change(stock, change, low_at, at) {
                    outbox.push(event);
                }
            }
            Ok(change)
        });
        updated.await.map_err(|error| match error {
            UpdateError::Rule(refusal) => Trouble::Refused(refusal),
            UpdateError::NotFound => Trouble::NoStock,
            UpdateError::Store(error) => Trouble::Store(error),
        })
    }

    /// Tells the cache of changes that are durable.
    async fn tell(&self, changes: &[(ProductId, Change)]) {
        self.tags.raise(Tags::of(changes.iter().map(|(product, change)| (*product, change)))).await;
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Does something to its end even when whoever asked goes away meanwhile: what is durable must be told to the cache, and what
/// is half done must be undone.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = kit::Result<T>> + Send + 'static,
) -> kit::Result<T> {
    match tokio::spawn(kit::subgraph::threaded(work)).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(Error::unavailable("The stock", cancelled)),
        },
    }
}

/// How soon a tag that could not be raised is tried again: well within the life of an entry.
const RAISE_AGAIN_EVERY: Duration = Duration::from_secs(1);

impl Trouble {
    /// For a client that named this product; what a use case can say better it says itself.
    pub(crate) fn of(self, product: ProductId) -> Error {
        match self {
            Self::NoStock | Self::Refused(Refusal::Discarded) => Error::not_found("product", product),
            Self::Refused(refusal) => refused(&refusal),
            Self::Store(error) => error.into(),
            Self::Restless => Error::unavailable("The stock", self),
        }
    }
}

/// A rule's refusal in words for whoever asked.
fn refused(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::Short { available } => Error::conflict(format!("Only {} can be sold.", available.get())),
        Refusal::Late => Error::conflict("The time for this order is over; nothing is held for it."),
        Refusal::Released | Refusal::Undone => {
            Error::conflict("The order was released; it cannot hold stock again.")
        }
        Refusal::OtherLines => Error::conflict("The order has asked for other lines before."),
        Refusal::Held => Error::conflict("The order holds stock."),
        Refusal::NothingHeld => {
            Error::conflict("The order holds nothing of this product that could be sold.")
        }
        Refusal::Stale { available } => Error::conflict(format!(
            "The quantity has changed meanwhile: it is {} now. Look again and decide.",
            available.get()
        ))
        .with("quantity", available.shown()),
        Refusal::TooMany => {
            Error::bad_input("input.quantity", format!("must leave at most {} on hand.", Quantity::MAX))
        }
        Refusal::OtherRequest => Error::conflict("The stock was made with another quantity."),
        Refusal::InUse => Error::conflict("Goods of this product have been held or sold."),
        Refusal::Discarded => Error::conflict("The stock of this product has been ended."),
        Refusal::Inconsistent(_) => Error::internal(refusal.clone()),
    }
}
