//! What is asked of the tables: envelopes by id, and walks of indexes.
//!
//! A walk is one `SELECT` over the index's table in the order of its primary key: the equal fields, the range and the cursor
//! become one seek, and the limit ends it. Nothing is sorted. Conditions on other fields are looked up per row that is walked.

use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::{
    super::{
        Find, Index, Key, StoreError,
        engine::{CollectionSpec, Envelope, Placed},
        find::{Bound, Filter},
    },
    candidates, failed,
    rows::{COLUMNS, read_envelope},
};

/// The envelopes of these ids. One statement per id is cheaper than one statement with a list: it is prepared once.
pub(super) fn get(
    connection: &Connection,
    spec: CollectionSpec,
    ids: &[String],
) -> Result<Vec<Envelope>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM \"{}\" r WHERE r.id = ?1", spec.name))
        .map_err(failed)?;
    let mut envelopes = Vec::with_capacity(ids.len());
    for id in ids {
        let found =
            statement.query_row([id], |row| read_envelope(spec, row, 0)).optional().map_err(failed)?;
        if let Some(envelope) = found {
            envelopes.push(envelope?);
        }
    }
    Ok(envelopes)
}

pub(super) fn undelivered(
    connection: &Connection,
    spec: CollectionSpec,
    after: &str,
    limit: usize,
) -> Result<Vec<Envelope>, StoreError> {
    let name = spec.name;
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM \"{name}\" r INDEXED BY \"{name}.\"
             WHERE r.outbox IS NOT NULL AND r.id > ?1 ORDER BY r.id LIMIT ?2"
        ))
        .map_err(failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((after, limit)).map_err(failed)?;
    let mut envelopes = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        envelopes.push(read_envelope(spec, row, 0).map_err(failed)??);
    }
    Ok(envelopes)
}

pub(super) fn find(
    connection: &Connection,
    spec: CollectionSpec,
    find: &Find,
) -> Result<Vec<Placed>, StoreError> {
    let index = spec.index(find)?;
    if !find.filters.is_empty() {
        let snapshot = connection.unchecked_transaction().map_err(failed)?;
        if let Some(found) = candidates::find(&snapshot, spec, index, find)? {
            return Ok(found);
        }
    }
    let query = Walk::of(spec, index, find).select(find);
    let values = index.fields.len() - find.prefix.len();
    let mut statement = connection.prepare_cached(&query.sql).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(&query.parameters)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let keys: rusqlite::Result<Vec<Key>> = (0..values).map(|column| row.get(column)).collect();
        found.push((keys.map_err(failed)?, read_envelope(spec, row, values).map_err(failed)??));
    }
    Ok(found)
}

pub(super) fn count(connection: &Connection, spec: CollectionSpec, find: &Find) -> Result<u64, StoreError> {
    let index = spec.index(find)?;
    let find = &Find { after: None, ..find.clone() };
    if !find.filters.is_empty() {
        let snapshot = connection.unchecked_transaction().map_err(failed)?;
        if let Some(count) = candidates::count(&snapshot, spec, index, find)? {
            return Ok(count.try_into().unwrap_or(u64::MAX));
        }
    }
    let query = Walk::of(spec, index, find).count();
    let count: i64 = connection
        .prepare_cached(&query.sql)
        .and_then(|mut statement| statement.query_row(params_from_iter(&query.parameters), |row| row.get(0)))
        .map_err(failed)?;
    Ok(count.try_into().unwrap_or_default())
}

/// A statement and its parameters.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) parameters: Vec<Key>,
}

/// A walk of one index as SQL in the making.
pub(super) struct Walk {
    spec: CollectionSpec,
    /// The index's table, or none for the order of ids, which is the collection's own table.
    table: Option<String>,
    /// The columns by which the walk is sorted.
    order: Vec<String>,
    conditions: Vec<String>,
    parameters: Vec<Key>,
    /// Whether a condition needs the envelope's row.
    needs_row: bool,
}

