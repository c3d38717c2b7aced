//! One service as a process of its own: configured by its environment, served over HTTP, stopped by SIGTERM.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Context, Service, StartError, Tasks, engines};
use crate::{
    bus::Bus,
    client::{Clients, Http},
    clock::Clock,
    config::{self, ConfigError, Program, Settings, Variable, url_of},
    identity::{ApiKey, KeyRing, KeySource, RemoteKeys, ServiceTokens, Trust, Verifier},
    server::{Endpoint, Served, stop_asked},
    store::Store,
    subgraph::Subgraph,
    telemetry,
};

/// The service that signs people's tokens.
const PEOPLE: &str = "auth";
/// How long the servers that a process needs are waited for at its start.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two attempts to reach them.
const RETRY: Duration = Duration::from_millis(500);
/// How long each part of a stop may take: the requests in flight, the work in the background, each engine. Together less than the
/// 30 s after which those who stop processes lose patience.
const DRAIN: Duration = Duration::from_secs(20);
const CLOSE: Duration = Duration::from_secs(3);

/// A service's process: what its environment says, and its keys.
pub struct Process {
    service: Service,
    settings: Settings,
    own: Arc<KeyRing>,
    people: Option<Arc<KeyRing>>,
}

/// The variables of this service's process, its own ones not counted.
#[must_use]
pub fn variables(service: &Service) -> Vec<Variable> {
    let mut table = vec![config::LISTEN, config::STORE, config::BUS, config::CACHE, config::KEYS];
    table.extend(neighbours(service).into_iter().map(url_of));
    if service.takes_api_key {
        table.push(config::API_SECRET);
    }
    table.extend(config::TELEMETRY);
    table
}

/// The services whose addresses it needs: those that it calls, and those whose keys it looks at.
fn neighbours(service: &Service) -> Vec<&'static str> {
    let callers = service.grants.iter().map(|(caller, _)| *caller);
    let people = (!service.signs_for_people).then_some(PEOPLE);
    let mut names: Vec<_> = service.calls.iter().copied().chain(callers).chain(people).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Runs a service as a process until SIGTERM or SIGINT: 0 after a clean stop, 1 when it could not go on, 2 when it is configured
/// wrongly. `own` are the variables that this service has beside the common ones; `open` starts it, and may be called again while a
/// server that it needs cannot be reached yet.
#[expect(clippy::needless_pass_by_value, reason = "a closure reads best where it is given")]
pub fn serve<F>(service: Service, own: &[Variable], open: F) -> ExitCode
where
    F: AsyncFn(Context, &Process) -> Result<Subgraph, StartError>,
{
    let mut table = variables(&service);
    table.extend_from_slice(own);
    let program = Program { name: &format!("larder-{}", service.name), table: &table };
    let settings = match program.start() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let telemetry = match telemetry::init(service.name, "info") {
        Ok(guard) => guard,
        Err(error) => return program.refuse(&format!("logging cannot be started: {error}")),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return program.fail(&error.to_string()),
    };
    let listening = Process::new(service, settings)
        .and_then(|process| Ok((runtime.block_on(process.listen())?, process)));
    let ended = match listening {
        Ok((listener, process)) => runtime.block_on(process.run(listener, &open)),
        Err(error) => return program.refuse(&error.to_string()),
    };
    runtime.shutdown_timeout(CLOSE);
    drop(telemetry);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => program.fail(&error.to_string()),
    }
}

impl Process {
    fn new(service: Service, settings: Settings) -> Result<Self, StartError> {
        let folder = std::path::Path::new(settings.need(&config::KEYS.name)?);
        let ring = |name: &str| KeyRing::follow(folder.join(format!("{name}.json"))).map(Arc::new);
        let own = ring(service.name)?;
        let people = if service.signs_for_people { Some(ring("people")?) } else { None };
        Ok(Self { service, settings, own, people })
    }

    /// What its environment says.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The keys of people's tokens.
    ///
    /// # Errors
    /// In any service but the one that signs them.
    pub fn people(&self) -> Result<Arc<KeyRing>, StartError> {
        let none = || StartError::Config(format!("{} does not sign people's tokens", self.service.name));
        self.people.clone().ok_or_else(none)
    }

    /// Where it is to listen.
    async fn listen(&self) -> Result<TcpListener, StartError> {
        let address: SocketAddr = self
            .settings
            .parsed(&config::LISTEN.name)
            .ok_or_else(|| ConfigError::of("there is no address to listen on"))?;
        let taken = |error| StartError::Config(format!("cannot listen on {address}: {error}"));
        TcpListener::bind(address).await.map_err(taken)
    }

    async fn run(
        &self,
        listener: TcpListener,
        open: &impl AsyncFn(Context, &Self) -> Result<Subgraph, StartError>,
    ) -> Result<(), StartError> {
        // Answers from the beginning, so that whoever waits for it sees a process that is not ready, and not none.
        let endpoint = Endpoint::default();
        let stop = CancellationToken::new();
        let server = tokio::spawn(endpoint.clone().serve(listener, stop.clone().cancelled_owned()));
        let opened = tokio::select! {
            opened = self.open_patiently(open) => Some(opened?),
            () = stop_asked() => None,
        };
        if let Some(opened) = &opened {
            endpoint.open(Served {
                subgraph: opened.subgraph.clone(),
                store: Some(opened.store.clone()),
                keys: Some(self.people.as_ref().unwrap_or(&self.own).clone()),
            });
            tracing::info!("{} is open", self.service.name);
            stop_asked().await;
        }
        tracing::info!("stopping");
        endpoint.drain();
        stop.cancel();
        if tokio::time::timeout(DRAIN, server).await.is_err() {
            tracing::warn!("requests were cut off: they took longer than a stop may take");
        }
        if let Some(opened) = opened {
            opened.close().await;
        }
        Ok(())
    }

