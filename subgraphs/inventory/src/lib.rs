//! Inventory: how much there is of each product, what is held of it for orders, and every movement that made it so.
//!
//! It owns stocks, holds and the ledger of movements, and with them `Product.quantity` and `Product.stock`. It does not know what a
//! product is called or costs (the catalog does), and it never decides what becomes of an order: the order service does, and inventory
//! asks.

pub mod domain;
pub mod events;
mod graphql;
mod service;

use std::time::Duration;

use kit::{
    Quantity,
    service::{Context, Service, StartError},
    store::{Store, StoreError, Transferred},
    subgraph::Subgraph,
};

pub use crate::{
    domain::{OrderId, ProductId},
    service::{Account, AccountError, Books, Fault, HeldFor, LedgerSums, accounts},
};

/// What inventory says of itself before it starts.
pub const SERVICE: Service = Service {
    name: "inventory",
    calls: &["order"],
    grants: &[("catalog", &["stock:create"]), ("order", &["stock:reserve"])],
    takes_api_key: false,
    signs_for_people: false,
};

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// At how many a stock counts as low.
    pub low_at: Quantity,
    /// How long to wait between two rounds of asking after holds that have run out.
    pub ask_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // A shelf with five pieces of something is empty soon.
            low_at: Quantity::new(5).unwrap_or(Quantity::ZERO),
            // Short beside the minute for which an order holds, and no load when there is nothing to ask.
            ask_every: Duration::from_secs(3),
        }
    }
}

/// The service, with its background work running on `ctx.tasks`.
///
/// # Errors
/// When the database or the event log cannot be used.
pub async fn subgraph(ctx: Context, config: Config) -> Result<Subgraph, StartError> {
    let inventory = service::Inventory::open(&ctx, &config).await?;
    events::listen(&ctx, inventory.clone()).await?;
    inventory.start(&ctx, &config);
    ctx.after_a_lost_log(inventory.clone()).await?;
    Ok(Subgraph::new(SERVICE.name, graphql::schema().data(inventory).finish(), ctx.verifier))
}

/// The schema as the composer wants it. Needs no database.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().federation().compose_directive();
    graphql::schema().finish().sdl_with_options(options)
}

/// Copies everything that this service keeps into another store, of whatever engine. Nobody may write to either meanwhile.
///
/// # Errors
/// When either store fails, or when the other one has been used since an earlier copy.
pub async fn transfer(from: &Store, to: &Store) -> Result<Vec<Transferred>, StoreError> {
    Ok(vec![
        from.transfer::<domain::stock::Stock>(to).await?,
        from.transfer::<domain::movement::Movement>(to).await?,
    ])
}
