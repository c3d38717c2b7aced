//! One write to the tables: the envelope's row and the rows of its indexes. Everything that may refuse a write is looked at
//! before anything is changed, so that a refused write leaves no trace in the transaction that it shares with others.

use rusqlite::{
    Connection, OptionalExtension as _, ToSql, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};
use uuid::Uuid;

use super::{
    super::{
        Index, Key, Keys, StoreError,
        engine::{CollectionSpec, Envelope, Write, WriteFailure},
        walk,
    },
    failed,
};
use crate::bus::Event;

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl rusqlite::types::FromSql for Key {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match value {
            ValueRef::Integer(number) => Ok(Self::Int(number)),
            ValueRef::Text(_) => value.as_str().map(|text| Self::Text(text.to_owned())),
            _ => Err(rusqlite::types::FromSqlError::InvalidType),
        }
    }
}

/// The columns of an envelope, in the order in which [`read_envelope`] takes them.
pub(super) const COLUMNS: &str = "r.id, r.version, r.schema, r.body, r.outbox, r.writes";

/// An envelope from the columns that start at `at`.
pub(super) fn read_envelope(
    spec: CollectionSpec,
    row: &rusqlite::Row<'_>,
    at: usize,
) -> rusqlite::Result<Result<Envelope, StoreError>> {
    let id: String = row.get(at)?;
    let outbox = match row.get_ref(at + 4)?.as_str_or_null()? {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str::<Vec<Event>>(text),
    };
    let outbox = match outbox {
        Ok(events) => events,
        Err(source) => {
            return Ok(Err(StoreError::Corrupt {
                what: format!("the outbox of {}/{id}", spec.name),
                source: source.into(),
            }));
        }
    };
    let writes = row.get_ref(at + 5)?.as_blob()?;
    Ok(Ok(Envelope {
        id,
        version: version_of(row.get(at + 1)?),
        schema: row.get(at + 2)?,
        keys: None,
        body: row.get(at + 3)?,
        outbox,
        writes: writes.chunks_exact(16).filter_map(|bytes| Uuid::from_slice(bytes).ok()).collect(),
    }))
}

/// SQLite's whole numbers have a sign; versions do not come near it.
fn version_of(number: i64) -> u64 {
    number.try_into().unwrap_or_default()
}

fn version_number(envelope: &Envelope) -> i64 {
    envelope.version.try_into().unwrap_or(i64::MAX)
}

/// A row of an index.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    values: Vec<Key>,
    /// Where a field has several values: which field, and the values next to this one.
    many: Option<usize>,
    before: Option<Key>,
    behind: Option<Key>,
}

/// The rows that a document has in an index.
fn entries(spec: CollectionSpec, index: &Index, keys: &Keys) -> Result<Vec<Entry>, StoreError> {
    let places = walk::places(spec, index, keys)?;
    let many = index.fields.iter().position(|field| keys.of(field).len() > 1);
    let value = |place: Option<usize>| Some(places.get(place?)?[many?].clone());
    let entry = |(place, values): (usize, &Vec<Key>)| Entry {
        values: values.clone(),
        many,
        before: value(place.checked_sub(1)),
        behind: value(Some(place + 1)),
    };
    Ok(places.iter().enumerate().map(entry).collect())
}

/// `f0 = ?1 AND f1 = ?2`, for as many fields as the index has.
fn equal(index: &Index) -> String {
    (0..index.fields.len()).map(|n| format!("f{n} = ?{}", n + 1)).collect::<Vec<_>>().join(" AND ")
}

fn check_unique(
    connection: &Connection,
    spec: CollectionSpec,
    index: &'static Index,
    entry: &Entry,
    id: &str,
) -> Result<(), StoreError> {
    let taken: Option<String> = connection
        .prepare_cached(&format!("SELECT id FROM \"{}.{}\" WHERE {}", spec.name, index.name, equal(index)))
        .and_then(|mut statement| {
            statement.query_row(params_from_iter(&entry.values), |row| row.get(0)).optional()
        })
        .map_err(failed)?;
    match taken {
        Some(other) if other != id => Err(StoreError::Duplicate {
            collection: spec.name,
            index: index.name,
            field: index.fields.last().copied().unwrap_or_default(),
        }),
        _ => Ok(()),
    }
}

