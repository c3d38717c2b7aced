//! Every kind of damage that `larder check` claims to find, planted into the data of a shop that has traded: it finds exactly that.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use kit::{bus::Event, testing::servers::Raw};
use larder::check::Kind as Damage;
use serde_json::{Value, json};

use crate::running::{Kind, Running, larder, on_both_shops};

on_both_shops!(each_kind_of_damage_is_found_and_nothing_else);

/// What was done before: the products and orders that the damage is done to.
#[derive(Debug)]
struct Traded {
    /// Nobody bought any.
    untouched: String,
    /// Bought by `sold` and `another`, who used a key each.
    bought: String,
    sold: String,
    another: String,
    /// Bought, cancelled, and its stock went back.
    cancelled: String,
    /// PENDING, and its stock is held.
    pending: String,
    held: String,
}

const BUY: &str = "mutation($p: [OrderProductInput]!, $k: String) { placeOrder(products: $p, idempotencyKey: $k) { _id status } }";

/// Trades a little.
async fn trade(shop: &Running, faults: &std::path::Path) -> Traded {
    let (untouched, bought) = (shop.product("Untouched", 40).await, shop.product("Bought", 40).await);
    let held = shop.product("Held", 40).await;
    let query = "mutation { registerUser(input: { username: \"trader\", password: \"a long password\" }) { access_token } }";
    let answer = shop.nobody().ask(query).await;
    let buyer = shop.nobody().bearer(answer.data()["registerUser"]["access_token"].as_str().unwrap());
    let buy = async |key: &str| {
        let lines = json!([{ "_id": bought, "quantity": 2 }]);
        let answer = buyer.send(BUY, json!({ "p": lines, "k": key })).await;
        answer.data()["placeOrder"]["_id"].as_str().unwrap().to_owned()
    };
    let (sold, another, cancelled) = (buy("one").await, buy("another").await, buy("third").await);
    let cancel = "mutation($id: ID!) { cancelOrder(id: $id) { status } }";
    assert_eq!(
        buyer.send(cancel, json!({ "id": cancelled })).await.data()["cancelOrder"]["status"],
        "CANCELLED"
    );
    // Interrupted once its stock is held.
    std::fs::write(faults.join("order.place.held"), "error").unwrap();
    let lines = json!([{ "_id": held, "quantity": 3 }]);
    assert_eq!(buyer.send(BUY, json!({ "p": lines, "k": null })).await.code(), "UNAVAILABLE");
    let pending = "{ orders { _id status } }";
    let pending = buyer.ask(pending).await.data()["orders"][0].clone();
    assert_eq!(pending["status"], "PENDING");
    let pending = pending["_id"].as_str().unwrap().to_owned();
    Traded { untouched, bought, sold, another, cancelled, pending, held }
}

/// A copy of the shop's data, which nobody serves.
struct Copy {
    args: Vec<String>,
    catalog: Raw,
    inventory: Raw,
    order: Raw,
    _folder: Option<tempfile::TempDir>,
}

/// Where the data is that is copied.
#[derive(Clone)]
enum Source {
    Folder(PathBuf),
    /// The server, and what the databases' names begin with.
    Mongo(String, String),
}

impl Source {
    async fn copy(&self, name: &str) -> Copy {
        match self {
            Self::Folder(data) => {
                let folder = tempfile::tempdir().unwrap();
                let copy = folder.path().join("data");
                kit::backup::copy_folder(data, &copy).unwrap();
                let open = |service: &str| Raw::sqlite(&copy.join(format!("{service}.db")));
                let args = vec!["--data".to_owned(), copy.display().to_string()];
                let (catalog, inventory, order) = (open("catalog"), open("inventory"), open("order"));
                Copy { args, catalog, inventory, order, _folder: Some(folder) }
            }
            Self::Mongo(url, prefix) => {
                let to = format!("damaged_{}_{name}_", std::process::id());
                let copied = async |service: &str| {
                    Raw::copied(url, &format!("{prefix}{service}"), &format!("{to}{service}")).await
                };
                let args = ["--store", url, "--prefix", &to].map(str::to_owned).to_vec();
                let (catalog, inventory) = (copied("catalog").await, copied("inventory").await);
                Copy { args, catalog, inventory, order: copied("order").await, _folder: None }
            }
        }
    }
}

