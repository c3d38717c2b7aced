//! Attempts to prove a password, counted by account and by address, for all replicas of this service together.
//!
//! An attempt is charged as a failure when it begins: a thousand made at once are not a thousand first ones. It is given back when
//! it succeeds, and when it ends without an answer.

use kit::{
    Error, Result,
    clock::Clock,
    limit::{Buckets, Policy, Subject},
};

use crate::{
    LockoutConfig,
    domain::{lockout, username::UsernameKey},
};

/// Counts attempts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Attempts {
    config: LockoutConfig,
    counts: Buckets,
    clock: Clock,
}

impl Attempts {
    pub(crate) const fn new(config: LockoutConfig, counts: Buckets, clock: Clock) -> Self {
        Self { config, counts, clock }
    }

    /// Begins an attempt on this account from this address, where that is known.
    ///
    /// # Errors
    /// `RATE_LIMITED` while the account or the address must wait; nothing is counted then.
    pub(crate) async fn begin(&self, account: &UsernameKey, address: Option<&str>) -> Result<Attempt> {
        let account = (lockout::account(account), self.config.account);
        let address = address.map(|address| (lockout::address(address), self.config.address));
        let rows: Vec<_> = [Some(account), address].into_iter().flatten().collect();
        let text = "Too many attempts to sign in. Please wait before you try again.";
        let charged = self.counts.charge(&rows, self.clock.now()).await;
        charged.map_err(|wait| Error::rate_limited(text, wait))?;
        Ok(Attempt { counts: self.counts.clone(), account, address, undecided: true })
    }
}

type Row = (Subject, Policy);

/// An attempt whose outcome is not known yet.
#[must_use = "an attempt that is dropped was none"]
pub(crate) struct Attempt {
    counts: Buckets,
    account: Row,
    address: Option<Row>,
    undecided: bool,
}

impl Attempt {
    /// The password was right: the account's row of failures ends. The address only gets this attempt back, so that an account of
    /// one's own does not wash an address clean.
    pub(crate) async fn succeeded(mut self) {
        self.undecided = false;
        let (subject, policy) = self.account;
        self.counts.clear(subject, policy).await;
        if let Some(address) = self.address {
            self.counts.give_back(&[address]).await;
        }
    }

    /// It was wrong: what was charged stays.
    pub(crate) async fn failed(mut self) {
        self.undecided = false;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.undecided {
            return;
        }
        let (counts, rows) = (self.counts.clone(), [Some(self.account), self.address]);
        let rows: Vec<_> = rows.into_iter().flatten().collect();
        // Whoever waited for the outcome may be gone; where the process ends too, the rows are forgotten in time.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { counts.give_back(&rows).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::domain::username::Username;

    fn attempts(free_per_address: u32) -> (Attempts, Clock) {
        let clock = Clock::manual(Utc::now());
        let config = LockoutConfig {
            account: Policy { free: 2, ..Policy::ACCOUNT },
            address: Policy { free: free_per_address, ..Policy::ADDRESS },
        };
        (Attempts::new(config, Buckets::memory(), clock.clone()), clock)
    }

    fn key(name: &str) -> UsernameKey {
        Username::parse(name).unwrap().key()
    }

    #[tokio::test]
    async fn attempts_made_at_once_are_all_charged() {
        let (attempts, _) = attempts(100);
        let first = attempts.begin(&key("ann"), None).await.unwrap();
        let second = attempts.begin(&key("ANN"), None).await.unwrap();
        assert!(attempts.begin(&key("ann"), None).await.is_err());
        first.failed().await;
        second.failed().await;
        assert!(attempts.begin(&key("ann"), None).await.is_err());
    }

    #[tokio::test]
    async fn an_attempt_that_ends_without_an_answer_is_given_back() {
        let (attempts, _) = attempts(100);
        for _ in 0..10 {
            drop(attempts.begin(&key("ann"), Some("192.0.2.1")).await.unwrap());
            // What is given back is given back in a task of its own.
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn an_account_of_ones_own_does_not_wash_an_address_clean() {
        let (attempts, clock) = attempts(3);
        let at = Some("192.0.2.1");
        for victim in ["ann", "bob", "cid"] {
            attempts.begin(&key("mallory"), at).await.unwrap().succeeded().await;
            attempts.begin(&key(victim), at).await.unwrap().failed().await;
        }
        let refused = attempts.begin(&key("mallory"), at).await.err().unwrap();
        assert_eq!(refused.code(), kit::Code::RateLimited);
        assert!(attempts.begin(&key("mallory"), Some("192.0.2.2")).await.is_ok());
        clock.advance(TimeDelta::from_std(Duration::from_secs(1)).unwrap());
        assert!(attempts.begin(&key("mallory"), at).await.is_ok());
    }
}
