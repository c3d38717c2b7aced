//! Larder in one process: the services on embedded engines, the router in front of them, and the operator's commands.
//!
//! What the shop does is the services' business; this crate puts them together.

pub mod check;
pub mod cli;
pub mod graph;
mod pictures;
pub mod schema;
pub mod secrets;
pub mod seed;
pub mod shop;
pub mod up;

pub use pictures::pictures;

/// The composed graph that this program was built with.
pub const SUPERGRAPH: &str = include_str!("../../schema/supergraph.graphql");
/// Which subgraphs there are and what may be cached.
pub const SUPERGRAPH_FILE: &str = include_str!("../../supergraph.yaml");

/// Says something to the person at the terminal. Logs go elsewhere.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::say_line(format_args!($($text)*))
    };
}

/// What [`say!`] calls.
pub fn say_line(text: std::fmt::Arguments<'_>) {
    use std::io::Write;
    // A terminal that has gone away is no reason to stop the shop.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
