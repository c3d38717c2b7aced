//! How often something may be done, counted for all processes of the shop where a server keeps the counts.
//!
//! Two ways to count: a *bucket* of tokens that is refilled evenly ([`Buckets::take`]), for what costs a little each time; and a *row of
//! failures* after which somebody must wait, longer each time ([`Buckets::charge`]), for guessing. While the server cannot be reached
//! each process counts by itself. What is counted, and what a refusal says, is the caller's.

mod lockout;
mod memory;
mod redis;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
pub use lockout::{Policy, Subject};
use memory::Memory;

/// Why limits cannot be counted where they should be.
#[derive(Debug, thiserror::Error)]
#[error("the limits cannot be kept: {0}")]
pub struct LimitError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// A bucket: it holds `burst` tokens and is refilled evenly, from empty to full in `per` (an hour at most).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// How many at once.
    pub burst: u32,
    /// How long until all of them are back.
    pub per: Duration,
}

impl Rule {
    /// So many a minute.
    #[must_use]
    pub const fn per_minute(burst: u32) -> Self {
        Self { burst, per: Duration::from_secs(60) }
    }
}

/// What an engine must give, each of it in one step that no other can come between.
#[async_trait]
trait Engine: Send + Sync {
    async fn take(&self, bucket: &str, rule: Rule, n: u32, now: DateTime<Utc>)
    -> Result<Verdict, LimitError>;
    async fn charge(&self, rows: &[(Subject, Policy)], now: DateTime<Utc>) -> Result<Verdict, LimitError>;
    async fn give_back(&self, rows: &[(Subject, Policy)]) -> Result<(), LimitError>;
    async fn clear(&self, row: (Subject, Policy)) -> Result<(), LimitError>;
}

/// Go on, or wait for so long.
type Verdict = Result<(), Duration>;

/// A cheap handle on what is counted.
#[derive(Clone)]
pub struct Buckets {
    /// Counts for all; none where this process is alone.
    shared: Option<Arc<dyn Engine>>,
    own: Arc<Memory>,
}

impl Buckets {
    /// Counted in this process alone.
    #[must_use]
    pub fn memory() -> Self {
        Self { shared: None, own: Arc::default() }
    }

    /// Counted on a Redis server, for all who name it.
    ///
    /// # Errors
    /// When the address is none, or the server refuses this user or is too old. One that cannot be reached is no error.
    pub async fn redis(url: &str) -> Result<Self, LimitError> {
        Ok(Self::on(redis::RedisLimits::open(url, redis::Options::default()).await?))
    }

    fn on(engine: impl Engine + 'static) -> Self {
        Self { shared: Some(Arc::new(engine)), own: Arc::default() }
    }

    /// Takes `n` tokens from a bucket.
    ///
    /// # Errors
    /// How long until they would be there; none is taken then.
    pub async fn take(&self, bucket: &str, rule: Rule, n: u32) -> Result<(), Duration> {
        let now = Utc::now();
        if let Some(shared) = &self.shared {
            match shared.take(bucket, rule, n, now).await {
                Ok(verdict) => return verdict,
                Err(error) => alone(&error),
            }
        }
        self.own.take(bucket, rule, n, now)
    }

    /// Counts a failure in each of these rows, before it is known to be one: attempts made at once must not all be the first.
    ///
    /// # Errors
    /// How long somebody must wait before the next; nothing is counted then.
    pub async fn charge(&self, rows: &[(Subject, Policy)], now: DateTime<Utc>) -> Result<(), Duration> {
        if let Some(shared) = &self.shared {
            match shared.charge(rows, now).await {
                Ok(verdict) => return verdict,
                Err(error) => alone(&error),
            }
        }
        self.own.charge(rows, now)
    }

    /// It was no failure after all (or never happened): as if it had not been charged.
    pub async fn give_back(&self, rows: &[(Subject, Policy)]) {
        // In both, as the charge may have been in either; a row that is not there is left alone.
        self.own.give_back(rows);
        if let Some(shared) = &self.shared
            && let Err(error) = shared.give_back(rows).await
        {
            alone(&error);
        }
    }

    /// The row has ended: somebody proved who they are.
    pub async fn clear(&self, subject: Subject, policy: Policy) {
        self.own.clear((subject, policy));
        if let Some(shared) = &self.shared
            && let Err(error) = shared.clear((subject, policy)).await
        {
            alone(&error);
        }
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self::memory()
    }
}

fn alone(error: &LimitError) {
    tracing::debug!(error = error as &dyn std::error::Error, "this process limits by itself");
}
