//! Walks of indexes.

use super::{
    super::{Collection, Cursor, Find, Index, Key, StoreError},
    lab::{BY_ISBN, BY_SHELF, BY_SHELF_AND_TAG, BY_TAG, BY_TAG_AND_PAGES, BY_TITLE, Book, Database, Refused},
};

async fn filled(database: &dyn Database, books: &[Book]) -> Collection<Book> {
    let collection = database.books().await;
    for book in books {
        collection.insert(book, Vec::new()).await.unwrap();
    }
    collection
}

async fn titles(books: &Collection<Book>, find: Find) -> Vec<String> {
    books.find(find).await.unwrap().into_documents().into_iter().map(|book| book.title).collect()
}

fn library() -> Vec<Book> {
    vec![
        Book::new("Ulysses", "novels", 730).tagged(&["dublin"]),
        Book::new("Emma", "novels", 474).tagged(&["love", "manners"]),
        Book::new("Dubliners", "stories", 152).tagged(&["dublin"]),
        Book::new("Persuasion", "novels", 249).tagged(&["love"]),
        Book::new("Candide", "stories", 152),
    ]
}

pub(super) async fn walks_in_the_order_of_the_fields_then_the_id(database: impl Fn() -> Box<dyn Database>) {
    let books = filled(&*database(), &library()).await;
    let all = ["Candide", "Dubliners", "Emma", "Persuasion", "Ulysses"];
    assert_eq!(titles(&books, Find::by(&BY_TITLE)).await, all);
    assert_eq!(
        titles(&books, Find::by(&BY_TITLE).descending()).await,
        all.iter().rev().copied().collect::<Vec<_>>()
    );
    assert_eq!(titles(&books, Find::by(&BY_SHELF).eq("novels")).await, ["Persuasion", "Emma", "Ulysses"]);
    // Equal values: in the order of the ids, which is the order of creation.
    assert_eq!(titles(&books, Find::by(&BY_SHELF).eq("stories")).await, ["Dubliners", "Candide"]);
    assert_eq!(
        titles(&books, Find::by(&BY_SHELF).eq("stories").descending()).await,
        ["Candide", "Dubliners"]
    );
    assert_eq!(
        titles(&books, Find::by(&BY_SHELF)).await,
        ["Persuasion", "Emma", "Ulysses", "Dubliners", "Candide"]
    );
    let found = books.find(Find::by(&BY_TITLE).limit(2)).await.unwrap();
    assert!(found.more);
    assert_eq!(found.items.len(), 2);
    assert!(!books.find(Find::by(&BY_TITLE).limit(5)).await.unwrap().more);
}

pub(super) async fn ranges_and_prefixes_bound_the_walk(database: impl Fn() -> Box<dyn Database>) {
    let books = filled(&*database(), &library()).await;
    let novels = || Find::by(&BY_SHELF).eq("novels");
    assert_eq!(titles(&books, novels().from(474)).await, ["Emma", "Ulysses"]);
    assert_eq!(titles(&books, novels().to(474)).await, ["Persuasion", "Emma"]);
    assert_eq!(titles(&books, novels().below(474)).await, ["Persuasion"]);
    assert_eq!(titles(&books, novels().from(250).below(700).descending()).await, ["Emma"]);
    assert_eq!(titles(&books, Find::by(&BY_SHELF).eq("novels").eq(474)).await, ["Emma"]);
    assert_eq!(titles(&books, Find::by(&BY_TITLE).starts_with("Du")).await, ["Dubliners"]);
    assert_eq!(titles(&books, Find::by(&BY_TITLE).starts_with("")).await.len(), 5);
    assert!(titles(&books, Find::by(&BY_TITLE).starts_with("du")).await.is_empty());
    assert!(titles(&books, novels().from(800).to(700)).await.is_empty());
}

