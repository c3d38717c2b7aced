//! Versions of documents, indexes that come and go, and copies of the whole.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    super::{
        Collection, Document, Find, Index, Keys, Outbox, StoreError, UpdateError,
        engine::{CollectionSpec, Envelope},
    },
    lab::{Database, Refused},
};

/// A person, as three versions of a program know one.
macro_rules! person {
    ($name:ident, $version:literal, $indexes:expr, { $($field:ident: $type:ty),* }, $keys:expr) => {
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        struct $name {
            id: String,
            $($field: $type),*
        }

        impl Document for $name {
            type Id = String;
            const COLLECTION: &'static str = "people";
            const SCHEMA: u32 = $version;
            const INDEXES: &'static [Index] = $indexes;
            fn id(&self) -> String {
                self.id.clone()
            }
            fn keys(&self) -> Keys {
                let keys: fn(&Self) -> Keys = $keys;
                keys(self)
            }
            fn migrate(from: u32, body: Value) -> Result<Value, String> {
                upgrade(from, body)
            }
        }
    };
}

/// 1 → 2: one name becomes two. 2 → 3: there is an age.
fn upgrade(from: u32, mut body: Value) -> Result<Value, String> {
    match from {
        1 => {
            let name = body["name"].as_str().ok_or("no name")?.to_owned();
            let (first, last) = name.split_once(' ').ok_or("not two names")?;
            Ok(json!({ "id": body["id"], "first": first, "last": last }))
        }
        2 => {
            body["age"] = json!(30);
            Ok(body)
        }
        _ => Err(format!("unknown version {from}")),
    }
}

const BY_NAME: Index = Index::on("name", &["name"]);
const BY_LAST: Index = Index::on("last", &["last", "first"]);
const BY_AGE: Index = Index::on("age", &["age"]);
const ONE_PER_NAME: Index = Index::unique("one_per_name", &["name"]);

person!(First, 1, &[BY_NAME], { name: String }, |p| Keys::new().with("name", p.name.as_str()));
person!(Aged, 1, &[BY_NAME, BY_AGE], { name: String }, |p| {
    Keys::new().with("name", p.name.as_str()).with_all("age", [i64::try_from(p.name.len()).unwrap(), 1_000])
});
person!(Lone, 1, &[ONE_PER_NAME], { name: String }, |p| Keys::new().with("name", p.name.as_str()));
person!(Second, 2, &[BY_NAME], { first: String, last: String }, |p| Keys::new()
    .with("name", p.last.as_str())
    .with("first", p.first.as_str()));
person!(Third, 3, &[BY_LAST], { first: String, last: String, age: u32 }, |p| {
    Keys::new().with("last", p.last.as_str()).with("first", p.first.as_str())
});

async fn people<D: Document>(database: &dyn Database) -> Result<Collection<D>, StoreError> {
    database.store(Vec::new()).await.collection().await
}

async fn first_people(database: &dyn Database, names: &[&str]) {
    let people = people::<First>(database).await.unwrap();
    for name in names {
        let person = First { id: (*name).to_owned(), name: (*name).to_owned() };
        people.insert(&person, Vec::new()).await.unwrap();
    }
}

/// The envelope as it is kept.
async fn kept<D: Document + DeserializeOwned>(database: &dyn Database, id: &str) -> Envelope {
    let spec = CollectionSpec {
        name: D::COLLECTION,
        schema: D::SCHEMA,
        indexes: D::INDEXES,
        keys: |_, _| Ok(Keys::new()),
    };
    database.engine().await.get(spec, vec![id.to_owned()]).await.unwrap().remove(0)
}

pub(super) async fn older_documents_are_brought_up_when_read(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    first_people(&*database, &["Ada Lovelace"]).await;
    let people = people::<Third>(&*database).await.unwrap();
    let ada = people.get(&"Ada Lovelace".to_owned()).await.unwrap().unwrap();
    assert_eq!((ada.first.as_str(), ada.last.as_str(), ada.age), ("Ada", "Lovelace", 30));
    let found = people.find(Find::by(&BY_LAST).eq("Lovelace")).await.unwrap().into_documents();
    assert_eq!(found, [ada]);
    assert_eq!(kept::<Third>(&*database, "Ada Lovelace").await.schema, 1, "reading does not write");
}

