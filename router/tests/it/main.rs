//! The router over three small subgraphs that run in this process, asked through its HTTP endpoint.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![recursion_limit = "256"]

mod cache;
mod compose;
mod errors;
mod graph;
mod limits;
mod rate_limits;
mod serve;
mod subgraphs;
mod support;
mod web;
