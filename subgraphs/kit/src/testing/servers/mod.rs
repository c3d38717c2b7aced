//! The servers that the engines need, started by whoever needs them on free ports, and ended with the process.

mod mongo;
mod process;
mod raw;
mod redis;

use std::sync::LazyLock;

pub use mongo::mongo;
pub use raw::Raw;
pub use redis::RedisServer;

/// The Redis server of this test process, started by the first who asks. It is shared: keep to a namespace.
pub async fn redis() -> &'static RedisServer {
    static SERVER: LazyLock<RedisServer> = LazyLock::new(|| RedisServer::start(&[]));
    &SERVER
}
