//! How long to wait before the next attempt: exponential, capped, with full jitter so that many waiters spread out.

use std::time::Duration;

use crate::testing;

/// The wait before attempt `attempt` (the first retry is 1): a random time up to `base * 2^(attempt-1)`, at most `cap`.
#[must_use]
pub fn full_jitter(base: Duration, cap: Duration, attempt: u32) -> Duration {
    let ceiling = base.saturating_mul(1_u32 << attempt.saturating_sub(1).min(20)).min(cap);
    let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(testing::up_to(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_waits_longer_than_the_cap() {
        let (base, cap) = (Duration::from_millis(10), Duration::from_secs(1));
        for attempt in 1..100 {
            assert!(full_jitter(base, cap, attempt) <= cap);
        }
        assert!(full_jitter(base, cap, 1) <= base);
    }
}
