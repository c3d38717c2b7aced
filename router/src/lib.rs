//! The federation router of the shop: Hive Router with our plug-ins, and composition.
//!
//! [`compose`] makes a supergraph of the subgraphs' schemas; [`run`] serves it. Planning, execution, validation, CORS, CSRF,
//! limits and circuit breakers are Hive Router's. Ours are the list cache, rate limits, the check of credentials at the
//! front, error codes and masking, subgraphs in the same process, and static pages. The router knows no subgraph: which
//! there are, and which of their answers may be cached, is in `supergraph.yaml`.

// Hive Router's middlewares nest deeper than the compiler's default.
#![recursion_limit = "256"]

pub mod compose;
mod config;
mod drain;
pub mod environment;
mod front;
mod identity;
mod local;
mod options;
mod plugins;
mod routes;
mod schema;
mod serve;
pub mod web;

/// The allocator that Hive Router is measured with; a binary may make it its own.
pub use hive_router::RouterGlobalAllocator as Allocator;
pub use local::{LocalResponse, LocalSubgraphs};
pub use options::{Limits, Mode, OnListening, Options, Readiness, Source, Supergraph, Timeouts};
pub use plugins::rate_limit::{RateLimits, Rule};
pub use serve::{Listening, RouterError, run, serve};