pub(super) async fn filters_narrow_the_walk(database: impl Fn() -> Box<dyn Database>) {
    let books = filled(&*database(), &library()).await;
    let all = || Find::by(&BY_TITLE);
    // With an index of the field alone, and without one.
    assert_eq!(titles(&books, all().only("tag", "dublin")).await, ["Dubliners", "Ulysses"]);
    assert_eq!(titles(&books, all().only("tag", "love").only("tag", "manners")).await, ["Emma"]);
    assert_eq!(titles(&books, all().only_any("tag", ["dublin", "manners"])).await.len(), 3);
    assert_eq!(titles(&books, all().only_any("pages", [474, 152])).await, ["Candide", "Dubliners", "Emma"]);
    assert_eq!(titles(&books, all().only_between("pages", Some(200.into()), None)).await.len(), 3);
    assert_eq!(
        titles(&books, all().only_between("pages", Some(152.into()), Some(474.into())).descending()).await,
        ["Persuasion", "Emma", "Dubliners", "Candide"]
    );
    assert_eq!(
        titles(&books, all().only_starting_with("shelf", "no").limit(2)).await,
        ["Emma", "Persuasion"]
    );
    assert_eq!(titles(&books, all().only_starting_with("tag", "man")).await, ["Emma"]);
    assert!(titles(&books, all().only_starting_with("pages", "4")).await.is_empty());
    assert!(titles(&books, all().only_any::<Key>("shelf", [])).await.is_empty());
    assert!(titles(&books, all().only("no such field", "x")).await.is_empty());
    assert_eq!(books.count(all().only("tag", "dublin")).await.unwrap(), 2);
    assert_eq!(books.count(all().only_between("pages", None, Some(152.into()))).await.unwrap(), 2);
}

/// Reads a whole list page by page, doing something between any two pages.
async fn paged(
    books: &Collection<Book>,
    find: impl Fn() -> Find,
    mut between: impl AsyncFnMut(usize),
) -> Vec<String> {
    let (mut read, mut after) = (Vec::new(), None::<Cursor>);
    for page in 0.. {
        let found = books.find(find().limit(2).after(after.clone())).await.unwrap();
        // As a client has it: a text, parsed and checked.
        after = found.items.last().map(|(cursor, _)| Cursor::parse(&cursor.to_string()).unwrap());
        if let Some(cursor) = &after {
            cursor.check(&find()).unwrap();
        }
        let more = found.more;
        read.extend(found.into_documents().into_iter().map(|book| book.title));
        if !more {
            break;
        }
        between(page).await;
    }
    read
}

pub(super) async fn pages_stay_in_place_while_documents_come_and_go(
    database: impl Fn() -> Box<dyn Database>,
) {
    for descending in [false, true] {
        let all: Vec<Book> = (0..9).map(|n| Book::new(&format!("b{n}"), "s", i64::from(n / 2))).collect();
        let books = filled(&*database(), &all).await;
        let find = || {
            let find = Find::by(&BY_SHELF).eq("s");
            if descending { find.descending() } else { find }
        };
        let mut expected: Vec<String> = all.iter().map(|book| book.title.clone()).collect();
        if descending {
            expected.reverse();
        }
        let read = paged(&books, find, async |page| {
            // What was read goes away, even the document under the cursor, and new ones come before it.
            let gone = if descending { 8 - (page * 2 + 1) } else { page * 2 + 1 };
            books.remove(&all[gone].id).await.unwrap();
            let passed = if descending { 1_000 } else { -1_000 };
            books.insert(&Book::new("new", "s", passed), Vec::new()).await.unwrap();
        })
        .await;
        assert_eq!(read, expected);
    }
}

