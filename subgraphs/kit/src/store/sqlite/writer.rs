//! The one thread that writes: it takes every write that is waiting into one transaction, and so shares one fsync among them.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::{
    super::{
        StoreError,
        engine::{CollectionSpec, QUEUE, Write, WriteFailure, place},
    },
    Counters, failed,
    rows::{self, Unmade},
    schema,
};
use crate::private::create_private;

/// The largest transaction. Beyond this a further write costs more than its share of the fsync.
const LARGEST_BATCH: usize = 512;

/// Where several writers share a commit, more of them are on their way: they come back after the work between two of their
/// writes. So a commit waits until as many have come as shared the commits before it, for half a millisecond for each of
/// them and never longer than this. (PostgreSQL's `commit_delay` and `commit_siblings` are the same idea with fixed
/// numbers.) A writer that is alone never waits, and when fewer come than were expected, fewer are expected next time.
const WAIT_FOR_EACH: Duration = Duration::from_micros(500);
const LONGEST_WAIT: Duration = Duration::from_millis(12);

enum Request {
    Write(Waiting),
    Task(Box<dyn FnOnce(&mut Connection) + Send>),
}

struct Waiting {
    spec: CollectionSpec,
    write: Write,
    reply: oneshot::Sender<Result<(), WriteFailure>>,
    /// Its place in the queue, given back with the answer.
    _place: OwnedSemaphorePermit,
}

/// The door to the writer thread.
pub(super) struct Writer {
    queue: RwLock<Option<Sender<Request>>>,
    places: Arc<Semaphore>,
    /// Turns true when the thread has ended.
    ended: watch::Receiver<bool>,
}

