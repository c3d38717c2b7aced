//! One write, made once: an answer that was lost on the way is read back by the write's id before anything is done again.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    StoreError,
    engine::{CollectionSpec, Engine, REMEMBERED_WRITES, Write, WriteFailure},
};
use crate::{backoff::full_jitter, fault};

/// How often a write is sent while its answers are lost. With the waits below this goes on for some seconds, longer than the
/// engines' own failover; then the caller is told that the database does not answer.
const ATTEMPTS: u32 = 8;
const BASE_WAIT: Duration = Duration::from_millis(10);
const MAX_WAIT: Duration = Duration::from_secs(1);

/// No attempt begins after this, however slowly the database answers: whoever waits goes away after some seconds.
const PATIENCE: Duration = Duration::from_secs(6);

/// Why a write was not made.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// The version was not the one expected.
    Stale,
    /// Anything else.
    Failed(StoreError),
}

impl Unwritten {
    /// Whether it may have been made all the same, which only the database can tell once it answers again.
    pub(super) const fn is_doubtful(&self) -> bool {
        matches!(self, Self::Failed(StoreError::Engine(_) | StoreError::Closed))
    }
}

/// The ids of the latest writes, with a new one at the end.
pub(super) fn remember(earlier: &[Uuid], write: Uuid) -> Vec<Uuid> {
    let kept = earlier.len().saturating_sub(REMEMBERED_WRITES - 1);
    earlier.iter().skip(kept).copied().chain([write]).collect()
}

/// Makes the write and answers when it is durable.
pub(super) async fn put(engine: &dyn Engine, spec: CollectionSpec, write: Write) -> Result<(), Unwritten> {
    let begun = Instant::now();
    let mut in_doubt = false;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let failure = match engine.write(spec, write.clone()).await {
            Ok(()) => match fault::after_of(spec.name, "saved").await {
                Ok(()) => return Ok(()),
                Err(lost) => WriteFailure::Unknown(StoreError::Engine(lost.message().into())),
            },
            Err(failure) => failure,
        };
        let unknown = matches!(failure, WriteFailure::Unknown(_));
        in_doubt |= unknown;
        if in_doubt {
            // Once an answer was lost, whatever is refused now may be refused because of ourselves.
            match made(engine, spec, &write).await {
                Ok(true) => return Ok(()),
                Ok(false) if !unknown => return Err(failure.into()),
                Ok(false) | Err(_) => {}
            }
        } else {
            return Err(failure.into());
        }
        if attempt == ATTEMPTS || begun.elapsed() >= PATIENCE {
            return Err(failure.into());
        }
        tokio::time::sleep(full_jitter(BASE_WAIT, MAX_WAIT, attempt)).await;
    }
}

impl From<WriteFailure> for Unwritten {
    fn from(failure: WriteFailure) -> Self {
        match failure {
            WriteFailure::Stale => Self::Stale,
            WriteFailure::Store(error) | WriteFailure::Unknown(error) => Self::Failed(error),
        }
    }
}

/// Whether this very write is in the database.
async fn made(engine: &dyn Engine, spec: CollectionSpec, write: &Write) -> Result<bool, StoreError> {
    let (id, ours) = match write {
        Write::Insert(envelope) | Write::Replace(envelope) => (&envelope.id, envelope.writes.last()),
        Write::Remove { id, .. } => (id, None),
    };
    let found = engine.get(spec, vec![id.clone()]).await?.pop();
    Ok(match (ours, found) {
        (Some(ours), Some(envelope)) => envelope.writes.contains(ours),
        (None, found) => found.is_none(),
        (Some(_), None) => false,
    })
}

/// One failure, told to several callers.
pub(super) fn shared(error: StoreError) -> impl Fn() -> StoreError {
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Shared(Arc<StoreError>);

    let error = Arc::new(error);
    move || match &*error {
        StoreError::Exists { collection, id } => StoreError::Exists { collection, id: id.clone() },
        StoreError::Duplicate { collection, index, field } => {
            StoreError::Duplicate { collection, index, field }
        }
        StoreError::Contended { collection, id } => StoreError::Contended { collection, id: id.clone() },
        StoreError::Busy => StoreError::Busy,
        StoreError::Closed => StoreError::Closed,
        StoreError::NoIndex(text) => StoreError::NoIndex(text.clone()),
        StoreError::Newer { what, found, known } => {
            StoreError::Newer { what: what.clone(), found: *found, known: *known }
        }
        StoreError::Corrupt { what, .. } => {
            StoreError::Corrupt { what: what.clone(), source: Box::new(Shared(error.clone())) }
        }
        StoreError::Engine(_) => StoreError::Engine(Box::new(Shared(error.clone()))),
    }
}
