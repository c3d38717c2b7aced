//! How the time that a shopper waits is shared out among the steps of placing an order.

use std::time::Duration;

use tokio::time::Instant;

/// The end of the time that one request may take, and its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    start: Instant,
    whole: Duration,
}

impl Deadline {
    /// From now on, that long.
    pub(super) fn new(whole: Duration) -> Self {
        Self { start: Instant::now(), whole }
    }

    /// What is left until that many hundredths of the whole have passed.
    pub(super) fn left_until(&self, hundredths: u32) -> Duration {
        (self.start + self.whole * hundredths / 100).saturating_duration_since(Instant::now())
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.left_until(100)
    }

    /// Whether nothing is left.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shares_the_time_out() {
        let deadline = Deadline::new(Duration::from_secs(10));
        assert_eq!(deadline.left_until(40), Duration::from_secs(4));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(deadline.left_until(40), Duration::ZERO);
        assert_eq!(deadline.left_until(80), Duration::from_secs(3));
        assert_eq!(deadline.left(), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(deadline.is_over());
    }
}