fn add_entry(
    connection: &Connection,
    spec: CollectionSpec,
    index: &Index,
    entry: &Entry,
    id: &str,
) -> rusqlite::Result<()> {
    let fields = index.fields.len();
    let names: String = (0..fields).map(|n| format!("f{n}, ")).collect();
    let places: String = (0..fields).map(|_| "?, ").collect();
    let many = entry.many.map(|field| i64::try_from(field).unwrap_or(i64::MAX));
    let mut parameters: Vec<&dyn ToSql> = entry.values.iter().map(|value| value as &dyn ToSql).collect();
    parameters.extend([&id as &dyn ToSql, &many, &entry.before, &entry.behind]);
    connection
        .prepare_cached(&format!(
            "INSERT INTO \"{}.{}\" ({names}id, many, before, behind) VALUES ({places}?, ?, ?, ?)",
            spec.name, index.name
        ))?
        .execute(parameters.as_slice())?;
    Ok(())
}

fn drop_entry(
    connection: &Connection,
    spec: CollectionSpec,
    index: &Index,
    entry: &Entry,
    id: &str,
) -> rusqlite::Result<()> {
    let mut parameters: Vec<&dyn ToSql> = entry.values.iter().map(|value| value as &dyn ToSql).collect();
    parameters.push(&id);
    connection
        .prepare_cached(&format!(
            "DELETE FROM \"{}.{}\" WHERE {} AND id = ?{}",
            spec.name,
            index.name,
            equal(index),
            parameters.len()
        ))?
        .execute(parameters.as_slice())?;
    Ok(())
}

/// Enters one document into a new index.
pub(super) fn enter(
    connection: &Connection,
    spec: CollectionSpec,
    index: &'static Index,
    keys: &Keys,
    id: &str,
) -> Result<(), StoreError> {
    for entry in entries(spec, index, keys)? {
        if index.unique {
            check_unique(connection, spec, index, &entry, id)?;
        }
        add_entry(connection, spec, index, &entry, id).map_err(failed)?;
    }
    Ok(())
}

/// What a write does to the indexes.
struct Change {
    index: &'static Index,
    gone: Vec<Entry>,
    new: Vec<Entry>,
}

/// What must be done to each index so that it has `new` instead of `old`, after it was seen that no unique one refuses.
fn index_changes(
    connection: &Connection,
    spec: CollectionSpec,
    id: &str,
    old: &Keys,
    new: &Keys,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    for index in spec.indexes {
        let (mut gone, mut added) = (entries(spec, index, old)?, entries(spec, index, new)?);
        if gone == added {
            continue;
        }
        let stays: Vec<bool> = added.iter().map(|entry| gone.contains(entry)).collect();
        gone.retain(|entry| !added.contains(entry));
        let mut stays = stays.into_iter();
        added.retain(|_| !stays.next().unwrap_or_default());
        if index.unique {
            for entry in &added {
                check_unique(connection, spec, index, entry, id)?;
            }
        }
        changes.push(Change { index, gone, new: added });
    }
    Ok(changes)
}

fn make_changes(
    connection: &Connection,
    spec: CollectionSpec,
    id: &str,
    changes: &[Change],
) -> rusqlite::Result<()> {
    for change in changes {
        for entry in &change.gone {
            drop_entry(connection, spec, change.index, entry, id)?;
        }
        for entry in &change.new {
            add_entry(connection, spec, change.index, entry, id)?;
        }
    }
    Ok(())
}

/// Why a write was not made: refused (the transaction goes on without it) or broken (it cannot).
pub(super) enum Unmade {
    Refused(WriteFailure),
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for Unmade {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<StoreError> for Unmade {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Engine(error) => match error.downcast::<rusqlite::Error>() {
                Ok(error) => Self::Broken(*error),
                Err(error) => Self::Refused(WriteFailure::Store(StoreError::Engine(error))),
            },
            error => Self::Refused(WriteFailure::Store(error)),
        }
    }
}

