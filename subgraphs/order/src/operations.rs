//! What admins had the shop do by hand, so that it can be seen later who did it, when, and what came of it. It is written before the thing
//! itself is done: nothing is done unrecorded.

use chrono::{DateTime, Utc};
use kit::{
    bus::EventId,
    identity::UserId,
    store::{Collection, Document, Find, Found, Index, Keys, Store, StoreError, UpdateError},
};
use serde::{Deserialize, Serialize};

use crate::domain::{OperationId, OrderId};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Deed {
    /// An order was looked after before its time.
    RetrySaga {
        /// Which.
        order: OrderId,
    },
    /// An event was handed to its group again.
    ReplayDeadLetter {
        /// The group.
        group: String,
        /// The event.
        event: EventId,
    },
}

/// Something that an admin did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Operation {
    id: OperationId,
    /// When it was asked for.
    pub(crate) at: DateTime<Utc>,
    /// Who.
    pub(crate) by: UserId,
    /// What.
    pub(crate) deed: Deed,
    /// `DONE`, or the code of the error that it was answered with. None while it is being done, and where that was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
}

const AT: &str = "at";
const BY_TIME: Index = Index::on("by_time", &[AT]);

impl Document for Operation {
    type Id = OperationId;
    const COLLECTION: &'static str = "operations";
    const INDEXES: &'static [Index] = &[BY_TIME];

    fn id(&self) -> OperationId {
        self.id
    }

    fn keys(&self) -> Keys {
        Keys::new().with(AT, self.at)
    }
}

/// All of them.
#[derive(Clone)]
pub(crate) struct Operations {
    operations: Collection<Operation>,
}

impl Operations {
    pub(crate) async fn open(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { operations: store.collection().await? })
    }

    /// Writes down that this is about to be done.
    pub(crate) async fn begin(
        &self,
        by: UserId,
        deed: Deed,
        at: DateTime<Utc>,
    ) -> Result<OperationId, StoreError> {
        let id = OperationId::new();
        self.operations.insert(&Operation { id, at, by, deed, outcome: None }, Vec::new()).await?;
        Ok(id)
    }

    /// Writes down what came of it.
    pub(crate) async fn end(&self, id: OperationId, outcome: &'static str) -> Result<(), StoreError> {
        let ended = self.operations.update(&id, move |operation, _| {
            operation.outcome = Some(outcome.to_owned());
            Ok::<(), std::convert::Infallible>(())
        });
        match ended.await {
            Ok(()) | Err(UpdateError::NotFound) => Ok(()),
            Err(UpdateError::Store(error)) => Err(error),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }

    /// A walk over all of them, the newest first.
    pub(crate) fn list() -> Find {
        Find::by(&BY_TIME).descending()
    }

    /// Those of such a walk.
    pub(crate) async fn find(&self, find: Find) -> Result<Found<Operation>, StoreError> {
        self.operations.find(find).await
    }

    /// How many such a walk would find.
    pub(crate) async fn count(&self, find: Find) -> Result<u64, StoreError> {
        self.operations.count(find).await
    }
}
