//! Counts on a Redis server: a hash for each bucket and each row of failures, changed by script and gone when it says nothing any more.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use redis::{Cmd, Script};

use super::{Engine, LimitError, Policy, Rule, Subject, Verdict};
use crate::redis::{Options as LinkOptions, Redis, RedisError};

/// What a call may take; who waited longer counts by himself.
const DEADLINE: Duration = Duration::from_millis(50);

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
static CHARGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("charge.lua")));
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("give_back.lua")));

/// What a test sets otherwise.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// What the keys begin with. They share a hash tag, as a script may count in several.
    pub(super) namespace: String,
    pub(super) deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { namespace: "larder:limits".to_owned(), deadline: DEADLINE }
    }
}

impl From<RedisError> for LimitError {
    fn from(error: RedisError) -> Self {
        Self(Box::new(error))
    }
}

/// The engine.
pub(super) struct RedisLimits {
    redis: Redis,
    namespace: String,
}

impl RedisLimits {
    pub(super) async fn open(url: &str, options: Options) -> Result<Self, LimitError> {
        let link = LinkOptions { deadline: options.deadline, hears: None };
        Ok(Self { redis: Redis::open(url, link).await?, namespace: options.namespace })
    }

    fn row(&self, subject: Subject) -> String {
        format!("{{{}}}:row:{}", self.namespace, subject.to_hex())
    }
}

#[async_trait]
impl Engine for RedisLimits {
    async fn take(
        &self,
        bucket: &str,
        rule: Rule,
        n: u32,
        now: DateTime<Utc>,
    ) -> Result<Verdict, LimitError> {
        let session = self.redis.session()?;
        let mut take = TAKE.key(format!("{{{}}}:bucket:{bucket}", self.namespace));
        take.arg(rule.burst).arg(micros(rule.per)).arg(n).arg(now.timestamp_micros());
        let wait = session.run::<u64>(&take).await?;
        Ok(verdict(Duration::from_micros(wait)))
    }

    async fn charge(&self, rows: &[(Subject, Policy)], now: DateTime<Utc>) -> Result<Verdict, LimitError> {
        let session = self.redis.session()?;
        let mut charge = CHARGE.prepare_invoke();
        charge.arg(now.timestamp_millis());
        for (subject, policy) in rows {
            charge.key(self.row(*subject)).arg(policy.free);
            for time in [policy.base, policy.cap, policy.forget_after] {
                charge.arg(micros(time) / 1_000);
            }
        }
        let wait = session.run::<u64>(&charge).await?;
        Ok(verdict(Duration::from_millis(wait)))
    }

    async fn give_back(&self, rows: &[(Subject, Policy)]) -> Result<(), LimitError> {
        let session = self.redis.session()?;
        let mut give_back = GIVE_BACK.prepare_invoke();
        for (subject, _) in rows {
            give_back.key(self.row(*subject));
        }
        Ok(session.run(&give_back).await?)
    }

    async fn clear(&self, (subject, _): (Subject, Policy)) -> Result<(), LimitError> {
        let session = self.redis.session()?;
        let mut clear = Cmd::new();
        clear.arg("DEL").arg(self.row(subject));
        Ok(session.query(&clear).await?)
    }
}

const fn verdict(wait: Duration) -> Verdict {
    if wait.is_zero() { Ok(()) } else { Err(wait) }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
