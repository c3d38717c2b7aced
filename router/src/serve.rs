//! Starting, serving and draining: Hive Router's own parts, put together as its entry point does, with our front, routes
//! and plug-in, and without its landing page, its configuration file and its claim on the process's logging.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use hive_router::{
    PluginRegistry, RouterPaths, SchemaState,
    background_tasks::BackgroundTasksManager,
    build_http_service_config, configure_app_from_config, configure_ntex_app, invoke_shutdown_hooks,
    pipeline::response_compression::ResponseCompressionService,
    plugins::plugins_service::PluginService,
    telemetry::{TelemetryContext, traces::set_tracing_enabled},
};
use ntex::{SharedCfg, time::Seconds, web};
use tempfile::NamedTempFile;

use crate::{
    Options, Supergraph,
    config::{self, GRAPHQL_PATH},
    drain::Drain,
    front::{Front, FrontConfig},
    identity::Door,
    plugins::{Larder, State, list_cache::ListCache, rate_limit::Limiter},
    routes::{self, Routes},
    schema::SchemaIndex,
    web::Site,
};

/// How often, and for how long at most, the supergraph is waited for. It takes some ten milliseconds; one that Hive refuses
/// never comes.
const PLANNED_POLL: Duration = Duration::from_millis(1);
const PLANNED_PATIENCE: Duration = Duration::from_secs(10);

/// How long connections on which nothing is asked may take to close.
const CLOSING: Seconds = Seconds(2);

/// Why the router did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The supergraph cannot be read.
    #[error("cannot read the supergraph {path}: {source}")]
    Supergraph {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The supergraph is not one.
    #[error("the supergraph is not valid: {0}")]
    Schema(String),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Hive Router refused its configuration or the supergraph.
    #[error("the router did not start: {0}")]
    Start(String),
    /// The server failed while it served.
    #[error("the server failed: {0}")]
    Serve(#[from] std::io::Error),
}

/// A router that accepts connections.
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    drain: Drain,
}

impl Listening {
    /// Stops accepting, lets requests in flight end, and makes [`run`] return.
    pub async fn stop(self) {
        self.drain.stop().await;
    }
}

/// Runs a router on this thread (and its workers) until it is told to stop, by SIGTERM, SIGINT or [`Listening::stop`].
///
/// # Errors
/// When it cannot start; nothing is left running then.
pub fn run(options: Options) -> Result<(), RouterError> {
    ntex::rt::System::build().name("larder-router").build(ntex::rt::DefaultRuntime).block_on(serve(options))
}

