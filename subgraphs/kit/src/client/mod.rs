//! Calls from service to service, over GraphQL: with a deadline, retries where they are harmless, and a breaker.
//!
//! A [`Client`] speaks to one other service through a [`Transport`]: HTTP between processes, [`Mesh`] within one. It says honestly
//! whether a call was refused, surely not made, or perhaps made: the caller's rules decide what follows from that.

mod breaker;
mod call;
mod mesh;
mod transport;

#[cfg(test)]
mod tests;

pub use breaker::{Breaker, Broken};
pub use call::{Call, CallError, Client, Clients, RemoteError};
pub use mesh::{Fake, Mesh};
pub use transport::{Http, Transport, TransportError};