pub(super) async fn several_values_find_a_document_by_each_and_walk_it_once(
    database: impl Fn() -> Box<dyn Database>,
) {
    let all = [
        Book::new("both", "s", 1).tagged(&["apple", "apricot"]),
        Book::new("first", "s", 2).tagged(&["apple"]),
        Book::new("last", "s", 3).tagged(&["zebra", "apricot"]),
        Book::new("none", "s", 4),
    ];
    let books = filled(&*database(), &all).await;
    for (tag, expected) in [("apple", vec!["both", "first"]), ("apricot", vec!["both", "last"])] {
        assert_eq!(titles(&books, Find::by(&BY_TAG).eq(tag)).await, expected);
        assert_eq!(titles(&books, Find::by(&BY_TAG_AND_PAGES).eq(tag)).await, expected);
    }
    // Walked in order, each stands at the first of its values within the bounds.
    assert_eq!(titles(&books, Find::by(&BY_TAG)).await, ["both", "first", "last"]);
    assert_eq!(titles(&books, Find::by(&BY_TAG).descending()).await, ["last", "both", "first"]);
    assert_eq!(titles(&books, Find::by(&BY_TAG).from("apr")).await, ["both", "last"]);
    assert_eq!(titles(&books, Find::by(&BY_TAG).below("apr").descending()).await, ["first", "both"]);
    assert_eq!(titles(&books, Find::by(&BY_TAG).starts_with("ap")).await, ["both", "first", "last"]);
    assert_eq!(
        titles(&books, Find::by(&BY_SHELF_AND_TAG).eq("s").starts_with("apr")).await,
        ["both", "last"]
    );
    assert_eq!(titles(&books, Find::by(&BY_SHELF_AND_TAG)).await, ["both", "first", "last"]);
    for find in [Find::by(&BY_TAG), Find::by(&BY_TAG).from("apr"), Find::by(&BY_SHELF_AND_TAG).eq("s")] {
        let expected = titles(&books, find.clone()).await;
        assert_eq!(paged(&books, || find.clone(), async |_| {}).await, expected);
        assert_eq!(books.count(find.clone()).await.unwrap(), expected.len() as u64);
        let backwards = titles(&books, find.clone().descending()).await;
        assert_eq!(paged(&books, || find.clone().descending(), async |_| {}).await, backwards);
    }
}

pub(super) async fn a_document_without_the_field_is_not_in_the_index(
    database: impl Fn() -> Box<dyn Database>,
) {
    let all = [Book::new("with", "s", 1).with_isbn("1"), Book::new("without", "s", 2)];
    let books = filled(&*database(), &all).await;
    assert_eq!(titles(&books, Find::by(&BY_ISBN)).await, ["with"]);
    assert_eq!(titles(&books, Find::by(&BY_TITLE)).await, ["with", "without"]);
}

pub(super) async fn refuses_what_is_not_declared(database: impl Fn() -> Box<dyn Database>) {
    static LENT: Index = Index::on("lent", &["lent"]);
    static LIKE_TITLE: Index = Index::on("title", &["shelf"]);
    let books = filled(&*database(), &library()).await;
    let cursor = books.find(Find::by(&BY_TITLE)).await.unwrap().items[0].0.clone();
    for find in [
        Find::by(&LENT),
        Find::by(&LIKE_TITLE),
        Find::by(&BY_TITLE).eq("a").eq("b"),
        Find::by(&BY_SHELF).after(Some(cursor.clone())),
        Find::by(&BY_TITLE).descending().after(Some(cursor.clone())),
        Find::by(&BY_TITLE).eq("a").after(Some(cursor.clone())),
    ] {
        let refused = books.find(find.clone()).await.unwrap_err();
        assert!(matches!(refused, StoreError::NoIndex(_)), "{find:?}: {refused}");
    }
    assert!(matches!(books.count(Find::by(&LENT)).await, Err(StoreError::NoIndex(_))));
    for text in ["", "x", "e30", "eyJvIjoiK3RpdGxlIiwiayI6W10sImkiOiJ4In0", &"a".repeat(5_000)] {
        let parsed = Cursor::parse(text).and_then(|cursor| cursor.check(&Find::by(&BY_TITLE)));
        assert!(parsed.is_err(), "{text}");
    }
}

