//! The tables: what is in the file, how it is made, and how indexes are made, filled and dropped.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::{
    super::{Index, Keys, StoreError, engine::CollectionSpec},
    failed, rows,
};

/// The layout of the file. A program refuses a file of a newer layout than it knows.
pub(super) const FORMAT: u32 = 1;

/// How long a statement waits for another process that holds the file, before it fails.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Pages kept in memory per connection, in KiB. What is not here is in the operating system's cache, a copy away.
const PAGE_CACHE_KIB: i64 = 2_048;

/// Prepared statements kept per connection.
const STATEMENTS: usize = 64;

/// After so many pages (8 MB) the log is copied into the file.
const CHECKPOINT_PAGES: i64 = 2_000;

/// How many documents are read at once when an index is filled.
const FILL_PAGE: usize = 500;

pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "cache_size", -PAGE_CACHE_KIB)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        // The log file is cut back to this after a checkpoint, so that one large burst does not keep the space.
        connection.pragma_update(None, "journal_size_limit", 32 * 1_024 * 1_024)?;
        Ok(connection)
    };
    open().map_err(failed)
}

/// Checks whose file it is and of which layout, and makes an empty one ours.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    // Looked at before anything is changed: a newer file must stay as it is.
    check_format(connection, path)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        return Err(failed(format!("{} cannot be opened with a write-ahead log ({mode})", path.display())));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if check_format(&transaction, path)? == 0 {
        transaction
            .execute_batch(&format!(
                "CREATE TABLE _collections (name TEXT PRIMARY KEY NOT NULL, schema INTEGER NOT NULL) STRICT;
                 CREATE TABLE _indexes (
                     collection TEXT NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL, is_unique INTEGER NOT NULL,
                     PRIMARY KEY (collection, name)
                 ) STRICT;
                 PRAGMA user_version = {FORMAT};"
            ))
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    // SQLite syncs what is in the file; that the file is in its folder is for us to make durable.
    sync_folder_of(path).map_err(failed)
}

/// The layout of the file; 0 for an empty one.
fn check_format(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if found > FORMAT {
        let what = format!("the database {}", path.display());
        return Err(StoreError::Newer { what, found, known: FORMAT });
    }
    if found == 0 {
        let tables: u32 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        if tables > 0 {
            return Err(failed(format!("{} is a database of another program", path.display())));
        }
    }
    Ok(found)
}

/// Makes the names in the folder of `path` durable.
fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

/// Makes a collection's tables as its type declares them.
pub(super) fn open_collection(connection: &mut Connection, spec: CollectionSpec) -> Result<(), StoreError> {
    spec.check_names()?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let known = stored_schema(&transaction, spec)?;
    if let Some(found) = known.filter(|found| *found > spec.schema) {
        let what = format!("the collection {}", spec.name);
        return Err(StoreError::Newer { what, found, known: spec.schema });
    }
    let name = spec.name;
    transaction
        .execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS \"{name}\" (
                 id TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, schema INTEGER NOT NULL,
                 keys TEXT NOT NULL, body TEXT NOT NULL, outbox TEXT, writes BLOB NOT NULL
             ) STRICT;
             CREATE INDEX IF NOT EXISTS \"{name}.\" ON \"{name}\" (id) WHERE outbox IS NOT NULL;"
        ))
        .map_err(failed)?;
    // A new schema may give other keys: then every index is made anew, which also spares the order of unique changes.
    let raised = known.is_some_and(|found| found < spec.schema);
    let fresh = align_indexes(&transaction, spec, raised)?;
    if !fresh.is_empty() {
        fill(&transaction, spec, &fresh)?;
    }
    transaction
        .execute(
            "INSERT INTO _collections (name, schema) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET schema = excluded.schema",
            (name, spec.schema),
        )
        .map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn stored_schema(connection: &Connection, spec: CollectionSpec) -> Result<Option<u32>, StoreError> {
    connection
        .query_row("SELECT schema FROM _collections WHERE name = ?1", [spec.name], |row| row.get(0))
        .optional()
        .map_err(failed)
}

