//! How long somebody who keeps failing must wait: longer each time, in a table that cannot grow without bound.
//!
//! A few failures in a row are free; from then on each one is followed by a wait that doubles up to a cap. Buckets are digests, so
//! that a name of any length takes the same room and no name is kept that somebody typed a password into.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::username::UsernameKey;

/// How failures are punished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// So many failures in a row have no wait but after the last of them.
    pub free: u32,
    /// The wait after the last free failure; it doubles with each further one.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
    /// A row of failures is forgotten when nothing has been added to it for this long.
    pub forget_after: Duration,
    /// So many rows are remembered; one more drops the one that was added to the longest ago.
    pub capacity: usize,
}

impl Policy {
    /// For an account: five typing errors are human; after that 1 s, 2 s, 4 s … up to 15 minutes, which leaves a guesser
    /// a hundred attempts a day.
    pub const ACCOUNT: Self = Self {
        free: 5,
        base: Duration::from_secs(1),
        cap: Duration::from_secs(15 * 60),
        forget_after: Duration::from_secs(60 * 60),
        capacity: 50_000,
    };

    /// For an address, behind which there may be a whole office.
    pub const ADDRESS: Self = Self { free: 50, ..Self::ACCOUNT };

    /// The wait after that many failures in a row.
    #[must_use]
    pub fn wait_after(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(beyond) => self.base.saturating_mul(1_u32 << beyond.min(31)).min(self.cap),
        }
    }
}

/// Whose failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket([u8; 16]);

impl Bucket {
    /// Of an account, whether there is one of that name or not.
    #[must_use]
    pub fn account(name: &UsernameKey) -> Self {
        Self::of("account", name.as_str().as_bytes())
    }

    /// Of a client's address. Of IPv6 the first 64 bits count: they are one household's or one machine's, which can take
    /// any address below them.
    #[must_use]
    pub fn address(text: &str) -> Self {
        match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => Self::of("v4", &address.octets()),
            Ok(IpAddr::V6(address)) => Self::of("v6", &address.octets()[..8]),
            Err(_) => Self::of("other", text.as_bytes()),
        }
    }

    fn of(kind: &str, name: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(name).finalize();
        let mut bucket = [0; 16];
        bucket.copy_from_slice(&digest[..16]);
        Self(bucket)
    }
}

#[derive(Debug)]
struct Row {
    failures: u32,
    locked_until: Option<DateTime<Utc>>,
    touched: DateTime<Utc>,
}

/// The rows of failures under one policy.
#[derive(Debug)]
pub struct Table {
    policy: Policy,
    rows: HashMap<Bucket, Row>,
    /// The same rows by the time of their last failure, so that the oldest is found at once.
    by_age: BTreeSet<(DateTime<Utc>, Bucket)>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, rows: HashMap::new(), by_age: BTreeSet::new() }
    }

    /// How long this bucket must still wait; none when it may try.
    #[must_use]
    pub fn wait(&self, bucket: Bucket, now: DateTime<Utc>) -> Option<Duration> {
        let until = self.rows.get(&bucket)?.locked_until?;
        (until - now).to_std().ok().filter(|wait| !wait.is_zero())
    }

    /// Counts an attempt as a failure, before its outcome is known: attempts made at once must not all be the first.
    pub fn charge(&mut self, bucket: Bucket, now: DateTime<Utc>) {
        self.forget(now);
        let failures = self.drop_row(bucket).map_or(0, |row| row.failures).saturating_add(1);
        if self.rows.len() >= self.policy.capacity
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.drop_row(oldest);
        }
        let wait = self.policy.wait_after(failures);
        let locked_until = (!wait.is_zero()).then(|| now + span(wait));
        self.rows.insert(bucket, Row { failures, locked_until, touched: now });
        self.by_age.insert((now, bucket));
    }

    /// The attempt was no failure after all (or never happened): as if it had not been charged.
    pub fn give_back(&mut self, bucket: Bucket) {
        let Some(row) = self.rows.get_mut(&bucket) else { return };
        row.failures = row.failures.saturating_sub(1);
        // It was let through, so the wait before it was over.
        row.locked_until = None;
        if row.failures == 0 {
            self.drop_row(bucket);
        }
    }

    /// The row has ended: somebody proved who they are.
    pub fn clear(&mut self, bucket: Bucket) {
        self.drop_row(bucket);
    }

    /// How many rows are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        let before = now - span(self.policy.forget_after);
        while let Some((touched, bucket)) = self.by_age.first().copied()
            && touched <= before
        {
            self.drop_row(bucket);
        }
    }

    fn drop_row(&mut self, bucket: Bucket) -> Option<Row> {
        let row = self.rows.remove(&bucket)?;
        self.by_age.remove(&(row.touched, bucket));
        Some(row)
    }
}

fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::username::Username;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn bucket(name: &str) -> Bucket {
        Bucket::account(&Username::parse(name).unwrap().key())
    }

    /// Fails `times` times, waiting as long as is asked before each attempt; gives the time at the end.
    fn fail(table: &mut Table, bucket: Bucket, times: u32, mut now: DateTime<Utc>) -> DateTime<Utc> {
        for _ in 0..times {
            now += span(table.wait(bucket, now).unwrap_or_default());
            table.charge(bucket, now);
        }
        now
    }

    #[test]
    fn the_wait_doubles_from_the_fifth_failure_up_to_the_cap() {
        let waits: Vec<u64> =
            (4..18).map(|failures| Policy::ACCOUNT.wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!(Policy::ACCOUNT.wait_after(u32::MAX).as_secs(), 900);
    }

    #[test]
    fn lets_nobody_through_before_the_wait_is_over() {
        let mut table = Table::new(Policy::ACCOUNT);
        let now = fail(&mut table, bucket("ann"), 6, start());
        assert_eq!(table.wait(bucket("ann"), now), Some(Duration::from_secs(2)));
        assert_eq!(
            table.wait(bucket("ann"), now + TimeDelta::milliseconds(1_999)),
            Some(Duration::from_millis(1))
        );
        assert_eq!(table.wait(bucket("ann"), now + TimeDelta::seconds(2)), None);
        assert_eq!(table.wait(bucket("bob"), now), None);
    }

    #[test]
    fn a_success_ends_the_row() {
        let mut table = Table::new(Policy::ACCOUNT);
        let now = fail(&mut table, bucket("ann"), 9, start());
        table.clear(bucket("ann"));
        assert_eq!(table.wait(bucket("ann"), now), None);
        fail(&mut table, bucket("ann"), 4, now);
        assert_eq!(table.wait(bucket("ann"), now), None);
    }

    #[test]
    fn an_attempt_given_back_leaves_the_row_as_it_was() {
        let mut table = Table::new(Policy::ACCOUNT);
        let now = fail(&mut table, bucket("ann"), 4, start());
        table.charge(bucket("ann"), now);
        assert!(table.wait(bucket("ann"), now).is_some());
        table.give_back(bucket("ann"));
        assert_eq!(table.wait(bucket("ann"), now), None);
        table.charge(bucket("ann"), now);
        assert_eq!(table.wait(bucket("ann"), now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_row_is_forgotten_after_an_hour_of_quiet() {
        let mut table = Table::new(Policy::ACCOUNT);
        let now = fail(&mut table, bucket("ann"), 10, start());
        table.charge(bucket("ann"), now + TimeDelta::hours(1));
        assert_eq!(table.wait(bucket("ann"), now + TimeDelta::hours(1)), None);
    }

    #[test]
    fn the_table_drops_the_oldest_row_when_it_is_full() {
        let mut table = Table::new(Policy { capacity: 3, free: 1, ..Policy::ACCOUNT });
        for (second, name) in ["ann", "bob", "cid", "dan"].into_iter().enumerate() {
            table.charge(bucket(name), start() + TimeDelta::milliseconds(i64::try_from(second).unwrap()));
        }
        let now = start() + TimeDelta::milliseconds(4);
        assert_eq!(table.len(), 3);
        assert_eq!(table.wait(bucket("ann"), now), None);
        assert!(table.wait(bucket("dan"), now).is_some());
    }

    #[test]
    fn addresses_of_one_network_are_one_bucket() {
        assert_eq!(Bucket::address("2001:db8:1:2::1"), Bucket::address("2001:db8:1:2:ffff::9"));
        assert_ne!(Bucket::address("2001:db8:1:2::1"), Bucket::address("2001:db8:1:3::1"));
        assert_eq!(Bucket::address("192.0.2.1"), Bucket::address("::ffff:192.0.2.1"));
        assert_ne!(Bucket::address("192.0.2.1"), Bucket::address("192.0.2.2"));
        assert_ne!(Bucket::address("ann"), bucket("ann"));
    }

    proptest! {
        #[test]
        fn the_table_stays_within_its_bounds(steps in proptest::collection::vec((0_u8..3, 0_u8..20, 0_i64..600), 0..200)) {
            let mut table = Table::new(Policy { capacity: 8, ..Policy::ACCOUNT });
            let mut now = start();
            for (step, who, seconds) in steps {
                now += TimeDelta::seconds(seconds);
                let bucket = Bucket::of("test", &[who]);
                match step {
                    0 => table.charge(bucket, now),
                    1 => table.give_back(bucket),
                    _ => table.clear(bucket),
                }
                prop_assert!(table.len() <= 8);
                prop_assert_eq!(table.rows.len(), table.by_age.len());
                prop_assert!(table.wait(bucket, now).unwrap_or_default() <= Policy::ACCOUNT.cap);
            }
        }
    }
}
