//! Several processes of one or of two versions on one database.

use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use mongodb::{Client, IndexModel, bson::Document as Bson};
use serde::{Deserialize, Serialize};

use super::super::super::{
    Collection, Document, Find, Index, Keys, StoreError,
    tests::lab::{Database as _, MongoDatabase},
};
use crate::testing::servers;

const BY_NAME: Index = Index::on("name", &["name"]);
const BY_LENGTH: Index = Index::on("length", &["length"]);
const ONE_PER_NAME: Index = Index::unique("one_per_name", &["name"]);

/// A person as the older version knows one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Older {
    name: String,
}

/// The same as a newer version knows one: by other indexes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newer {
    name: String,
}

impl Document for Older {
    type Id = String;
    const COLLECTION: &'static str = "people";
    const INDEXES: &'static [Index] = &[BY_NAME];
    fn id(&self) -> String {
        self.name.clone()
    }
    fn keys(&self) -> Keys {
        Keys::new().with("name", self.name.as_str())
    }
}

impl Document for Newer {
    type Id = String;
    const COLLECTION: &'static str = "people";
    const INDEXES: &'static [Index] = &[BY_LENGTH, ONE_PER_NAME];
    fn id(&self) -> String {
        self.name.clone()
    }
    fn keys(&self) -> Keys {
        let length = i64::try_from(self.name.len()).unwrap();
        Keys::new().with("name", self.name.as_str()).with("length", length)
    }
}

async fn people<D: Document>(database: &MongoDatabase) -> Collection<D> {
    database.store(Vec::new()).await.collection().await.unwrap()
}

async fn indexes(database: &MongoDatabase) -> Vec<String> {
    let client = Client::with_uri_str(servers::mongo().await).await.unwrap();
    let people = client.database(&database.name).collection::<Bson>("people");
    let indexes: Vec<IndexModel> = people.list_indexes().await.unwrap().try_collect().await.unwrap();
    let mut names: Vec<String> =
        indexes.into_iter().filter_map(|index| index.options.and_then(|options| options.name)).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_make_the_indexes_once() {
    let database = MongoDatabase::fresh();
    let older = people::<Older>(&database).await;
    for n in 0..600 {
        older.insert(&Older { name: format!("{n:03}") }, Vec::new()).await.unwrap();
    }
    // Each is a process of its own, as far as the database can tell.
    let started = futures::future::join_all((0..6).map(|_| people::<Newer>(&database))).await;
    for newer in &started {
        assert_eq!(newer.count(Find::by(&BY_LENGTH).eq(3)).await.unwrap(), 600);
        let taken = newer.insert(&Newer { name: "007".to_owned() }, Vec::new()).await.unwrap_err();
        assert!(matches!(taken, StoreError::Exists { .. }), "{taken}");
    }
    let expected = [
        "_id_",
        "people._shape",
        "people._undelivered",
        "people.length",
        "people.one_per_name",
        "people.one_per_name(name)!",
    ];
    assert_eq!(indexes(&database).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_replica_writes_later_is_found_too() {
    let database = MongoDatabase::fresh();
    let older = people::<Older>(&database).await;
    let newer = people::<Newer>(&database).await;
    older.insert(&Older { name: "late".to_owned() }, Vec::new()).await.unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while newer.count(Find::by(&BY_LENGTH).eq(4)).await.unwrap() == 0 {
        assert!(Instant::now() < until, "it is never found");
        tokio::task::yield_now().await;
    }
    // The older one goes on as before, and leaves what the newer one has made.
    assert_eq!(older.get(&"late".to_owned()).await.unwrap().unwrap().name, "late");
    assert!(indexes(&database).await.contains(&"people.length".to_owned()));
}