/// As [`run`], inside a running ntex system.
///
/// # Errors
/// As [`run`].
pub async fn serve(mut options: Options) -> Result<(), RouterError> {
    // Others in the process may have chosen one already; then theirs is used.
    let _already_chosen = rustls_provider();
    set_tracing_enabled(options.tracing);

    let on_listening = options.on_listening.take();
    let sdl = match &options.supergraph {
        Supergraph::Sdl(sdl) => sdl.clone(),
        Supergraph::Path(path) => std::fs::read_to_string(path)
            .map_err(|source| RouterError::Supergraph { path: path.clone(), source })?,
    };
    let schema = Arc::new(SchemaIndex::new(&sdl).map_err(RouterError::Schema)?);
    let state = Arc::new(state(&options, &schema, &sdl));
    let number = Larder::leave(state.clone());
    let file = written(&sdl)?;
    let config = config::hive(&options, file.path(), number)
        .map_err(|error| RouterError::Start(error.to_string()))?
        .into_static();

    let drain = Drain::default();
    let listener = TcpListener::bind(options.listen)
        .map_err(|source| RouterError::Listen { address: options.listen, source })?;
    let address = listener.local_addr()?;

    let telemetry =
        TelemetryContext::from_propagation_config(&config.telemetry.tracing.propagation, &config.log);
    let mut tasks = BackgroundTasksManager::new();
    let (shared, schema_state) =
        configure_app_from_config(config, telemetry, &mut tasks, PluginRegistry::new().register::<Larder>())
            .await
            .map_err(|error| RouterError::Start(error.to_string()))?;
    planned(&schema_state).await?;

    let front = Front(Arc::new(FrontConfig {
        state,
        graphql_path: GRAPHQL_PATH.to_owned(),
        trusted_proxies: options.trusted_proxies,
        header_bytes: options.limits.header_bytes,
        cors: !options.cors_origins.is_empty(),
        explorer: options.web.iter().any(|mount| mount.serves("/graphiql")).then(|| "/graphiql".to_owned()),
    }));
    let routes = Arc::new(Routes {
        jwks: options.jwks.take(),
        metrics: options.metrics.take(),
        ready: options.ready.take(),
        drain: drain.clone(),
        cache: options.cache.take(),
        site: Site::new(std::mem::take(&mut options.web)),
    });
    let paths = RouterPaths::new(GRAPHQL_PATH.to_owned(), None, None);
    let compression = ResponseCompressionService::new(config);
    let (shared_by_workers, drained) = (shared.clone(), drain.clone());
    let mut server = web::HttpServer::new(async move || {
        let paths = paths.clone();
        // The last is the outermost.
        web::App::new()
            .middleware(PluginService::new(paths.clone(), None))
            .middleware(front.clone())
            .middleware(compression.clone())
            .middleware(drained.clone())
            .state(shared_by_workers.clone())
            .state(schema_state.clone())
            .state(shared_by_workers.telemetry_context.clone())
            .state(schema_state.callback_subscriptions.clone())
            .state(routes.clone())
            .configure(|config| configure_ntex_app(config, &paths, None))
            .configure(routes::configure)
            .default_service(web::to(routes::page))
    });
    if let Some(workers) = options.workers {
        server = server.workers(workers.max(1));
    }
    let server = server
        // They are heard by the drain.
        .disable_signals()
        .config(SharedCfg::new("larder-router").add(build_http_service_config(config)))
        .shutdown_timeout(CLOSING)
        .listen(listener)
        .map_err(|source| RouterError::Listen { address, source })?
        .run();
    if let Some(on_listening) = on_listening {
        on_listening(Listening { address, drain: drain.clone() });
    }
    ntex::rt::spawn(drain.clone().run(server.clone(), options.signals, options.timeouts.drain));

    let served = server.await;
    drain.ended();
    tasks.graceful_shutdown().await;
    invoke_shutdown_hooks(&shared).await;
    served.map_err(RouterError::Serve)
}

fn state(options: &Options, schema: &Arc<SchemaIndex>, sdl: &str) -> State {
    let policy = &options.cache_policy;
    let list_cache = options
        .cache
        .clone()
        .filter(|_| !policy.fields.is_empty())
        .map(|cache| ListCache::new(cache, policy.clone(), schema.clone(), sdl));
    State::new(
        Door::new(options.identity.clone()),
        Limiter::new(options.rate_limits.clone(), options.buckets.clone()),
        list_cache,
        options.local.as_ref(),
        schema.subgraphs(),
        options.timeouts.query,
    )
}

/// Waits until Hive has read the supergraph, which it does in a task of its own, so that the first request finds it there.
async fn planned(schema_state: &SchemaState) -> Result<(), RouterError> {
    let planned = async {
        while schema_state.configured_runtime().is_none() {
            tokio::time::sleep(PLANNED_POLL).await;
        }
    };
    tokio::time::timeout(PLANNED_PATIENCE, planned)
        .await
        .map_err(|_| RouterError::Start("the supergraph cannot be planned with; the log says why".to_owned()))
}

/// Hive reads the supergraph from a file, once.
fn written(sdl: &str) -> Result<NamedTempFile, RouterError> {
    let mut file = tempfile::Builder::new().prefix("larder-supergraph").suffix(".graphql").tempfile()?;
    file.write_all(sdl.as_bytes())?;
    Ok(file)
}

/// The process's cryptography for TLS to subgraphs.
fn rustls_provider() -> bool {
    use std::sync::Once;
    static ONCE: Once = Once::new();
    let mut first = false;
    ONCE.call_once(|| {
        hive_router::init_rustls_crypto_provider();
        first = true;
    });
    first
}