impl Copy {
    /// What `larder check` finds here.
    async fn found(&self) -> (i32, BTreeSet<String>, String) {
        let mut check = larder();
        check.arg("check").args(&self.args);
        let output = tokio::task::spawn_blocking(move || check.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let kinds =
            text.lines().filter_map(|line| Some(line.split_once("  ")?.1.split_once(": ")?.0.to_owned()));
        let text = text.clone() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), kinds.collect(), text)
    }

    async fn done(self) {
        for raw in [&self.catalog, &self.inventory, &self.order] {
            raw.drop_database().await;
        }
    }
}

async fn body(raw: &Raw, collection: &str, id: &str) -> Value {
    let all = raw.documents(collection).await;
    all.into_iter().find(|(one, _)| one == id).unwrap_or_else(|| panic!("no {collection}/{id}")).1
}

async fn edit(raw: &Raw, collection: &str, id: &str, change: impl FnOnce(&mut Value)) {
    let mut body = body(raw, collection, id).await;
    change(&mut body);
    raw.put(collection, id, &body).await;
}

impl Copy {
    async fn edit_order(&self, id: &str, change: impl FnOnce(&mut Value)) {
        edit(&self.order, "orders", id, |body| change(&mut body["order"])).await;
    }

    async fn edit_stock(&self, product: &str, change: impl FnOnce(&mut Value)) {
        edit(&self.inventory, "stocks", product, change).await;
    }

    /// Changes the movement of that kind of a product, for that order where one is given.
    async fn edit_movement(
        &self,
        product: &str,
        (kind, order): (&str, Option<&str>),
        change: impl FnOnce(&mut Value),
    ) {
        let all = self.inventory.documents("movements").await;
        let (id, mut body) = all
            .into_iter()
            .find(|(_, body)| {
                let moved = &body["moved"];
                body["product"] == product && moved["kind"] == kind && moved["order"].as_str() == order
            })
            .unwrap();
        change(&mut body["moved"]);
        self.inventory.put("movements", &id, &body).await;
    }

    /// Whether inventory has heard of everything that was decided.
    async fn is_settled(&self, traded: &Traded) -> bool {
        let stock = body(&self.inventory, "stocks", &traded.bought).await;
        let ledger = self.inventory.documents("movements").await;
        let of_stock = ledger.iter().filter(|(_, body)| body["product"] == traded.bought.as_str());
        stock.get("holds").is_none() && of_stock.count() as u64 == stock["seq"].as_u64().unwrap()
    }

    /// Puts off what would be due while this test runs: it takes longer than an order may be PENDING.
    async fn prepare(&self, traded: &Traded) {
        let later = Utc::now() + TimeDelta::hours(1);
        self.edit_order(&traded.pending, |order| order["placed_at"] = json!(later)).await;
        self.expire(traded, later).await;
    }

    async fn expire(&self, traded: &Traded, at: DateTime<Utc>) {
        let hold =
            |stock: &mut Value| stock["holds"][&traded.pending]["expires_at"] = json!(at.timestamp_micros());
        self.edit_stock(&traded.held, hold).await;
    }

