//! Larder in one process, the services on embedded engines and the router in front of them; or as many, each on servers; and the
//! operator's commands.
//!
//! What the shop does is the services' business; this crate puts them together.

pub mod check;
pub mod cli;
pub mod dead_letters;
pub mod distributed;
pub mod graph;
pub mod moving;
pub mod pictures;
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

/// [`SUPERGRAPH_FILE`], read.
///
/// # Panics
/// Never: a test reads it, and it is part of the program.
#[must_use]
#[expect(clippy::expect_used, reason = "it is part of the program, and a test reads it")]
pub fn supergraph_file() -> router::compose::SupergraphFile {
    router::compose::SupergraphFile::parse(SUPERGRAPH_FILE, std::path::Path::new("."))
        .expect("supergraph.yaml is valid")
}

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
