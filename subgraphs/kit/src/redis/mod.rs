//! A Redis server as the engines of this crate use it: one connection that is kept up in the background, calls with a deadline, and
//! scripts.
//!
//! The link ([`link`]) is either up or down. While it is down a call fails at once, so that a server that is gone, or that has
//! stopped to answer, costs its callers one deadline and not one each: it is the breaker. What is kept under which key is the engines'.
//! No error and no log line bears the address, as it has the password in it.

mod link;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use link::{Connected, Link};
use redis::{
    Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, ProtocolVersion, PushInfo,
    RedisResult, ScriptInvocation, ServerErrorKind,
};
use tokio::{sync::watch, time::timeout};

/// How long [`Redis::open`] waits for the first connection before it leaves it to the background.
const FIRST_CONNECTION: Duration = Duration::from_secs(2);

/// Why the server did not do what it was asked. The texts are for operators, and name no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RedisError {
    #[error("the address of the Redis server must be redis://user:password@host:port/0: {0}")]
    Address(&'static str),
    #[error("the Redis server refuses this user: {0}")]
    Refused(String),
    #[error("the Redis server cannot be used: {0}")]
    Unfit(String),
    #[error("the Redis server cannot be reached: {0}")]
    Down(Arc<str>),
    #[error("the Redis server did not answer within {0:?}")]
    Late(Duration),
    #[error("the Redis server failed: {0}")]
    Failed(String),
}

impl RedisError {
    /// Whether waiting does not help: the configuration is wrong.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Refused(_) | Self::Unfit(_))
    }

    fn of(error: &redis::RedisError) -> Self {
        match error.kind() {
            ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Self::Refused(error.to_string())
            }
            _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => Self::Refused(error.to_string()),
            ErrorKind::Io => Self::Down(error.to_string().into()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// How a link behaves.
#[derive(Clone)]
pub(crate) struct Options {
    /// What a call may take unless it says otherwise; the server is asked whether it answers within it before the link is up.
    pub(crate) deadline: Duration,
    /// A channel whose messages are wanted, and who takes them: the message, or nothing when some may have been lost.
    pub(crate) hears: Option<Hears>,
}

/// Takes a message, or nothing when some may have been lost.
pub(crate) type Hearer = Arc<dyn Fn(Option<&str>) + Send + Sync>;

/// Who hears of a channel.
#[derive(Clone)]
pub(crate) struct Hears {
    pub(crate) channel: String,
    pub(crate) take: Hearer,
}

impl Hears {
    fn push(&self, info: &PushInfo) {
        if let Some(message) = redis::Msg::from_push_info(info.clone()) {
            (self.take)(message.get_payload::<String>().ok().as_deref());
        }
    }
}

/// A server, and the one connection to it. The connection ends when this is dropped.
pub(crate) struct Redis {
    link: watch::Receiver<Link>,
    deadline: Duration,
}

impl Redis {
    /// Connects. A server that cannot be reached is looked for in the background from then on.
    ///
    /// # Errors
    /// When the address is none, or the server is there and not fit for use: no waiting would help.
    pub(crate) async fn open(url: &str, options: Options) -> Result<Self, RedisError> {
        let client = client(url)?;
        let deadline = options.deadline;
        let mut link = link::keep(client, options);
        let settled = link.wait_for(|link| !matches!(link, Link::Unknown));
        if let Ok(Ok(settled)) = timeout(FIRST_CONNECTION, settled).await
            && let Link::Down(error) = &*settled
            && error.is_final()
        {
            return Err(error.clone());
        }
        Ok(Self { link, deadline })
    }

    /// The connection as it is now.
    ///
    /// # Errors
    /// At once when there is none.
    pub(crate) fn session(&self) -> Result<Session, RedisError> {
        match &*self.link.borrow() {
            Link::Up(connected) => Ok(Session { connected: connected.clone(), deadline: self.deadline }),
            Link::Down(error) => Err(error.clone()),
            Link::Unknown => Err(RedisError::Down("not yet".into())),
        }
    }

    /// Waits until there is a connection, however long that takes.
    #[cfg(test)]
    pub(crate) async fn until_up(&self) {
        let mut link = self.link.clone();
        let _alive = link.wait_for(|link| matches!(link, Link::Up(_))).await;
    }
}

/// One connection to one run of a server. Calls of many share it.
#[derive(Clone)]
pub(crate) struct Session {
    connected: Arc<Connected>,
    deadline: Duration,
}

impl Session {
    /// The run of the server at the other end: another after each of its starts, and that of another server after a failover.
    pub(crate) fn server(&self) -> &str {
        &self.connected.server
    }

    /// The same with more or less patience.
    pub(crate) const fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sends a command.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut connection = self.connected.connection.clone();
        self.bounded(command.query_async(&mut connection)).await
    }

    /// Runs a script: one round trip where the server knows it already.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let mut connection = self.connected.connection.clone();
        self.bounded(script.invoke_async(&mut connection)).await
    }

    async fn bounded<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T, RedisError> {
        let error = match timeout(self.deadline, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => {
                if !breaks(&error) {
                    return Err(RedisError::of(&error));
                }
                RedisError::of(&error)
            }
            Err(_) => RedisError::Late(self.deadline),
        };
        self.connected.broke(&error);
        Err(error)
    }
}

/// Whether a connection on which this happened is of no more use.
fn breaks(error: &redis::RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly};
    let server = matches!(error.kind(), ErrorKind::Server(BusyLoading | MasterDown | ReadOnly));
    server || error.is_unrecoverable_error() || error.is_io_error()
}

fn client(url: &str) -> Result<Client, RedisError> {
    let parsed = url::Url::parse(url).map_err(|_| RedisError::Address("it is not a URL"))?;
    match parsed.scheme() {
        "redis" => {}
        "rediss" => return Err(RedisError::Address("TLS is not built in; end it before the server")),
        _ => return Err(RedisError::Address("it does not begin with redis://")),
    }
    let info = parsed.into_connection_info().map_err(|_| RedisError::Address("it cannot be understood"))?;
    if !matches!(info.addr(), ConnectionAddr::Tcp(..)) {
        return Err(RedisError::Address("it names no host"));
    }
    // The protocol of Redis 6 and later, in which messages of a channel come on the same connection.
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(settings))
        .map_err(|_| RedisError::Address("it cannot be understood"))
}