impl Walk {
    pub(super) fn of(spec: CollectionSpec, index: &'static Index, find: &Find) -> Self {
        let equal = find.prefix.len();
        let table = (!index.fields.is_empty()).then(|| format!("{}.{}", spec.name, index.name));
        let id = if table.is_some() { "i.id" } else { "r.id" };
        let mut order: Vec<String> = (equal..index.fields.len()).map(|n| format!("i.f{n}")).collect();
        // Under a unique index the fields alone decide, and the id is not part of the table's order.
        if order.is_empty() || !index.unique {
            order.push(id.to_owned());
        }
        let mut walk =
            Self { spec, table, order, conditions: Vec::new(), parameters: Vec::new(), needs_row: false };
        for (n, value) in find.prefix.iter().enumerate() {
            let place = walk.bind(value.clone());
            walk.conditions.push(format!("i.f{n} = {place}"));
        }
        walk.bounds(find);
        if walk.table.is_some() && equal < index.fields.len() {
            walk.first_of_many(find, equal);
        }
        for filter in &find.filters {
            walk.filter(filter, id);
        }
        walk
    }

    fn bind(&mut self, value: Key) -> String {
        self.parameters.push(value);
        format!("?{}", self.parameters.len())
    }

    /// Range and cursor. Only one lower and one upper bound are ever given, the narrower, since SQLite seeks by one.
    fn bounds(&mut self, find: &Find) {
        let (mut lower, mut upper) = (find.lower.as_ref(), find.upper.as_ref());
        let mut after = find.after.as_ref();
        if let Some(cursor) = after {
            let id = Key::Text(cursor.id.clone());
            let place = cursor.keys.first().unwrap_or(&id);
            if find.descending {
                let outside = match upper {
                    Some(Bound::Included(upper)) => place > upper,
                    Some(Bound::Excluded(upper)) => place >= upper,
                    None => false,
                };
                // A cursor beyond the bound says less than the bound.
                if outside { after = None } else { upper = None }
            } else if lower.is_some_and(|lower| place < lower) {
                after = None;
            } else {
                lower = None;
            }
        }
        let first = self.order[0].clone();
        // Ids are texts, and SQLite would take a number for one: every id is above every number.
        let by_id = first.ends_with(".id");
        if let Some(lower) = lower.filter(|lower| !by_id || matches!(lower, Key::Text(_))) {
            let place = self.bind(lower.clone());
            self.conditions.push(format!("{first} >= {place}"));
        }
        match upper {
            Some(Bound::Included(Key::Int(_)) | Bound::Excluded(Key::Int(_))) if by_id => {
                self.conditions.push("0".to_owned());
            }
            Some(Bound::Included(upper)) => {
                let place = self.bind(upper.clone());
                self.conditions.push(format!("{first} <= {place}"));
            }
            Some(Bound::Excluded(upper)) => {
                let place = self.bind(upper.clone());
                self.conditions.push(format!("{first} < {place}"));
            }
            None => {}
        }
        if let Some(cursor) = after {
            let id = Key::Text(cursor.id.clone());
            let values = cursor.keys.iter().chain([&id]).take(self.order.len());
            let places: Vec<String> = values.cloned().map(|value| self.bind(value)).collect();
            let compare = if find.descending { '<' } else { '>' };
            self.conditions.push(format!("({}) {compare} ({})", self.order.join(", "), places.join(", ")));
        }
    }

    /// A document with several values in a field that is walked stands at the first of them within the bounds: the row whose
    /// neighbour before (behind, when descending) is not within them too.
    fn first_of_many(&mut self, find: &Find, equal: usize) {
        let neighbour = if find.descending { "i.behind" } else { "i.before" };
        let mut cases = vec![format!("{neighbour} IS NULL"), format!("i.many < {equal}")];
        if find.descending {
            match find.upper.clone() {
                Some(Bound::Included(upper)) => {
                    let place = self.bind(upper);
                    cases.push(format!("(i.many = {equal} AND {neighbour} > {place})"));
                }
                Some(Bound::Excluded(upper)) => {
                    let place = self.bind(upper);
                    cases.push(format!("(i.many = {equal} AND {neighbour} >= {place})"));
                }
                None => {}
            }
        } else if let Some(lower) = find.lower.clone() {
            let place = self.bind(lower);
            cases.push(format!("(i.many = {equal} AND {neighbour} < {place})"));
        }
        self.conditions.push(format!("({})", cases.join(" OR ")));
    }

