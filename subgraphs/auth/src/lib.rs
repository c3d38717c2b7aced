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
use domain::password::Secret;
use hashing::{Hasher, HashingConfig};
use kit::{
    config::{Form, LIMITS, Settings, Variable},
    identity::{Issuer, KeyRing},
    limit::{Buckets, Policy},
    service::{Context, Service, StartError},
    store::{Store, StoreError, Transferred},
    subgraph::Subgraph,
};
use service::{Attempts, Auth};

/// What this service says of itself.
pub const SERVICE: Service =
    Service { name: "auth", calls: &[], grants: &[], takes_api_key: false, signs_for_people: true };

/// What its own process is told beside what every process is.
pub const VARIABLES: &[Variable] = &[
    LIMITS,
    Variable::or(
        OPERATOR,
        "operator",
        Form::TEXT,
        "the name of the first admin, whose account is made at the start",
    ),
    Variable::optional(
        OPERATOR_PASSWORD,
        Form::SECRET,
        "the first admin's password; without it no account is made",
    )
    .secret(),
];

const OPERATOR: &str = "LARDER_OPERATOR";
const OPERATOR_PASSWORD: &str = "LARDER_OPERATOR_PASSWORD";

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
    /// Where attempts are counted: for all replicas together, where there are some.
    pub limits: Buckets,
}

impl Config {
    /// The defaults, with these keys and no first admin.
    #[must_use]
    pub fn new(people: Arc<KeyRing>) -> Self {
        Self {
            people,
            admin: None,
            hashing: HashingConfig::default(),
            lockout: LockoutConfig::default(),
            limits: Buckets::memory(),
        }
    }

    /// What the environment of its own process says ([`VARIABLES`]).
    #[must_use]
    pub fn from_settings(settings: &Settings, people: Arc<KeyRing>) -> Self {
        let admin = settings.get(OPERATOR).zip(settings.get(OPERATOR_PASSWORD));
        Self { admin: admin.map(|(name, password)| FirstAdmin::new(name, password)), ..Self::new(people) }
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
    let attempts = Attempts::new(config.lockout, config.limits.clone(), ctx.clock.clone());
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

/// Copies everything that this service keeps into another store, of whatever engine. Nobody may write to either meanwhile.
///
/// # Errors
/// When either store fails, or when the other one has been used since an earlier copy.
pub async fn transfer(from: &Store, to: &Store) -> Result<Vec<Transferred>, StoreError> {
    Ok(vec![
        from.transfer::<domain::user::User>(to).await?,
        from.transfer::<domain::session::Session>(to).await?,
        from.transfer::<domain::roster::Roster>(to).await?,
    ])
}
