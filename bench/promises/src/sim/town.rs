//! The simulated shop: a real order service and a real inventory, on memory that outlives their processes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use kit::{
    bus::{Bus, Log},
    cache::Cache,
    client::Clients,
    clock::Clock,
    identity::{Issuer, KeyRing, KeySource, Role, ServiceTokens, Trust, User, UserId, Verifier},
    service::{Context, Service, Tasks},
    store::{Disk, Store},
    testing::Life,
};
use parking_lot::Mutex;

use super::{
    history::History,
    net::{Net, Post},
    plan::{Plan, Process},
};

/// Everybody's keys, made once: a simulation does not depend on them.
#[derive(Clone)]
pub(crate) struct Keys(BTreeMap<&'static str, Arc<KeyRing>>);

impl Keys {
    const PEOPLE: &'static str = "people";

    pub(crate) fn new() -> Result<Self> {
        let names = [Self::PEOPLE, "order", "inventory", "catalog"];
        let rings = names.into_iter().map(|name| Ok((name, Arc::new(KeyRing::ephemeral()?))));
        Ok(Self(rings.collect::<Result<_>>()?))
    }

    fn of(&self, name: &str) -> Result<Arc<KeyRing>> {
        self.0.get(name).cloned().with_context(|| format!("{name} has no keys"))
    }
}

/// The shop.
#[derive(Clone)]
pub(super) struct Town(Arc<Inner>);

struct Inner {
    net: Net,
    history: History,
    keys: Keys,
    clock: Clock,
    log: Log,
    disks: BTreeMap<Process, Disk>,
    lives: Mutex<BTreeMap<Process, (Life, Option<Store>)>>,
}

impl Town {
    pub(super) fn new(plan: &Plan, keys: &Keys, history: &History) -> Self {
        let start = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        Self(Arc::new(Inner {
            net: Net::new(plan, history.clone()),
            history: history.clone(),
            keys: keys.clone(),
            clock: Clock::of_the_runtime(start),
            log: Log::default(),
            disks: [Process::Order, Process::Inventory].map(|one| (one, Disk::default())).into(),
            lives: Mutex::default(),
        }))
    }

    pub(super) fn net(&self) -> &Net {
        &self.0.net
    }

    /// Starts a process.
    pub(super) async fn open(&self, process: Process) -> Result<()> {
        let life = Life::new();
        self.0.lives.lock().insert(process, (life.clone(), None));
        let context = self.context(process, &life)?;
        let store = context.store.clone();
        let subgraph = match process {
            Process::Order => order::subgraph(context, order::Config::default()).await?,
            Process::Inventory => inventory::subgraph(context, inventory::Config::default()).await?,
        };
        if life.is_over() {
            return Ok(());
        }
        self.0.lives.lock().insert(process, (life.clone(), Some(store)));
        self.0.net.open(process.name(), Arc::new(subgraph), life);
        self.0.history.note(&format!("{} is open", process.name()));
        Ok(())
    }

    /// Ends a process where it stands.
    pub(super) fn crash(&self, process: Process) {
        self.0.history.fault(&format!("{} is killed", process.name()));
        self.0.net.close(process.name());
        if let Some((life, _)) = self.0.lives.lock().remove(&process) {
            life.end();
        }
    }

    /// Starts a process again after a while. One that is killed while it starts is started again by whoever killed it.
    pub(super) fn back_after(&self, process: Process, down: Duration) {
        let town = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(down).await;
            if !town.0.lives.lock().contains_key(&process)
                && let Err(error) = town.open(process).await
            {
                town.0.history.note(&format!("{} does not start: {error:#}", process.name()));
            }
        });
    }

    /// The database of a process that runs.
    pub(super) fn store(&self, process: Process) -> Option<Store> {
        self.0.lives.lock().get(&process)?.1.clone()
    }

    /// The log, as an operator sees it.
    pub(super) fn log(&self) -> Bus {
        Bus::memory(&self.0.log, &Life::new())
    }

    /// A person and a token, good for a quarter of an hour.
    pub(super) fn token(&self, id: UserId, role: Role) -> Result<String> {
        let issuer = Issuer::users(self.0.keys.of(Keys::PEOPLE)?, self.0.clock.clone());
        let user = User { id, username: format!("{role:?}").to_lowercase(), role, session: None };
        Ok(issuer.access_token(&user).map_err(unsigned)?.token)
    }

    /// A token of one service for another.
    pub(super) fn service_token(&self, from: &str, to: &str, scope: &str) -> Result<String> {
        let tokens = ServiceTokens::new(from, self.0.keys.of(from)?, self.0.clock.clone());
        tokens.token(to, scope).map_err(unsigned)
    }

    fn context(&self, process: Process, life: &Life) -> Result<Context> {
        let service: &Service = match process {
            Process::Order => &order::SERVICE,
            Process::Inventory => &inventory::SERVICE,
        };
        let (net, clock) = (&self.0.net, &self.0.clock);
        let bus = Bus::memory(&self.0.log, life);
        let post = Post { net: net.clone(), from: process.name(), bus: bus.clone() };
        let disk = self.0.disks.get(&process).context("there is no disk")?;
        let mut trusted = vec![Trust::people(KeySource::Ring(self.0.keys.of(Keys::PEOPLE)?))];
        for (caller, scopes) in service.grants {
            trusted.push(Trust::service(caller, KeySource::Ring(self.0.keys.of(caller)?), scopes));
        }
        let tokens = ServiceTokens::new(service.name, self.0.keys.of(service.name)?, clock.clone());
        let ways = service.calls.iter().map(|&to| (to.to_owned(), net.way(process.name(), to)));
        Ok(Context {
            store: Store::memory(disk, life, vec![Arc::new(post)]),
            bus,
            cache: Cache::memory(1 << 20),
            verifier: Verifier::new(service.name, trusted, clock.clone()),
            clients: Clients::new(ways.collect(), &Arc::new(tokens)),
            clock: clock.clone(),
            tasks: Tasks::default(),
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn unsigned(error: kit::Error) -> anyhow::Error {
    anyhow::anyhow!("a token could not be signed: {error}")
}
