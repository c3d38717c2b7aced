//! `larder cluster`: the distributed shop as processes on this machine, with the environment that the compose file gives them.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use tokio::sync::watch;

use super::{
    Part, Place, ROUTER, environment, parts,
    process::{Kept, Now, Plan},
    secrets::{self, Servers},
};
use crate::{
    pictures, say,
    secrets::{OPERATOR, Secrets},
    up,
};

/// How long all of it may take to become ready: as long as the processes wait for their servers, and a little.
const PATIENCE: Duration = Duration::from_secs(75);

/// How a cluster is opened.
#[derive(Args, Debug, Clone)]
pub struct Cluster {
    /// The folder with its servers' data, secrets, keys and logs; made if it is missing
    #[arg(long, env = "LARDER_CLUSTER_DATA", default_value = "cluster")]
    pub data: PathBuf,
    /// Where the first router listens; further ones take free ports. Port 0 takes a free one
    #[arg(long, env = "LARDER_LISTEN", default_value = "127.0.0.1:4000")]
    pub listen: SocketAddr,
    /// How many of each service and of the router
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    pub replicas: u8,
    /// Stock the shop with the demo range and make the demo accounts
    #[arg(long)]
    pub demo: bool,
    /// No rate limits; for load tests on this machine
    #[arg(long, hide = true)]
    pub no_rate_limits: bool,
}

/// Opens the shop and keeps it open until SIGTERM or SIGINT; then stops it, part by part, and returns.
///
/// # Errors
/// When it cannot be opened; the text says what to change.
pub async fn cluster(options: &Cluster) -> Result<()> {
    let started = Instant::now();
    let data = &options.data;
    std::fs::create_dir_all(data.join("logs")).with_context(|| format!("making {}", data.display()))?;
    let data = &data.canonicalize()?;
    let _lock = up::lock(data)?;
    let mut open = Vec::new();
    let outcome = tokio::select! {
        outcome = run(options, data, started, &mut open) => outcome,
        () = kit::server::stop_asked() => Ok(()),
    };
    // Those who are asked go before those whom they ask.
    for kept in open.into_iter().rev() {
        kept.stop().await;
    }
    outcome
}

/// Opens everything and then only watches; what it has opened is in `open`, whatever happens.
async fn run(options: &Cluster, data: &Path, started: Instant, open: &mut Vec<Kept>) -> Result<()> {
    let redis = redis(data, open).await?;
    let mut opened = vec![("redis".to_owned(), format!("redis://{redis}"), open[0].watch())];
    let mongo = kit::testing::servers::mongo().await;
    let mongo = mongo.trim_start_matches("mongodb://").trim_end_matches('/').to_owned();
    let servers = Servers { mongo, mongo_options: String::new(), mongo_users: false, redis };
    secrets::write(&data.join("secrets"), &servers)?;
    pictures::write_to(&data.join("pictures"))?;

    let mut replicas = Vec::new();
    for replica in 1..=options.replicas {
        replicas.push(Replica::new(options, data, replica)?);
    }
    for part in parts() {
        for replica in &replicas {
            let kept = start(data, &part, replica)?;
            opened.push((part.name.clone(), replica.base(&part.name), kept.watch()));
            open.push(kept);
        }
    }
    let probes = open.iter().zip(&opened).skip(1).map(|(kept, (_, base, _))| {
        let url = format!("{base}/health/ready");
        kept.up(PATIENCE, move || is_well(url.clone()))
    });
    futures::future::try_join_all(probes).await?;
    write_state(data, &opened)?;
    announce(options, data, &replicas, started).await?;
    watch_all(data, opened).await
}

async fn is_well(url: String) -> bool {
    reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
}

/// One of each service, and the router before them: they call each other, and no other replica.
struct Replica {
    number: u8,
    ports: BTreeMap<String, u16>,
    listen: SocketAddr,
    data: PathBuf,
    no_rate_limits: bool,
}

impl Replica {
    fn new(options: &Cluster, data: &Path, number: u8) -> Result<Self> {
        let mut listen = options.listen;
        if number > 1 || listen.port() == 0 {
            listen.set_port(free_port()?);
        }
        let mut ports = BTreeMap::new();
        for part in parts() {
            let port = if part.name == ROUTER { listen.port() } else { free_port()? };
            ports.insert(part.name, port);
        }
        Ok(Self { number, ports, listen, data: data.to_owned(), no_rate_limits: options.no_rate_limits })
    }
}

impl Place for Replica {
    fn listen(&self, part: &Part) -> String {
        if part.name == ROUTER {
            self.listen.to_string()
        } else {
            format!("127.0.0.1:{}", self.ports[&part.name])
        }
    }

    fn base(&self, name: &str) -> String {
        let host = if self.listen.ip().is_unspecified() || name != ROUTER {
            "127.0.0.1".to_owned()
        } else {
            self.listen.ip().to_string()
        };
        format!("http://{host}:{}", self.ports.get(name).copied().unwrap_or_default())
    }

    fn secrets(&self, part: &Part) -> PathBuf {
        self.data.join("secrets").join(&part.name)
    }

