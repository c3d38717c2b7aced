//! stub
use std::sync::Arc;
use super::{Delivery, Engine, Handler};

/// A group's running reader.
#[derive(Debug)]
#[must_use = "dropping it stops the reading"]
pub struct Subscription;

impl Subscription {
    /// Stops.
    pub async fn stop(self) {}
}

pub(super) fn start(_: Arc<dyn Engine>, _: &'static str, _: Delivery, _: Arc<dyn Handler>) -> Subscription { Subscription }
