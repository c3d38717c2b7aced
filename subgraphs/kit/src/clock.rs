//! The time, so that a test can set it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time: the machine's, or one that a test moves by hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Kind);

#[derive(Debug, Clone, Default)]
enum Kind {
    #[default]
    System,
    /// In microseconds since 1970.
    Manual(Arc<AtomicI64>),
    Runtime {
        start: DateTime<Utc>,
        began: tokio::time::Instant,
    },
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands still at `start` until it is moved.
    #[must_use]
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Kind::Manual(Arc::new(AtomicI64::new(start.timestamp_micros()))))
    }

    /// A clock that stands at `start` now and goes as the runtime's timers do, also where a test has paused them.
    #[must_use]
    pub fn of_the_runtime(start: DateTime<Utc>) -> Self {
        Self(Kind::Runtime { start, began: tokio::time::Instant::now() })
    }

    /// Now, to the microsecond (what the store keeps).
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let micros = match &self.0 {
            Kind::System => Utc::now().timestamp_micros(),
            Kind::Manual(time) => time.load(Ordering::SeqCst),
            Kind::Runtime { start, began } => {
                let passed = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
                start.timestamp_micros().saturating_add(passed)
            }
        };
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }

    /// Moves a manual clock; the machine's is not moved.
    pub fn advance(&self, by: TimeDelta) {
        if let Kind::Manual(time) = &self.0 {
            time.fetch_add(by.num_microseconds().unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}
