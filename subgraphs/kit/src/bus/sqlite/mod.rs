//! stub
use std::{path::Path, time::Duration};
use async_trait::async_trait;
use super::{BusError, DeadLetter, Engine, Event, EventId};

pub(crate) struct SqliteBus;
impl SqliteBus { pub(crate) async fn open(_: &Path) -> Result<Self, BusError> { Ok(Self) } }
#[async_trait]
impl Engine for SqliteBus {
    async fn publish(&self, _: &[Event]) -> Result<(), BusError> { Ok(()) }
    async fn join(&self, _: &str, _: &[&str]) -> Result<(), BusError> { Ok(()) }
    async fn take(&self, _: &str, _: usize, _: Duration) -> Result<Vec<(Event, u32)>, BusError> { Ok(vec![]) }
    async fn ack(&self, _: &str, _: &[EventId]) -> Result<(), BusError> { Ok(()) }
    async fn fail(&self, _: &str, _: EventId, _: &str, _: Option<Duration>) -> Result<(), BusError> { Ok(()) }
    async fn dead_letters(&self, _: &str, _: usize) -> Result<Vec<DeadLetter>, BusError> { Ok(vec![]) }
    async fn replay(&self, _: &str, _: EventId) -> Result<bool, BusError> { Ok(false) }
    async fn lag(&self, _: &str) -> Result<u64, BusError> { Ok(0) }
    async fn wait(&self, _: &str, at_most: Duration) { tokio::time::sleep(at_most).await }
    async fn backup(&self, _: &Path) -> Result<(), BusError> { Ok(()) }
    async fn close(&self) {}
}
