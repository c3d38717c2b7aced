//! A service's database as it lies there, past everything that guards it: for tests that damage it to see whether that is found.

use std::path::Path;

use mongodb::{
    Client, Collection, Database,
    bson::{Document, doc},
};
use parking_lot::Mutex;
use rusqlite::Connection;
use serde_json::Value;

use crate::bus::Event;

/// A database of one service that nobody serves.
pub enum Raw {
    /// A file of SQLite.
    Sqlite(Mutex<Connection>),
    /// A database of MongoDB.
    Mongo(Database),
}

impl Raw {
    /// The file of a service in a data folder.
    pub fn sqlite(path: &Path) -> Self {
        Self::Sqlite(Mutex::new(Connection::open(path).unwrap()))
    }

    /// A copy of a database of MongoDB under another name.
    pub async fn copied(url: &str, from: &str, to: &str) -> Self {
        let client = Client::with_uri_str(url).await.unwrap();
        let (from, to) = (client.database(from), client.database(to));
        for name in from.list_collection_names().await.unwrap() {
            let mut found = from.collection::<Document>(&name).find(doc! {}).await.unwrap();
            let mut all = Vec::new();
            while found.advance().await.unwrap() {
                all.push(found.deserialize_current().unwrap());
            }
            if !all.is_empty() {
                to.collection::<Document>(&name).insert_many(all).await.unwrap();
            }
        }
        Self::Mongo(to)
    }

    /// Every document of a collection: its id and its body.
    pub async fn documents(&self, collection: &str) -> Vec<(String, Value)> {
        let read = |id: String, body: String| (id, serde_json::from_str(&body).unwrap());
        match self {
            Self::Sqlite(connection) => {
                let connection = connection.lock();
                let mut statement = connection
                    .prepare(&format!("SELECT id, body FROM \"{collection}\" ORDER BY id"))
                    .unwrap();
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                rows.map(|row| row.unwrap()).map(|(id, body)| read(id, body)).collect()
            }
            Self::Mongo(database) => {
                let mut found = documents(database, collection).find(doc! {}).await.unwrap();
                let mut all = Vec::new();
                while found.advance().await.unwrap() {
                    let one: Document = found.deserialize_current().unwrap();
                    let text = |name: &str| one.get_str(name).unwrap().to_owned();
                    all.push(read(text("_id"), text("b")));
                }
                all.sort_by(|(one, _), (other, _)| one.cmp(other));
                all
            }
        }
    }

    /// Puts another body in a document's place. What it is found by stays as it was.
    pub async fn put(&self, collection: &str, id: &str, body: &Value) {
        let changed = match self {
            Self::Sqlite(connection) => {
                let sql = format!("UPDATE \"{collection}\" SET body = ?2 WHERE id = ?1");
                connection.lock().execute(&sql, (id, body.to_string())).unwrap() as u64
            }
            Self::Mongo(database) => set(database, collection, id, doc! { "b": body.to_string() }).await,
        };
        assert_eq!(changed, 1, "{collection}/{id}");
    }

    /// Takes a document away.
    pub async fn remove(&self, collection: &str, id: &str) {
        match self {
            Self::Sqlite(connection) => {
                let connection = connection.lock();
                let sql = "SELECT name FROM _indexes WHERE collection = ?1";
                let mut statement = connection.prepare(sql).unwrap();
                let indexes = statement.query_map([collection], |row| row.get::<_, String>(0)).unwrap();
                for index in indexes {
                    let sql = format!("DELETE FROM \"{collection}.{}\" WHERE id = ?1", index.unwrap());
                    connection.execute(&sql, [id]).unwrap();
                }
                let sql = format!("DELETE FROM \"{collection}\" WHERE id = ?1");
                assert_eq!(connection.execute(&sql, [id]).unwrap(), 1);
            }
            Self::Mongo(database) => {
                let removed = documents(database, collection).delete_one(doc! { "_id": id }).await.unwrap();
                assert_eq!(removed.deleted_count, 1);
            }
        }
    }

    /// Enters a document in an index of one number.
    pub async fn enter(&self, collection: &str, id: &str, (index, field): (&str, &str), value: i64) {
        match self {
            Self::Sqlite(connection) => {
                let sql = format!("INSERT INTO \"{collection}.{index}\" (f0, id) VALUES (?1, ?2)");
                connection.lock().execute(&sql, (value, id)).unwrap();
            }
            Self::Mongo(database) => {
                let key = format!("0{:016x}", value.cast_unsigned() ^ (1 << 63));
                assert_eq!(set(database, collection, id, doc! { format!("k.{field}"): key }).await, 1);
            }
        }
    }

    /// Leaves an event in a document's envelope.
    pub async fn leave(&self, collection: &str, id: &str, event: &Event) {
        let outbox = serde_json::to_string(&[event]).unwrap();
        match self {
            Self::Sqlite(connection) => {
                let sql = format!("UPDATE \"{collection}\" SET outbox = ?2 WHERE id = ?1");
                assert_eq!(connection.lock().execute(&sql, (id, outbox)).unwrap(), 1);
            }
            Self::Mongo(database) => {
                assert_eq!(set(database, collection, id, doc! { "o": outbox, "p": id }).await, 1);
            }
        }
    }

    /// Takes a database of MongoDB away.
    pub async fn drop_database(&self) {
        if let Self::Mongo(database) = self {
            database.drop().await.unwrap();
        }
    }
}

fn documents(database: &Database, collection: &str) -> Collection<Document> {
    database.collection(collection)
}

async fn set(database: &Database, collection: &str, id: &str, fields: Document) -> u64 {
    let update = doc! { "$set": fields };
    documents(database, collection).update_one(doc! { "_id": id }, update).await.unwrap().matched_count
}
