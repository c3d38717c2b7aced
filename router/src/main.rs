//! The router as a process of its own, for the distributed shop. The standalone shop calls [`router::run`] itself.

mod arguments;

use std::process::ExitCode;

use clap::Parser as _;

#[global_allocator]
static ALLOCATOR: router::Allocator = router::Allocator;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    let _telemetry = match kit::telemetry::init("router", "info") {
        Ok(guard) => guard,
        Err(error) => return failed(&error.to_string()),
    };
    let options = match arguments.options() {
        Ok(options) => options,
        Err(error) => return failed(&error.to_string()),
    };
    match router::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(reason: &str) -> ExitCode {
    eprintln!("router: {reason}");
    ExitCode::from(2)
}