impl Writer {
    /// Opens the file on a new thread and serves it there.
    pub(super) async fn open(path: &Path, counters: Arc<Counters>) -> Result<Self, StoreError> {
        let (queue, requests) = mpsc::channel();
        let (end, ended) = watch::channel(false);
        let (opened, opening) = oneshot::channel();
        let path = path.to_owned();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                let connection = create_private(&path).map_err(failed).and_then(|()| {
                    let mut connection = schema::connect(&path)?;
                    schema::prepare(&mut connection, &path)?;
                    Ok(connection)
                });
                match connection {
                    Ok(connection) => {
                        if opened.send(Ok(())).is_ok() {
                            Committer { connection, requests, counters, broken: None }.run();
                        }
                    }
                    Err(error) => {
                        // Whoever asked may have gone meanwhile.
                        let _ = opened.send(Err(error));
                    }
                }
                end.send_replace(true);
            })
            .map_err(failed)?;
        opening.await.map_err(|_| StoreError::Closed)??;
        Ok(Self { queue: RwLock::new(Some(queue)), places: Arc::new(Semaphore::new(QUEUE)), ended })
    }

    fn send(&self, request: Request) -> Result<(), StoreError> {
        let queue = self.queue.read();
        queue.as_ref().ok_or(StoreError::Closed)?.send(request).map_err(|_| StoreError::Closed)
    }

    /// Makes one write; it is durable when this answers.
    pub(super) async fn write(&self, spec: CollectionSpec, write: Write) -> Result<(), WriteFailure> {
        let place = place(&self.places).await.map_err(WriteFailure::Store)?;
        let (reply, answer) = oneshot::channel();
        self.send(Request::Write(Waiting { spec, write, reply, _place: place }))
            .map_err(WriteFailure::Store)?;
        answer.await.unwrap_or_else(|_| Err(WriteFailure::Unknown(StoreError::Closed)))
    }

    /// Does something else with the writer's connection, between two transactions.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Task(Box::new(move |connection| {
            // Whoever asked may have gone meanwhile.
            let _ = reply.send(task(connection));
        })))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Makes the writes that wait, takes no more, and closes the file.
    pub(super) async fn close(&self) {
        self.queue.write().take();
        let mut ended = self.ended.clone();
        // An error means that the thread is gone, which is as good.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

/// The writer thread's own.
struct Committer {
    connection: Connection,
    requests: Receiver<Request>,
    counters: Arc<Counters>,
    /// Set after a failed fsync: what the file then holds is not known until it has been read again from the disk, so nothing more is
    /// written to it by this process.
    broken: Option<String>,
}

impl Committer {
    fn run(mut self) {
        let mut expected = 1;
        while let Ok(request) = self.requests.recv() {
            let mut batch = Vec::new();
            self.take(request, &mut batch);
            self.gather(&mut batch, expected);
            // Forgotten by a quarter at a time, since one commit is not like the other.
            expected = batch.len().max(expected * 3 / 4);
            if !batch.is_empty() {
                self.commit(batch);
            }
        }
    }

    fn take(&mut self, request: Request, batch: &mut Vec<Waiting>) {
        match request {
            Request::Write(waiting) => batch.push(waiting),
            Request::Task(task) => task(&mut self.connection),
        }
    }

    /// Takes what waits, and waits itself until as many have come as are expected.
    fn gather(&mut self, batch: &mut Vec<Waiting>, expected: usize) {
        let each = u32::try_from(expected).unwrap_or(u32::MAX);
        let until = Instant::now() + WAIT_FOR_EACH.saturating_mul(each).min(LONGEST_WAIT);
        while batch.len() < LARGEST_BATCH {
            if let Ok(request) = self.requests.try_recv() {
                self.take(request, batch);
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            if batch.len() >= expected || left.is_zero() {
                return;
            }
            match self.requests.recv_timeout(left) {
                Ok(request) => self.take(request, batch),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Makes all of these in one transaction and answers each.
    fn commit(&mut self, batch: Vec<Waiting>) {
        if let Some(reason) = &self.broken {
            for waiting in batch {
                waiting.answer(Err(WriteFailure::Store(failed(reason.clone()))));
            }
            return;
        }
        let outcomes = match self.apply(&batch) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.roll_back();
                return self.apart(batch, error);
            }
        };
        let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if made == 0 {
            // Nothing was changed, so that there is nothing to make durable.
            self.roll_back();
        } else if let Err(error) = self.execute("COMMIT") {
            self.roll_back();
            self.note_failed_sync(&error);
            // Nobody's outcome holds, not even a refusal, which may have been because of another of this batch.
            let text = error.to_string();
            for waiting in batch {
                waiting.answer(Err(WriteFailure::Unknown(failed(text.clone()))));
            }
            return;
        } else {
            self.counters.commits.fetch_add(1, Ordering::Relaxed);
            self.counters.writes.fetch_add(made.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            waiting.answer(outcome);
        }
    }

    /// Begins a transaction and makes the writes in it. An error means that it cannot go on.
    fn apply(&self, batch: &[Waiting]) -> rusqlite::Result<Vec<Result<(), WriteFailure>>> {
        self.execute("BEGIN IMMEDIATE")?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for waiting in batch {
            match rows::apply(&self.connection, waiting.spec, &waiting.write) {
                Ok(()) => outcomes.push(Ok(())),
                Err(Unmade::Refused(failure)) => outcomes.push(Err(failure)),
                Err(Unmade::Broken(error)) => return Err(error),
            }
        }
        Ok(outcomes)
    }

    /// After a transaction that broke: each write alone, so that only the one that broke it fails.
    fn apart(&mut self, mut batch: Vec<Waiting>, error: rusqlite::Error) {
        if batch.len() == 1 {
            if let Some(waiting) = batch.pop() {
                waiting.answer(Err(WriteFailure::Store(failed(error))));
            }
            return;
        }
        for waiting in batch {
            self.commit(vec![waiting]);
        }
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn roll_back(&self) {
        // SQLite has rolled back by itself after some errors.
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn note_failed_sync(&mut self, error: &rusqlite::Error) {
        if let rusqlite::Error::SqliteFailure(failure, _) = error
            && failure.code == ErrorCode::SystemIoFailure
            && matches!(failure.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
        {
            tracing::error!(%error, "the disk did not take what was written; nothing more is written until a restart");
            self.counters.broken.store(true, Ordering::Relaxed);
            self.broken = Some(format!("an earlier write did not reach the disk: {error}"));
        }
    }
}

impl Waiting {
    fn answer(self, outcome: Result<(), WriteFailure>) {
        // Whoever asked may have gone meanwhile.
        let _ = self.reply.send(outcome);
    }
}
