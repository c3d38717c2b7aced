//! A collection: the documents of one type. Reading is here; how changes of one document become one write is in `lane` and `update`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{runtime::Handle, sync::oneshot, time::Instant};
use uuid::Uuid;

use super::{
    Cursor, Document, Find, Found, Outbox, StoreError, UpdateError, codec,
    engine::{CollectionSpec, Engine, Envelope, Write},
    lane::{Answer, Lanes, Removal, Rule, Turn},
    relay::{Outlet, Relay, Shared},
    update,
    write::{self, Unwritten},
};
use crate::bus::Event;

/// How long a removal waits until the document's events are delivered.
const DELIVERY_WAIT: Duration = Duration::from_secs(5);

/// The documents of one type. Cloning it is cheap, and all clones are the same collection.
pub struct Collection<D> {
    inner: Arc<Inner<D>>,
    /// Keeps the relay running.
    relay: Relay,
}

impl<D> Clone for Collection<D> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), relay: self.relay.clone() }
    }
}

impl<D: Document> std::fmt::Debug for Collection<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Collection").field(&D::COLLECTION).finish()
    }
}

/// What an engine is told of the documents of this type.
pub(super) fn spec_of<D: Document>() -> CollectionSpec {
    CollectionSpec { name: D::COLLECTION, schema: D::SCHEMA, indexes: D::INDEXES, keys: codec::keys_of::<D> }
}

/// What all clones share.
pub(super) struct Inner<D> {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) spec: CollectionSpec,
    pub(super) lanes: Lanes<D>,
    pub(super) relay: Arc<Shared>,
    /// The runtime of whoever opened the store, for callers that have none.
    home: Handle,
}

impl<D: Document> Collection<D> {
    pub(crate) async fn open(engine: Arc<dyn Engine>, relay: Relay) -> Result<Self, StoreError> {
        if let Some(inner) = relay.opened(D::COLLECTION) {
            return Self::same(inner, relay);
        }
        let spec = spec_of::<D>();
        engine.open(spec).await?;
        let inner = Arc::new(Inner::<D> {
            engine,
            spec,
            lanes: Lanes::new(),
            relay: relay.shared(),
            home: relay.home(),
        });
        let inner = relay.register(D::COLLECTION, inner);
        Self::same(inner, relay)
    }

    /// A collection has one set of lanes per store, however often it is opened.
    fn same(outlet: Arc<dyn Outlet>, relay: Relay) -> Result<Self, StoreError> {
        let inner: Arc<dyn std::any::Any + Send + Sync> = outlet;
        match inner.downcast() {
            Ok(inner) => Ok(Self { inner, relay }),
            Err(_) => {
                Err(StoreError::Engine(format!("{} is open as another document type", D::COLLECTION).into()))
            }
        }
    }

