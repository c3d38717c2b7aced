//! The ledger: every movement of every stock, for ever; and the proof that nothing is missed on its way there.
//!
//! A movement is written with its stock, in the same envelope, and the relay moves it here afterwards. Whoever asks what an order has
//! done to a product must look in both places, while movements go from one to the other. The order of looking closes the gap:
//!
//! 1. note up to which number the ledger surely has the product's movements ([`Known::upto`]),
//! 2. look in the ledger,
//! 3. in the rule, look in the envelope, and go on only if it has every movement after that number ([`Known::complete`]).
//!
//! A movement that left the envelope between 2 and 3 makes the numbers disagree, and the whole is done again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use kit::{
    bus::{Event, Sink},
    store::{Collection, Find, Found, Store, StoreError},
};
use parking_lot::Mutex;

use crate::{
    domain::{
        ProductId,
        movement::{Cause, Moved, Movement, Past},
        stock::Stock,
    },
    events,
};

/// A cheap handle on the ledger. As a [`Sink`] it takes the movements that the relay brings.
#[derive(Clone)]
pub(crate) struct Ledger {
    movements: Collection<Movement>,
    /// Up to which number the movements of a product are surely here, without a gap: a bound from below. It holds only products
    /// that have moved since the start.
    upto: Arc<Mutex<HashMap<ProductId, u64>>>,
}

/// What is known of a cause's doings with one product, as of a moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Every movement up to this one was looked at.
    upto: u64,
    past: Past,
}

impl Known {
    /// Whether anything was found.
    pub(crate) const fn has_past(&self) -> bool {
        self.past.last().is_some()
    }

    /// The latest that was found.
    pub(crate) const fn last(&self) -> Option<&Moved> {
        self.past.last()
    }

    /// The whole past, if the envelope still has every movement that came later; none where one has slipped through.
    pub(crate) fn complete(&self, pending: &[Event], cause: &Cause, seq: u64) -> Option<Past> {
        let mut past = self.past.clone();
        let mut later = 0;
        let cause = cause.to_string();
        for event in pending {
            let Some(place) = events::place(event) else { continue };
            if place > self.upto && place <= seq {
                later += 1;
            }
            if events::is_for(event, &cause)
                && let Ok(moved) = event.data::<Moved>()
            {
                past.see(&moved);
            }
        }
        (self.upto + later >= seq).then_some(past)
    }
}

impl Ledger {
    /// How many movements are read at once where all are wanted.
    const PAGE: usize = 1_000;

