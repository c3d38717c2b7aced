//! The threads that read. A read sees the last commit before it began, and waits for no writer.

use std::{collections::VecDeque, num::NonZero, panic::AssertUnwindSafe, path::Path, sync::Arc};

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::{
    super::{
        StoreError,
        engine::{QUEUE, place},
    },
    failed, schema,
};

type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// The door to the reader threads.
pub(super) struct Readers {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    /// Counts the threads that run.
    running: watch::Receiver<usize>,
}

struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Task>,
    closed: bool,
}

impl Readers {
    /// Starts the threads: as many as there are processors, within 2 and 4. Reads are short and mostly from memory, so
    /// that more of them would only take turns.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared { queue: Mutex::default(), arrived: Condvar::new() });
        let threads = std::thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 4);
        let (count, running) = watch::channel(threads);
        let count = Arc::new(count);
        let readers = Self { shared, places: Arc::new(Semaphore::new(QUEUE)), running };
        let mut openings = Vec::new();
        for _ in 0..threads {
            let (shared, count, path) = (readers.shared.clone(), count.clone(), path.to_owned());
            let (opened, opening) = oneshot::channel();
            openings.push(opening);
            std::thread::Builder::new()
                .name("store-reader".to_owned())
                .spawn(move || {
                    match connect(&path) {
                        Ok(connection) => {
                            if opened.send(Ok(())).is_ok() {
                                shared.serve(connection);
                            }
                        }
                        Err(error) => {
                            // Whoever asked may have gone meanwhile.
                            let _ = opened.send(Err(error));
                        }
                    }
                    count.send_modify(|running| *running -= 1);
                })
                .map_err(failed)?;
        }
        for opening in openings {
            opening.await.map_err(|_| StoreError::Closed)??;
        }
        Ok(readers)
    }

    /// Reads with one of the connections.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place: OwnedSemaphorePermit = place(&self.places).await?;
        let (reply, answer) = oneshot::channel();
        {
            let mut queue = self.shared.queue.lock();
            if queue.closed {
                return Err(StoreError::Closed);
            }
            queue.tasks.push_back(Box::new(move |connection| {
                let _place = place;
                // Nobody waits any more for the answer to a read whose caller has gone.
                if !reply.is_closed() {
                    let _ = reply.send(task(connection));
                }
            }));
        }
        self.shared.arrived.notify_one();
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Finishes what waits, takes no more, and closes the connections.
    pub(super) async fn close(&self) {
        self.shared.close();
        let mut running = self.running.clone();
        // An error means that the threads are gone, which is as good.
        let _ = running.wait_for(|running| *running == 0).await;
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.close();
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = schema::connect(path)?;
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok(connection)
}

impl Shared {
    fn serve(&self, mut connection: Connection) {
        while let Some(task) = self.next() {
            // A task that panics has dropped its answer, which tells whoever waits; the thread goes on.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| task(&mut connection)));
        }
    }

    fn next(&self) -> Option<Task> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(task) = queue.tasks.pop_front() {
                return Some(task);
            }
            if queue.closed {
                return None;
            }
            self.arrived.wait(&mut queue);
        }
    }

    fn close(&self) {
        self.queue.lock().closed = true;
        self.arrived.notify_all();
    }
}
