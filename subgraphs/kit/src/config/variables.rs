//! The variables that processes have in common.

use std::borrow::Cow;

use super::{Form, Unset, Variable};

/// Where the process listens.
pub const LISTEN: Variable = Variable::or("LARDER_LISTEN", "0.0.0.0:4000", Form::ADDRESS, "where it listens");
/// The service's own database.
pub const STORE: Variable =
    Variable::required("LARDER_STORE", Form::STORE, "the service's own database").secret();
/// The event log.
pub const BUS: Variable =
    Variable::required("LARDER_BUS", Form::BUS, "the event log, the same for every service").secret();
/// The cache.
pub const CACHE: Variable = Variable::required(
    "LARDER_CACHE",
    Form::MEMORY,
    "the cache of product lists, the same for the router and every service",
)
.secret();
/// Counters of who did how much.
pub const LIMITS: Variable = Variable::required(
    "LARDER_LIMITS",
    Form::MEMORY,
    "where attempts and rates are counted, the same for every process that counts",
)
.secret();
/// The folder of signing keys.
pub const KEYS: Variable = Variable::required(
    "LARDER_KEYS",
    Form::FOLDER,
    "the folder with this service's signing keys, made by `larder keys`, the same for its replicas",
);
/// The API key.
pub const API_SECRET: Variable =
    Variable::required("API_SECRET", Form::SECRET, "what `x-api-key` must be").secret();
/// Where traces go.
pub const TRACES: Variable = Variable::optional(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    Form::new("an address, such as http://collector:4318", |value| {
        url::Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    }),
    "where traces are sent by OTLP over HTTP; without it none are",
);
/// How much is logged.
pub const LOG: Variable = Variable::optional(
    "RUST_LOG",
    Form::TEXT,
    "how much is logged, such as `info` or `warn,kit=debug`; `info` where it is not set",
);
const LOG_FORMAT: Variable = Variable::or(
    "LARDER_LOG",
    "text",
    Form::new("text or json", |value| matches!(value, "text" | "json")),
    "how log lines are written",
);

/// What steers logs and traces, in every process.
pub const TELEMETRY: [Variable; 3] = [LOG, LOG_FORMAT, TRACES];

/// The address of another service.
#[must_use]
pub fn url_of(service: &str) -> Variable {
    Variable {
        name: Cow::Owned(format!("LARDER_{}_URL", service.to_ascii_uppercase().replace('-', "_"))),
        meaning: Cow::Owned(format!("where {service} is; its `/graphql` and its keys are below it")),
        form: Form::WEB,
        unset: Unset::Refused,
        secret: false,
    }
}
