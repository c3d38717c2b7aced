//! Attempts to prove a password, counted by account and by address.
//!
//! The door is narrow and async so that a table shared by several processes can stand behind it; today it is this process's
//! memory, which a restart empties. An attempt is charged as a failure when it begins: a thousand made at once are not a
//! thousand first ones. It is given back when it succeeds, and when it ends without an answer.

use std::sync::Arc;

use kit::{Error, Result, clock::Clock};
use parking_lot::Mutex;

use crate::{
    LockoutConfig,
    domain::{
        lockout::{Bucket, Table},
        username::UsernameKey,
    },
};

/// Counts attempts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Attempts {
    tables: Arc<Mutex<Tables>>,
    clock: Clock,
}

struct Tables {
    accounts: Table,
    addresses: Table,
}

impl Attempts {
    pub(crate) fn new(config: LockoutConfig, clock: Clock) -> Self {
        let tables = Tables { accounts: Table::new(config.account), addresses: Table::new(config.address) };
        Self { tables: Arc::new(Mutex::new(tables)), clock }
    }

    /// Begins an attempt on this account from this address, where that is known.
    ///
    /// # Errors
    /// `RATE_LIMITED` while the account or the address must wait; nothing is counted then.
    pub(crate) async fn begin(&self, account: &UsernameKey, address: Option<&str>) -> Result<Attempt> {
        let (account, address) = (Bucket::account(account), address.map(Bucket::address));
        let now = self.clock.now();
        let mut tables = self.tables.lock();
        let waits =
            [tables.accounts.wait(account, now), address.and_then(|at| tables.addresses.wait(at, now))];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(Error::rate_limited(
                "Too many attempts to sign in. Please wait before you try again.",
                wait,
            ));
        }
        tables.accounts.charge(account, now);
        if let Some(address) = address {
            tables.addresses.charge(address, now);
        }
        drop(tables);
        Ok(Attempt { attempts: self.clone(), account, address, decided: false })
    }
}

/// An attempt whose outcome is not known yet.
#[must_use = "an attempt that is dropped was none"]
pub(crate) struct Attempt {
    attempts: Attempts,
    account: Bucket,
    address: Option<Bucket>,
    decided: bool,
}

impl Attempt {
    /// The password was right: the account's row of failures ends. The address only gets this attempt back, so that an account of
    /// one's own does not wash an address clean.
    pub(crate) async fn succeeded(mut self) {
        self.decided = true;
        let mut tables = self.attempts.tables.lock();
        tables.accounts.clear(self.account);
        if let Some(address) = self.address {
            tables.addresses.give_back(address);
        }
    }

    /// It was wrong: what was charged stays.
    pub(crate) async fn failed(mut self) {
        self.decided = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.decided {
            return;
        }
        let mut tables = self.attempts.tables.lock();
        tables.accounts.give_back(self.account);
        if let Some(address) = self.address {
            tables.addresses.give_back(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::domain::{lockout::Policy, username::Username};

    fn attempts(free_per_address: u32) -> (Attempts, Clock) {
        let clock = Clock::manual(Utc::now());
        let config = LockoutConfig {
            account: Policy { free: 2, ..Policy::ACCOUNT },
            address: Policy { free: free_per_address, ..Policy::ADDRESS },
        };
        (Attempts::new(config, clock.clone()), clock)
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
