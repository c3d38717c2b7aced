//! A find as MongoDB is asked it: one `find` that walks one index in its order, and in one case a second beside it.
//!
//! Under the index `{k.a: 1, k.b: 1, _id: 1}` the equal fields, the range and the cursor are one stretch, and the limit ends the walk; nothing
//! is sorted. A document that has several values in a field stands in MongoDB's own order at the smallest of all its values (descending: the
//! largest), so bounds and cursor are written such that they hold for that value: "none is below" beside "one is above".
//! That is the first of its values within the bounds too, unless some lie before the bound at which the walk begins
//! (a straddler). Those are asked for apart, and put in their places here.
//!
//! Conditions on other fields are MongoDB's to weigh: where one leaves few documents, its planner takes that field's index and sorts.

use mongodb::bson::{Bson, Document, doc};

use super::{
    super::{
        Find, Index, Key,
        find::{Bound, Filter},
        walk,
    },
    kept::encode,
};

/// What is asked, or nothing where no document can be found.
pub(super) struct Question {
    /// The documents that stand where MongoDB sorts them.
    pub(super) filter: Document,
    pub(super) sort: Document,
    /// Those that stand elsewhere; only asked for where the walk begins at a bound.
    pub(super) straddlers: Option<Document>,
}

/// Where the values of a field are.
pub(super) fn path(field: &str) -> String {
    format!("k.{field}")
}

/// The operators of a walk's direction.
struct Way {
    /// Further along the walk.
    beyond: &'static str,
    beyond_or_at: &'static str,
    before: &'static str,
    before_or_at: &'static str,
    sort: i32,
}

const UP: Way = Way { beyond: "$gt", beyond_or_at: "$gte", before: "$lt", before_or_at: "$lte", sort: 1 };
const DOWN: Way = Way { beyond: "$lt", beyond_or_at: "$lte", before: "$gt", before_or_at: "$gte", sort: -1 };

impl Question {
    pub(super) fn of(index: &Index, find: &Find) -> Option<Self> {
        let way = if find.descending { &DOWN } else { &UP };
        let equal = find.prefix.len();
        let walked = &index.fields[equal..];
        let mut sort: Document = walked.iter().map(|field| (path(field), Bson::from(way.sort))).collect();
        sort.insert("_id", way.sort);
        let shared = shared(index, find)?;
        let mut clauses = shared.clone();
        let Some(first) = walked.first() else {
            clauses.extend(id_bounds(find)?);
            if let Some(cursor) = &find.after {
                clauses.push(doc! { "_id": { way.beyond: &cursor.id } });
            }
            return Some(Self { filter: all(clauses), sort, straddlers: None });
        };
        let range = range(first, find);
        clauses.extend(range.iter().cloned());
        let begin = begin(find);
        if let Some((outside, bound)) = &begin {
            clauses.push(doc! { path(first): { "$not": { *outside: bound.clone() } } });
        }
        clauses.extend(after(index, find, walked, way));
        let straddlers = begin.map(|(outside, bound)| {
            let mut clauses = shared;
            clauses.extend(range);
            clauses.push(doc! { path(first): { outside: bound } });
            clauses.push(doc! { path(first): { "$elemMatch": bounds(find) } });
            all(clauses)
        });
        Some(Self { filter: all(clauses), sort, straddlers })
    }
}

/// Which documents the find gives without cursor and limit, whatever their order; none where there can be none.
pub(super) fn matching(index: &Index, find: &Find) -> Option<Document> {
    let mut clauses = shared(index, find)?;
    match index.fields.get(find.prefix.len()) {
        None => clauses.extend(id_bounds(find)?),
        Some(field) => clauses.push(any_within(field, bounds(find))),
    }
    Some(all(clauses))
}

/// The conditions that do not depend on the order: equal fields, fields that must be there at all, and filters.
fn shared(index: &Index, find: &Find) -> Option<Vec<Document>> {
    let mut clauses = Vec::new();
    for (field, value) in index.fields.iter().zip(&find.prefix) {
        clauses.push(doc! { path(field): encode(value) });
    }
    // A document without one of the fields is not in the index.
    for field in index.fields.iter().skip(find.prefix.len() + 1) {
        clauses.push(doc! { path(field): { "$gte": "" } });
    }
    for filter in &find.filters {
        clauses.push(match filter {
            Filter::Any(_, values) if values.is_empty() => return None,
            Filter::Any(field, values) => {
                doc! { path(field): { "$in": values.iter().map(encode).collect::<Vec<_>>() } }
            }
            Filter::Range(field, min, max) => {
                any_within(field, between(min.as_ref(), max.as_ref().map(|max| ("$lte", max))))
            }
            Filter::Prefix(field, text) => {
                let text = encode(&Key::Text(text.clone()));
                let mut bounds = doc! { "$gte": &text };
                // There is always such a text, since what is encoded begins with a digit.
                if let Some(end) = walk::beyond(&text) {
                    bounds.insert("$lt", end);
                }
                any_within(field, bounds)
            }
        });
    }
    Some(clauses)
}

