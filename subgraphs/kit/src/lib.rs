//! What every subgraph shares, and nothing about groceries.
//!
//! Deep modules with narrow doors: [`store`] keeps documents, [`bus`] carries events, [`cache`] remembers answers,
//! [`identity`] says who calls, [`client`] calls another service, [`subgraph`] runs a schema for whoever asks it (the
//! HTTP [`server`] or the router in the same process). A service is built from these and its own rules; which engine
//! stands behind a door is chosen by configuration alone.

// The id macro names this crate by its name, also from inside.
extern crate self as kit;

pub mod backoff;
pub mod backup;
pub mod bus;
pub mod cache;
pub mod client;
pub mod clock;
pub mod config;
pub mod error;
pub mod fault;
pub mod id;
pub mod identity;
pub mod limit;
pub mod money;
pub mod page;
mod private;
mod redis;
pub mod server;
pub mod service;
pub mod store;
pub mod subgraph;
pub mod telemetry;
pub mod testing;

pub use error::{Code, Error, Result};
/// The allocator of a service's process: it gives memory back where the C library's keeps it.
pub use mimalloc::MiMalloc as Allocator;
pub use money::{Money, Quantity};
pub use service::serve;
