//! Work in the background that a service leaves running.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::subgraph::threaded;

/// Work in the background that ends when the service does.
#[derive(Clone, Default)]
pub struct Tasks {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs this until it ends or the service stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Work that a request began stays a part of it in logs and traces.
        let work = threaded(work);
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Runs this now and then again, `period` after each time that it ended, until the service stops.
    pub fn every<F, Fut>(&self, period: Duration, mut work: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        self.spawn(async move {
            loop {
                work().await;
                tokio::time::sleep(period).await;
            }
        });
    }

    /// Keeps this alive until the service stops: a subscription, for example.
    pub fn hold(&self, thing: impl Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            stop.cancelled().await;
            drop(thing);
        });
    }

    /// Stops everything and waits until it has ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
