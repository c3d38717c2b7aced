//! What becomes of an order's holds: sold, or given back.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::join_all;
use kit::fault;

use super::{Inventory, Trouble, to_the_end};
use crate::domain::{
    OrderId, ProductId,
    movement::{Cause, Kind, Past},
    stock::{Outcome, Stock},
};

/// What the order service has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The goods are sold.
    Sold,
    /// The order has ended: holds are given up, and sold goods come back.
    Ended,
    /// The same, found out when a hold ran out.
    EndedUnheard,
}

impl Fate {
    fn rule(self, stock: &mut Stock, past: &Past, order: OrderId) -> Outcome {
        match self {
            Self::Sold => stock.commit(past, order),
            // A release that leaves nothing behind where it overtook its hold, for whoever tries this promise.
            Self::Ended if fault::is_broken("inventory.release_leaves_no_mark") && past.last().is_none() => {
                Ok(stock.give_up(order, Kind::Release))
            }
            Self::Ended => stock.release(past, order),
            Self::EndedUnheard => match stock.give_up(order, Kind::Expire) {
                None => stock.release(past, order),
                expired => Ok(expired),
            },
        }
    }
}

impl Inventory {
    /// Sells what the order holds of these products. Doing it again changes nothing.
    ///
    /// # Errors
    /// `CONFLICT` where it holds nothing of one of them and never bought it; the others are sold nevertheless.
    pub(crate) async fn commit(self: &Arc<Self>, order: OrderId, products: &[ProductId]) -> kit::Result<()> {
        self.finish(order, products, Fate::Sold).await
    }

    /// Ends what the order has of these products: holds are given up, sold goods come back, and where there is nothing yet there
    /// never will be. Doing it again changes nothing; a product without stock has nothing to release.
    ///
    /// # Errors
    /// When the store fails; the other products are released nevertheless.
    pub(crate) async fn release(self: &Arc<Self>, order: OrderId, products: &[ProductId]) -> kit::Result<()> {
        self.finish(order, products, Fate::Ended).await
    }

    /// The same for holds that ran out before anybody said so.
    pub(super) async fn expire(self: &Arc<Self>, order: OrderId, products: &[ProductId]) -> kit::Result<()> {
        self.finish(order, products, Fate::EndedUnheard).await
    }

    /// Releases all that is known of the order, for whoever does not know its lines. A hold that is not in the ledger yet
    /// is found when it runs out.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn release_all(self: &Arc<Self>, order: OrderId) -> kit::Result<()> {
        let moved = self.ledger.of(&Cause::Order(order)).await?;
        let products: BTreeSet<_> = moved.iter().map(|movement| movement.product).collect();
        self.release(order, &products.into_iter().collect::<Vec<_>>()).await
    }

    async fn finish(self: &Arc<Self>, order: OrderId, products: &[ProductId], fate: Fate) -> kit::Result<()> {
        let products: BTreeSet<_> = products.iter().copied().collect();
        let inventory = self.clone();
        to_the_end(async move {
            let products: Vec<_> = products.into_iter().collect();
            inventory.finish_each(order, &products, fate).await
        })
        .await
    }

    /// Finishes each of the products; all are tried, whatever becomes of one, and the first failure is told.
    async fn finish_each(&self, order: OrderId, products: &[ProductId], fate: Fate) -> kit::Result<()> {
        let cause = Cause::Order(order);
        let mut known = self.ledger.known(&self.stocks, &cause, products).await?;
        let each = products.iter().map(|product| {
            let known = known.remove(product).unwrap_or_default();
            self.change(*product, &cause, known, move |stock, past| fate.rule(stock, past, order))
        });
        let each: Vec<_> = each.collect();
        let (mut changes, mut failure) = (Vec::new(), Ok(()));
        for (product, outcome) in products.iter().zip(join_all(each).await) {
            match outcome {
                Ok(Some(change)) => changes.push((*product, change)),
                Ok(None) => {}
                Err(Trouble::NoStock) if fate != Fate::Sold => {}
                Err(trouble) => failure = failure.and(Err(trouble.of(*product))),
            }
        }
        self.tell(&changes).await;
        failure
    }
}
