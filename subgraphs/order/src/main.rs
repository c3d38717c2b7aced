//! Orders as a process of their own: `larder-order`, configured by its environment.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: kit::Allocator = kit::Allocator;

fn main() -> ExitCode {
    kit::serve(order::SERVICE, &[], async |context, _| {
        order::subgraph(context, order::Config::default()).await
    })
}
