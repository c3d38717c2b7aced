//! Inventory as a process of its own: `larder-inventory`, configured by its environment.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: kit::Allocator = kit::Allocator;

fn main() -> ExitCode {
    kit::serve(inventory::SERVICE, &[], async |context, _| {
        inventory::subgraph(context, inventory::Config::default()).await
    })
}
