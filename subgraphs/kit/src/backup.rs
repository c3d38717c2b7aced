//! Copies of a whole data folder as of one moment, while the shop goes on.
//!
//! Copied one after the other, the databases of several services would not fit together: an order confirmed in one, its stock
//! not yet held in the other. So every database is kept from writing for the few milliseconds in which a read snapshot
//! of each is opened; then writing goes on and the snapshots are copied. What such a copy holds is what a crash at
//! that moment would have left, which every start can repair.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use crate::identity::write_private;

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is something in the target already.
    #[error("{0} is not empty; a backup never overwrites")]
    NotEmpty(PathBuf),
    /// There is no shop in the source.
    #[error("{0} has no databases; is it the data folder of a shop?")]
    NoShop(PathBuf),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A database cannot be read or written.
    #[error("{path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How long the shop's own writers, or the backup, wait for each other.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many pages are copied between two looks at the clock; the source is not locked meanwhile.
const PAGES: i32 = 2_048;

/// Copies the databases, keys and secrets of the data folder `from` into `to`, which must be empty or not exist. The shop may run. The
/// copy is a data folder: start a shop on it, or put it in the place of the old one. Blocking.
///
/// # Errors
/// When something cannot be read or written. What was copied until then stays, for a look.
pub fn copy_folder(from: &Path, to: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let databases = files(from, |name| name.ends_with(".db"))?;
    if databases.is_empty() {
        return Err(BackupError::NoShop(from.to_owned()));
    }
    fs::create_dir_all(to).map_err(|source| BackupError::File { path: to.to_owned(), source })?;
    if !files(to, |_| true)?.is_empty() {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    let snapshots = snapshots(&databases)?;
    let mut copied = Vec::new();
    for (path, snapshot) in databases.iter().zip(&snapshots) {
        let target = to.join(path.file_name().unwrap_or_default());
        copy(snapshot, &target)?;
        copied.push(target);
    }
    for folder in ["", "keys"] {
        for path in files(&from.join(folder), |name| name.ends_with(".json") || name.ends_with(".env"))? {
            let target = to.join(folder).join(path.file_name().unwrap_or_default());
            let content = fs::read(&path).map_err(|source| BackupError::File { path, source })?;
            write_private(&target, &content)
                .map_err(|source| BackupError::File { path: target.clone(), source })?;
            copied.push(target);
        }
    }
    Ok(copied)
}

fn database(path: &Path, source: rusqlite::Error) -> BackupError {
    BackupError::Database { path: path.to_owned(), source: source.into() }
}

fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, BackupError> {
    let failed = |source| BackupError::File { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && path.file_name().is_some_and(|name| wanted(&name.to_string_lossy())) {
            found.push(path);
        }
    }
    // One order for every backup, so that two at once cannot wait for each other.
    found.sort();
    Ok(found)
}

/// A read transaction on each database, all begun while none of them could be written.
fn snapshots(databases: &[PathBuf]) -> Result<Vec<Connection>, BackupError> {
    let open = |path: &PathBuf| {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|source| database(path, source))?;
        connection.busy_timeout(PATIENCE).map_err(|source| database(path, source))?;
        Ok::<_, BackupError>(connection)
    };
    let mut frozen = Vec::new();
    let mut snapshots = Vec::new();
    for path in databases {
        let connection = open(path)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(|source| database(path, source))?;
        frozen.push(connection);
    }
    for path in databases {
        let connection = open(path)?;
        // A read transaction begins with its first read, not with BEGIN.
        connection
            .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
            .map_err(|source| database(path, source))?;
        snapshots.push(connection);
    }
    // Dropping a connection gives up its lock; nothing was written.
    drop(frozen);
    Ok(snapshots)
}

fn copy(snapshot: &Connection, target: &Path) -> Result<(), BackupError> {
    // An empty file is an empty database, and this one nobody else may read.
    write_private(target, b"").map_err(|source| BackupError::File { path: target.to_owned(), source })?;
    let copied = || {
        let mut copy = Connection::open(target)?;
        copy.pragma_update(None, "synchronous", "FULL")?;
        Backup::new(snapshot, &mut copy)?.run_to_completion(PAGES, Duration::ZERO, None)
    };
    copied().map_err(|source| database(target, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE IF NOT EXISTS log (n INTEGER)").unwrap();
        connection
    }

    fn last(path: &Path) -> i64 {
        Connection::open(path)
            .unwrap()
            .query_row("SELECT coalesce(max(n), 0) FROM log", [], |row| row.get(0))
            .unwrap()
    }

    /// A writer puts each number first into `a`, then into `b`: at every moment `a` is equal or one ahead.
    #[test]
    fn copies_fit_together_while_the_shop_writes() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let (a, b) = (account(&data.join("a.db")), account(&data.join("b.db")));
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = stop.clone();
        let writer = std::thread::spawn(move || {
            let mut n = 0;
            while !stopped.load(std::sync::atomic::Ordering::SeqCst) {
                n += 1;
                a.execute("INSERT INTO log VALUES (?1)", [n]).unwrap();
                b.execute("INSERT INTO log VALUES (?1)", [n]).unwrap();
            }
        });
        for round in 0..20 {
            let to = folder.path().join(format!("backup-{round}"));
            copy_folder(&data, &to).unwrap();
            let (in_a, in_b) = (last(&to.join("a.db")), last(&to.join("b.db")));
            assert!(in_a == in_b || in_a == in_b + 1, "{in_a} and {in_b}");
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        writer.join().unwrap();
    }

    #[test]
    fn copies_are_private_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        drop(account_in(&data));
        write_private(&data.join("keys").join("people.json"), b"[]").unwrap();
        write_private(&data.join("secrets.env"), b"A=b\n").unwrap();
        let to = folder.path().join("backup");
        copy_folder(&data, &to).unwrap();
        for file in ["a.db", "keys/people.json", "secrets.env"] {
            assert_eq!(fs::metadata(to.join(file)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    fn account_in(data: &Path) -> Connection {
        fs::create_dir_all(data).unwrap();
        account(&data.join("a.db"))
    }

    #[test]
    fn never_overwrites_and_wants_a_shop() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        assert!(matches!(copy_folder(&data, &folder.path().join("x")), Err(BackupError::NoShop(_))));
        drop(account_in(&data));
        assert!(matches!(copy_folder(&data, &data), Err(BackupError::NotEmpty(_))));
    }
}
