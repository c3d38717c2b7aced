//! The catalog: products, their prices, their place in a tree of categories, and how they are found.
//!
//! It owns what a product is. It does not own how many there are (`inventory`), what was paid for it (`order`), or who its
//! seller is (`auth`); it calls inventory to have the stock of a new product made, and hears from it what is sold out.

mod documents;
mod domain;
mod events;
mod graphql;
mod service;

use kit::{
    service::{Context, Service, StartError},
    subgraph::Subgraph,
};

pub use service::{Overdue, Report, check};

/// What the catalog says of itself.
pub const SERVICE: Service = Service {
    name: "catalog",
    calls: &["inventory"],
    grants: &[("order", &["catalog:offers"])],
    takes_api_key: true,
};

/// What can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the shop is called.
    pub shop_name: String,
    /// The currency of its prices, as an ISO 4217 code. Change it before there are prices, not after.
    pub currency: String,
    /// How many decimal places the currency has.
    pub exponent: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self { shop_name: "Larder".to_owned(), currency: "EUR".to_owned(), exponent: 2 }
    }
}

/// Starts the catalog: opens its documents, hears its events, finishes what was left half done, and answers.
///
/// # Errors
/// When its configuration is wrong, or its database or the event log cannot be used.
pub async fn subgraph(ctx: Context, config: Config) -> Result<Subgraph, StartError> {
    let shop = domain::Shop::new(&config.shop_name, &config.currency, config.exponent)
        .map_err(StartError::Config)?;
    let catalog = service::Catalog::open(&ctx, shop).await?;
    for subscription in events::subscribe(&ctx.bus, &catalog).await? {
        ctx.tasks.hold(subscription);
    }
    catalog.sweep_drafts();
    Ok(Subgraph::new(SERVICE.name, graphql::schema(&catalog), ctx.verifier))
}

/// The catalog's schema with the federation directives. It needs no data.
#[must_use]
pub fn sdl() -> String {
    graphql::sdl()
}
