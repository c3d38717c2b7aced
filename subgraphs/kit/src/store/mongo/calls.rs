//! One call to the database: a bounded number of them at once, each with a deadline, counted; and what its errors mean.

use std::{
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mongodb::error::{Error, ErrorKind, WriteFailure as Unwritten};
use tokio::sync::Semaphore;

use super::super::{
    Stats, StoreError,
    engine::{CollectionSpec, QUEUE, WriteFailure, place},
};

/// How long a call may take. A majority write takes some milliseconds; whoever waits for a page has gone after a few seconds.
pub(super) const DEADLINE: Duration = Duration::from_secs(3);

/// How long building an index or going through a collection may take.
pub(super) const LONG_DEADLINE: Duration = Duration::from_secs(600);

/// What the server answers when it does not know how a write ended, or will at once be another's: it was interrupted, is not (any more)
/// the primary, lost a connection, or ran out of time.
const UNDECIDED: [i32; 15] = [6, 7, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];

pub(super) const DUPLICATE_KEY: i32 = 11_000;

pub(super) struct Calls {
    /// For all that wait or run.
    places: Arc<Semaphore>,
    /// For those that run, of which each has a connection: so nobody waits for one while the deadline runs.
    connections: Arc<Semaphore>,
    reads: AtomicU64,
    writes: AtomicU64,
}

/// Why a call gave nothing.
pub(super) enum Failure {
    /// It was not made.
    Refused(StoreError),
    /// It has not ended in time.
    Late,
    Driver(Error),
}

impl Calls {
    pub(super) fn on(connections: u32) -> Self {
        Self {
            places: Arc::new(Semaphore::new(QUEUE)),
            connections: Arc::new(Semaphore::new(connections.try_into().unwrap_or(QUEUE))),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    /// Makes a call that ends within the deadline.
    pub(super) async fn within<T>(
        &self,
        deadline: Duration,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, Failure> {
        let _place = place(&self.places).await.map_err(Failure::Refused)?;
        let _connection = place(&self.connections).await.map_err(Failure::Refused)?;
        match tokio::time::timeout(deadline, call.into_future()).await {
            Ok(outcome) => outcome.map_err(Failure::Driver),
            Err(_) => Err(Failure::Late),
        }
    }

    /// Makes a call of the ordinary kind.
    pub(super) async fn make<T>(
        &self,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, Failure> {
        self.within(DEADLINE, call).await
    }

    pub(super) async fn read<T>(
        &self,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, Failure> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.make(call).await
    }

    /// Makes a write, which is counted if it changed something.
    pub(super) async fn write<T>(
        &self,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
        changed: impl FnOnce(&T) -> bool,
    ) -> Result<T, Failure> {
        let outcome = self.make(call).await?;
        if changed(&outcome) {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }

    pub(super) fn stats(&self) -> Stats {
        let writes = self.writes.load(Ordering::Relaxed);
        // Every write is acknowledged when it is in the journal.
        Stats { reads: self.reads.load(Ordering::Relaxed), writes, commits: writes }
    }

    /// Waits for the calls that are being made, and makes no more.
    pub(super) async fn close(&self) {
        let all = u32::try_from(QUEUE).unwrap_or(u32::MAX);
        // They all have deadlines; an error means that it is closed already.
        let _ = tokio::time::timeout(DEADLINE, self.places.acquire_many(all)).await;
        self.places.close();
    }
}

/// An error of the database as the store's.
pub(super) fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Engine(error.into())
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Late => failed("it did not answer in time"),
            Failure::Driver(error) => match *error.kind {
                ErrorKind::Shutdown => Self::Closed,
                ErrorKind::Bson(source) => {
                    Self::Corrupt { what: "a document".to_owned(), source: source.into() }
                }
                // The kind alone, and not the values that are taken: they are people's data.
                kind => failed(kind.to_string().split(" dup key").next().unwrap_or_default()),
            },
        }
    }
}

impl Failure {
    /// What it means for a write.
    pub(super) fn of_write(self, spec: CollectionSpec, id: &str) -> WriteFailure {
        if let Self::Driver(error) = &self
            && let Some(conflict) = conflict(spec, id, error)
        {
            return WriteFailure::Store(conflict);
        }
        let unknown = match &self {
            Self::Refused(_) => false,
            Self::Late => true,
            Self::Driver(error) => is_undecided(&error.kind),
        };
        let error = self.into();
        if unknown { WriteFailure::Unknown(error) } else { WriteFailure::Store(error) }
    }

    pub(super) fn is_of(&self, code: i32) -> bool {
        matches!(self, Self::Driver(error) if code_of(&error.kind) == Some(code))
    }
}

fn code_of(kind: &ErrorKind) -> Option<i32> {
    match kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(Unwritten::WriteError(error)) => Some(error.code),
        _ => None,
    }
}

/// Whether a write may have been made, or may be made when it is tried again.
fn is_undecided(kind: &ErrorKind) -> bool {
    match kind {
        // It is nowhere, and nobody was found to send it to; or it is wrong in itself.
        ErrorKind::ServerSelection { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::InvalidArgument { .. }
        | ErrorKind::InvalidTlsConfig { .. }
        | ErrorKind::IncompatibleServer { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Bson(_)
        | ErrorKind::Shutdown => false,
        kind => code_of(kind).is_none_or(|code| UNDECIDED.contains(&code)),
    }
}

/// The error for a value that is taken, where that is what it is.
pub(super) fn conflict(spec: CollectionSpec, id: &str, error: &Error) -> Option<StoreError> {
    let message = match &*error.kind {
        ErrorKind::Command(error) if error.code == DUPLICATE_KEY => &error.message,
        ErrorKind::Write(Unwritten::WriteError(error)) if error.code == DUPLICATE_KEY => &error.message,
        _ => return None,
    };
    // The only place that names the index on every version: "… index: NAME dup key: …".
    let name = message.split_once(" index: ")?.1.split_once(" dup key")?.0;
    if name == "_id_" {
        return Some(StoreError::Exists { collection: spec.name, id: id.to_owned() });
    }
    let index = spec.indexes.iter().find(|index| super::indexes::unique_name(spec, index) == name)?;
    let field = index.fields.last().copied().unwrap_or_default();
    Some(StoreError::Duplicate { collection: spec.name, index: index.name, field })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{deserialize_from_document, doc};

    use super::{
        super::super::tests::lab::{BY_ISBN, Book},
        *,
    };
    use crate::store::{Document as _, Keys};

    const BOOKS: CollectionSpec = CollectionSpec {
        name: Book::COLLECTION,
        schema: 1,
        indexes: Book::INDEXES,
        keys: |_, _| Ok(Keys::new()),
    };

    fn answered(code: i32, message: &str) -> Failure {
        let error = doc! { "code": code, "errmsg": message };
        let error = ErrorKind::Write(Unwritten::WriteError(deserialize_from_document(error).unwrap()));
        Failure::Driver(error.into())
    }

    fn refused(code: i32) -> Failure {
        let error = doc! { "code": code, "codeName": "Name", "errmsg": "text" };
        Failure::Driver(ErrorKind::Command(deserialize_from_document(error).unwrap()).into())
    }

    #[test]
    fn a_write_is_in_doubt_where_the_server_may_have_made_it() {
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for failure in
            [Failure::Late, Failure::Driver(broken.into()), refused(64), refused(91), refused(10_107)]
        {
            assert!(matches!(failure.of_write(BOOKS, "x"), WriteFailure::Unknown(StoreError::Engine(_))));
        }
        let unauthorised = refused(13).of_write(BOOKS, "x");
        assert!(matches!(unauthorised, WriteFailure::Store(StoreError::Engine(_))));
        let busy = Failure::Refused(StoreError::Busy).of_write(BOOKS, "x");
        assert!(matches!(busy, WriteFailure::Store(StoreError::Busy)));
    }

    #[test]
    fn a_conflict_is_told_by_the_index_that_the_server_names() {
        let message = |index: &str| {
            format!(
                "E11000 duplicate key error collection: shop.books index: {index} dup key: {{ u: \"13:abc\" }}"
            )
        };
        let isbn = super::super::indexes::unique_name(BOOKS, &BY_ISBN);
        let taken = answered(DUPLICATE_KEY, &message(&isbn)).of_write(BOOKS, "x");
        let WriteFailure::Store(StoreError::Duplicate { index: "isbn", field: "isbn", .. }) = taken else {
            panic!("{taken:?}")
        };
        let there = answered(DUPLICATE_KEY, &message("_id_")).of_write(BOOKS, "x");
        assert!(matches!(there, WriteFailure::Store(StoreError::Exists { .. })), "{there:?}");
        let other = answered(DUPLICATE_KEY, &message("another")).of_write(BOOKS, "x");
        let WriteFailure::Store(StoreError::Engine(other)) = other else { panic!("{other:?}") };
        assert!(other.to_string().contains("another") && !other.to_string().contains("abc"), "{other}");
    }
}