    /// Waits for engines that are servers; files are there or are not.
    async fn open_patiently(
        &self,
        open: &impl AsyncFn(Context, &Self) -> Result<Subgraph, StartError>,
    ) -> Result<Opened, StartError> {
        let engines = [config::STORE, config::BUS, config::CACHE];
        if engines.iter().filter_map(|one| self.settings.get(&one.name)).any(engines::is_server) {
            patiently(PATIENCE, || self.open(open)).await
        } else {
            self.open(open).await
        }
    }

    async fn open(
        &self,
        open: &impl AsyncFn(Context, &Self) -> Result<Subgraph, StartError>,
    ) -> Result<Opened, StartError> {
        let tasks = Tasks::default();
        let bus = engines::bus(self.settings.need(&config::BUS.name)?).await?;
        let sinks: Vec<Arc<dyn crate::bus::Sink>> = vec![Arc::new(bus.clone())];
        let store =
            engines::store(self.settings.need(&config::STORE.name)?, self.service.name, sinks).await?;
        let context = Context {
            store: store.clone(),
            bus: bus.clone(),
            cache: engines::cache(self.settings.need(&config::CACHE.name)?).await?,
            verifier: self.verifier()?,
            clients: self.clients()?,
            clock: Clock::system(),
            tasks: tasks.clone(),
        };
        match open(context, self).await {
            Ok(subgraph) => Ok(Opened { subgraph: Arc::new(subgraph), store, bus, tasks }),
            Err(error) => {
                close(&tasks, &store, &bus).await;
                Err(error)
            }
        }
    }

    fn verifier(&self) -> Result<Verifier, StartError> {
        let people = match &self.people {
            Some(ring) => KeySource::Ring(ring.clone()),
            None => self.keys_of(PEOPLE)?,
        };
        let mut trusted = vec![Trust::people(people)];
        for (caller, scopes) in self.service.grants {
            trusted.push(Trust::service(caller, self.keys_of(caller)?, scopes));
        }
        let api_key = self.settings.get(&config::API_SECRET.name).map(ApiKey::new);
        Ok(Verifier::new(self.service.name, trusted, Clock::system()).with_api_key(api_key))
    }

    fn clients(&self) -> Result<Clients, StartError> {
        let mut transports: Vec<(String, Arc<dyn crate::client::Transport>)> = Vec::new();
        for name in self.service.calls {
            let url = format!("{}/graphql", self.base_of(name)?);
            let http = Http::new(name, &url).map_err(|error| StartError::Config(error.to_string()))?;
            transports.push(((*name).to_owned(), Arc::new(http)));
        }
        let tokens = ServiceTokens::new(self.service.name, self.own.clone(), Clock::system());
        Ok(Clients::new(transports, &Arc::new(tokens)))
    }

    fn keys_of(&self, service: &str) -> Result<KeySource, StartError> {
        let url = format!("{}/.well-known/jwks.json", self.base_of(service)?);
        Ok(KeySource::Remote(Arc::new(RemoteKeys::new(url))))
    }

    fn base_of(&self, service: &str) -> Result<&str, ConfigError> {
        Ok(self.settings.need(&url_of(service).name)?.trim_end_matches('/'))
    }
}

/// A service that runs, and what must be closed in the end.
struct Opened {
    subgraph: Arc<Subgraph>,
    store: Store,
    bus: Bus,
    tasks: Tasks,
}

impl Opened {
    async fn close(&self) {
        close(&self.tasks, &self.store, &self.bus).await;
    }
}

/// In this order: the work needs the engines, and the store's relay needs the bus. What takes too long is left to the next start, which
/// finds it as after a crash.
async fn close(tasks: &Tasks, store: &Store, bus: &Bus) {
    let parts = [
        ("background work", tokio::time::timeout(CLOSE, tasks.stop()).await),
        ("database", tokio::time::timeout(CLOSE, store.close()).await),
        ("event log", tokio::time::timeout(CLOSE, bus.close()).await),
    ];
    for (part, ended) in parts {
        if ended.is_err() {
            tracing::warn!("the {part} did not end in time");
        }
    }
}

/// Tries until it succeeds or fails for good; what only does not answer yet is waited for.
pub(super) async fn patiently<T, Fut>(
    patience: Duration,
    mut attempt: impl FnMut() -> Fut,
) -> Result<T, StartError>
where
    Fut: Future<Output = Result<T, StartError>>,
{
    let mut reason = None;
    let trying = async {
        loop {
            match attempt().await {
                Err(error) if error.may_pass() => {
                    if reason.is_none() {
                        tracing::warn!(%error, "not open yet: waiting for a server");
                    }
                    reason = Some(error.to_string());
                    tokio::time::sleep(RETRY).await;
                }
                outcome => return outcome,
            }
        }
    };
    match tokio::time::timeout(patience, trying).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let reason = reason.unwrap_or_else(|| "a server does not answer".to_owned());
            Err(StartError::Config(format!("given up after {patience:?}: {reason}")))
        }
    }
}
