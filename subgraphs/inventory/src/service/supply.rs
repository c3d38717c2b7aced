//! The stock of a new product, and its end where the product never came to be. The catalog asks for both.

use std::sync::Arc;

use kit::{Error, Quantity, store::StoreError};

use super::{Inventory, Trouble, refused, to_the_end};
use crate::{
    domain::{
        ProductId,
        stock::{Change, Refusal, Stock},
    },
    events,
};

impl Inventory {
    /// Makes the stock of a product. The same again changes nothing.
    ///
    /// # Errors
    /// `CONFLICT` where it was made with another quantity, or has been ended.
    pub(crate) async fn create(self: &Arc<Self>, product: ProductId, quantity: Quantity) -> kit::Result<()> {
        let inventory = self.clone();
        to_the_end(async move {
            if inventory.insert(Stock::receive(product, quantity)).await? {
                return Ok(());
            }
            let made = inventory.stocks.get(&product).await?;
            let made = made.ok_or_else(|| Error::bug("a stock that exists is not there"))?;
            made.is_made_with(quantity).map_err(|refusal| refused(&refusal))
        })
        .await
    }

    /// Ends the stock of a product that never became visible, and marks it so that it is not made late. The same again
    /// changes nothing.
    ///
    /// # Errors
    /// `CONFLICT` where anything was ever held.
    pub(crate) async fn discard(self: &Arc<Self>, product: ProductId) -> kit::Result<()> {
        let inventory = self.clone();
        to_the_end(async move {
            let discarded = match inventory.change_now(product, Stock::discard).await {
                // The creation may be on its way: whichever of the two comes first stays.
                Err(Trouble::NoStock) if inventory.insert(Stock::never(product)).await? => return Ok(()),
                Err(Trouble::NoStock) => inventory.change_now(product, Stock::discard).await,
                discarded => discarded,
            };
            match discarded {
                Ok(Some(change)) => {
                    inventory.tell(&[(product, change)]).await;
                    Ok(())
                }
                Ok(None) => Ok(()),
                Err(Trouble::Refused(refusal @ Refusal::InUse)) => Err(refused(&refusal)),
                Err(trouble) => Err(trouble.of(product)),
            }
        })
        .await
    }

    /// Adds a stock; false where there is one.
    async fn insert(&self, (stock, change): (Stock, Change)) -> kit::Result<bool> {
        let product = stock.product();
        match self.stocks.insert(&stock, events::of_change(&stock, &change, self.low_at, self.now())).await {
            Ok(()) => {}
            Err(StoreError::Exists { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        self.tell(&[(product, change)]).await;
        Ok(true)
    }
}