    /// A condition on another field: in the index of that field alone where there is one and it is a matter of equality, else in
    /// the keys beside the document.
    fn filter(&mut self, filter: &Filter, id: &str) {
        let condition = match filter {
            Filter::Any(_, values) if values.is_empty() => "0".to_owned(),
            Filter::Any(field, values) => {
                let alone = self.spec.indexes.iter().find(|index| index.fields == [*field]);
                match alone {
                    Some(index) => {
                        let places = self.list(values);
                        let (name, index) = (self.spec.name, index.name);
                        format!(
                            "EXISTS (SELECT 1 FROM \"{name}.{index}\" x WHERE x.f0 IN ({places}) AND x.id = {id})"
                        )
                    }
                    None => {
                        let source = self.values_of(field);
                        format!("EXISTS (SELECT 1 FROM {source} v WHERE v.value IN ({}))", self.list(values))
                    }
                }
            }
            Filter::Range(field, min, max) => {
                let source = self.values_of(field);
                let mut within = vec!["1".to_owned()];
                for (compare, bound) in [(">=", min), ("<=", max)] {
                    if let Some(bound) = bound {
                        let place = self.bind(bound.clone());
                        within.push(format!("v.value {compare} {place}"));
                    }
                }
                format!("EXISTS (SELECT 1 FROM {source} v WHERE {})", within.join(" AND "))
            }
            Filter::Prefix(field, text) => {
                let source = self.values_of(field);
                let (start, place) = (self.bind(Key::Text(text.clone())), text.chars().count());
                format!(
                    "EXISTS (SELECT 1 FROM {source} v
                     WHERE v.value >= {start} AND substr(v.value, 1, {place}) = {start})"
                )
            }
        };
        self.conditions.push(condition);
    }

    fn list(&mut self, values: &[Key]) -> String {
        values.iter().map(|value| self.bind(value.clone())).collect::<Vec<_>>().join(", ")
    }

    /// The values of a field, from the keys beside the document.
    fn values_of(&mut self, field: &str) -> String {
        self.needs_row = true;
        let path = self.bind(Key::Text(format!("$.\"{field}\"")));
        format!("json_each(r.keys, {path})")
    }

    fn source(&self, with_row: bool) -> String {
        let name = self.spec.name;
        match &self.table {
            None => format!("\"{name}\" r"),
            Some(table) if !with_row => format!("\"{table}\" i"),
            // CROSS keeps the index outside, so that its order is the order of the answer.
            Some(table) => format!("\"{table}\" i CROSS JOIN \"{name}\" r ON r.id = i.id"),
        }
    }

    fn conditions(&self) -> String {
        if self.conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.conditions.join(" AND "))
        }
    }

    /// Up to `find.limit` rows: the values of the fields after the equal ones, then the envelope.
    pub(super) fn select(mut self, find: &Find) -> Query {
        let limit = self.bind(Key::Int(i64::try_from(find.limit).unwrap_or(i64::MAX)));
        let values: String = self
            .order
            .iter()
            .filter(|column| !column.ends_with(".id"))
            .map(|column| format!("{column}, "))
            .collect();
        let way = if find.descending { " DESC" } else { "" };
        let order: Vec<String> = self.order.iter().map(|column| format!("{column}{way}")).collect();
        let sql = format!(
            "SELECT {values}{COLUMNS} FROM {}{} ORDER BY {} LIMIT {limit}",
            self.source(true),
            self.conditions(),
            order.join(", ")
        );
        Query { sql, parameters: self.parameters }
    }

    pub(super) fn count(self) -> Query {
        let sql = format!("SELECT count(*) FROM {}{}", self.source(self.needs_row), self.conditions());
        Query { sql, parameters: self.parameters }
    }
}
