//! What a router is told when it starts. Values only: reading them from flags, files and the environment is the
//! business of whoever starts it, and turning them into Hive Router's configuration is `config`'s.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{LocalSubgraphs, compose::CachePolicy, plugins::rate_limit::RateLimits, web::Mount};

/// Where the supergraph comes from.
#[derive(Debug, Clone)]
pub enum Supergraph {
    /// The text itself, as [`crate::compose::compose`] gives it.
    Sdl(String),
    /// A file that holds it.
    Path(PathBuf),
}

/// Who the router serves: developers at their desks or the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Introspection is on unless it is switched off.
    Development,
    /// Introspection is off unless it is switched on.
    Production,
}

/// What one request may cost before it is refused. The defaults are several times what the shop's own front ends send.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Nesting of fields.
    pub depth: usize,
    /// Aliases in one document.
    pub aliases: usize,
    /// Directives in one document.
    pub directives: usize,
    /// Lexical tokens in one document.
    pub tokens: usize,
    /// Bytes of a request body, after decompression.
    pub body_bytes: usize,
    /// Bytes of all request headers together.
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 12,
            aliases: 30,
            directives: 50,
            tokens: 2_000,
            body_bytes: 256 * 1024,
            header_bytes: 16 * 1024,
        }
    }
}

/// How long anything may take.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// One client request as a whole.
    pub request: Duration,
    /// One call of a subgraph with a mutation. Shorter than `request`, so that the caller is told which part is missing.
    pub subgraph: Duration,
    /// One call of a subgraph with a query: nothing is lost when it is given up.
    pub query: Duration,
    /// How long requests in flight may take after SIGTERM.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(20),
            subgraph: Duration::from_secs(10),
            query: Duration::from_secs(4),
            drain: Duration::from_secs(20),
        }
    }
}

/// Bytes that are asked for at each request: a key set that rotates, metrics that move.
pub type Source = Arc<dyn Fn() -> Bytes + Send + Sync>;

/// Whether everything that the router needs is there.
pub type Readiness = Arc<dyn Fn() -> bool + Send + Sync>;

/// Told once, when the router accepts connections.
pub type OnListening = Box<dyn FnOnce(crate::Listening) + Send>;

/// Everything a router is started with. [`Options::new`] has the defaults; the fields are open to change.
pub struct Options {
    /// The address to listen on; port 0 takes a free one, which `on_listening` tells.
    pub listen: SocketAddr,
    /// The composed graph.
    pub supergraph: Supergraph,
    /// Which answers may be cached, and for how long.
    pub cache_policy: CachePolicy,
    /// Where cached answers are kept; none, and nothing is cached.
    pub cache: Option<kit::cache::Cache>,
    /// Subgraphs that get the client's cookies and may set them (the one that keeps refresh tokens).
    pub cookie_subgraphs: Vec<String>,
    /// Where subgraphs are, by name, where it is not what the supergraph says.
    pub subgraph_urls: Vec<(String, String)>,
    /// Subgraphs that run in this process.
    pub local: Option<Arc<dyn LocalSubgraphs>>,
    /// Who verifies credentials; none, and the subgraphs alone do.
    pub identity: Option<kit::identity::Verifier>,
    /// What `/.well-known/jwks.json` answers.
    pub jwks: Option<Source>,
    /// Further text for `/metrics`, in Prometheus' format.
    pub metrics: Option<Source>,
    /// Asked by `/health/ready`.
    pub ready: Option<Readiness>,
    /// How often a client may write.
    pub rate_limits: RateLimits,
    /// Where they are counted: for all routers together, where there are several.
    pub buckets: kit::limit::Buckets,
    /// Static pages.
    pub web: Vec<Mount>,
    /// Who is served.
    pub mode: Mode,
    /// Introspection, where it is not what `mode` says.
    pub introspection: Option<bool>,
    /// What one request may cost.
    pub limits: Limits,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// Origins whose pages may call the graph from a browser, besides the router's own.
    pub cors_origins: Vec<String>,
    /// How many proxies stand before the router. Each appends the address it saw to `X-Forwarded-For`, so the client is
    /// that many entries from the right; what stands further left was written by the client and is not believed.
    pub trusted_proxies: usize,
    /// Worker threads; none, and one per core.
    pub workers: Option<usize>,
    /// Whether the process collects traces.
    pub tracing: bool,
    /// Whether SIGTERM and SIGINT stop the router. A test that runs many routers in a process says no.
    pub signals: bool,
    /// Told once, when the router accepts connections.
    pub on_listening: Option<OnListening>,
}

impl Options {
    /// The defaults for a graph at an address.
    #[must_use]
    pub fn new(listen: SocketAddr, supergraph: Supergraph) -> Self {
        Self {
            listen,
            supergraph,
            cache_policy: CachePolicy::default(),
            cache: None,
            cookie_subgraphs: Vec::new(),
            subgraph_urls: Vec::new(),
            local: None,
            identity: None,
            jwks: None,
            metrics: None,
            ready: None,
            rate_limits: RateLimits::default(),
            buckets: kit::limit::Buckets::memory(),
            web: crate::web::builtin(),
            mode: Mode::Development,
            introspection: None,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            cors_origins: Vec::new(),
            trusted_proxies: 0,
            workers: None,
            tracing: false,
            signals: true,
            on_listening: None,
        }
    }

    /// Whether introspection is answered.
    #[must_use]
    pub fn introspection(&self) -> bool {
        self.introspection.unwrap_or(self.mode == Mode::Development)
    }
}
