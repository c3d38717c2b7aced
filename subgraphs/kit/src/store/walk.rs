//! Where a document stands in a walk: what a find means, in the plainest form. Engines ask their databases for less and use this on what
//! comes back, where a database cannot say it by itself.

use super::{
    Find, Index, Key, Keys, StoreError,
    engine::CollectionSpec,
    find::{Bound, Filter},
};

/// The values under which a document stands in an index: none where it lacks a field, several where a field has several.
pub(crate) fn places(spec: CollectionSpec, index: &Index, keys: &Keys) -> Result<Vec<Vec<Key>>, StoreError> {
    let fields: Vec<&[Key]> = index.fields.iter().map(|field| keys.of(field)).collect();
    if fields.iter().any(|values| values.is_empty()) {
        return Ok(Vec::new());
    }
    let mut several = (0..fields.len()).filter(|field| fields[*field].len() > 1);
    let many = several.next();
    if several.next().is_some() {
        let text = format!("{}.{}: only one field may have several values", spec.name, index.name);
        return Err(StoreError::NoIndex(text));
    }
    let first: Vec<Key> = fields.iter().map(|values| values[0].clone()).collect();
    let Some(field) = many else { return Ok(vec![first]) };
    let each = fields[field].iter().map(|value| {
        let mut values = first.clone();
        values[field] = value.clone();
        values
    });
    Ok(each.collect())
}

/// The document's values of the fields after the equal ones, if it is found: those of the first of its places within the bounds, if that
/// is after the cursor.
pub(crate) fn place(
    spec: CollectionSpec,
    index: &Index,
    find: &Find,
    keys: &Keys,
    id: &str,
) -> Result<Option<Vec<Key>>, StoreError> {
    if !find.filters.iter().all(|filter| passes(filter, keys)) {
        return Ok(None);
    }
    let equal = find.prefix.len();
    let id = Key::Text(id.to_owned());
    let places = places(spec, index, keys)?
        .into_iter()
        .filter(|values| values[..equal] == find.prefix[..])
        .filter(|values| within(find, values.get(equal).unwrap_or(&id)))
        .map(|mut values| values.split_off(equal));
    let first = if find.descending { places.max() } else { places.min() };
    let after = |values: &Vec<Key>| {
        let Some(cursor) = &find.after else { return true };
        let end = Key::Text(cursor.id.clone());
        // Under a unique index the values alone decide.
        let by_id = !index.unique || values.is_empty();
        let here = values.iter().chain(by_id.then_some(&id));
        let there = cursor.keys.iter().chain(by_id.then_some(&end));
        if find.descending { here.lt(there) } else { here.gt(there) }
    };
    Ok(first.filter(after))
}

fn within(find: &Find, key: &Key) -> bool {
    find.lower.as_ref().is_none_or(|lower| key >= lower)
        && match &find.upper {
            Some(Bound::Included(upper)) => key <= upper,
            Some(Bound::Excluded(upper)) => key < upper,
            None => true,
        }
}

fn passes(filter: &Filter, keys: &Keys) -> bool {
    match filter {
        Filter::Any(field, any) => keys.of(field).iter().any(|key| any.contains(key)),
        Filter::Range(field, min, max) => keys.of(field).iter().any(|key| {
            min.as_ref().is_none_or(|min| key >= min) && max.as_ref().is_none_or(|max| key <= max)
        }),
        Filter::Prefix(field, text) => {
            let begins = |key: &Key| matches!(key, Key::Text(value) if value.starts_with(text.as_str()));
            keys.of(field).iter().any(begins)
        }
    }
}

/// The first text after all those that begin like this; none where there is no such text.
pub(crate) fn beyond(text: &str) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    while let Some(last) = letters.pop() {
        // The successor of the last letter before the surrogates, which are no letters, is the first one after them.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_begins_like_a_text_is_before_what_is_beyond_it(text in ".{0,4}", more in ".{0,4}", other in ".{0,5}") {
            let whole = format!("{text}{more}");
            if let Some(end) = beyond(&text) {
                prop_assert!(whole >= text && whole < end);
                prop_assert!(other.starts_with(&text) == (other >= text && other < end));
            } else {
                prop_assert!(text.chars().all(|letter| letter == char::MAX));
            }
        }
    }

    #[test]
    fn beyond_steps_over_what_is_no_letter() {
        assert_eq!(beyond("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
        assert_eq!(beyond("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(beyond("\u{10ffff}"), None);
        assert_eq!(beyond(""), None);
    }
}
