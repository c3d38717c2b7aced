//! The environment of a router that is a process of its own, and the [`Options`] that it makes. Which subgraphs there are is in
//! `supergraph.yaml`; where they are, in a variable for each.

use std::{borrow::Cow, sync::Arc};

use kit::{
    cache::Cache,
    clock::Clock,
    config::{self, ConfigError, Form, Settings, Variable, url_of},
    identity::{ApiKey, KeySource, RemoteKeys, Trust, Verifier},
};

use crate::{Mode, Options, RateLimits, Supergraph, compose::SupergraphFile, web::Mount};

/// The subgraph that signs people's tokens.
const PEOPLE: &str = "auth";

const MODE: Variable = Variable::or(
    "LARDER_MODE",
    "production",
    Form::new("production or development", |value| matches!(value, "production" | "development")),
    "who is served; introspection is on in development",
);
const INTROSPECTION: Variable = Variable::optional(
    "LARDER_INTROSPECTION",
    Form::SWITCH,
    "whether introspection is answered, whatever the mode",
);
const PROXIES: Variable = Variable::or(
    "LARDER_TRUSTED_PROXIES",
    "0",
    Form::COUNT,
    "how many proxies stand before the router and append to X-Forwarded-For",
);
const ORIGINS: Variable = Variable::optional(
    "LARDER_CORS_ORIGINS",
    Form::TEXT,
    "origins whose pages may call the graph, separated by commas",
);
const RATES: Variable = Variable::or(
    "LARDER_RATE_LIMITS",
    "on",
    Form::new("on or off", |value| matches!(value, "on" | "off")),
    "whether anonymous writes are limited; off for load tests, and refused in production",
);
const WORKERS: Variable = Variable::optional(
    "LARDER_WORKERS",
    Form::COUNT,
    "threads that answer requests; one per core where it is not set",
);
const PICTURES: Variable =
    Variable::optional("LARDER_PICTURES", Form::FOLDER, "a folder that is served under `/pictures`");

/// The variables of the router's process.
#[must_use]
pub fn variables(file: &SupergraphFile) -> Vec<Variable> {
    let mut table = vec![config::LISTEN, config::CACHE, config::LIMITS, config::API_SECRET];
    table.extend(file.subgraphs.iter().map(|subgraph| url_of(&subgraph.name)));
    table.extend([MODE, INTROSPECTION, PROXIES, ORIGINS, RATES, WORKERS, PICTURES]);
    table.extend(config::TELEMETRY);
    table
}

/// The options that these settings make.
///
/// # Errors
/// When two of them do not go together.
pub fn options(
    settings: &Settings,
    supergraph: Cow<'_, str>,
    file: SupergraphFile,
    cache: Cache,
) -> Result<Options, ConfigError> {
    let listen = settings.parsed(&config::LISTEN.name);
    let listen = listen.ok_or_else(|| ConfigError::of("there is no address to listen on"))?;
    let mut options = Options::new(listen, Supergraph::Sdl(supergraph.into_owned()));
    for subgraph in &file.subgraphs {
        let base = settings.need(&url_of(&subgraph.name).name)?.trim_end_matches('/');
        options.subgraph_urls.push((subgraph.name.clone(), format!("{base}/graphql")));
    }
    options.cookie_subgraphs = file.cookie_subgraphs();
    options.cache_policy = file.cache;
    options.cache = Some(cache);
    options.identity = Some(identity(settings)?);
    options.mode = match settings.get(&MODE.name) {
        Some("development") => Mode::Development,
        _ => Mode::Production,
    };
    options.introspection = settings.parsed(&INTROSPECTION.name);
    options.trusted_proxies = settings.parsed(&PROXIES.name).unwrap_or_default();
    let origins = settings.get(&ORIGINS.name).unwrap_or_default().split(',').map(str::trim);
    options.cors_origins = origins.filter(|origin| !origin.is_empty()).map(str::to_owned).collect();
    if settings.get(&RATES.name) == Some("off") {
        if options.mode == Mode::Production {
            return Err(ConfigError::of(format!("{} may not be off in production", RATES.name)));
        }
        options.rate_limits = RateLimits::none();
    }
    options.workers = settings.parsed(&WORKERS.name);
    options.web.extend(settings.get(&PICTURES.name).map(|folder| Mount::folder("/pictures", folder)));
    options.tracing = settings.get(&config::TRACES.name).is_some();
    options.metrics = Some(Arc::new(|| kit::telemetry::metrics().into()));
    Ok(options)
}

fn identity(settings: &Settings) -> Result<Verifier, ConfigError> {
    let base = settings.need(&url_of(PEOPLE).name)?.trim_end_matches('/');
    let keys = RemoteKeys::new(format!("{base}/.well-known/jwks.json"));
    let trusted = vec![Trust::people(KeySource::Remote(Arc::new(keys)))];
    let api_key = settings.get(&config::API_SECRET.name).map(ApiKey::new);
    Ok(Verifier::new("router", trusted, Clock::system()).with_api_key(api_key))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::*;

    const FILE: &str = "subgraphs: [{ name: auth, url: 'http://auth:1/graphql', schema: a, cookies: true }]";

    fn of(more: &[(&str, &str)]) -> Result<Options, ConfigError> {
        let mut values = BTreeMap::from([
            ("LARDER_CACHE", "memory:"),
            ("LARDER_LIMITS", "memory:"),
            ("API_SECRET", "a secret of some length"),
            ("LARDER_AUTH_URL", "http://10.0.0.1:4001/"),
        ]);
        values.extend(more.iter().copied());
        let file = SupergraphFile::parse(FILE, Path::new(".")).unwrap();
        let settings = Settings::read(&variables(&file), |name| values.get(name).map(Into::into))?;
        options(&settings, "".into(), file, Cache::memory(1024))
    }

    #[test]
    fn the_environment_says_where_subgraphs_are() {
        let options = of(&[("LARDER_CORS_ORIGINS", "https://a.example, https://b.example")]).unwrap();
        assert_eq!(options.subgraph_urls, [("auth".to_owned(), "http://10.0.0.1:4001/graphql".to_owned())]);
        assert_eq!(options.cors_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(options.cookie_subgraphs, ["auth"]);
        assert!(options.mode == Mode::Production && !options.introspection());
    }

    #[test]
    fn no_public_router_is_without_limits() {
        let reason = |result: Result<Options, ConfigError>| result.err().map(|error| error.to_string());
        let refused = reason(of(&[("LARDER_RATE_LIMITS", "off")])).unwrap();
        assert!(refused.contains("LARDER_RATE_LIMITS"), "{refused}");
        assert!(of(&[("LARDER_RATE_LIMITS", "off"), ("LARDER_MODE", "development")]).is_ok());
        let wrong = reason(of(&[("LARDER_MODE", "test"), ("LARDER_WORKERS", "many")])).unwrap();
        assert!(
            wrong.contains("LARDER_MODE is `test`") && wrong.contains("LARDER_WORKERS is `many`"),
            "{wrong}"
        );
    }
}
