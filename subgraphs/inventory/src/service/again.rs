//! What the others must know of stocks, said again after the event log was lost: whether there is anything to sell. What orders hold needs no word:
//! whoever's hold has run out is asked after.

use async_trait::async_trait;
use kit::{
    bus::Bus,
    service::CatchUp,
    store::{Find, Found, Index},
};

use super::Inventory;
use crate::events;

/// How many stocks are told of at once.
const BATCH: usize = 100;

#[async_trait]
impl CatchUp for Inventory {
    async fn catch_up(&self, bus: &Bus) -> kit::Result<()> {
        let mut after = None;
        loop {
            let Found { items, more } =
                self.stocks.find(Find::by(&Index::ID).after(after).limit(BATCH)).await?;
            // A change that comes meanwhile has a later version, so that it does not matter which of the two is heard last.
            let told: Vec<_> =
                items.iter().map(|(_, stock)| events::of_stock(stock, self.clock.now())).collect();
            bus.publish(&told).await?;
            after = items.last().map(|(cursor, _)| cursor.clone());
            if !more || after.is_none() {
                return Ok(());
            }
        }
    }
}
