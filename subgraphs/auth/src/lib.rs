//! Who is who: users, their credentials and roles, their sessions, and the keys that sign people's tokens.
//!
//! What a person may do with a product or an order is the business of the service that owns it; this one says who
//! they are and which role they have. Tokens are verified by every service for itself, in `kit::identity`.

pub mod domain;
pub mod events;
mod graphql;
pub mod hashing;
mod service;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{lockout::Policy, password::Secret};
use hashing::{Hasher, HashingConfig};
use kit::{
    identity::{Issuer, KeyRing},
    service::{Context, Service, StartError},
    subgraph::Subgraph,
};
use service::{Attempts, Auth};

/// What this service says of itself.
pub const SERVICE: Service = Service { name: "auth", calls: &[], grants: &[], takes_api_key: false };

/// The age at which the key that signs people's tokens is followed by a new one. It verifies until the next change, so a token
/// outlives its key never.
const ROTATE_AFTER: TimeDelta = TimeDelta::days(30);
/// How often the key's age is looked at.
const LOOK_AT_KEYS_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// What has to be said to run it.
pub struct Config {
    /// The keys that sign people's tokens.
    pub people: Arc<KeyRing>,
    /// The admin whose account is made at the start, if there is nobody of that name.
    pub admin: Option<FirstAdmin>,
    /// How passwords are hashed.
    pub hashing: HashingConfig,
    /// How guessing is slowed down.
    pub lockout: LockoutConfig,
}

impl Config {
    /// The defaults, with these keys and no first admin.
    #[must_use]
    pub fn new(people: Arc<KeyRing>) -> Self {
        Self { people, admin: None, hashing: HashingConfig::default(), lockout: LockoutConfig::default() }
    }
}

/// The account of the one who runs the shop first.
pub struct FirstAdmin {
    username: String,
    password: Secret,
}

impl FirstAdmin {
    /// An admin of this name and password; they are checked when the service starts.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: Secret::new(password) }
    }
}

/// How guessing is slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutConfig {
    /// Wrong passwords for one account.
    pub account: Policy,
    /// Wrong passwords from one address.
    pub address: Policy,
}

impl Default for LockoutConfig {
    fn default() -> Self {
        Self { account: Policy::ACCOUNT, address: Policy::ADDRESS }
    }
}

/// The service, running.
pub struct Running {
    /// Its part of the graph.
    pub subgraph: Subgraph,
    /// Its password threads.
    pub hasher: Hasher,
}

/// Starts the service and gives its part of the graph.
///
/// # Errors
/// When the configuration cannot be used, or the database.
pub async fn subgraph(ctx: Context, config: Config) -> Result<Subgraph, StartError> {
    Ok(start(ctx, config).await?.subgraph)
}

/// Starts the service.
///
/// # Errors
/// When the configuration cannot be used, or the database.
pub async fn start(ctx: Context, config: Config) -> Result<Running, StartError> {
    let hasher = Hasher::start(config.hashing)?;
    let issuer = Issuer::users(config.people.clone(), ctx.clock.clone());
    let attempts = Attempts::new(config.lockout, ctx.clock.clone());
    let auth = Auth::open(&ctx, issuer, hasher.clone(), attempts).await?;
    if let Some(admin) = &config.admin {
        auth.ensure_first_admin(admin).await?;
    }
    auth.reconcile_roster().await.map_err(|error| {
        StartError::Config(format!("the admins cannot be read: {}", error.cause_chain().unwrap_or_default()))
    })?;
    run_in_background(&ctx, auth.clone(), config.people);
    let subgraph = Subgraph::new(SERVICE.name, graphql::schema(auth), ctx.verifier.clone());
    Ok(Running { subgraph, hasher })
}

fn run_in_background(ctx: &Context, auth: Auth, people: Arc<KeyRing>) {
    ctx.tasks.every(service::SWEEP_EVERY, move || {
        let auth = auth.clone();
        async move {
            match auth.sweep().await {
                Ok(0) => {}
                Ok(swept) => tracing::debug!(swept, "cleared ended sessions away"),
                Err(error) => {
                    let cause = error.cause_chain();
                    tracing::warn!(cause, "ended sessions could not be cleared away; trying again later");
                }
            }
        }
    });
    ctx.tasks.every(LOOK_AT_KEYS_EVERY, move || {
        let people = people.clone();
        async move {
            // A file is written and synced, which is no work for the executor's threads.
            let looked = tokio::task::spawn_blocking(move || people.rotate_if_older_than(ROTATE_AFTER)).await;
            match looked {
                Ok(Ok(true)) => tracing::info!("people's tokens are signed with a new key"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the key of people's tokens could not be followed by a new one");
                }
                Err(error) => tracing::error!(%error, "looking at the keys failed"),
            }
        }
    });
}

/// The schema of this subgraph, with the federation directives.
#[must_use]
pub fn sdl() -> String {
    graphql::sdl()
}
