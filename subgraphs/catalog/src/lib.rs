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
    config::{Form, Settings, Variable},
    service::{Context, Service, StartError},
    store::{Store, StoreError, Transferred},
    subgraph::Subgraph,
};

pub use service::{Overdue, Report, check};

/// What the catalog says of itself.
pub const SERVICE: Service = Service {
    name: "catalog",
    calls: &["inventory"],
    grants: &[("order", &["catalog:offers"])],
    takes_api_key: true,
    signs_for_people: false,
};

/// What its own process is told beside what every process is.
pub const VARIABLES: &[Variable] = &[
    Variable::or("LARDER_SHOP_NAME", "Larder", Form::TEXT, "what the shop is called"),
    Variable::or(
        "LARDER_CURRENCY",
        "EUR",
        Form::TEXT,
        "the currency of its prices, as an ISO 4217 code; change it before there are prices, not after",
    ),
    Variable::or("LARDER_CURRENCY_EXPONENT", "2", Form::COUNT, "how many decimal places the currency has"),
];

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

impl Config {
    /// What the environment of its own process says ([`VARIABLES`]).
    #[must_use]
    pub fn from_settings(settings: &Settings) -> Self {
        let text = |variable: &Variable, default: String| {
            settings.get(&variable.name).map_or(default, str::to_owned)
        };
        let default = Self::default();
        Self {
            shop_name: text(&VARIABLES[0], default.shop_name),
            currency: text(&VARIABLES[1], default.currency),
            exponent: settings.parsed(&VARIABLES[2].name).unwrap_or(default.exponent),
        }
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
    ctx.after_a_lost_log(catalog.clone()).await?;
    Ok(Subgraph::new(SERVICE.name, graphql::schema(&catalog), ctx.verifier))
}

/// The catalog's schema with the federation directives. It needs no data.
#[must_use]
pub fn sdl() -> String {
    graphql::sdl()
}

/// Copies everything that this service keeps into another store, of whatever engine. Nobody may write to either meanwhile.
///
/// # Errors
/// When either store fails, or when the other one has been used since an earlier copy.
pub async fn transfer(from: &Store, to: &Store) -> Result<Vec<Transferred>, StoreError> {
    Ok(vec![from.transfer::<domain::Product>(to).await?, from.transfer::<domain::Tree>(to).await?])
}
