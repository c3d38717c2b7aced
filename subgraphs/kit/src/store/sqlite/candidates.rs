//! The other way to answer a find: where a filter leaves few documents, they are looked up in that field's index and put in order here.
//!
//! A walk looks at every row until it has enough of them, which is quick where a filter lets many through and slow
//! where it lets few. How many it lets through is counted first, up to a bound that costs next to nothing.

use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::{
    super::{
        Find, Index, Key, Keys, StoreError,
        engine::{CollectionSpec, Placed},
        find::Filter,
        walk,
    },
    failed, query,
};

/// So many documents are looked up and sorted in about the time that a walk takes for a few thousand rows. The tests use
/// a small number, so that small random histories go both ways.
const FEW: usize = if cfg!(test) { 4 } else { 500 };

/// A document that the find gives: its values of the fields after the equal ones, and its id.
type Place = (Vec<Key>, String);

/// What the find gives, if a filter leaves few documents; none where a walk is the better way.
pub(super) fn find(
    connection: &Connection,
    spec: CollectionSpec,
    index: &'static Index,
    find: &Find,
) -> Result<Option<Vec<Placed>>, StoreError> {
    let Some(mut places) = places(connection, spec, index, find)? else { return Ok(None) };
    places.sort_unstable();
    if find.descending {
        places.reverse();
    }
    places.truncate(find.limit);
    let mut found = Vec::with_capacity(places.len());
    for (values, id) in places {
        // Under the one snapshot that is read from, it is there.
        if let Some(envelope) = query::get(connection, spec, std::slice::from_ref(&id))?.pop() {
            found.push((values, envelope));
        }
    }
    Ok(Some(found))
}

/// How many documents the find gives, if a filter leaves few.
pub(super) fn count(
    connection: &Connection,
    spec: CollectionSpec,
    index: &'static Index,
    find: &Find,
) -> Result<Option<usize>, StoreError> {
    Ok(places(connection, spec, index, find)?.map(|places| places.len()))
}

fn places(
    connection: &Connection,
    spec: CollectionSpec,
    index: &'static Index,
    find: &Find,
) -> Result<Option<Vec<Place>>, StoreError> {
    let Some(ids) = few(connection, spec, find)? else { return Ok(None) };
    let mut statement = connection
        .prepare_cached(&format!("SELECT keys FROM \"{}\" WHERE id = ?1", spec.name))
        .map_err(failed)?;
    let mut places = Vec::new();
    for id in ids {
        let text: Option<String> = statement.query_row([&id], |row| row.get(0)).optional().map_err(failed)?;
        let Some(text) = text else { continue };
        let keys = Keys::from_json(&text).map_err(|error| StoreError::Corrupt {
            what: format!("the keys of {}/{id}", spec.name),
            source: error.into(),
        })?;
        if let Some(values) = walk::place(spec, index, find, &keys, &id)? {
            places.push((values, id));
        }
    }
    Ok(Some(places))
}

/// The ids of the documents that one of the filters leaves, where these are few.
fn few(
    connection: &Connection,
    spec: CollectionSpec,
    find: &Find,
) -> Result<Option<Vec<String>>, StoreError> {
    for filter in &find.filters {
        let Some((source, parameters)) = rows_of(spec, filter) else { continue };
        let limit = FEW + 1;
        let count: usize = connection
            .prepare_cached(&format!("SELECT count(*) FROM (SELECT 1 {source} LIMIT {limit})"))
            .and_then(|mut counted| {
                counted.query_row(params_from_iter(&parameters), |row| row.get::<_, u32>(0))
            })
            .map_err(failed)?
            .try_into()
            .unwrap_or(limit);
        if count > FEW {
            continue;
        }
        let mut statement =
            connection.prepare_cached(&format!("SELECT DISTINCT id {source}")).map_err(failed)?;
        let ids = statement.query_map(params_from_iter(&parameters), |row| row.get(0)).map_err(failed)?;
        return ids.collect::<rusqlite::Result<_>>().map(Some).map_err(failed);
    }
    Ok(None)
}

/// Where the rows of the documents are that the filter leaves, if an index begins with its field.
fn rows_of(spec: CollectionSpec, filter: &Filter) -> Option<(String, Vec<Key>)> {
    let (Filter::Any(field, _) | Filter::Range(field, ..) | Filter::Prefix(field, _)) = filter;
    let index = spec.indexes.iter().find(|index| index.fields.first() == Some(field))?;
    let (condition, parameters) = match filter {
        Filter::Any(_, values) => {
            let places: Vec<String> = (1..=values.len()).map(|n| format!("?{n}")).collect();
            (format!("f0 IN ({})", places.join(", ")), values.clone())
        }
        Filter::Range(_, Some(min), Some(max)) => {
            ("f0 BETWEEN ?1 AND ?2".to_owned(), vec![min.clone(), max.clone()])
        }
        Filter::Range(_, Some(min), None) => ("f0 >= ?1".to_owned(), vec![min.clone()]),
        Filter::Range(_, None, Some(max)) => ("f0 <= ?1".to_owned(), vec![max.clone()]),
        Filter::Range(_, None, None) => return None,
        Filter::Prefix(_, text) => match walk::beyond(text) {
            Some(end) => ("f0 >= ?1 AND f0 < ?2".to_owned(), vec![Key::Text(text.clone()), Key::Text(end)]),
            None => ("f0 >= ?1".to_owned(), vec![Key::Text(text.clone())]),
        },
    };
    Some((format!("FROM \"{}.{}\" WHERE {condition}", spec.name, index.name), parameters))
}
