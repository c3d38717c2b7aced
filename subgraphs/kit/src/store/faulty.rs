//! An engine of which a test may have every read or write of a collection fail: `products.unreadable`, `products.unwritable`
//! ([`fault::fails`]). What is read then is not what was written, which is a fault of the shop's own.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Find, Stats, StoreError,
    engine::{CollectionSpec, Engine, Envelope, Placed, Write, WriteFailure},
};
use crate::fault;

/// This engine, faulty where a test may want it.
pub(super) fn around(engine: Arc<dyn Engine>) -> Arc<dyn Engine> {
    if fault::is_possible() { Arc::new(Faulty(engine)) } else { engine }
}

struct Faulty(Arc<dyn Engine>);

fn sound(spec: CollectionSpec, how: &str) -> Result<(), StoreError> {
    if fault::fails(spec.name, how) {
        return Err(StoreError::Corrupt {
            what: format!("{}: {}", spec.name, fault::INSIDE),
            source: how.into(),
        });
    }
    Ok(())
}

fn readable(spec: CollectionSpec) -> Result<(), StoreError> {
    sound(spec, "unreadable")
}

#[async_trait]
impl Engine for Faulty {
    async fn open(&self, spec: CollectionSpec) -> Result<(), StoreError> {
        self.0.open(spec).await
    }

    async fn get(&self, spec: CollectionSpec, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError> {
        readable(spec)?;
        self.0.get(spec, ids).await
    }

    async fn find(&self, spec: CollectionSpec, find: Find) -> Result<Vec<Placed>, StoreError> {
        readable(spec)?;
        self.0.find(spec, find).await
    }

    async fn count(&self, spec: CollectionSpec, find: Find) -> Result<u64, StoreError> {
        readable(spec)?;
        self.0.count(spec, find).await
    }

    async fn write(&self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure> {
        sound(spec, "unwritable").map_err(WriteFailure::Store)?;
        self.0.write(spec, write).await
    }

    async fn undelivered(
        &self,
        spec: CollectionSpec,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Envelope>, StoreError> {
        readable(spec)?;
        self.0.undelivered(spec, after, limit).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
