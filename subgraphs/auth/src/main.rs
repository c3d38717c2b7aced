//! The accounts as a process of their own: `larder-auth`, configured by its environment.

use std::process::ExitCode;

use kit::config::LIMITS;

#[global_allocator]
static ALLOCATOR: kit::Allocator = kit::Allocator;

fn main() -> ExitCode {
    kit::serve(auth::SERVICE, auth::VARIABLES, async |context, process| {
        let limits = kit::service::limits(process.settings().need(&LIMITS.name)?).await?;
        let config =
            auth::Config { limits, ..auth::Config::from_settings(process.settings(), process.people()?) };
        auth::subgraph(context, config).await
    })
}
