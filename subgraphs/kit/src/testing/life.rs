//! A process of a simulation, which may be ended at any moment, and the dice by which a simulation is the same each time.

use std::{cell::RefCell, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;

thread_local! {
    static DICE: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// From now on everything on this thread that is left to chance (waits before another attempt, how long an engine in memory takes) follows from
/// this number; with none it is chance again.
pub fn seed(number: Option<u64>) {
    DICE.with_borrow_mut(|dice| *dice = number.map(StdRng::seed_from_u64));
}

/// Whether this thread is a simulation.
#[must_use]
pub fn is_seeded() -> bool {
    DICE.with_borrow(Option::is_some)
}

/// A number up to this one, of the simulation if this is one.
pub(crate) fn up_to(most: u64) -> u64 {
    DICE.with_borrow_mut(|dice| match dice {
        Some(dice) => dice.random_range(0..=most),
        None => rand::rng().random_range(0..=most),
    })
}

/// A process of a simulation. What it has begun goes on until it ends; after that nothing of it has an effect any more, though its tasks
/// may still be there: each of them waits for ever where it would next meet the world.
#[derive(Debug, Clone, Default)]
pub struct Life {
    over: CancellationToken,
}

impl Life {
    /// The longest that a step of a simulation takes, in milliseconds.
    const STEP: u64 = 3;

    /// One that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends it, as kill -9 would.
    pub fn end(&self) {
        self.over.cancel();
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        self.over.cancelled().await;
    }

    /// A moment on the way to something outside of the process. Whoever belongs to a process that has ended stays there.
    pub async fn step(&self) {
        if is_seeded() {
            tokio::time::sleep(Duration::from_millis(up_to(Self::STEP))).await;
        }
        if self.is_over() {
            std::future::pending::<()>().await;
        }
    }
}
