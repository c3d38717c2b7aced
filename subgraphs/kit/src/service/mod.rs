//! What a service declares of itself, and what it is given to work with.
//!
//! A [`Context`] is made for each service: its own database, the shared bus and cache, a verifier that trusts whom the service says
//! it trusts, and clients to those that it calls. A [`Host`] makes them for many services in one process, [`serve`] for one that is a
//! process of its own, configured by its environment. The service knows neither which, nor the engines.

mod catch_up;
mod engines;
mod figures;
mod host;
mod process;
mod tasks;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use catch_up::CatchUp;
pub use engines::{cache, limits};
pub(crate) use figures::of as figures_of;
pub use host::Host;
pub use process::{Process, serve, variables};
pub use tasks::Tasks;

use crate::{
    bus::{Bus, BusError},
    cache::{Cache, CacheError},
    client::Clients,
    clock::Clock,
    config::ConfigError,
    identity::{KeyError, Verifier},
    limit::LimitError,
    store::{Store, StoreError},
};

/// What a service says of itself before it starts.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Its name: of its subgraph, its database, its tokens.
    pub name: &'static str,
    /// The services that it calls.
    pub calls: &'static [&'static str],
    /// The services that may call it, each with the scopes that it is trusted with here.
    pub grants: &'static [(&'static str, &'static [&'static str])],
    /// Whether it takes the shop's API key.
    pub takes_api_key: bool,
    /// Whether it signs people's tokens. One does.
    pub signs_for_people: bool,
}

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event log.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// What counts attempts.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Its data folder.
    #[error("the data folder {path} cannot be used: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its configuration.
    #[error("{0}")]
    Config(String),
}

impl StartError {
    /// Whether it is a server that does not answer, and may yet.
    fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Engine(_) | StoreError::Busy)
                | Self::Bus(BusError::Engine(_))
                | Self::Cache(CacheError::Engine(_))
        )
    }
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.to_string())
    }
}

/// What a service works with.
#[derive(Clone)]
pub struct Context {
    /// Its own database.
    pub store: Store,
    /// The event log. Changes reach it through the store's outbox; a service itself only subscribes.
    pub bus: Bus,
    /// The cache whose tags it raises when it changes what others have cached.
    pub cache: Cache,
    /// Says who calls it.
    pub verifier: Verifier,
    /// Calls other services.
    pub clients: Clients,
    /// The time.
    pub clock: Clock,
    /// Its work in the background.
    pub tasks: Tasks,
}
