//! `larder keys`: makes the secrets and signing keys of a distributed shop, and rotates the keys while it runs.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use kit::identity::KeyRing;

use super::secrets::{self, REPLICA_SET, Servers};
use crate::say;

/// What is done with keys.
#[derive(Args, Debug)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make what is missing: a folder for each process with its own secrets and keys, and files for MongoDB and Redis
    ///
    /// Can be run again; passwords and keys that are there stay.
    Init(Init),
    /// Give every service a new signing key, while they run
    ///
    /// It is published at once and signs six minutes later, when everybody has seen it; tokens made before hold until they expire.
    Rotate(Rotate),
}

#[derive(Args, Debug)]
struct Init {
    /// The folder
    #[arg(long, default_value = "secrets")]
    to: PathBuf,
    /// MongoDB's host and port; several of one replica set with commas
    #[arg(long, default_value = "mongo:27017")]
    mongo: String,
    /// What MongoDB's address has after its `?`
    #[arg(long, default_value_t = format!("replicaSet={REPLICA_SET}"))]
    mongo_options: String,
    /// Redis's host and port
    #[arg(long, default_value = "redis:6379")]
    redis: String,
}

#[derive(Args, Debug)]
struct Rotate {
    /// The folder that `larder keys init` made
    #[arg(long, default_value = "secrets")]
    of: PathBuf,
    /// Sign with the new keys at once, for a key that leaked; twice, and the old one is worthless
    #[arg(long)]
    now: bool,
}

/// Runs the command.
///
/// # Errors
/// When the folder cannot be used, or keys were rotated too short a while ago.
pub fn keys(args: &Keys) -> Result<()> {
    match &args.command {
        Command::Init(init) => {
            let servers = Servers {
                mongo: init.mongo.clone(),
                mongo_options: init.mongo_options.clone(),
                mongo_users: true,
                redis: init.redis.clone(),
            };
            let files = secrets::write(&init.to, &servers)?;
            say!("{} files in {}, for their owners' eyes only", files.len(), init.to.display());
        }
        Command::Rotate(rotate) => {
            let rings = secrets::rings(&rotate.of);
            for path in &rings {
                ensure!(
                    path.exists(),
                    "{} is missing; was this folder made by `larder keys init`?",
                    path.display()
                );
            }
            for path in rings {
                let ring = KeyRing::open(&path)?;
                if rotate.now {
                    ring.rotate()?;
                    say!("{}: a new key signs", path.display());
                } else {
                    let from = ring.rotate_ahead()?;
                    say!(
                        "{}: a new key is published, and signs from {}",
                        path.display(),
                        from.format("%H:%M:%S UTC")
                    );
                }
            }
        }
    }
    Ok(())
}