    /// Adds a document, together with the events that this causes.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where the id is taken, [`StoreError::Duplicate`] where a unique value is; else as any write.
    pub async fn insert(&self, document: &D, events: Vec<Event>) -> Result<(), StoreError> {
        let id = document.id().to_string();
        let announced = !events.is_empty();
        let envelope = Envelope {
            id: id.clone(),
            version: 1,
            schema: D::SCHEMA,
            keys: Some(document.keys()),
            body: codec::encode(document)?,
            outbox: events,
            writes: vec![Uuid::now_v7()],
        };
        let inner = self.inner.clone();
        // A task of its own, so that the events of a write whose caller goes away are still announced.
        let insertion = self.inner.spawn(async move {
            let made = write::put(&*inner.engine, inner.spec, Write::Insert(Arc::new(envelope))).await;
            if announced && made.as_ref().err().is_none_or(Unwritten::is_doubtful) {
                inner.relay.announce(D::COLLECTION, &id);
            }
            made
        });
        match insertion.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Unwritten::Failed(error))) => Err(error),
            Ok(Err(Unwritten::Stale)) => {
                Err(StoreError::Exists { collection: D::COLLECTION, id: document.id().to_string() })
            }
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// The document with this id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get(&self, id: &D::Id) -> Result<Option<D>, StoreError> {
        Ok(self.get_with_pending(id).await?.map(|(document, _)| document))
    }

    /// The documents with these ids, in one read; ids that are unknown are left out, and one that is named twice is read once.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn get_many(&self, ids: &[D::Id]) -> Result<HashMap<D::Id, D>, StoreError> {
        let found = self.get_many_with_pending(ids).await?;
        Ok(found.into_iter().map(|(document, _)| (document.id(), document)).collect())
    }

    /// The same with the events in their envelopes that are not yet cleared (the oldest first).
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn get_many_with_pending(&self, ids: &[D::Id]) -> Result<Vec<(D, Vec<Event>)>, StoreError> {
        let mut texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        texts.sort_unstable();
        texts.dedup();
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let envelopes = self.inner.engine.get(self.inner.spec, texts).await?;
        envelopes.into_iter().map(|envelope| Ok((codec::decode(&envelope)?, envelope.outbox))).collect()
    }

    /// The document with this id, and the events in its envelope that are not yet cleared (the oldest first).
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn get_with_pending(&self, id: &D::Id) -> Result<Option<(D, Vec<Event>)>, StoreError> {
        let found = self.inner.engine.get(self.inner.spec, vec![id.to_string()]).await?.pop();
        found.map(|envelope| Ok((codec::decode(&envelope)?, envelope.outbox))).transpose()
    }

    /// The documents that the find asks for, in its order.
    ///
    /// # Errors
    /// [`StoreError::NoIndex`] where the index is not declared or the cursor is another list's; else when it cannot be read.
    pub async fn find(&self, find: Find) -> Result<Found<D>, StoreError> {
        let (limit, order) = (find.limit, find.order());
        let asked = Find { limit: limit.saturating_add(1), ..find };
        let mut found = self.inner.engine.find(self.inner.spec, asked).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let items = found.into_iter().map(|(keys, envelope)| {
            let document = codec::decode(&envelope)?;
            Ok((Cursor { order: order.clone(), keys, id: envelope.id }, document))
        });
        Ok(Found { items: items.collect::<Result<_, StoreError>>()?, more })
    }

    /// How many documents the find would give without limit and cursor. It counts them, so that it takes longer the
    /// more there are: ask only when somebody wants to know.
    ///
    /// # Errors
    /// [`StoreError::NoIndex`] where the index is not declared; else when they cannot be read.
    pub async fn count(&self, find: Find) -> Result<u64, StoreError> {
        self.inner.engine.count(self.inner.spec, Find { after: None, ..find }).await
    }

    /// Changes a document by a pure rule, which sees it as it is and changes it or refuses. The answer comes when the
    /// change is durable.
    ///
    /// The rule may be called several times, each time on a fresh copy: it must decide by what it is given alone. Changes of one
    /// document that come at the same time are made in one write, each rule seeing what those before it made; a rule that
    /// refuses leaves the document and the others as if it had not been asked. A rule that changes nothing and pushes
    /// no event writes nothing. When the caller goes away before the answer, the change is made or not made, but wholly.
    ///
    /// # Errors
    /// [`UpdateError::NotFound`], [`UpdateError::Rule`] with what the rule refused with, or [`UpdateError::Store`]:
    /// [`StoreError::Duplicate`] where a unique value is taken, [`StoreError::Contended`] where other processes were always
    /// quicker, [`StoreError::Busy`] where too many wait or too many events are undelivered.
    ///
    /// # Panics
    /// When the rule does; nobody else is affected.
    pub async fn update<R, E, F>(&self, id: &D::Id, rule: F) -> Result<R, UpdateError<E>>
    where
        R: Send + 'static,
        E: Send + 'static,
        F: FnMut(&mut D, &mut Outbox<'_>) -> Result<R, E> + Send + 'static,
    {
        // Whoever's turn it runs in, its events and log lines belong to this caller's trace.
        let (span, mut rule) = (tracing::Span::current(), rule);
        let (rule, answer) = Rule::new(move |document: &mut D, outbox: &mut Outbox<'_>| {
            span.in_scope(|| rule(document, outbox))
        });
        self.inner.enter(id.to_string(), Turn::Change(Box::new(rule)))?;
        match answer.await {
            Ok(Answer::Decided(Ok(value))) => Ok(value),
            Ok(Answer::Decided(Err(refusal))) => Err(UpdateError::Rule(refusal)),
            Ok(Answer::Panicked(panic)) => std::panic::resume_unwind(panic),
            Ok(Answer::NotFound) => Err(UpdateError::NotFound),
            Ok(Answer::Failed(error)) => Err(error.into()),
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// Removes a document, once all its events are delivered. False where there is none.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where its events could not be delivered for some seconds; it is still there then. Else as any write.
    pub async fn remove(&self, id: &D::Id) -> Result<bool, StoreError> {
        let id = id.to_string();
        let until = Instant::now() + DELIVERY_WAIT;
        loop {
            let progress = self.inner.relay.next_progress();
            let (reply, answer) = oneshot::channel();
            self.inner.enter(id.clone(), Turn::Remove(reply))?;
            match answer.await.map_err(|_| StoreError::Closed)?? {
                Removal::Removed => return Ok(true),
                Removal::NotFound => return Ok(false),
                Removal::Undelivered => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if tokio::time::timeout(left, progress).await.is_err() {
                return Err(StoreError::Busy);
            }
        }
    }
}

#[cfg(test)]
impl<D: Document> Collection<D> {
    /// How many changes of the document wait for their turn.
    pub(super) fn waiting(&self, id: &D::Id) -> usize {
        self.inner.lanes.waiting(&id.to_string())
    }
}

impl<D: Document> Inner<D> {
    /// Puts a turn into the document's lane, and starts somebody who works through it if nobody does.
    pub(super) fn enter(self: &Arc<Self>, id: String, turn: Turn<D>) -> Result<(), StoreError> {
        if self.lanes.enter(&id, turn)? {
            self.spawn(update::work(self.clone(), id));
        }
        Ok(())
    }

    /// Runs a task on the caller's runtime: a change is made near whoever waits for it, and goes on without them.
    fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        Handle::try_current().unwrap_or_else(|_| self.home.clone()).spawn(task)
    }
}

#[async_trait]
impl<D: Document> Outlet for Inner<D> {
    async fn envelopes(&self, ids: Vec<String>) -> Result<Vec<Envelope>, StoreError> {
        self.engine.get(self.spec, ids).await
    }

    async fn undelivered(&self, after: &str, limit: usize) -> Result<Vec<Envelope>, StoreError> {
        self.engine.undelivered(self.spec, after, limit).await
    }

    fn clear(self: Arc<Self>, id: &str) -> oneshot::Receiver<Result<(), StoreError>> {
        let (reply, cleared) = oneshot::channel();
        // Where it is refused the reply is dropped, and the relay asks again.
        let _ = self.enter(id.to_owned(), Turn::Clear(reply));
        cleared
    }
}
