//! A member of a group: takes what is due, has it handled, and says how that went. Order and durability are the engine's.

use std::{num::NonZeroUsize, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;

use super::{BusError, Delivery, Engine, Event, EventId, Handler, Taken};
use crate::{backoff::full_jitter, telemetry};

/// How long one attempt may take. A handler makes a few calls with deadlines of their own; one that hangs must not hold up its key.
const HANDLING: Duration = Duration::from_secs(30);

/// Longer than an attempt and its acknowledgement take, so that a lease only runs out when its holder is lost.
const LEASE: Duration = Duration::from_secs(60);

/// An engine wakes its members; this is how often one looks by itself, in case a wake-up was lost with a connection.
const IDLE: Duration = Duration::from_secs(30);

/// How often the metrics are told how much waits: about as often as they are collected.
const FIGURES: Duration = Duration::from_secs(10);

/// The longest wait before an engine that failed is asked again.
const ENGINE_WAIT: Duration = Duration::from_secs(5);

/// A running member of a group. Dropping it stops it: it takes nothing more, and finishes what it is handling by itself.
#[must_use = "dropping it stops the reading"]
pub struct Subscription {
    stop: DropGuard,
    member: JoinHandle<()>,
}

impl Subscription {
    /// Takes nothing more, and waits until what is being handled is finished and acknowledged.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.member.await {
            tracing::error!(%error, "a member of a consumer group broke");
        }
    }
}

pub(super) fn start(
    engine: Arc<dyn Engine>,
    group: &'static str,
    delivery: Delivery,
    handler: Arc<dyn Handler>,
) -> Subscription {
    start_with(engine, group, delivery, handler, HANDLING)
}

/// The same, with the time that an attempt may take.
pub(super) fn start_with(
    engine: Arc<dyn Engine>,
    group: &'static str,
    delivery: Delivery,
    handler: Arc<dyn Handler>,
    handling: Duration,
) -> Subscription {
    let stop = CancellationToken::new();
    let member = Member { engine, group, delivery, handler, handling, running: JoinSet::new(), failures: 0 };
    let figures = figures(member.engine.clone(), group);
    let member = tokio::spawn(member.run(stop.clone()));
    let stopped = stop.clone();
    tokio::spawn(async move { stopped.run_until_cancelled(figures).await });
    Subscription { stop: stop.drop_guard(), member }
}

/// Tells the metrics, now and then, how much waits.
async fn figures(engine: Arc<dyn Engine>, group: &'static str) {
    loop {
        match engine.lag(group).await {
            Ok(lag) => telemetry::observe_waiting(group, lag),
            Err(BusError::Closed) => return,
            // The member says so.
            Err(_) => {}
        }
        tokio::time::sleep(FIGURES).await;
    }
}

/// How the handling of an event ended: handled, or why not.
struct Ended {
    event: Arc<Event>,
    attempts: u32,
    failure: Option<String>,
}

struct Member {
    engine: Arc<dyn Engine>,
    group: &'static str,
    delivery: Delivery,
    handler: Arc<dyn Handler>,
    handling: Duration,
    running: JoinSet<Ended>,
    /// Consecutive failures of the engine.
    failures: u32,
}

