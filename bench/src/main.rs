//! `make bench`: the shop as it is delivered, in a process of its own, measured from outside.

// Hive Router's middlewares nest deeper than the compiler's default.
#![recursion_limit = "256"]

mod cases;
mod load;
mod peers;
mod process;
mod report;

use std::process::ExitCode;

use clap::Parser;

/// Measures speed and memory. Every figure is a median over runs, every verdict a ratio against something measured in
/// the same run.
#[derive(Parser)]
struct Arguments {
    /// Only the cases whose name begins like this
    #[arg(long, default_value = "")]
    only: String,
    /// How many runs each figure is the median of
    #[arg(long, default_value_t = 5)]
    runs: usize,
    #[command(subcommand)]
    peer: Option<peers::Peer>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.peer {
        Some(peer) => peer.run().map(|()| true),
        None => cases::run(&arguments.only, arguments.runs),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
