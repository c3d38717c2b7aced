//! The router as a process of its own, for the distributed shop: flags and environment in, [`router::run`].

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use kit::{
    cache::Cache,
    clock::Clock,
    identity::{ApiKey, KeySource, RemoteKeys, Trust, Verifier},
};
use router::{Mode, Options, Supergraph, compose::SupergraphFile};

/// Serves the shop's graph.
#[derive(Parser)]
struct Arguments {
    /// The address to listen on.
    #[arg(long, env = "LARDER_LISTEN", default_value = "0.0.0.0:4000")]
    listen: SocketAddr,
    /// The composed graph, as `larder compose` writes it.
    #[arg(long, env = "LARDER_SUPERGRAPH", default_value = "schema/supergraph.graphql")]
    supergraph: PathBuf,
    /// What may be cached, and which subgraph sees cookies.
    #[arg(long, env = "LARDER_SUPERGRAPH_FILE", default_value = "supergraph.yaml")]
    file: PathBuf,
    /// Where the keys of access tokens are published.
    #[arg(long, env = "LARDER_JWKS_URL")]
    jwks_url: Option<String>,
    /// The shop's API key; a caller who has it is not counted as an anonymous writer.
    #[arg(long, env = "API_SECRET", hide_env_values = true)]
    api_key: Option<String>,
    /// Memory for cached answers, in MiB; 0 switches the list cache off.
    #[arg(long, env = "LARDER_CACHE_MIB", default_value_t = 64)]
    cache_mib: u64,
    /// Who is served. In production introspection is off.
    #[arg(long, env = "LARDER_MODE", value_enum, default_value = "production")]
    mode: ModeName,
    /// Answer introspection whatever the mode.
    #[arg(long, env = "LARDER_INTROSPECTION")]
    introspection: Option<bool>,
    /// How many proxies stand before the router and append to X-Forwarded-For.
    #[arg(long, env = "LARDER_TRUSTED_PROXIES", default_value_t = 0)]
    trusted_proxies: usize,
    /// Origins whose pages may call the graph, separated by commas.
    #[arg(long, env = "LARDER_CORS_ORIGINS", value_delimiter = ',')]
    cors_origins: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ModeName {
    Development,
    Production,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let _telemetry = kit::telemetry::init("router");
    match options(arguments).and_then(|options| Ok(router::run(options)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn options(arguments: Arguments) -> anyhow::Result<Options> {
    let file = SupergraphFile::read(&arguments.file)?;
    let mut options = Options::new(arguments.listen, Supergraph::Path(arguments.supergraph));
    options.cookie_subgraphs = file.cookie_subgraphs();
    options.cache_policy = file.cache;
    options.cache = (arguments.cache_mib > 0).then(|| Cache::memory(arguments.cache_mib * 1024 * 1024));
    let api_key = arguments.api_key.as_deref().map(ApiKey::new);
    options.identity = arguments.jwks_url.map(|url| {
        let keys = KeySource::Remote(std::sync::Arc::new(RemoteKeys::new(url)));
        Verifier::new("router", vec![Trust::people(keys)], Clock::system()).with_api_key(api_key)
    });
    options.mode = match arguments.mode {
        ModeName::Development => Mode::Development,
        ModeName::Production => Mode::Production,
    };
    options.introspection = arguments.introspection;
    options.trusted_proxies = arguments.trusted_proxies;
    options.cors_origins = arguments.cors_origins;
    options.tracing = std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
    Ok(options)
}
