//! A collection of one document type.
use std::{collections::HashMap, sync::Arc};

use super::{Document, Find, Found, Outbox, StoreError, UpdateError, engine::Engine, relay::Relay};
use crate::bus::Event;

/// The documents of one type.
pub struct Collection<D> {
    kind: std::marker::PhantomData<fn() -> D>,
}

impl<D> Clone for Collection<D> {
    fn clone(&self) -> Self {
        Self { kind: std::marker::PhantomData }
    }
}

#[expect(unused_variables, reason = "being written")]
impl<D: Document> Collection<D> {
    pub(crate) async fn open(engine: Arc<dyn Engine>, relay: Relay) -> Result<Self, StoreError> {
        Ok(Self { kind: std::marker::PhantomData })
    }
    /// Adds a document.
    pub async fn insert(&self, document: &D, events: Vec<Event>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
    /// Reads one.
    pub async fn get(&self, id: &D::Id) -> Result<Option<D>, StoreError> {
        Err(StoreError::Closed)
    }
    /// Reads many.
    pub async fn get_many(&self, ids: &[D::Id]) -> Result<HashMap<D::Id, D>, StoreError> {
        Err(StoreError::Closed)
    }
    /// Reads one with its undelivered events.
    pub async fn get_with_pending(&self, id: &D::Id) -> Result<Option<(D, Vec<Event>)>, StoreError> {
        Err(StoreError::Closed)
    }
    /// Finds.
    pub async fn find(&self, find: Find) -> Result<Found<D>, StoreError> {
        Err(StoreError::Closed)
    }
    /// Counts.
    pub async fn count(&self, find: Find) -> Result<u64, StoreError> {
        Err(StoreError::Closed)
    }
    /// Updates.
    pub async fn update<R, E, F>(&self, id: &D::Id, rule: F) -> Result<R, UpdateError<E>>
    where
        R: Send + 'static,
        E: Send + 'static,
        F: FnMut(&mut D, &mut Outbox<'_>) -> Result<R, E> + Send + 'static,
    {
        Err(UpdateError::Store(StoreError::Closed))
    }
    /// Removes.
    pub async fn remove(&self, id: &D::Id) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }
}
