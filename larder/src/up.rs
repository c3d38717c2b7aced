//! `larder up`: the whole shop in this process, until it is told to stop.

use std::{
    fs::File,
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use kit::identity::{ApiKey, KeySource, Trust, Verifier};
use router::{Listening, Mode, Options, Supergraph};

use crate::{
    graph::Graph,
    say,
    secrets::{OPERATOR, Secrets},
    seed,
    shop::{Settings, Shop},
};

/// How a shop is opened.
#[derive(Args, Debug, Clone)]
pub struct Up {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "LARDER_LISTEN", default_value = "127.0.0.1:4000")]
    pub listen: SocketAddr,
    /// The folder with the shop's databases, keys and secrets; made if it is missing
    #[arg(long, env = "LARDER_DATA", default_value = "data")]
    pub data: PathBuf,
    /// Stock the shop with the demo range and make the demo accounts (never in production)
    #[arg(long, env = "LARDER_DEMO")]
    pub demo: bool,
    /// Serve the public: introspection off, demo data refused
    #[arg(long, env = "LARDER_PRODUCTION")]
    pub production: bool,
    /// Answer introspection whatever else is said
    #[arg(long, env = "LARDER_INTROSPECTION")]
    pub introspection: Option<bool>,
    /// How many proxies stand before the shop and append to X-Forwarded-For
    #[arg(long, env = "LARDER_TRUSTED_PROXIES", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// Threads that answer requests [default: one per core]
    #[arg(long, env = "LARDER_WORKERS")]
    pub workers: Option<usize>,
    /// No rate limits; for load tests on this machine (never in production)
    #[arg(long, hide = true)]
    pub no_rate_limits: bool,
    /// No list cache; for load tests
    #[arg(long, hide = true)]
    pub no_list_cache: bool,
}

/// Opens the shop and serves it until SIGTERM or SIGINT; then answers what was asked, and returns.
///
/// # Errors
/// When it cannot be opened; the text says what to change.
pub fn up(options: &Up) -> Result<()> {
    let started = Instant::now();
    if options.production && (options.demo || options.no_rate_limits) {
        bail!("--demo and --no-rate-limits are for trying the shop out; they are refused with --production");
    }
    std::fs::create_dir_all(&options.data).with_context(|| format!("making {}", options.data.display()))?;
    let _lock = lock(&options.data)?;
    let secrets = Secrets::load(&options.data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("larder-services")
        .enable_all()
        .build()?;
    let settings = Settings {
        api_secret: secrets.api_secret.clone(),
        operator: (OPERATOR.to_owned(), secrets.operator_password.clone()),
    };
    let shop = runtime.block_on(Shop::open(&options.data, settings))?;
    let handle = runtime.handle().clone();
    let announce = announcement(options.demo, secrets, started, handle);
    // In-process calls run on the router's own threads; what they spawn belongs to the services' runtime.
    let _entered = runtime.enter();
    let served = router::run(router_options(options, &shop, announce));
    runtime.block_on(shop.close());
    served.context("serving the shop")
}

fn router_options(options: &Up, shop: &Shop, announce: router::OnListening) -> Options {
    let mut router = Options::new(options.listen, Supergraph::Sdl(crate::SUPERGRAPH.to_owned()));
    let file = crate::supergraph_file();
    let host = shop.host();
    router.cookie_subgraphs = file.cookie_subgraphs();
    router.cache_policy = file.cache;
    router.cache = (!options.no_list_cache).then(|| host.cache().clone());
    router.local = Some(shop.local());
    let api_key = Some(ApiKey::new(shop.api_secret()));
    let trusted = vec![Trust::people(KeySource::Ring(host.people()))];
    router.identity = Some(Verifier::new("router", trusted, host.clock().clone()).with_api_key(api_key));
    let people = host.people();
    router.jwks = Some(Arc::new(move || people.jwks().to_string().into()));
    let counted = host.clone();
    router.metrics = Some(Arc::new(move || (kit::telemetry::metrics() + &counted.metrics()).into()));
    router.web.push(crate::pictures());
    if options.no_rate_limits {
        router.rate_limits = router::RateLimits::none();
    }
    router.mode = if options.production { Mode::Production } else { Mode::Development };
    router.introspection = options.introspection;
    router.trusted_proxies = options.trusted_proxies;
    router.workers = options.workers;
    router.tracing = std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
    router.on_listening = Some(announce);
    router
}

/// One process per data folder: a second one would not see what the first has in memory.
pub(crate) fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!(
                "{} is in use by another shop; stop that one first, or choose another --data",
                folder.display()
            )
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", path.display()))
        }
    }
}

/// What is said, and done, once the shop accepts connections.
fn announcement(
    demo: bool,
    secrets: Secrets,
    started: Instant,
    runtime: tokio::runtime::Handle,
) -> router::OnListening {
    Box::new(move |listening: Listening| {
        let base = format!("http://{}", listening.address);
        say!("\nLarder is open after {} ms.\n", started.elapsed().as_millis());
        say!("  shop        {base}/");
        say!("  graph       {base}/graphql");
        say!("  GraphiQL    {base}/graphiql");
        say!("  secrets     {} ({} and the password of `{OPERATOR}`)", secrets.path.display(), "API_SECRET");
        if !demo {
            say!("\nStop with Ctrl-C.");
            return;
        }
        runtime.spawn(async move {
            if let Err(error) = stock(&base, &secrets.operator_password).await {
                say!("\nThe demo range could not be stocked: {error:#}\nStart again to go on from there.");
                listening.stop().await;
                return;
            }
            say!("\n  sign in as  customer, seller or admin, with the password <name>-larder-demo");
            say!("\nThe shop is stocked. Stop with Ctrl-C.");
        });
    })
}

pub(crate) async fn stock(base: &str, operator_password: &str) -> Result<()> {
    let graph = Graph::new(&format!("{base}/graphql"))?;
    let terminal = std::io::stderr().is_terminal();
    let seeded = seed::seed(&graph, (OPERATOR, operator_password), |done, of| {
        if terminal {
            let mut err = std::io::stderr();
            let _ = write!(err, "\r  stocking    {done} of {of} products");
            let _ = err.flush();
        }
    })
    .await?;
    if terminal {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    say!("  stock       {} products, {} of them new", seeded.of, seeded.made);
    Ok(())
}