/// The range of the first field that is walked.
fn bounds(find: &Find) -> Document {
    let upper = find.upper.as_ref().map(|upper| match upper {
        Bound::Included(upper) => ("$lte", upper),
        Bound::Excluded(upper) => ("$lt", upper),
    });
    between(find.lower.as_ref(), upper)
}

/// Between these; without either, any value at all.
fn between(lower: Option<&Key>, upper: Option<(&str, &Key)>) -> Document {
    let mut bounds = Document::new();
    if let Some(lower) = lower {
        bounds.insert("$gte", encode(lower));
    }
    if let Some((operator, upper)) = upper {
        bounds.insert(operator, encode(upper));
    }
    if bounds.is_empty() {
        bounds.insert("$gte", "");
    }
    bounds
}

/// The same as one condition for each end, of which each holds for one of several values.
fn range(field: &str, find: &Find) -> Vec<Document> {
    bounds(find).into_iter().map(|(operator, bound)| doc! { path(field): { operator: bound } }).collect()
}

/// What lies before the bound at which the walk begins, if it begins at one.
fn begin(find: &Find) -> Option<(&'static str, String)> {
    if !find.descending {
        return find.lower.as_ref().map(|lower| ("$lt", encode(lower)));
    }
    find.upper.as_ref().map(|upper| match upper {
        Bound::Included(upper) => ("$gt", encode(upper)),
        Bound::Excluded(upper) => ("$gte", encode(upper)),
    })
}

/// One and the same value lies within these bounds.
fn any_within(field: &str, bounds: Document) -> Document {
    let path = path(field);
    if bounds.len() == 1 {
        return doc! { path: bounds };
    }
    // `$elemMatch` is for several values, and plain bounds for one: between both ends there is none that is neither.
    let one: Vec<Document> = bounds
        .iter()
        .map(|(operator, bound)| doc! { &path: { operator: bound.clone() } })
        .chain([doc! { &path: { "$not": { "$lt": bounds.get("$gte").cloned().unwrap_or(Bson::Null) } } }])
        .collect();
    doc! { "$or": [{ "$and": one }, { path: { "$elemMatch": bounds } }] }
}

/// The range where all fields are equal, which is over the ids; none where there can be no such id. Ids are texts, and every text is above
/// every number.
fn id_bounds(find: &Find) -> Option<Vec<Document>> {
    let mut clauses = Vec::new();
    if let Some(Key::Text(lower)) = &find.lower {
        clauses.push(doc! { "_id": { "$gte": lower } });
    }
    match &find.upper {
        Some(Bound::Included(Key::Text(upper))) => clauses.push(doc! { "_id": { "$lte": upper } }),
        Some(Bound::Excluded(Key::Text(upper))) => clauses.push(doc! { "_id": { "$lt": upper } }),
        Some(_) => return None,
        None => {}
    }
    Some(clauses)
}

/// Beyond the cursor: its first value bounds the stretch that is walked, and the rest is decided on the way.
fn after(index: &Index, find: &Find, walked: &[&str], way: &Way) -> Vec<Document> {
    let Some(cursor) = &find.after else { return Vec::new() };
    let values: Vec<String> = cursor.keys.iter().map(encode).collect();
    let mut cases = Vec::new();
    // The place is the first of several values: at it means that none is before it, beyond it that none is at or before it.
    let mut at: Vec<Document> = Vec::new();
    for (field, value) in walked.iter().zip(&values) {
        let path = path(field);
        let mut case = at.clone();
        case.push(doc! { &path: { way.beyond: value } });
        case.push(doc! { &path: { "$not": { way.before_or_at: value } } });
        cases.push(all(case));
        at.push(doc! { &path: value });
        at.push(doc! { &path: { "$not": { way.before: value } } });
    }
    if !index.unique {
        at.push(doc! { "_id": { way.beyond: &cursor.id } });
        cases.push(all(at));
    }
    let mut clauses = vec![doc! { "$or": cases }];
    if let (Some(first), Some(value)) = (walked.first(), values.first()) {
        clauses.push(doc! { path(first): { way.beyond_or_at: value } });
    }
    clauses
}

fn all(clauses: Vec<Document>) -> Document {
    if clauses.is_empty() {
        Document::new()
    } else {
        doc! { "$and": clauses }
    }
}