    /// Opens the ledger in this store, and puts it first among those who are given the store's events. Before the stocks are
    /// opened: no movement may be cleared that is not here.
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        let ledger = Self { movements: store.collection().await?, upto: Arc::default() };
        store.deliver_first_to(Arc::new(ledger.clone()));
        Ok(ledger)
    }

    /// What the cause has done to these products, as far as the ledger has it. For products that have not moved since the start the
    /// stock is read as well, to learn where its envelope begins.
    pub(crate) async fn known(
        &self,
        stocks: &Collection<Stock>,
        cause: &Cause,
        products: &[ProductId],
    ) -> Result<BTreeMap<ProductId, Known>, StoreError> {
        let mut known: BTreeMap<ProductId, Known> = {
            let upto = self.upto.lock();
            let each = products.iter().map(|product| {
                (
                    *product,
                    Known { upto: upto.get(product).copied().unwrap_or_default(), past: Past::default() },
                )
            });
            each.collect()
        };
        let still: Vec<_> =
            known.iter().filter(|(_, known)| known.upto == 0).map(|(product, _)| *product).collect();
        known.extend(self.read(stocks, cause, &still).await?);
        self.look(cause, &mut known).await?;
        Ok(known)
    }

    /// The same for one product, from its document: for when the number in memory was too old.
    pub(crate) async fn known_anew(
        &self,
        stocks: &Collection<Stock>,
        cause: &Cause,
        product: ProductId,
    ) -> Result<Known, StoreError> {
        let mut known = BTreeMap::from([(product, Known::default())]);
        known.extend(self.read(stocks, cause, &[product]).await?);
        self.look(cause, &mut known).await?;
        Ok(known.remove(&product).unwrap_or_default())
    }

    /// What the documents' own envelopes tell: all movements up to a document's are either in it or in the ledger.
    async fn read(
        &self,
        stocks: &Collection<Stock>,
        cause: &Cause,
        products: &[ProductId],
    ) -> Result<Vec<(ProductId, Known)>, StoreError> {
        let cause = cause.to_string();
        let stocks = stocks.get_many_with_pending(products).await?;
        Ok(stocks
            .iter()
            .map(|(stock, pending)| (stock.product(), self.told(stock, pending, &cause)))
            .collect())
    }

    fn told(&self, stock: &Stock, pending: &[Event], cause: &str) -> Known {
        let (mut past, mut first) = (Past::default(), stock.seq() + 1);
        for event in pending {
            let Some(place) = events::place(event) else { continue };
            first = first.min(place);
            if events::is_for(event, cause)
                && let Ok(moved) = event.data::<Moved>()
            {
                past.see(&moved);
            }
        }
        // What is not in the envelope any more is here.
        self.surely(stock.product(), first - 1);
        Known { upto: stock.seq(), past }
    }

    async fn look(&self, cause: &Cause, known: &mut BTreeMap<ProductId, Known>) -> Result<(), StoreError> {
        for movement in self.of(cause).await? {
            if let Some(known) = known.get_mut(&movement.product) {
                known.past.see(&movement.moved);
            }
        }
        Ok(())
    }

    /// The movements for a cause that have arrived.
    pub(crate) async fn of(&self, cause: &Cause) -> Result<Vec<Movement>, StoreError> {
        self.all(Find::by(&Movement::BY_CAUSE).eq(cause.to_string())).await
    }

    /// The movements of a product that have arrived, in order.
    pub(crate) async fn of_product(&self, product: ProductId) -> Result<Vec<Movement>, StoreError> {
        self.all(Find::by(&Movement::BY_PRODUCT).eq(product.to_string())).await
    }

    async fn all(&self, find: Find) -> Result<Vec<Movement>, StoreError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let Found { items, more } =
                self.movements.find(find.clone().after(after).limit(Self::PAGE)).await?;
            after = items.last().map(|(cursor, _)| cursor.clone());
            all.extend(items.into_iter().map(|(_, movement)| movement));
            if !more || after.is_none() {
                return Ok(all);
            }
        }
    }

    /// A page of the ledger.
    pub(crate) async fn find(&self, find: Find) -> Result<Found<Movement>, StoreError> {
        self.movements.find(find).await
    }

    /// How many movements the find gives.
    pub(crate) async fn count(&self, find: Find) -> Result<u64, StoreError> {
        self.movements.count(find).await
    }

    /// Takes the movements among these events in; one that is here already is left as it is.
    pub(crate) async fn take(&self, events: &[Event]) -> kit::Result<()> {
        let mut arrived = Vec::new();
        for event in events {
            if let Some(movement) = events::movement(event)? {
                arrived.push(movement);
            }
        }
        // All at once, so that the store commits them together.
        let inserted = arrived.iter().map(|movement| async {
            match self.movements.insert(movement, Vec::new()).await {
                Ok(()) | Err(StoreError::Exists { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        });
        futures::future::try_join_all(inserted).await?;
        let mut spans = HashMap::<ProductId, Vec<u64>>::new();
        for movement in &arrived {
            spans.entry(movement.product).or_default().push(movement.moved.seq);
        }
        for (product, mut places) in spans {
            places.sort_unstable();
            for place in places {
                self.arrived(product, place);
            }
        }
        Ok(())
    }

    /// The ledger has every movement of the product up to this one.
    fn surely(&self, product: ProductId, place: u64) {
        let mut upto = self.upto.lock();
        let have = upto.entry(product).or_default();
        *have = place.max(*have);
    }

    /// The ledger has this movement; of those before it nothing is said.
    fn arrived(&self, product: ProductId, place: u64) {
        let mut upto = self.upto.lock();
        let have = upto.entry(product).or_default();
        // Across a gap nothing is known: a movement in it may still be on its way.
        if place == *have + 1 {
            *have = place;
        }
    }
}

#[async_trait]
impl Sink for Ledger {
    async fn deliver(&self, events: &[Event]) -> kit::Result<()> {
        self.take(events).await
    }
}