    /// Does the damage, and says what else is then wrong.
    async fn damage(&self, kind: Damage, traded: &Traded) -> Vec<Damage> {
        let long_ago = Utc::now() - TimeDelta::minutes(10);
        let plus = |value: &mut Value, more: i64| *value = json!(value.as_i64().unwrap() + more);
        match kind {
            Damage::NegativeLevel => {
                // Of one mind, and wrong.
                self.edit_stock(&traded.untouched, |stock| {
                    (stock["onHand"], stock["received"]) = (json!(-1), json!(-1));
                })
                .await;
                self.edit_movement(&traded.untouched, ("RECEIVE", None), |moved| {
                    (moved["quantity"], moved["onHand"], moved["available"]) =
                        (json!(-1), json!(-1), json!(-1));
                })
                .await;
            }
            Damage::UnbalancedStock => {
                self.edit_stock(&traded.untouched, |stock| plus(&mut stock["received"], 1)).await;
                return vec![Damage::LedgerMismatch];
            }
            Damage::LedgerMismatch => {
                self.edit_stock(&traded.untouched, |stock| {
                    plus(&mut stock["received"], 1);
                    plus(&mut stock["onHand"], 1);
                })
                .await;
            }
            Damage::LedgerGap => {
                self.edit_movement(&traded.bought, ("HOLD", Some(&traded.sold)), |moved| {
                    plus(&mut moved["available"], 1);
                })
                .await;
            }
            Damage::SoldToNobody => {
                self.edit_movement(&traded.bought, ("COMMIT", Some(&traded.sold)), |moved| {
                    moved["order"] = Value::Null;
                })
                .await;
                return vec![Damage::UnsoldOrder];
            }
            Damage::UndecidedOrder => {
                self.edit_order(&traded.pending, |order| order["placed_at"] = json!(long_ago)).await;
            }
            Damage::UnsoldOrder => {
                self.edit_order(&traded.cancelled, |order| order["status"] = json!("CONFIRMED")).await;
            }
            Damage::SoldAfterEnd => {
                self.edit_order(&traded.sold, |order| order["status"] = json!("CANCELLED")).await;
            }
            Damage::SoldWithoutOrder => self.order.remove("orders", &traded.sold).await,
            Damage::HeldWithoutOrder => self.order.remove("orders", &traded.pending).await,
            Damage::ForgottenHold => self.expire(traded, long_ago).await,
            Damage::UnreturnedStock => {
                let owed = json!({ "releaseDue": long_ago });
                self.edit_order(&traded.cancelled, |order| order["saga"] = owed).await;
            }
            Damage::DuplicateKey => {
                self.edit_order(&traded.another, |order| order["key"] = json!("one")).await;
            }
            Damage::UnfinishedProduct => {
                edit(&self.catalog, "products", &traded.untouched, |product| {
                    product["status"] = json!("DRAFT");
                })
                .await;
                let due = long_ago.timestamp_micros();
                self.catalog.enter("products", &traded.untouched, ("unfinished", "due"), due).await;
            }
            Damage::MissingStock => self.inventory.remove("stocks", &traded.untouched).await,
            Damage::MissingProduct => self.catalog.remove("products", &traded.untouched).await,
            Damage::StuckEvent => {
                let event = Event::new("order.placed", &traded.sold, long_ago, &json!({}));
                self.order.leave("orders", &traded.sold, &event).await;
            }
        }
        Vec::new()
    }
}

async fn each_kind_of_damage_is_found_and_nothing_else(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let environment = [(kit::fault::VARIABLE, folder.path().to_str().unwrap())];
    let shop = Running::traded_in(kind, &environment);
    let traded = Arc::new(trade(&shop, folder.path()).await);
    let source = match kind {
        Kind::Standalone => Source::Folder(shop.data().to_owned()),
        Kind::Cluster => {
            let store = std::fs::read_to_string(shop.data().join("secrets/order/store")).unwrap();
            let (server, database) = store.trim().rsplit_once('/').unwrap();
            Source::Mongo(format!("{server}/"), database.strip_suffix("order").unwrap().to_owned())
        }
    };
    // One copy while the shop runs, of which all others are made: what is in it stays as it is.
    let whole = loop {
        let whole = source.copy("whole").await;
        if whole.is_settled(&traded).await {
            break whole;
        }
        whole.done().await;
    };
    whole.prepare(&traded).await;
    let source = match source {
        Source::Folder(_) => Source::Folder(whole._folder.as_ref().unwrap().path().join("data")),
        Source::Mongo(server, _) => Source::Mongo(server, whole.args[3].clone()),
    };
    let rows = Damage::ALL.iter().map(|&damage| {
        let (source, traded) = (source.clone(), traded.clone());
        async move {
            let copy = source.copy(damage.name()).await;
            let mut expected: BTreeSet<_> =
                copy.damage(damage, &traded).await.into_iter().map(|kind| kind.name().to_owned()).collect();
            expected.insert(damage.name().to_owned());
            let (code, found, text) = copy.found().await;
            copy.done().await;
            assert_eq!((code, &found), (1, &expected), "{damage:?}: {text}");
        }
    });
    let (undamaged, _) = tokio::join!(whole.found(), join_all(rows));
    assert_eq!((undamaged.0, undamaged.1.len()), (0, 0), "{}", undamaged.2);
    whole.done().await;
}
