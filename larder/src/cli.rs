//! The commands and their help.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::{
    check, dead_letters,
    distributed::{cluster, keys},
    graph::Graph,
    moving, say, schema,
    secrets::{OPERATOR, Secrets},
    seed, up,
};

/// A grocery shop as one GraphQL API: databases, services, router and pages in one program.
///
/// Start with `larder up --demo`, then open http://127.0.0.1:4000/.
#[derive(Parser, Debug)]
#[command(name = "larder", version, after_long_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  larder up --demo                          a stocked shop on http://127.0.0.1:4000
  larder up --production --data /srv/larder --listen 0.0.0.0:4000
  larder seed --url http://127.0.0.1:4000   stock a shop that runs
  larder check                              recount every promise from the data
  larder cluster --demo --replicas 2        the distributed shop on this machine
  larder backup /backups/monday             copy the data of a shop that runs
";

#[derive(Subcommand, Debug)]
enum Command {
    /// Open the shop in this process
    ///
    /// The first start makes the data folder with its databases, keys and secrets (mode 0600), and prints where they are.
    /// SIGTERM and Ctrl-C answer what was asked and exit 0.
    Up(up::Up),
    /// Stock a running shop with the demo range and make the demo accounts
    ///
    /// An ordinary client of the graph. What is there already is left as it is, so it can be run again.
    Seed(SeedArgs),
    /// Recount every promise from the data: ledger = stock, on hand + held + sold = received, no order unfinished
    ///
    /// Works on a consistent copy, so the shop may run. Exits 1 and prints a table where a promise is broken.
    Check(check::Check),
    /// Compose the subgraphs' schemas into the supergraph and the API schema
    Compose(schema::Compose),
    /// Write schema/ and the other generated files anew from the code
    Schema(schema::Schema),
    /// Copy the databases, keys and secrets into a new folder, all as of one moment, while the shop runs
    ///
    /// The copy is a data folder: restore it by putting it in the place of the old one, or by `larder up --data COPY`.
    Backup(BackupArgs),
    /// Open the distributed shop as processes on this machine: a process for each service and the router, MongoDB, Redis
    ///
    /// It starts the servers that it finds (see docs/OPERATIONS.md). SIGTERM and Ctrl-C stop it part by part.
    Cluster(cluster::Cluster),
    /// Make or rotate the secrets and signing keys of a distributed shop
    Keys(keys::Keys),
    /// Copy a stopped standalone shop into the MongoDB of a distributed one, and compare
    ///
    /// Nothing is taken out of the data folder. It can be run again, until the new shop is in use. Exits 1 where something differs.
    Move(moving::Move),
    /// List the events that a service could not handle, or hand one to it again
    DeadLetters(dead_letters::DeadLetters),
}

#[derive(Args, Debug)]
struct SeedArgs {
    /// Where the shop is
    #[arg(long, default_value = "http://127.0.0.1:4000")]
    url: String,
    /// The data folder whose operator password is used
    #[arg(long, env = "LARDER_DATA", default_value = "data")]
    data: PathBuf,
    /// The operator's password, where the data folder is on another machine
    #[arg(long, env = "LARDER_OPERATOR_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

#[derive(Args, Debug)]
struct BackupArgs {
    /// The new folder
    to: PathBuf,
    /// The data folder of the shop
    #[arg(long, env = "LARDER_DATA", default_value = "data")]
    data: PathBuf,
}

impl Cli {
    /// Runs the command. `Ok(false)` is a check that found something.
    ///
    /// # Errors
    /// With a text for the person who gave the command.
    pub fn run(self) -> Result<bool> {
        match self.command {
            Command::Up(args) => up::up(&args).map(|()| true),
            Command::Cluster(args) => block_on(cluster::cluster(&args)).map(|()| true),
            Command::Keys(args) => keys::keys(&args).map(|()| true),
            Command::Schema(args) => schema::schema(&args),
            Command::Compose(args) => schema::compose(&args).map(|()| true),
            Command::Backup(args) => backup(&args).map(|()| true),
            Command::Check(args) => block_on(check::check(&args)),
            Command::Move(args) => block_on(moving::run(&args)),
            Command::Seed(args) => block_on(seed(args)).map(|()| true),
            Command::DeadLetters(args) => block_on(dead_letters::run(&args)).map(|()| true),
        }
    }
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}

fn backup(args: &BackupArgs) -> Result<()> {
    let copied = kit::backup::copy_folder(&args.data, &args.to)?;
    say!("Copied {} files to {}. Restore: larder up --data {1}", copied.len(), args.to.display());
    Ok(())
}

async fn seed(args: SeedArgs) -> Result<()> {
    let password = match args.password {
        Some(password) => password,
        None => Secrets::load(&args.data).context("finding the operator's password")?.operator_password,
    };
    let graph = Graph::new(&format!("{}/graphql", args.url.trim_end_matches('/')))?;
    let seeded = seed::seed(&graph, (OPERATOR, &password), |_, _| {}).await?;
    say!("{} products, {} of them new", seeded.of, seeded.made);
    Ok(())
}
