//! A circuit breaker: who has not answered lately is not waited for.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use recloser::{AsyncRecloser, Recloser};
use tokio::sync::Semaphore;

use crate::{fault, testing};

/// Half of this many calls without an answer open the breaker. So few that those who wait meanwhile are few too.
const WINDOW: usize = 10;

/// How long an open breaker lets nobody through. Short, so that a restart is soon found over.
const OPEN: Duration = Duration::from_secs(1);

/// Opens when calls go unanswered. When it may close again, one call at a time finds out, and nobody waits behind it.
#[derive(Debug)]
pub struct Breaker {
    recloser: AsyncRecloser,
    /// Whether a call was turned away since the last that was answered.
    doubtful: AtomicBool,
    probe: Semaphore,
}

/// What became of a call.
#[derive(Debug)]
pub enum Broken<E> {
    /// It was not made: the breaker is open.
    Open,
    /// It was made, and failed.
    Failed(E),
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new() -> Self {
        // It goes by the machine's time; in a simulation, which has a time of its own, it stays closed.
        let window = if testing::is_seeded() { 100_000 } else { WINDOW };
        let recloser =
            Recloser::custom().error_rate(0.5).closed_len(window).half_open_len(1).open_wait(OPEN).build();
        Self {
            recloser: AsyncRecloser::from(recloser),
            doubtful: AtomicBool::new(false),
            probe: Semaphore::new(1),
        }
    }

    /// Makes the call, unless the breaker is open.
    ///
    /// # Errors
    /// See [`Broken`].
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, Broken<E>> {
        if fault::is_broken("client.no_breaker") {
            return call.await.map_err(Broken::Failed);
        }
        let _probing = if self.doubtful.load(Relaxed) {
            Some(self.probe.try_acquire().map_err(|_| Broken::Open)?)
        } else {
            None
        };
        match self.recloser.call(call).await {
            Ok(answer) => {
                self.doubtful.store(false, Relaxed);
                Ok(answer)
            }
            Err(recloser::Error::Rejected) => {
                self.doubtful.store(true, Relaxed);
                Err(Broken::Open)
            }
            Err(recloser::Error::Inner(error)) => Err(Broken::Failed(error)),
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures::future::join_all;

    use super::*;

    /// Fails until it has been opened.
    async fn opened() -> Breaker {
        let breaker = Breaker::new();
        for _ in 0..100 {
            if let Err(Broken::Open) = breaker.call(async { Err::<(), ()>(()) }).await {
                return breaker;
            }
        }
        panic!("it never opens");
    }

    #[tokio::test]
    async fn it_opens_and_turns_calls_away_unmade() {
        let breaker = opened().await;
        let made = AtomicUsize::new(0);
        let call = || async {
            made.fetch_add(1, Relaxed);
            Ok::<(), ()>(())
        };
        assert!(matches!(breaker.call(call()).await, Err(Broken::Open)));
        assert_eq!(made.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn a_few_failures_among_answers_leave_it_closed() {
        let breaker = Breaker::new();
        for round in 0..1_000 {
            let outcome = breaker.call(async { if round % 3 == 0 { Err(()) } else { Ok(()) } }).await;
            assert!(!matches!(outcome, Err(Broken::Open)), "round {round}");
        }
    }

    #[tokio::test]
    async fn one_call_finds_out_whether_it_may_close_and_nobody_waits_behind_it() {
        let breaker = opened().await;
        tokio::time::sleep(OPEN + Duration::from_millis(50)).await;
        let silent =
            |_| breaker.call(tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()));
        let outcomes = join_all((0..50).map(silent)).await;
        let waited = outcomes.iter().filter(|outcome| matches!(outcome, Err(Broken::Failed(_)))).count();
        assert_eq!(waited, 1);
    }

    #[tokio::test]
    async fn it_closes_when_calls_are_answered_again() {
        let breaker = opened().await;
        tokio::time::sleep(OPEN + Duration::from_millis(50)).await;
        breaker.call(async { Ok::<(), ()>(()) }).await.unwrap();
        let outcomes = join_all((0..50).map(|_| breaker.call(async { Ok::<(), ()>(()) }))).await;
        assert!(outcomes.iter().all(Result::is_ok));
    }
}