/// Makes one write within the transaction that is open.
pub(super) fn apply(connection: &Connection, spec: CollectionSpec, write: &Write) -> Result<(), Unmade> {
    match write {
        Write::Insert(envelope) => insert(connection, spec, envelope),
        Write::Replace(envelope) => match &envelope.keys {
            None => replace(connection, spec, envelope, None),
            Some(keys) => {
                let Some((version, old)) = current(connection, spec, &envelope.id)? else {
                    return Err(Unmade::Refused(WriteFailure::Stale));
                };
                if version + 1 != envelope.version {
                    return Err(Unmade::Refused(WriteFailure::Stale));
                }
                let changes = index_changes(connection, spec, &envelope.id, &old, keys)?;
                make_changes(connection, spec, &envelope.id, &changes)?;
                replace(connection, spec, envelope, Some(keys.to_json()))
            }
        },
        Write::Remove { id, version } => {
            let Some((_, old)) = current(connection, spec, id)?.filter(|(found, _)| found == version) else {
                return Err(Unmade::Refused(WriteFailure::Stale));
            };
            let changes = index_changes(connection, spec, id, &old, &Keys::new())?;
            make_changes(connection, spec, id, &changes)?;
            connection
                .prepare_cached(&format!("DELETE FROM \"{}\" WHERE id = ?1", spec.name))?
                .execute([id])?;
            Ok(())
        }
    }
}

/// The version and the keys of a document as it is.
fn current(connection: &Connection, spec: CollectionSpec, id: &str) -> Result<Option<(u64, Keys)>, Unmade> {
    let found: Option<(u64, String)> = connection
        .prepare_cached(&format!("SELECT version, keys FROM \"{}\" WHERE id = ?1", spec.name))?
        .query_row([id], |row| Ok((version_of(row.get(0)?), row.get(1)?)))
        .optional()?;
    let Some((version, keys)) = found else { return Ok(None) };
    match Keys::from_json(&keys) {
        Ok(keys) => Ok(Some((version, keys))),
        Err(source) => {
            let what = format!("the keys of {}/{id}", spec.name);
            Err(StoreError::Corrupt { what, source: source.into() }.into())
        }
    }
}

fn insert(connection: &Connection, spec: CollectionSpec, envelope: &Envelope) -> Result<(), Unmade> {
    let id = &envelope.id;
    let exists =
        connection.prepare_cached(&format!("SELECT 1 FROM \"{}\" WHERE id = ?1", spec.name))?.exists([id])?;
    if exists {
        return Err(StoreError::Exists { collection: spec.name, id: id.clone() }.into());
    }
    let none = Keys::new();
    let keys = envelope.keys.as_ref().unwrap_or(&none);
    let changes = index_changes(connection, spec, id, &none, keys)?;
    make_changes(connection, spec, id, &changes)?;
    connection
        .prepare_cached(&format!(
            "INSERT INTO \"{}\" (id, version, schema, keys, body, outbox, writes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            spec.name
        ))?
        .execute((
            id,
            version_number(envelope),
            envelope.schema,
            keys.to_json(),
            &envelope.body,
            outbox_text(envelope)?,
            write_bytes(envelope),
        ))?;
    Ok(())
}

/// Overwrites the row if its version is the one before; keys stay where none are given.
fn replace(
    connection: &Connection,
    spec: CollectionSpec,
    envelope: &Envelope,
    keys: Option<String>,
) -> Result<(), Unmade> {
    let changed = connection
        .prepare_cached(&format!(
            "UPDATE \"{}\" SET version = ?2, schema = ?3, keys = ifnull(?4, keys), body = ?5, outbox = ?6, writes = ?7
             WHERE id = ?1 AND version = ?2 - 1",
            spec.name
        ))?
        .execute((
            &envelope.id,
            version_number(envelope),
            envelope.schema,
            keys,
            &envelope.body,
            outbox_text(envelope)?,
            write_bytes(envelope),
        ))?;
    if changed == 0 { Err(Unmade::Refused(WriteFailure::Stale)) } else { Ok(()) }
}

fn outbox_text(envelope: &Envelope) -> Result<Option<String>, Unmade> {
    if envelope.outbox.is_empty() {
        return Ok(None);
    }
    match serde_json::to_string(&envelope.outbox) {
        Ok(text) => Ok(Some(text)),
        Err(error) => Err(Unmade::Broken(rusqlite::Error::ToSqlConversionFailure(error.into()))),
    }
}

fn write_bytes(envelope: &Envelope) -> Vec<u8> {
    envelope.writes.iter().flat_map(|write| write.into_bytes()).collect()
}
