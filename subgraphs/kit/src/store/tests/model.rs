//! Random histories, compared with a map in memory that does the same in the plainest way.

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use futures::FutureExt as _;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::{
    super::{
        Collection, Cursor, Document as _, Find, Index, Key, Keys, StoreError, UpdateError,
        find::{Bound, Filter},
    },
    lab::{
        BY_ISBN, BY_SHELF, BY_SHELF_AND_TAG, BY_SPINE, BY_TAG, BY_TAG_AND_PAGES, BY_TITLE, Book, BookId,
        Database, Refused,
    },
};

/// What may be done. Documents are named by their number in the order of creation.
#[derive(Debug, Clone)]
enum Step {
    Insert(Shape),
    Change(usize, Shape),
    Refuse(usize),
    Remove(usize),
    Look(Question),
}

#[derive(Debug, Clone)]
struct Shape {
    title: String,
    shelf: String,
    pages: i64,
    tags: Vec<String>,
    isbn: Option<String>,
}

#[derive(Debug, Clone)]
struct Question {
    index: usize,
    prefix: Vec<Key>,
    lower: Option<Key>,
    upper: Option<(bool, Key)>,
    filters: Vec<(usize, Vec<Key>)>,
    descending: bool,
    page: usize,
}

static INDEXES: [Index; 8] =
    [Index::ID, BY_TITLE, BY_SHELF, BY_TAG, BY_TAG_AND_PAGES, BY_SHELF_AND_TAG, BY_ISBN, BY_SPINE];
const FIELDS: [&str; 5] = ["tag", "pages", "shelf", "title", "isbn"];

/// Few different values, so that much is equal.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("a"), Just("ab"), Just("b"), Just("B"), Just("ä"), Just("1")]
        .prop_map(str::to_owned)
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![word().prop_map(Key::Text), (-2..4_i64).prop_map(Key::Int)]
}

fn shape() -> impl Strategy<Value = Shape> {
    let tags = prop::collection::vec(word(), 0..4);
    (word(), word(), -2..4_i64, tags, prop::option::weighted(0.4, "[0-2]{3}[01]"))
        .prop_map(|(title, shelf, pages, tags, isbn)| Shape { title, shelf, pages, tags, isbn })
}

