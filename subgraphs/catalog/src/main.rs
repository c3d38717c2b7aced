//! The catalog as a process of its own: `larder-catalog`, configured by its environment.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: kit::Allocator = kit::Allocator;

fn main() -> ExitCode {
    kit::serve(catalog::SERVICE, catalog::VARIABLES, async |context, process| {
        catalog::subgraph(context, catalog::Config::from_settings(process.settings())).await
    })
}
