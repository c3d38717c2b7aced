//! How long somebody who keeps failing must wait: longer each time, in a table that cannot grow without bound.
//!
//! A few failures in a row are free; from then on each one is followed by a wait that doubles up to a cap. Whose they are is a digest, so
//! that a name of any length takes the same room and no name is kept that somebody typed a password into.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

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
pub struct Subject([u8; 16]);

impl Subject {
    /// The subject of this kind and name.
    #[must_use]
    pub fn of(kind: &str, name: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(name).finalize();
        let mut subject = [0; 16];
        subject.copy_from_slice(&digest[..16]);
        Self(subject)
    }

    /// As engines keep it.
    pub(super) fn to_hex(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
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
pub(super) struct Table {
    policy: Policy,
    rows: HashMap<Subject, Row>,
    /// The same rows by the time of their last failure, so that the oldest is found at once.
    by_age: BTreeSet<(DateTime<Utc>, Subject)>,
}

impl Table {
    /// An empty table.
    pub(super) fn new(policy: Policy) -> Self {
        Self { policy, rows: HashMap::new(), by_age: BTreeSet::new() }
    }

    /// How long this subject must still wait; none when it may try.
    pub(super) fn wait(&self, subject: Subject, now: DateTime<Utc>) -> Option<Duration> {
        let until = self.rows.get(&subject)?.locked_until?;
        (until - now).to_std().ok().filter(|wait| !wait.is_zero())
    }

    /// Counts an attempt as a failure, before its outcome is known: attempts made at once must not all be the first.
    pub(super) fn charge(&mut self, subject: Subject, now: DateTime<Utc>) {
        self.forget(now);
        let failures = self.drop_row(subject).map_or(0, |row| row.failures).saturating_add(1);
        if self.rows.len() >= self.policy.capacity
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.drop_row(oldest);
        }
        let wait = self.policy.wait_after(failures);
        let locked_until = (!wait.is_zero()).then(|| now + span(wait));
        self.rows.insert(subject, Row { failures, locked_until, touched: now });
        self.by_age.insert((now, subject));
    }

    /// The attempt was no failure after all (or never happened): as if it had not been charged.
    pub(super) fn give_back(&mut self, subject: Subject) {
        let Some(row) = self.rows.get_mut(&subject) else { return };
        row.failures = row.failures.saturating_sub(1);
        // It was let through, so the wait before it was over.
        row.locked_until = None;
        if row.failures == 0 {
            self.drop_row(subject);
        }
    }

    /// The row has ended: somebody proved who they are.
    pub(super) fn clear(&mut self, subject: Subject) {
        self.drop_row(subject);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        let before = now - span(self.policy.forget_after);
        while let Some((touched, subject)) = self.by_age.first().copied()
            && touched <= before
        {
            self.drop_row(subject);
        }
    }

    fn drop_row(&mut self, subject: Subject) -> Option<Row> {
        let row = self.rows.remove(&subject)?;
        self.by_age.remove(&(row.touched, subject));
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

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn subject(name: &str) -> Subject {
        Subject::of("account", name.as_bytes())
    }

    /// Fails `times` times, waiting as long as is asked before each attempt; gives the time at the end.
    fn fail(table: &mut Table, subject: Subject, times: u32, mut now: DateTime<Utc>) -> DateTime<Utc> {
        for _ in 0..times {
            now += span(table.wait(subject, now).unwrap_or_default());
            table.charge(subject, now);
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
        let now = fail(&mut table, subject("ann"), 6, start());
        assert_eq!(table.wait(subject("ann"), now), Some(Duration::from_secs(2)));
        assert_eq!(
            table.wait(subject("ann"), now + TimeDelta::milliseconds(1_999)),
            Some(Duration::from_millis(1))
        );
        assert_eq!(table.wait(subject("ann"), now + TimeDelta::seconds(2)), None);
        assert_eq!(table.wait(subject("bob"), now), None);
    }

    #[test]
    fn a_success_ends_the_row() {
        let mut table = Table::new(Policy::ACCOUNT);
        let now = fail(&mut table, subject("ann"), 9, start());
        table.clear(subject("ann"));
        assert_eq!(table.wait(subject("ann"), now), None);
        fail(&mut table, subject("ann"), 4, now);
        assert_eq!(table.wait(subject("ann"), now), None);
    }

    #[test]
    fn an_attempt_given_back_leaves_the_row_as_it_was() {
        let mut table = Table::new(Policy::ACCOUNT);
        let now = fail(&mut table, subject("ann"), 4, start());
        table.charge(subject("ann"), now);
        assert!(table.wait(subject("ann"), now).is_some());
        table.give_back(subject("ann"));
        assert_eq!(table.wait(subject("ann"), now), None);
        table.charge(subject("ann"), now);
        assert_eq!(table.wait(subject("ann"), now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_row_is_forgotten_after_an_hour_of_quiet() {
        let mut table = Table::new(Policy::ACCOUNT);
        let now = fail(&mut table, subject("ann"), 10, start());
        table.charge(subject("ann"), now + TimeDelta::hours(1));
        assert_eq!(table.wait(subject("ann"), now + TimeDelta::hours(1)), None);
    }

    #[test]
    fn the_table_drops_the_oldest_row_when_it_is_full() {
        let mut table = Table::new(Policy { capacity: 3, free: 1, ..Policy::ACCOUNT });
        for (second, name) in ["ann", "bob", "cid", "dan"].into_iter().enumerate() {
            table.charge(subject(name), start() + TimeDelta::milliseconds(i64::try_from(second).unwrap()));
        }
        let now = start() + TimeDelta::milliseconds(4);
        assert_eq!(table.len(), 3);
        assert_eq!(table.wait(subject("ann"), now), None);
        assert!(table.wait(subject("dan"), now).is_some());
    }

    proptest! {
        #[test]
        fn the_table_stays_within_its_bounds(steps in proptest::collection::vec((0_u8..3, 0_u8..20, 0_i64..600), 0..200)) {
            let mut table = Table::new(Policy { capacity: 8, ..Policy::ACCOUNT });
            let mut now = start();
            for (step, who, seconds) in steps {
                now += TimeDelta::seconds(seconds);
                let subject = Subject::of("test", &[who]);
                match step {
                    0 => table.charge(subject, now),
                    1 => table.give_back(subject),
                    _ => table.clear(subject),
                }
                prop_assert!(table.len() <= 8);
                prop_assert_eq!(table.rows.len(), table.by_age.len());
                prop_assert!(table.wait(subject, now).unwrap_or_default() <= Policy::ACCOUNT.cap);
            }
        }
    }
}