    fn pictures(&self) -> PathBuf {
        self.data.join("pictures")
    }

    fn more(&self, _part: &Part, variable: &str) -> Option<String> {
        match variable {
            "LARDER_LOG" => Some("json".to_owned()),
            "LARDER_MODE" => Some("development".to_owned()),
            "LARDER_RATE_LIMITS" => self.no_rate_limits.then(|| "off".to_owned()),
            "RUST_LOG" | "OTEL_EXPORTER_OTLP_ENDPOINT" => std::env::var(variable).ok(),
            _ => None,
        }
    }
}

/// A port that nobody has. Somebody may take it before the process does, which then says so.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn start(data: &Path, part: &Part, replica: &Replica) -> Result<Kept> {
    let beside = std::env::current_exe()?.with_file_name(part.program());
    if !beside.exists() {
        bail!("{} is missing; build the whole workspace, as `make cluster` does", beside.display());
    }
    let name = format!("{}-{}", part.name, replica.number);
    Kept::start(Plan {
        log: data.join("logs").join(format!("{name}.log")),
        name,
        program: beside,
        arguments: Vec::new(),
        environment: environment(part, replica),
    })
}

/// Redis with its users, as the compose file starts it; gives its host and port.
async fn redis(data: &Path, open: &mut Vec<Kept>) -> Result<String> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let port = address.rsplit(':').next().unwrap_or_default();
    let folder = data.join("redis");
    // Events of another life of the database would be about nothing; where the database lives on, the services say again what counts.
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    // Its users are in the secrets, which need only its address.
    let servers = Servers {
        mongo: String::new(),
        mongo_options: String::new(),
        mongo_users: false,
        redis: address.clone(),
    };
    secrets::write(&data.join("secrets"), &servers)?;
    let users = data.join("secrets/redis/users.acl");
    let durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    let mut arguments: Vec<OsString> = durable.map(Into::into).into();
    arguments.extend(["--port", port, "--bind", "127.0.0.1", "--dir"].map(Into::into));
    arguments.extend([folder.into(), "--aclfile".into(), users.into()]);
    let kept = Kept::start(Plan {
        name: "redis".to_owned(),
        program: "redis-server".into(),
        arguments,
        environment: std::env::var("PATH").map(|path| ("PATH".to_owned(), path)).into_iter().collect(),
        log: data.join("logs/redis.log"),
    })
    .context("Redis is needed; on Debian: apt-get install redis-server")?;
    let probed = address.clone();
    let up = kept.up(PATIENCE, || async { tokio::net::TcpStream::connect(&probed).await.is_ok() }).await;
    open.push(kept);
    up?;
    Ok(address)
}

async fn announce(options: &Cluster, data: &Path, replicas: &[Replica], started: Instant) -> Result<()> {
    let bases: Vec<_> = replicas.iter().map(|replica| replica.base(ROUTER)).collect();
    let secrets = data.join("secrets/operator");
    say!(
        "\nLarder is open after {} ms: {} of each service.\n",
        started.elapsed().as_millis(),
        replicas.len()
    );
    for base in &bases {
        say!("  graph       {base}/graphql");
    }
    say!("  GraphiQL    {}/graphiql", bases[0]);
    say!(
        "  secrets     {} (API_SECRET and the password of `{OPERATOR}`)",
        secrets.join("secrets.env").display()
    );
    say!("  logs        {}", data.join("logs").display());
    if options.demo {
        up::stock(&bases[0], &Secrets::load(&secrets)?.operator_password)
            .await
            .context("stocking the demo range")?;
        say!("\n  sign in as  customer, seller or admin, with the password <name>-larder-demo");
        say!("\nThe shop is stocked. Stop with Ctrl-C.");
    } else {
        say!("\nStop with Ctrl-C.");
    }
    Ok(())
}

type Opened = (String, String, watch::Receiver<Now>);

/// Writes where each process is and which it is, for whoever wants to look at one or end it.
fn write_state(data: &Path, opened: &[Opened]) -> Result<()> {
    let parts: Vec<_> = opened
        .iter()
        .map(|(name, base, now)| {
            let pid = match *now.borrow() {
                Now::Runs(pid) => Some(pid),
                _ => None,
            };
            json!({ "name": name, "url": base, "pid": pid })
        })
        .collect();
    kit::identity::write_private(&data.join("processes.json"), json!(parts).to_string().as_bytes())?;
    Ok(())
}

/// Keeps that file current, for ever.
async fn watch_all(data: &Path, mut opened: Vec<Opened>) -> Result<()> {
    loop {
        let changes = opened.iter_mut().map(|(_, _, now)| Box::pin(now.changed()));
        let (changed, ..) = futures::future::select_all(changes).await;
        changed.context("a process is no longer watched")?;
        write_state(data, &opened)?;
        if let Some((name, ..)) = opened.iter().find(|(_, _, now)| matches!(*now.borrow(), Now::Refused(_))) {
            bail!("{name} will not run; see its log in {}", data.join("logs").display());
        }
    }
}