/// Drops the indexes that are not declared (any more, or not like this), makes those that are missing, and says which these are.
fn align_indexes(
    connection: &Connection,
    spec: CollectionSpec,
    all_anew: bool,
) -> Result<Vec<&'static Index>, StoreError> {
    let existing: Vec<(String, String, bool)> = {
        let mut statement = connection
            .prepare("SELECT name, fields, is_unique FROM _indexes WHERE collection = ?1")
            .map_err(failed)?;
        let rows = statement
            .query_map([spec.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .map_err(failed)?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed)?
    };
    let same = |index: &Index, (name, fields, unique): &(String, String, bool)| {
        index.name == name && index.fields.join(",") == *fields && index.unique == *unique
    };
    for old in &existing {
        if all_anew || !spec.indexes.iter().any(|index| same(index, old)) {
            connection.execute_batch(&format!("DROP TABLE \"{}.{}\"", spec.name, old.0)).map_err(failed)?;
            connection
                .execute("DELETE FROM _indexes WHERE collection = ?1 AND name = ?2", (spec.name, &old.0))
                .map_err(failed)?;
        }
    }
    let mut fresh = Vec::new();
    for index in spec.indexes {
        if all_anew || !existing.iter().any(|old| same(index, old)) {
            make_index(connection, spec, index).map_err(failed)?;
            fresh.push(index);
        }
    }
    Ok(fresh)
}

/// An index is a table sorted by the fields, then the id (which a unique one does not need). Where a field has several
/// values, each has a row, which also knows its neighbours among them and which field it is.
fn make_index(connection: &Connection, spec: CollectionSpec, index: &Index) -> rusqlite::Result<()> {
    let columns: Vec<String> = (0..index.fields.len()).map(|n| format!("f{n}")).collect();
    let declared: String = columns.iter().map(|column| format!("{column} ANY NOT NULL, ")).collect();
    let id = if index.unique { "" } else { ", id" };
    connection.execute_batch(&format!(
        "CREATE TABLE \"{}.{}\" (
             {declared} id TEXT NOT NULL, many INTEGER, before ANY, behind ANY,
             PRIMARY KEY ({}{id})
         ) STRICT, WITHOUT ROWID",
        spec.name,
        index.name,
        columns.join(", "),
    ))?;
    connection.execute(
        "INSERT INTO _indexes (collection, name, fields, is_unique) VALUES (?1, ?2, ?3, ?4)",
        (spec.name, index.name, index.fields.join(","), index.unique),
    )?;
    Ok(())
}

/// Enters every document into these indexes, which are new and empty.
fn fill(connection: &Connection, spec: CollectionSpec, fresh: &[&'static Index]) -> Result<(), StoreError> {
    let mut last = i64::MIN;
    loop {
        let page: Vec<(i64, String, u32, String)> = {
            let mut statement = connection
                .prepare_cached(&format!(
                    "SELECT rowid, id, schema, body FROM \"{}\" WHERE rowid > ?1 ORDER BY rowid LIMIT {FILL_PAGE}",
                    spec.name
                ))
                .map_err(failed)?;
            let rows = statement
                .query_map([last], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .map_err(failed)?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed)?
        };
        let Some(end) = page.last() else { return Ok(()) };
        last = end.0;
        for (rowid, id, schema, body) in page {
            let keys: Keys = (spec.keys)(schema, &body)?;
            connection
                .prepare_cached(&format!("UPDATE \"{}\" SET keys = ?1 WHERE rowid = ?2", spec.name))
                .and_then(|mut statement| statement.execute((keys.to_json(), rowid)))
                .map_err(failed)?;
            for index in fresh {
                rows::enter(connection, spec, index, &keys, &id)?;
            }
        }
    }
}