pub(super) async fn numbers_come_before_texts(database: impl Fn() -> Box<dyn Database>) {
    use serde::{Deserialize, Serialize};
    #[derive(Clone, Serialize, Deserialize)]
    struct Mixed(String, Key);
    const BY_KEY: Index = Index::on("key", &["key"]);
    impl super::super::Document for Mixed {
        type Id = String;
        const COLLECTION: &'static str = "mixed";
        const INDEXES: &'static [Index] = &[BY_KEY];
        fn id(&self) -> String {
            self.0.clone()
        }
        fn keys(&self) -> super::super::Keys {
            super::super::Keys::new().with_all("key", [self.1.clone()])
        }
    }
    let mixed = database().store(Vec::new()).await.collection::<Mixed>().await.unwrap();
    let sorted = [
        Key::Int(i64::MIN),
        Key::Int(-5),
        Key::Int(10),
        Key::Int(i64::MAX),
        Key::from(""),
        Key::from("10"),
        Key::from("9"),
        Key::from("Z"),
        Key::from("a"),
        Key::from("it's \"quoted\"\u{0}"),
        Key::from("ä"),
        Key::from("\u{10ffff}"),
    ];
    for (n, key) in sorted.iter().enumerate().rev() {
        mixed.insert(&Mixed(format!("m'{n}"), key.clone()), Vec::new()).await.unwrap();
    }
    let found = mixed.find(Find::by(&BY_KEY)).await.unwrap().into_documents();
    assert_eq!(found.into_iter().map(|mixed| mixed.1).collect::<Vec<_>>(), sorted);
    for (n, key) in sorted.iter().enumerate() {
        let found = mixed.find(Find { prefix: vec![key.clone()], ..Find::by(&BY_KEY) }).await.unwrap();
        assert_eq!(found.into_documents()[0].0, format!("m'{n}"));
        assert_eq!(mixed.count(Find::by(&Index::ID).only("key", key.clone())).await.unwrap(), 1);
        let rest = mixed.find(Find { lower: Some(key.clone()), ..Find::by(&BY_KEY) }).await.unwrap();
        assert_eq!(rest.items.len(), sorted.len() - n);
    }
}

pub(super) async fn walks_the_ids_themselves(database: impl Fn() -> Box<dyn Database>) {
    let all = library();
    let books = filled(&*database(), &all).await;
    let created: Vec<String> = all.iter().map(|book| book.title.clone()).collect();
    assert_eq!(titles(&books, Find::by(&Index::ID)).await, created);
    assert_eq!(paged(&books, || Find::by(&Index::ID), async |_| {}).await, created);
    let backwards: Vec<String> = created.iter().rev().cloned().collect();
    assert_eq!(paged(&books, || Find::by(&Index::ID).descending(), async |_| {}).await, backwards);
    let from = Find::by(&Index::ID).from(all[3].id.to_string());
    assert_eq!(titles(&books, from).await, created[3..]);
    assert_eq!(titles(&books, Find::by(&Index::ID).only("shelf", "stories")).await, ["Dubliners", "Candide"]);
}

pub(super) async fn counts_what_it_would_find(database: impl Fn() -> Box<dyn Database>) {
    let books = filled(&*database(), &library()).await;
    assert_eq!(books.count(Find::by(&Index::ID)).await.unwrap(), 5);
    assert_eq!(books.count(Find::by(&BY_SHELF).eq("novels").from(300).limit(1)).await.unwrap(), 2);
    let cursor = books.find(Find::by(&BY_TITLE)).await.unwrap().items[2].0.clone();
    assert_eq!(books.count(Find::by(&BY_TITLE).after(Some(cursor))).await.unwrap(), 5);
}

pub(super) async fn an_update_moves_the_document_in_every_index(database: impl Fn() -> Box<dyn Database>) {
    let all = library();
    let books = filled(&*database(), &all).await;
    let rule = |book: &mut Book, _: &mut crate::store::Outbox<'_>| {
        book.title = "Zuleika".to_owned();
        book.tags = vec!["love".to_owned(), "oxford".to_owned(), "zeal".to_owned()];
        Ok::<_, Refused>(())
    };
    books.update(&all[1].id, rule).await.unwrap();
    assert_eq!(titles(&books, Find::by(&BY_TITLE).from("U")).await, ["Ulysses", "Zuleika"]);
    assert!(titles(&books, Find::by(&BY_TAG).eq("manners")).await.is_empty());
    assert_eq!(titles(&books, Find::by(&BY_TAG).eq("oxford")).await, ["Zuleika"]);
    assert_eq!(titles(&books, Find::by(&BY_TAG).from("love").to("z")).await, ["Zuleika", "Persuasion"]);
}
