//! The `larder` program: arguments in, exit code out.

// Hive Router's middlewares nest deeper than the compiler's default.
#![recursion_limit = "256"]

use std::process::ExitCode;

use clap::Parser;
use larder::cli::Cli;

#[global_allocator]
static ALLOCATOR: hive_router::RouterGlobalAllocator = hive_router::RouterGlobalAllocator;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let _telemetry = match kit::telemetry::init("larder", "warn") {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("error: logging cannot be started: {error}");
            return ExitCode::from(2);
        }
    };
    match cli.run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
