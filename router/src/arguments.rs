//! The flags and environment variables of the router's own process, and the [`Options`] they make.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::{Parser, ValueEnum};
use kit::{
    cache::Cache,
    clock::Clock,
    identity::{ApiKey, KeySource, RemoteKeys, Trust, Verifier},
};
use router::{
    Mode, Options, Supergraph,
    compose::{ComposeError, SupergraphFile},
};

/// Serves the shop's graph: one schema over the subgraphs that supergraph.yaml names.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// The address to listen on.
    #[arg(long, env = "LARDER_LISTEN", default_value = "0.0.0.0:4000")]
    listen: SocketAddr,
    /// The composed graph, as `larder compose` writes it.
    #[arg(long, env = "LARDER_SUPERGRAPH", default_value = "schema/supergraph.graphql")]
    supergraph: PathBuf,
    /// What may be cached, and which subgraph sees cookies.
    #[arg(long, env = "LARDER_SUPERGRAPH_FILE", default_value = "supergraph.yaml")]
    file: PathBuf,
    /// Where the keys of access tokens are published. Without it only the subgraphs verify them.
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

impl Arguments {
    /// Reads what the flags name.
    pub(crate) fn options(self) -> Result<Options, ComposeError> {
        let file = SupergraphFile::read(&self.file)?;
        let api_key = self.api_key.as_deref().map(ApiKey::new);
        let mut options = Options::new(self.listen, Supergraph::Path(self.supergraph));
        options.cookie_subgraphs = file.cookie_subgraphs();
        options.cache_policy = file.cache;
        options.cache = (self.cache_mib > 0).then(|| Cache::memory(self.cache_mib * 1024 * 1024));
        options.identity = self.jwks_url.map(|url| {
            let keys = KeySource::Remote(Arc::new(RemoteKeys::new(url)));
            Verifier::new("router", vec![Trust::people(keys)], Clock::system()).with_api_key(api_key)
        });
        options.mode = match self.mode {
            ModeName::Development => Mode::Development,
            ModeName::Production => Mode::Production,
        };
        options.introspection = self.introspection;
        options.trusted_proxies = self.trusted_proxies;
        options.cors_origins = self.cors_origins;
        options.tracing = std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
        Ok(options)
    }
}
