//! How much there is of a product, for whoever shows it: however many are asked for at once, it is one read.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use kit::{
    Quantity,
    store::{Collection, StoreError},
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::domain::{Pieces, ProductId, stock::Stock};

/// How much there is of a product at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) product: ProductId,
    pub(crate) on_hand: Pieces,
    pub(crate) held: Pieces,
    pub(crate) sold: Pieces,
    pub(crate) received: Pieces,
    pub(crate) low_at: Quantity,
}

impl Level {
    /// The level of a stock; none of one that has been ended.
    pub(crate) fn of(stock: &Stock, low_at: Quantity) -> Option<Self> {
        let level = Self {
            product: stock.product(),
            on_hand: stock.on_hand(),
            held: stock.held(),
            sold: stock.sold(),
            received: stock.received(),
            low_at,
        };
        (!stock.is_discarded()).then_some(level)
    }

    /// What can be sold now.
    pub(crate) fn available(&self) -> Pieces {
        self.on_hand - self.held
    }

    /// Whether that is at the threshold or below it.
    pub(crate) fn is_low(&self) -> bool {
        self.available() <= self.low_at.into()
    }
}

type Reply = oneshot::Sender<kit::Result<Option<Level>>>;

/// Gathers what is asked for at the same time. The first who asks gives way once, so that all who are polled with them (the
/// entities of one request) have asked too, and then reads for all. No timer: a list waits no longer than it takes.
pub(crate) struct Levels {
    stocks: Collection<Stock>,
    low_at: Quantity,
    waiting: Mutex<Vec<(ProductId, Reply)>>,
    /// How many reads there have been.
    reads: AtomicU64,
}

/// Whoever reads for the others. Dropped before that, it sends them to ask again.
struct Leader<'a>(&'a Levels);

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().clear();
    }
}

impl Levels {
    pub(crate) const fn new(stocks: Collection<Stock>, low_at: Quantity) -> Self {
        Self { stocks, low_at, waiting: parking_lot::const_mutex(Vec::new()), reads: AtomicU64::new(0) }
    }

    /// The level of a product; none where there is no stock of it.
    pub(crate) async fn load(&self, product: ProductId) -> kit::Result<Option<Level>> {
        loop {
            let (reply, answer) = oneshot::channel();
            let leads = {
                let mut waiting = self.waiting.lock();
                waiting.push((product, reply));
                waiting.len() == 1
            };
            if leads {
                let leader = Leader(self);
                tokio::task::yield_now().await;
                let asked = std::mem::take(&mut *self.waiting.lock());
                std::mem::forget(leader);
                self.answer(asked).await;
            }
            // Without an answer whoever read for us has gone away: ask again.
            if let Ok(level) = answer.await {
                return level;
            }
        }
    }

    /// How many reads there have been.
    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    async fn answer(&self, asked: Vec<(ProductId, Reply)>) {
        let products: Vec<_> = asked.iter().map(|(product, _)| *product).collect();
        self.reads.fetch_add(1, Ordering::Relaxed);
        let found = self.stocks.get_many(&products).await.map_err(Arc::new);
        for (product, reply) in asked {
            let level = match &found {
                Ok(stocks) => Ok(stocks.get(&product).and_then(|stock| Level::of(stock, self.low_at))),
                Err(error) => Err(unreadable(error.clone())),
            };
            // Whoever asked may have gone meanwhile.
            let _ = reply.send(level);
        }
    }
}

/// One failure told to everybody who waited.
fn unreadable(error: Arc<StoreError>) -> kit::Error {
    #[derive(Debug, thiserror::Error)]
    #[error("the stocks cannot be read: {0}")]
    struct Shared(Arc<StoreError>);
    let may_pass = error.may_pass();
    let shared = Shared(error);
    if may_pass { kit::Error::unavailable("The stock", shared) } else { kit::Error::internal(shared) }
}
