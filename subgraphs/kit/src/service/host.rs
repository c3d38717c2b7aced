//! Many services in one process, on embedded engines in one folder.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Context, Service, StartError, Tasks, figures};
use crate::{
    bus::Bus,
    cache::Cache,
    client::{Clients, Mesh},
    clock::Clock,
    identity::{ApiKey, KeyRing, KeySource, ServiceTokens, Trust, Verifier},
    store::Store,
};

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
        figures::of(&self.stores())
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