fn question() -> impl Strategy<Value = Question> {
    let filters = prop::collection::vec((0..15_usize, prop::collection::vec(key(), 0..3)), 0..3);
    let prefix = prop::collection::vec(key(), 0..3);
    let upper = prop::option::of((any::<bool>(), key()));
    (0..INDEXES.len(), prefix, prop::option::of(key()), upper, filters, any::<bool>(), 1..5_usize).prop_map(
        |(index, prefix, lower, upper, filters, descending, page)| {
            let fields = INDEXES[index].fields.len();
            let prefix = prefix.into_iter().take(fields).collect();
            Question { index, prefix, lower, upper, filters, descending, page }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => shape().prop_map(Step::Insert),
        2 => (any::<prop::sample::Index>(), shape()).prop_map(|(n, shape)| Step::Change(n.index(40), shape)),
        1 => (0..40_usize).prop_map(Step::Refuse),
        1 => (0..40_usize).prop_map(Step::Remove),
        5 => question().prop_map(Step::Look),
    ]
}

impl Shape {
    fn book(self, id: BookId) -> Book {
        let Self { title, shelf, pages, tags, isbn } = self;
        Book { id, title, shelf, pages, tags, isbn, lent: 0 }
    }
}

impl Question {
    fn find(&self) -> Find {
        let mut find = Find::by(&INDEXES[self.index]);
        find.prefix.clone_from(&self.prefix);
        find.lower.clone_from(&self.lower);
        find.upper = self
            .upper
            .clone()
            .map(|(included, key)| if included { Bound::Included(key) } else { Bound::Excluded(key) });
        for (kind, keys) in &self.filters {
            let field = FIELDS[kind % 5];
            find.filters.push(match kind / 5 {
                0 => Filter::Any(field, keys.clone()),
                1 => Filter::Range(field, keys.first().cloned(), keys.get(1).cloned()),
                _ => match keys.first() {
                    Some(Key::Text(text)) => Filter::Prefix(field, text.clone()),
                    _ => continue,
                },
            });
        }
        find.descending = self.descending;
        find
    }
}

fn within(find: &Find, key: &Key) -> bool {
    let above = find.lower.as_ref().is_none_or(|lower| key >= lower);
    let below = match &find.upper {
        Some(Bound::Included(upper)) => key <= upper,
        Some(Bound::Excluded(upper)) => key < upper,
        None => true,
    };
    above && below
}

fn passes(filter: &Filter, keys: &Keys) -> bool {
    match filter {
        Filter::Any(field, any) => keys.of(field).iter().any(|key| any.contains(key)),
        Filter::Range(field, min, max) => keys.of(field).iter().any(|key| {
            min.as_ref().is_none_or(|min| key >= min) && max.as_ref().is_none_or(|max| key <= max)
        }),
        Filter::Prefix(field, text) => keys
            .of(field)
            .iter()
            .any(|key| matches!(key, Key::Text(value) if value.starts_with(text.as_str()))),
    }
}

/// The plainest walk: every combination of values, then the first place of each document.
fn expected(books: &BTreeMap<String, Book>, find: &Find) -> Vec<BookId> {
    let mut places: Vec<(Vec<Key>, String)> = Vec::new();
    for (id, book) in books {
        let keys = book.keys();
        let mut rows: Vec<Vec<Key>> = vec![Vec::new()];
        for field in find.index.fields {
            rows = rows
                .into_iter()
                .flat_map(|row| {
                    keys.of(field).iter().map(move |key| [row.clone(), vec![key.clone()]].concat())
                })
                .collect();
        }
        let equal = find.prefix.len();
        rows.retain(|row| row[..equal] == find.prefix[..]);
        rows.retain(|row| within(find, row.get(equal).unwrap_or(&Key::Text(id.clone()))));
        rows.sort();
        let first = if find.descending { rows.last() } else { rows.first() };
        if let Some(row) = first.filter(|_| find.filters.iter().all(|filter| passes(filter, &keys))) {
            places.push((row.clone(), id.clone()));
        }
    }
    places.sort();
    if find.descending {
        places.reverse();
    }
    places.into_iter().map(|(_, id)| books[&id].id).collect()
}

fn conflicts(books: &BTreeMap<String, Book>, book: &Book) -> bool {
    let spine = |book: &Book| (book.shelf.clone(), book.isbn.as_ref().map(|isbn| isbn[..3].to_owned()));
    book.isbn.is_some()
        && books
            .values()
            .any(|other| other.id != book.id && (other.isbn == book.isbn || spine(other) == spine(book)))
}

async fn look(books: &Collection<Book>, model: &BTreeMap<String, Book>, question: &Question) {
    let find = question.find();
    let expected = expected(model, &find);
    assert_eq!(books.count(find.clone()).await.unwrap(), expected.len() as u64, "{find:?}");
    let (mut read, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let find = find.clone().limit(question.page).after(after.clone());
        let found = books.find(find).await.unwrap();
        after = found.items.last().map(|(cursor, _)| cursor.clone());
        let more = found.more;
        for (_, book) in found.items {
            assert_eq!(book, model[&book.id.to_string()]);
            read.push(book.id);
        }
        if !more {
            break;
        }
    }
    assert_eq!(read, expected, "{find:?}");
}

async fn play(books: &Collection<Book>, steps: Vec<Step>) {
    let mut model: BTreeMap<String, Book> = BTreeMap::new();
    let mut ids: Vec<BookId> = Vec::new();
    let known = |ids: &[BookId], n: usize| ids.get(n % ids.len().max(1)).copied().unwrap_or_else(BookId::new);
    for step in steps {
        match step {
            Step::Insert(shape) => {
                let book = shape.book(BookId::new());
                match books.insert(&book, Vec::new()).await {
                    Ok(()) => {
                        assert!(!conflicts(&model, &book));
                        ids.push(book.id);
                        model.insert(book.id.to_string(), book);
                    }
                    Err(error) => {
                        assert!(matches!(error, StoreError::Duplicate { .. }), "{error}");
                        assert!(conflicts(&model, &book));
                    }
                }
            }
            Step::Change(n, shape) => {
                let id = known(&ids, n);
                let changed = shape.book(id);
                let to = changed.clone();
                let outcome = books.update(&id, move |book, _| {
                    *book = to.clone();
                    Ok::<_, Refused>(())
                });
                match outcome.await {
                    Ok(()) => {
                        assert!(!conflicts(&model, &changed));
                        assert!(model.insert(id.to_string(), changed).is_some());
                    }
                    Err(UpdateError::NotFound) => assert!(!model.contains_key(&id.to_string())),
                    Err(error) => {
                        assert!(matches!(error, UpdateError::Store(StoreError::Duplicate { .. })), "{error}");
                        assert!(conflicts(&model, &changed));
                    }
                }
            }
            Step::Refuse(n) => {
                let id = known(&ids, n);
                let outcome = books.update(&id, |book, _| {
                    book.title.push('!');
                    Err::<(), _>(Refused)
                });
                let refused = matches!(outcome.await, Err(UpdateError::Rule(Refused)));
                assert_eq!(refused, model.contains_key(&id.to_string()));
            }
            Step::Remove(n) => {
                let id = known(&ids, n);
                assert_eq!(books.remove(&id).await.unwrap(), model.remove(&id.to_string()).is_some());
            }
            Step::Look(question) => look(books, &model, &question).await,
        }
    }
}

pub(super) async fn agrees_with_a_map(database: impl Fn() -> Box<dyn Database>) {
    // The histories are made first: the test runner is not asynchronous.
    let (cases, length) = (48, 60);
    let mut runner = TestRunner::default();
    for _ in 0..cases {
        let history = prop::collection::vec(step(), length..=length);
        let steps = history.new_tree(&mut runner).unwrap().current();
        let books = database().books().await;
        let played = AssertUnwindSafe(play(&books, steps.clone())).catch_unwind().await;
        assert!(played.is_ok(), "the history was {steps:?}");
    }
}
