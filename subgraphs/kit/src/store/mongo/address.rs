//! The address of a deployment: what it must look like, and messages about it that never show a password.

use std::time::Duration;

use mongodb::{error::ErrorKind, options::ClientOptions};

use super::{
    super::StoreError,
    calls::{Failure, failed},
};

/// How long a server to send a call to is looked for. Less than a call's own deadline, so that the reason is told.
const SELECTION: Duration = Duration::from_secs(2);
const CONNECT: Duration = Duration::from_secs(2);

/// A lost server is looked for this often.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Connections at most, unless the address says otherwise: majority writes wait for the journals of others, and
/// each waits on a connection of its own.
const CONNECTIONS: u32 = 64;

/// A connection that nobody has used for this long is closed: after a rush it would only take memory, here and on the server.
const IDLE: Duration = Duration::from_secs(10);

/// The driver's options for this address, and how many connections they allow.
pub(super) async fn options(url: &str) -> Result<(ClientOptions, u32), StoreError> {
    // The driver's own message may quote a part of a password in which a character is not encoded.
    let mut options = ClientOptions::parse(url).await.map_err(|_| {
        failed(
            "the address of the database is not of the form \
             mongodb://user:password@host:port,host:port/database?replicaSet=name, \
             in which / : @ % in a user or password are written %2F %3A %40 %25",
        )
    })?;
    options.app_name.get_or_insert_with(|| "larder".to_owned());
    options.server_selection_timeout = Some(SELECTION);
    options.connect_timeout = Some(CONNECT);
    options.heartbeat_freq = Some(HEARTBEAT);
    options.max_idle_time.get_or_insert(IDLE);
    let connections = *options.max_pool_size.get_or_insert(CONNECTIONS);
    // They need sessions and replica sets; a write whose answer was lost is found by its own id instead.
    options.retry_writes = Some(false);
    Ok((options, connections.max(1)))
}

/// Whether it is a name that a database can have.
pub(super) fn check_name(database: &str) -> Result<(), StoreError> {
    let forbidden = |c: char| c.is_control() || "/\\. \"$*<>:|?".contains(c);
    if database.is_empty() || database.len() > 63 || database.contains(forbidden) {
        return Err(failed(format!("{database:?} is not a name for a database")));
    }
    Ok(())
}

/// Why a deployment could not be opened, for a person at the console.
pub(super) fn unreachable(options: &ClientOptions, failure: Failure) -> StoreError {
    let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
    let hosts = hosts.join(", ");
    match failure {
        Failure::Driver(error) if matches!(*error.kind, ErrorKind::Authentication { .. }) => {
            let user = options.credential.as_ref().and_then(|credential| credential.username.as_deref());
            failed(format!("MongoDB at {hosts} does not let {} in: {}", user.unwrap_or("nobody"), error.kind))
        }
        failure => match StoreError::from(failure) {
            StoreError::Engine(source) => failed(format!("MongoDB at {hosts} cannot be used: {source}")),
            other => other,
        },
    }
}
