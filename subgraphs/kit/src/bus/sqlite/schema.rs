//! The file: its tables, its version, and who owns it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::super::BusError;
use crate::private::create_private;

/// The version of the tables below.
const VERSION: u32 = 1;

/// How long a start waits for the process before it to let go of the file: as long as that may take to finish its work.
const HANDOVER: Duration = Duration::from_secs(10);

const TABLES: &str = "
    -- A row whose body is gone remembers that the id was published.
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id BLOB NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        published_at INTEGER NOT NULL,
        body TEXT
    ) STRICT;
    -- Every event up to the cursor is handled by the group, except those in `open`; none after it is.
    CREATE TABLE groups (
        name TEXT PRIMARY KEY,
        cursor INTEGER NOT NULL,
        seen_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE topics (
        grp TEXT NOT NULL,
        topic TEXT NOT NULL,
        PRIMARY KEY (grp, topic)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE open (
        grp TEXT NOT NULL,
        seq INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        due_at INTEGER NOT NULL,
        PRIMARY KEY (grp, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX open_by_seq ON open (seq);
    -- Whole, as the log forgets.
    CREATE TABLE dead (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        grp TEXT NOT NULL,
        id BLOB NOT NULL,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        error TEXT NOT NULL,
        died_at INTEGER NOT NULL,
        UNIQUE (grp, id)
    ) STRICT;
";

/// Opens the file, makes its tables where they are missing, and refuses a newer version's.
pub(super) fn open(path: &Path) -> Result<Connection, BusError> {
    create_private(path).map_err(engine)?;
    let mut db = Connection::open(path).map_err(engine)?;
    db.set_prepared_statement_cache_capacity(64);
    db.busy_timeout(Duration::from_secs(5)).map_err(engine)?;
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(engine)?;
    if found > VERSION {
        return Err(BusError::Newer { found, known: VERSION });
    }
    // The answer of this pragma is a row, so that it cannot be part of a batch of updates.
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).map_err(engine)?;
    // A burst leaves a large journal behind; cut it back afterwards.
    db.execute_batch("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;").map_err(engine)?;
    if found < VERSION {
        create(&mut db).map_err(engine)?;
    }
    Ok(db)
}

fn create(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Looked at again inside the transaction: another process may have been first.
    let found: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found < VERSION {
        tx.execute_batch(TABLES)?;
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    tx.commit()
}

/// Makes this process the file's owner. The lock ends with the returned file, and with the process however it ends.
pub(super) fn own(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push("-owner");
    create_private(Path::new(&name))?;
    let lock = OpenOptions::new().write(true).open(&name)?;
    let deadline = Instant::now() + HANDOVER;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            // There is no waiting for a lock with a deadline; this is at a start, not in a loop that lives on.
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let text =
                    format!("{} is in use by another process, or opened twice by this one", path.display());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// A failure of the engine.
pub(super) fn engine(error: impl std::error::Error + Send + Sync + 'static) -> BusError {
    BusError::Engine(Box::new(error))
}