pub(super) async fn older_documents_are_written_as_new_with_the_next_change(
    database: impl Fn() -> Box<dyn Database>,
) {
    let database = database();
    first_people(&*database, &["Ada Lovelace"]).await;
    let people = people::<Third>(&*database).await.unwrap();
    let id = "Ada Lovelace".to_owned();
    people.update(&id, |_, _| Ok::<_, Refused>(())).await.unwrap();
    assert_eq!(kept::<Third>(&*database, &id).await.schema, 1, "no change, no write");
    let grow = |person: &mut Third, _: &mut Outbox<'_>| {
        person.age += 1;
        Ok::<_, Refused>(person.age)
    };
    assert_eq!(people.update(&id, grow).await.unwrap(), 31);
    let envelope = kept::<Third>(&*database, &id).await;
    assert_eq!((envelope.schema, envelope.version), (3, 2));
    assert_eq!(people.get(&id).await.unwrap().unwrap().age, 31);
}

pub(super) async fn newer_documents_are_refused(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let old = people::<First>(&*database).await.unwrap();
    first_people(&*database, &["Ada Lovelace"]).await;
    // Another process is newer, and writes while the old one runs.
    let new = people::<Third>(&*database).await.unwrap();
    let grow = |person: &mut Third, _: &mut Outbox<'_>| {
        person.age += 1;
        Ok::<_, Refused>(())
    };
    let id = "Ada Lovelace".to_owned();
    new.update(&id, grow).await.unwrap();
    let error = old.get(&id).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 3, known: 1, .. }), "{error}");
    let error = old.update(&id, |_, _| Ok::<_, Refused>(())).await.unwrap_err();
    assert!(matches!(error, UpdateError::Store(StoreError::Newer { .. })), "{error}");
    assert_eq!(new.get(&id).await.unwrap().unwrap().age, 31);
}

pub(super) async fn a_newer_collection_is_refused(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    people::<Third>(&*database).await.unwrap();
    let error = people::<First>(&*database).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 3, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("people"), "{error}");
}

pub(super) async fn a_new_index_is_filled_and_an_old_one_dropped(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    let names: Vec<String> = (0..700).map(|n| format!("{:01$} x", n, 1 + n % 7)).collect();
    first_people(&*database, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let aged = people::<Aged>(&*database).await.unwrap();
    assert_eq!(aged.count(Find::by(&BY_AGE).below(1_000)).await.unwrap(), 700);
    let short = names.iter().filter(|name| name.len() == 5).count() as u64;
    assert_eq!(aged.count(Find::by(&BY_AGE).eq(5)).await.unwrap(), short);
    assert_eq!(aged.count(Find::by(&BY_NAME)).await.unwrap(), 700);
    // The older program drops it again, and nothing is left of it that could be out of date.
    let first = people::<First>(&*database).await.unwrap();
    first.insert(&First { id: "new".to_owned(), name: "n".to_owned() }, Vec::new()).await.unwrap();
    let aged = people::<Aged>(&*database).await.unwrap();
    assert_eq!(aged.count(Find::by(&BY_AGE).eq(1)).await.unwrap(), 1);
    assert_eq!(aged.count(Find::by(&BY_AGE)).await.unwrap(), 701);
}

pub(super) async fn a_raised_schema_renews_the_keys(database: impl Fn() -> Box<dyn Database>) {
    let database = database();
    first_people(&*database, &["Ada Lovelace", "Mary Lovelace", "Grace Hopper"]).await;
    // The index is the same; what is in it is not.
    let people = people::<Second>(&*database).await.unwrap();
    assert_eq!(people.count(Find::by(&BY_NAME).eq("Ada Lovelace")).await.unwrap(), 0);
    let found = people.find(Find::by(&BY_NAME).eq("Lovelace")).await.unwrap().into_documents();
    assert_eq!(found.into_iter().map(|person| person.first).collect::<Vec<_>>(), ["Ada", "Mary"]);
    let filtered = Find::by(&Index::ID).only("first", "Grace");
    assert_eq!(people.count(filtered).await.unwrap(), 1);
}

pub(super) async fn a_new_unique_index_refuses_documents_that_conflict(
    database: impl Fn() -> Box<dyn Database>,
) {
    let database = database();
    let first = people::<First>(&*database).await.unwrap();
    for id in ["1", "2"] {
        first.insert(&First { id: id.to_owned(), name: "same".to_owned() }, Vec::new()).await.unwrap();
    }
    let error = people::<Lone>(&*database).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate { index: "one_per_name", .. }), "{error}");
    // Nothing of it is left: the older program goes on, and once it is mended the newer one opens.
    let first = people::<First>(&*database).await.unwrap();
    assert_eq!(first.count(Find::by(&BY_NAME).eq("same")).await.unwrap(), 2);
    first.remove(&"2".to_owned()).await.unwrap();
    people::<Lone>(&*database).await.unwrap();
}
