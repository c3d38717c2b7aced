//! Counts in this process.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use parking_lot::Mutex;

use super::{Policy, Rule, Subject, Verdict, lockout::Table};

/// How many buckets a process keeps: more addresses than a shop sees in a minute, in a few megabytes. Beyond it the least
/// used are forgotten, which is what a full bucket is.
const BUCKETS: u64 = 100_000;

/// A bucket that was left alone for as long as it takes to fill is as good as none; no rule has a longer time.
const LONGEST: Duration = Duration::from_secs(3_600);

struct Bucket {
    tokens: f64,
    at: DateTime<Utc>,
}

pub(super) struct Memory {
    buckets: Cache<String, Arc<Mutex<Bucket>>>,
    /// The rows of failures, by how they are punished: there are as many policies as the caller has constants.
    tables: Mutex<Vec<(Policy, Table)>>,
}

impl Default for Memory {
    fn default() -> Self {
        let buckets = Cache::builder().max_capacity(BUCKETS).time_to_idle(LONGEST).build();
        Self { buckets, tables: Mutex::default() }
    }
}

impl Memory {
    pub(super) fn take(&self, bucket: &str, rule: Rule, n: u32, now: DateTime<Utc>) -> Verdict {
        let full = f64::from(rule.burst);
        let rate = full / rule.per.as_secs_f64();
        let bucket =
            self.buckets.get_with_by_ref(bucket, || Arc::new(Mutex::new(Bucket { tokens: full, at: now })));
        let mut bucket = bucket.lock();
        let since = (now - bucket.at).to_std().unwrap_or_default().as_secs_f64();
        bucket.tokens = (bucket.tokens + since * rate).min(full);
        bucket.at = bucket.at.max(now);
        let missing = f64::from(n) - bucket.tokens;
        if missing <= 0.0 {
            bucket.tokens -= f64::from(n);
            Ok(())
        } else {
            // More than a bucket holds can never be had at once; say when it is full.
            Err(Duration::from_secs_f64(missing.min(full) / rate))
        }
    }

    pub(super) fn charge(&self, rows: &[(Subject, Policy)], now: DateTime<Utc>) -> Verdict {
        let mut tables = self.tables.lock();
        let waits =
            rows.iter().filter_map(|&(subject, policy)| table(&mut tables, policy).wait(subject, now));
        if let Some(wait) = waits.max() {
            return Err(wait);
        }
        for &(subject, policy) in rows {
            table(&mut tables, policy).charge(subject, now);
        }
        Ok(())
    }

    pub(super) fn give_back(&self, rows: &[(Subject, Policy)]) {
        let mut tables = self.tables.lock();
        for &(subject, policy) in rows {
            table(&mut tables, policy).give_back(subject);
        }
    }

    pub(super) fn clear(&self, (subject, policy): (Subject, Policy)) {
        table(&mut self.tables.lock(), policy).clear(subject);
    }
}

fn table(tables: &mut Vec<(Policy, Table)>, policy: Policy) -> &mut Table {
    let place = tables.iter().position(|(known, _)| *known == policy).unwrap_or_else(|| {
        tables.push((policy, Table::new(policy)));
        tables.len() - 1
    });
    &mut tables[place].1
}
