//! What the people who run the shop do to stock, and what they see of it.

use std::sync::Arc;

use kit::{
    Code, Error, Quantity,
    page::PageRequest,
    store::{Find, Found},
};

use super::{Inventory, Level, Trouble, to_the_end};
use crate::domain::{
    ProductId,
    movement::{Cause, Movement},
    stock::{Note, Refusal, Stock},
};

/// A correction of what can be sold.
#[derive(Debug, Clone)]
pub(crate) struct Adjustment {
    pub(crate) product: ProductId,
    /// What the person saw.
    pub(crate) expected: Quantity,
    /// What it is to be.
    pub(crate) quantity: Quantity,
    pub(crate) note: Note,
}

/// New goods.
#[derive(Debug, Clone)]
pub(crate) struct Restocking {
    pub(crate) product: ProductId,
    /// At least one.
    pub(crate) quantity: Quantity,
    pub(crate) note: Note,
}

impl Inventory {
    /// Corrects what can be sold of a product.
    ///
    /// # Errors
    /// `CONFLICT` with the current `quantity` where it is not what was expected; `NOT_FOUND`; `BAD_USER_INPUT` where it would be
    /// too many.
    pub(crate) async fn adjust(self: &Arc<Self>, asked: Adjustment) -> kit::Result<Level> {
        let inventory = self.clone();
        to_the_end(async move {
            let Adjustment { product, expected, quantity, note } = asked;
            let change =
                inventory.change_now(product, move |stock| stock.adjust(expected, quantity, &note)).await;
            let change = change.map_err(|trouble| trouble.of(product))?;
            inventory.tell(&change.map(|change| (product, change)).into_iter().collect::<Vec<_>>()).await;
            inventory.level_now(product).await
        })
        .await
    }

    /// Takes in new goods. The same again under the same key changes nothing.
    ///
    /// # Errors
    /// `IDEMPOTENCY_MISMATCH` where the key was used for another quantity of this product; `NOT_FOUND`; `BAD_USER_INPUT` where it would
    /// be too many.
    pub(crate) async fn restock(self: &Arc<Self>, asked: Restocking) -> kit::Result<Level> {
        let inventory = self.clone();
        to_the_end(async move {
            let Restocking { product, quantity, note } = asked;
            let change = match note.key.clone().map(Cause::Key) {
                None => {
                    let rule = move |stock: &mut Stock| stock.restock(&Default::default(), quantity, &note);
                    inventory.change_now(product, rule).await
                }
                Some(cause) => {
                    let mut known = inventory.ledger.known(&inventory.stocks, &cause, &[product]).await?;
                    let known = known.remove(&product).unwrap_or_default();
                    let rule = move |stock: &mut Stock, past: &_| stock.restock(past, quantity, &note);
                    inventory.change(product, &cause, known, rule).await
                }
            };
            let change = change.map_err(|trouble| match trouble {
                Trouble::Refused(Refusal::OtherRequest) => Error::new(
                    Code::IdempotencyMismatch,
                    "This idempotency key was used to restock another quantity. Use a new key for a new delivery.",
                ),
                trouble => trouble.of(product),
            })?;
            inventory.tell(&change.map(|change| (product, change)).into_iter().collect::<Vec<_>>()).await;
            inventory.level_now(product).await
        })
        .await
    }

    /// The level after a change, with the change in the ledger: whoever made it looks there next.
    async fn level_now(&self, product: ProductId) -> kit::Result<Level> {
        let stock = self.arrive(product).await?;
        stock
            .and_then(|stock| Level::of(&stock, self.low_at))
            .ok_or_else(|| Error::not_found("product", product))
    }

    /// Moves what is in the envelope of a stock into the ledger, without waiting for the relay; it comes to the same.
    async fn arrive(&self, product: ProductId) -> kit::Result<Option<Stock>> {
        let Some((stock, pending)) = self.stocks.get_with_pending(&product).await? else { return Ok(None) };
        self.ledger.take(&pending).await?;
        Ok(Some(stock))
    }

    /// The level of a product; none where there is no stock of it. Asked for at the same time, any number are one read.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn level(&self, product: ProductId) -> kit::Result<Option<Level>> {
        self.levels.load(product).await
    }

    /// The find for movements, the latest first: of one product, or of all.
    pub(crate) fn movements_of(product: Option<ProductId>) -> Find {
        match product {
            Some(product) => Find::by(&Movement::BY_PRODUCT).eq(product.to_string()).descending(),
            None => Find::by(&kit::store::Index::ID).descending(),
        }
    }

    /// A page of movements, the latest first.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where the cursor belongs to another list.
    pub(crate) async fn movements(
        &self,
        product: Option<ProductId>,
        page: PageRequest,
    ) -> kit::Result<Found<Movement>> {
        let find = page.apply(Self::movements_of(product))?;
        if let Some(product) = product {
            self.arrive(product).await?;
        }
        Ok(self.ledger.find(find).await?)
    }

    /// How many movements there are.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn count_movements(&self, find: Find) -> kit::Result<u64> {
        Ok(self.ledger.count(find).await?)
    }

    /// The find for stocks of which at most so many can be sold, those with the fewest first.
    pub(crate) fn low_of(&self, threshold: Option<Quantity>) -> Find {
        Find::by(&Stock::BY_AVAILABLE).to(i64::from(threshold.unwrap_or(self.low_at)))
    }

    /// A page of those stocks.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` where the cursor belongs to another list.
    pub(crate) async fn low(
        &self,
        threshold: Option<Quantity>,
        page: PageRequest,
    ) -> kit::Result<Found<Level>> {
        let Found { items, more } = self.stocks.find(page.apply(self.low_of(threshold))?).await?;
        // What has been ended is in no index of what can be sold.
        let levels =
            items.into_iter().filter_map(|(cursor, stock)| Some((cursor, Level::of(&stock, self.low_at)?)));
        Ok(Found { items: levels.collect(), more })
    }

    /// How many of those stocks there are.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn count_low(&self, find: Find) -> kit::Result<u64> {
        Ok(self.stocks.count(find).await?)
    }
}
