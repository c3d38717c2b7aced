//! The router as a process of its own, `larder-router`, for the distributed shop. The standalone shop calls [`router::run`] itself.

// Hive Router's middlewares nest deeper than the compiler's default.
#![recursion_limit = "256"]

use std::{path::Path, process::ExitCode};

use kit::config::{self, Program};
use router::{RouterError, compose::SupergraphFile, environment};

#[global_allocator]
static ALLOCATOR: router::Allocator = router::Allocator;

/// The graph that this program was built with.
const SUPERGRAPH: &str = include_str!("../../schema/supergraph.graphql");
const SUPERGRAPH_FILE: &str = include_str!("../../supergraph.yaml");

fn main() -> ExitCode {
    let file = match SupergraphFile::parse(SUPERGRAPH_FILE, Path::new(".")) {
        Ok(file) => file,
        Err(reason) => return Program { name: "larder-router", table: &[] }.refuse(&reason),
    };
    let table = environment::variables(&file);
    let program = Program { name: "larder-router", table: &table };
    let settings = match program.start() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let _telemetry = match kit::telemetry::init("router", "info") {
        Ok(guard) => guard,
        Err(error) => return program.refuse(&format!("logging cannot be started: {error}")),
    };
    // What the engines do in the background runs here; Hive Router has its own threads.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return program.fail(&error.to_string()),
    };
    let cache = settings.get(&config::CACHE.name).unwrap_or_default();
    let cache = match runtime.block_on(kit::service::cache(cache)) {
        Ok(cache) => cache,
        Err(error) => return program.fail(&error.to_string()),
    };
    let limits = settings.get(&config::LIMITS.name).unwrap_or_default();
    let limits = match runtime.block_on(kit::service::limits(limits)) {
        Ok(limits) => limits,
        Err(error) => return program.fail(&error.to_string()),
    };
    let mut options = match environment::options(&settings, SUPERGRAPH.into(), file, cache) {
        Ok(options) => options,
        Err(error) => return program.refuse(&error.to_string()),
    };
    options.buckets = limits;
    let _entered = runtime.enter();
    match router::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ RouterError::Listen { .. }) => program.refuse(&error.to_string()),
        Err(error) => program.fail(&error.to_string()),
    }
}
