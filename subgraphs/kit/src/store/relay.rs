//! The relay.
use std::sync::Arc;

use super::engine::Engine;
use crate::bus::Sink;

#[derive(Clone)]
pub(crate) struct Relay;

impl Relay {
    pub(crate) fn new(_: Arc<dyn Engine>, _: Vec<Arc<dyn Sink>>) -> Self {
        Self
    }
    pub(crate) async fn settled(&self) {}
    pub(crate) async fn close(&self) {}
}
