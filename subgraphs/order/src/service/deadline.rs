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
        self.left_at(hundredths, Instant::now())
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.left_until(100)
    }

    /// Whether nothing is left.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_zero()
    }

    fn left_at(&self, hundredths: u32, now: Instant) -> Duration {
        (self.start + self.whole * hundredths / 100).saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_the_time_out() {
        let seconds = Duration::from_secs;
        let deadline = Deadline::new(seconds(10));
        let after = |passed| deadline.start + seconds(passed);
        assert_eq!(deadline.left_at(40, after(0)), seconds(4));
        assert_eq!(deadline.left_at(40, after(5)), Duration::ZERO);
        assert_eq!(deadline.left_at(80, after(5)), seconds(3));
        assert_eq!(deadline.left_at(100, after(5)), seconds(5));
        assert_eq!(deadline.left_at(100, after(11)), Duration::ZERO);
        assert!(!deadline.is_over() && Deadline::new(Duration::ZERO).is_over());
    }
}
