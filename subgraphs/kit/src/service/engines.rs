//! From the address of an engine to the engine. The only place that tells one kind from another.

use std::sync::Arc;

use super::StartError;
use crate::{
    bus::{Bus, Sink},
    cache::Cache,
    config::{database_of, folder_of},
    limit::Buckets,
    store::Store,
};

/// What a cache in memory may take.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// Whether the engine is a server, which may come up later than this process.
pub(super) fn is_server(url: &str) -> bool {
    url.contains("://")
}

/// The database of this service at this address.
pub(super) async fn store(url: &str, service: &str, sinks: Vec<Arc<dyn Sink>>) -> Result<Store, StartError> {
    if let Some(folder) = folder_of("sqlite", url) {
        return Ok(Store::sqlite(made(folder)?.join(format!("{service}.db")), sinks).await?);
    }
    Ok(Store::mongo(url, database_of(url).unwrap_or(service), sinks).await?)
}

/// The event log at this address.
pub(super) async fn bus(url: &str) -> Result<Bus, StartError> {
    if let Some(folder) = folder_of("sqlite", url) {
        return Ok(Bus::sqlite(made(folder)?.join("bus.db")).await?);
    }
    Ok(Bus::redis(url).await?)
}

/// The cache at this address.
///
/// # Errors
/// When it is a server that refuses to be used like this. One that cannot be reached is no error.
pub async fn cache(url: &str) -> Result<Cache, StartError> {
    if is_server(url) { Ok(Cache::redis(url).await?) } else { Ok(Cache::memory(CACHE_BYTES)) }
}

/// What counts attempts and rates at this address.
///
/// # Errors
/// When it is a server that refuses to be used like this. One that cannot be reached is no error.
pub async fn limits(url: &str) -> Result<Buckets, StartError> {
    if is_server(url) { Ok(Buckets::redis(url).await?) } else { Ok(Buckets::memory()) }
}

fn made(folder: &std::path::Path) -> Result<&std::path::Path, StartError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| StartError::Folder { path: folder.to_owned(), source })?;
    Ok(folder)
}