impl Member {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let taken = match self.free() {
                None => 0,
                Some(free) => match self.engine.take(self.group, free.get(), LEASE).await {
                    Ok(taken) => {
                        self.failures = 0;
                        let count = taken.len();
                        taken.into_iter().for_each(|taken| self.begin(taken));
                        count
                    }
                    Err(BusError::Closed) => break,
                    Err(error) => {
                        self.engine_failed(&error, &stop).await;
                        continue;
                    }
                },
            };
            // What was taken made room for nothing else: ask again only when something has changed.
            let asks = taken == 0 && self.free().is_some();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => self.settle(ended).await,
                () = self.engine.wait(self.group, IDLE), if asks => {}
                () = std::future::ready(()), if taken > 0 && self.free().is_some() => {}
            }
        }
        while let Some(ended) = self.running.join_next().await {
            self.settle(ended).await;
        }
    }

    fn free(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.delivery.concurrency.max(1).saturating_sub(self.running.len()))
    }

    fn begin(&mut self, (event, attempts): Taken) {
        let span = telemetry::event_span(self.group, &event);
        if attempts >= self.delivery.max_attempts.max(1) {
            // Its attempts ended with their leases: the handler takes its process along, or hangs without an end.
            let failure = Some("every attempt was lost with the process that made it".to_owned());
            self.running.spawn(std::future::ready(Ended { event, attempts, failure }));
            return;
        }
        let (handler, limit) = (self.handler.clone(), self.handling);
        let handling = async move {
            // A panic is the handler's failure, not the member's; what it left half done, its next attempt must be able to
            // meet anyway, as after a crash.
            let attempt = AssertUnwindSafe(handler.handle(&event)).catch_unwind();
            let failure = match tokio::time::timeout(limit, attempt).await {
                Ok(Ok(Ok(()))) => None,
                Ok(Ok(Err(error))) => Some(describe(&error)),
                Ok(Err(panic)) => Some(format!("the handler panicked: {}", panic_text(panic.as_ref()))),
                Err(_) => Some(format!("the handler took longer than {limit:?}")),
            };
            Ended { event, attempts, failure }
        };
        self.running.spawn(handling.instrument(span));
    }

    /// Reports this end and all others that there are by now.
    async fn settle(&mut self, first: Result<Ended, tokio::task::JoinError>) {
        let mut handled: Vec<EventId> = Vec::new();
        let mut failed = Vec::new();
        let mut next = Some(first);
        while let Some(ended) = next {
            match ended {
                Ok(Ended { event, failure: None, .. }) => handled.push(event.id),
                Ok(Ended { event, attempts, failure: Some(failure) }) => {
                    failed.push((event, attempts, failure));
                }
                // Only the runtime's own end cancels a task: the lease runs out, and the event comes again.
                Err(error) => {
                    tracing::warn!(%error, group = self.group, "the handling of an event was cancelled");
                }
            }
            next = self.running.try_join_next();
        }
        if !handled.is_empty() {
            telemetry::observe_event(self.group, "handled", handled.len());
            let result = self.engine.ack(self.group, &handled).await;
            self.reported(result);
        }
        for (event, attempts, failure) in failed {
            let result = self.fail(&event, attempts, &failure).await;
            self.reported(result);
        }
    }

    async fn fail(&self, event: &Event, attempts: u32, failure: &str) -> Result<(), BusError> {
        let attempts = attempts.saturating_add(1);
        let Delivery { max_attempts, base_wait, max_wait, .. } = self.delivery;
        let (group, topic, id) = (self.group, &event.topic, event.id);
        let wait = (attempts < max_attempts).then(|| full_jitter(base_wait, max_wait, attempts));
        telemetry::observe_event(group, if wait.is_some() { "failed" } else { "dead" }, 1);
        if let Some(wait) = wait {
            tracing::warn!(group, topic, %id, attempts, ?wait, error = failure, "an event was not handled, it comes again");
        } else {
            tracing::error!(group, topic, %id, attempts, error = failure, "an event was not handled, it is a dead letter now");
        }
        self.engine.fail(group, event.id, failure, wait).await
    }

    /// What could not be reported comes again when its lease has run out, as handlers must expect.
    fn reported(&self, result: Result<(), BusError>) {
        if let Err(error) = result {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                group = self.group,
                error,
                "the end of a handling could not be reported, the event comes again"
            );
        }
    }

    async fn engine_failed(&mut self, error: &BusError, stop: &CancellationToken) {
        self.failures = self.failures.saturating_add(1);
        let wait = full_jitter(Duration::from_millis(100), ENGINE_WAIT, self.failures);
        tracing::warn!(
            group = self.group,
            error = error as &dyn std::error::Error,
            ?wait,
            "events could not be taken"
        );
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// For operators: the cause where there is one, as the text for clients hides it.
fn describe(error: &crate::Error) -> String {
    match error.cause_chain() {
        Some(cause) => format!("{error} ({cause})"),
        None => error.to_string(),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}
