//! What a service declares of itself, and what it is given to work with.
//!
//! A [`Host`] builds a [`Context`] for each service that runs on it: its own database, the shared bus and cache, a verifier
//! that trusts whom the service says it trusts, and clients to those that it calls. The service knows none of the engines.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bus::{Bus, BusError},
    cache::Cache,
    client::{Clients, Mesh},
    clock::Clock,
    identity::{ApiKey, KeyError, KeyRing, KeySource, ServiceTokens, Trust, Verifier},
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

/// Work in the background that ends when the service does.
#[derive(Clone, Default)]
pub struct Tasks {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs this until it ends or the service stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Runs this now and then again, `period` after each time that it ended, until the service stops.
    pub fn every<F, Fut>(&self, period: Duration, mut work: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        self.spawn(async move {
            loop {
                work().await;
                tokio::time::sleep(period).await;
            }
        });
    }

    /// Keeps this alive until the service stops: a subscription, for example.
    pub fn hold(&self, thing: impl Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            stop.cancelled().await;
            drop(thing);
        });
    }

    /// Stops everything and waits until it has ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// One process that runs services on embedded engines, all of its data in one folder.
#[derive(Clone)]
pub struct Host {
    folder: PathBuf,
    bus: Bus,
    cache: Cache,
    mesh: Mesh,
    clock: Clock,
    tasks: Tasks,
    api_key: Option<ApiKey>,
    people: Arc<KeyRing>,
    stores: Arc<parking_lot::Mutex<Vec<(&'static str, Store)>>>,
}

impl Host {
    /// Opens the folder, which is made if it is missing.
    ///
    /// # Errors
    /// When the folder, the event log or the keys in it cannot be used.
    pub async fn open(
        folder: &Path,
        clock: Clock,
        cache: Cache,
        api_key: Option<ApiKey>,
    ) -> Result<Self, StartError> {
        let io = |source| StartError::Folder { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(io)?;
        let people = Arc::new(KeyRing::open(folder.join("keys").join("people.json"))?);
        let bus = Bus::sqlite(folder.join("bus.db")).await?;
        Ok(Self {
            folder: folder.to_owned(),
            bus,
            cache,
            mesh: Mesh::new(),
            clock,
            tasks: Tasks::default(),
            api_key,
            people,
            stores: Arc::default(),
        })
    }

    /// What this service works with here.
    ///
    /// # Errors
    /// When its database or keys cannot be used.
    pub async fn context(&self, service: &Service) -> Result<Context, StartError> {
        let path = self.folder.join(format!("{}.db", service.name));
        let store = Store::sqlite(path, vec![Arc::new(self.bus.clone())]).await?;
        self.stores.lock().push((service.name, store.clone()));
        let tokens = Arc::new(ServiceTokens::new(service.name, self.ring(service.name)?, self.clock.clone()));
        let mut trusted = vec![Trust::people(KeySource::Ring(self.people.clone()))];
        for (caller, scopes) in service.grants {
            trusted.push(Trust::service(caller, KeySource::Ring(self.ring(caller)?), scopes));
        }
        let api_key = self.api_key.clone().filter(|_| service.takes_api_key);
        let called = service.calls.iter().map(|&name| (name.to_owned(), self.mesh.transport(name)));
        Ok(Context {
            store,
            bus: self.bus.clone(),
            cache: self.cache.clone(),
            verifier: Verifier::new(service.name, trusted, self.clock.clone()).with_api_key(api_key),
            clients: Clients::new(called.collect(), &tokens),
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
        })
    }

    /// The key ring of a service's own tokens.
    ///
    /// # Errors
    /// When its file cannot be used.
    pub fn ring(&self, service: &str) -> Result<Arc<KeyRing>, StartError> {
        Ok(Arc::new(KeyRing::open(self.folder.join("keys").join(format!("{service}.json")))?))
    }

    /// The key ring of people's tokens; for the auth service alone.
    #[must_use]
    pub fn people(&self) -> Arc<KeyRing> {
        self.people.clone()
    }

    /// The services here, as they call each other.
    #[must_use]
    pub const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The event log.
    #[must_use]
    pub const fn bus(&self) -> &Bus {
        &self.bus
    }

    /// The cache.
    #[must_use]
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The time.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The databases that are open, by the name of their service.
    #[must_use]
    pub fn stores(&self) -> Vec<(&'static str, Store)> {
        self.stores.lock().clone()
    }

    /// What the databases of this host have counted, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        let stores = self.stores();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Store) -> u64| {
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
            for (service, store) in &stores {
                text.push_str(&format!("{name}{{service=\"{service}\"}} {}\n", value(store)));
            }
        };
        family("larder_store_writes_total", "counter", "Documents written.", &|store| store.stats().writes);
        family("larder_store_commits_total", "counter", "Commits, each one fsync.", &|store| {
            store.stats().commits
        });
        family(
            "larder_store_undelivered",
            "gauge",
            "Documents with events that have not been delivered yet.",
            &|store| u64::try_from(store.undelivered()).unwrap_or(u64::MAX),
        );
        text
    }

    /// Waits until every event written so far has left its outbox.
    pub async fn settled(&self) {
        for (_, store) in self.stores() {
            store.settled().await;
        }
    }

    /// Stops the background work, lets the outboxes run empty as far as they can, and closes every database.
    pub async fn close(&self) {
        self.tasks.stop().await;
        for (_, store) in self.stores() {
            store.close().await;
        }
        self.bus.close().await;
    }
}
