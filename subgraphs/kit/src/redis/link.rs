//! Keeps a connection up: makes it, looks after it, and makes it again with growing waits when it broke.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use redis::{AsyncConnectionConfig, Client, Cmd, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use super::{Options, RedisError, breaks};
use crate::backoff::full_jitter;

/// What the making of a connection may take: a server across a network that answers within milliseconds needs a few round trips.
const CONNECTING: Duration = Duration::from_secs(1);

/// How often a connection that nobody uses is looked at, so that the next caller need not find out that it is dead.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The wait before a broken connection is made again: so long that one that breaks at every call costs its callers little, so
/// short that a server that was started again is found at once.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A connection that lasted so long was a good one: the waits begin anew after it.
const GOOD: Duration = Duration::from_secs(10);

/// The oldest server that has all that the engines use (`XTRIM MINID`).
const OLDEST: (u32, u32) = (6, 2);

/// The connection, or why there is none.
#[derive(Clone)]
pub(super) enum Link {
    /// Nothing has been tried yet.
    Unknown,
    Up(Arc<Connected>),
    Down(RedisError),
}

/// A connection.
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    /// The server's run.
    pub(super) server: Arc<str>,
    is_broken: AtomicBool,
    /// The first reason.
    why: Mutex<Option<RedisError>>,
    broken: Notify,
}

impl Connected {
    /// It is of no more use.
    pub(super) fn broke(&self, error: &RedisError) {
        self.why.lock().get_or_insert_with(|| error.clone());
        self.is_broken.store(true, Relaxed);
        self.broken.notify_one();
    }
}

/// Keeps a link up until nobody looks at it any more.
pub(super) fn keep(client: Client, options: Options) -> watch::Receiver<Link> {
    let (tell, link) = watch::channel(Link::Unknown);
    tokio::spawn(async move {
        tokio::select! {
            () = tell.closed() => {}
            () = run(&client, &options, &tell) => {}
        }
    });
    link
}

async fn run(client: &Client, options: &Options, tell: &watch::Sender<Link>) {
    let mut failures = 0;
    loop {
        let (began, error) = match connect(client, options).await {
            Ok(connected) => {
                let (began, connected) = (Instant::now(), Arc::new(connected));
                if failures > 0 {
                    tracing::info!("the Redis server answers again");
                }
                tell.send_replace(Link::Up(connected.clone()));
                // Whatever was said while there was no connection was not heard.
                if let Some(hears) = &options.hears {
                    (hears.take)(None);
                }
                (began, look_after(&connected, options.deadline).await)
            }
            Err(error) => (Instant::now(), error),
        };
        if began.elapsed() >= GOOD {
            failures = 0;
        }
        if failures == 0 {
            tracing::warn!(%error, "the Redis server is not there");
        }
        failures += 1;
        tell.send_replace(Link::Down(error));
        sleep(FIRST_WAIT + full_jitter(FIRST_WAIT, LONGEST_WAIT, failures)).await;
    }
}

/// Until it is broken.
async fn look_after(connected: &Connected, deadline: Duration) -> RedisError {
    while !connected.is_broken.load(Relaxed) {
        if timeout(LOOK_EVERY, connected.broken.notified()).await.is_err()
            && let Err(error) = ping(&mut connected.connection.clone(), deadline.max(LOOK_EVERY)).await
        {
            connected.broke(&error);
        }
    }
    connected.why.lock().take().unwrap_or_else(|| RedisError::Down("the connection broke".into()))
}

async fn connect(client: &Client, options: &Options) -> Result<Connected, RedisError> {
    // Both are ours, below.
    let mut config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    if let Some(hears) = options.hears.clone() {
        config = config.set_push_sender(move |info| {
            hears.push(&info);
            Ok::<_, redis::aio::SendError>(())
        });
    }
    let connecting = async {
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let facts: String = Cmd::new().arg("INFO").arg("server").query_async(&mut connection).await?;
        if let Some(hears) = &options.hears {
            connection.subscribe(&hears.channel).await?;
        }
        Ok::<_, redis::RedisError>((connection, facts))
    };
    let (mut connection, facts) = match timeout(CONNECTING, connecting).await {
        Ok(connected) => connected.map_err(|error| RedisError::of(&error))?,
        Err(_) => return Err(RedisError::Late(CONNECTING)),
    };
    let server = run_of(&facts)?;
    // Only one that answers as fast as its callers will ask it to is worth calling.
    ping(&mut connection, options.deadline).await?;
    Ok(Connected {
        connection,
        server,
        is_broken: AtomicBool::new(false),
        why: Mutex::default(),
        broken: Notify::new(),
    })
}

async fn ping(connection: &mut MultiplexedConnection, deadline: Duration) -> Result<(), RedisError> {
    match timeout(deadline, Cmd::new().arg("PING").exec_async(connection)).await {
        Ok(Ok(())) => Ok(()),
        // A server that answers that it may not is there.
        Ok(Err(error)) if breaks(&error) => Err(RedisError::of(&error)),
        Ok(Err(_)) => Ok(()),
        Err(_) => Err(RedisError::Late(deadline)),
    }
}

/// Which run of the server this is, if it is one that can be used.
pub(super) fn run_of(facts: &str) -> Result<Arc<str>, RedisError> {
    let fact =
        |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let version = fact("redis_version").unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        let (major, minor) = OLDEST;
        return Err(RedisError::Unfit(format!(
            "its version is {version}, {major}.{minor} or later is needed"
        )));
    }
    match fact("run_id") {
        Some(run) if !run.is_empty() => Ok(run.into()),
        _ => Err(RedisError::Unfit("it does not tell its starts apart".to_owned())),
    }
}
