//! Orders that an older version of the shop wrote.

use chrono::TimeDelta;
use kit::store::{Document, Find, Index, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    fakes::Mode,
    shop::{Shop, patient, without_reconciler},
};

/// An order as JSON, of that version.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Raw<const VERSION: u32>(Value);

impl<const VERSION: u32> Document for Raw<VERSION> {
    type Id = String;
    const COLLECTION: &'static str = "orders";
    const SCHEMA: u32 = VERSION;

    fn id(&self) -> String {
        self.0["order"]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn orders_of_the_first_version_are_read_and_finished() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let sold = ann.buys(&[(&milk, 1)]).await;
    shop.inventory.reserving(Mode::DoesAndHangs);
    let placing = tokio::spawn(async move { ann.place(&[(&milk, 4)]).await });
    let left = shop.reserving_nth(2).await;
    let file = shop.world.host().folder().join("order.db");
    shop.world.host().close().await;
    placing.abort();
    let kept = Store::sqlite(&file, Vec::new()).await.unwrap();
    let records = kept.collection::<Raw<2>>().await.unwrap().find(Find::by(&Index::ID)).await.unwrap();
    kept.close().await;

    let old = Shop::older(without_reconciler(), async |file| {
        let store = Store::sqlite(file, Vec::new()).await.unwrap();
        let orders = store.collection::<Raw<1>>().await.unwrap();
        for Raw(record) in records.into_documents() {
            assert!(
                record["order"].get("saga").is_none(),
                "a good sale has nothing that the first version had not"
            );
            orders.insert(&Raw(record), Vec::new()).await.unwrap();
        }
        store.close().await;
    })
    .await;
    assert_eq!(old.order(&sold).await["status"], "CONFIRMED");
    let query = "{ sagas(state: UNFINISHED) { nodes { orderId step } } }";
    let unfinished = old.admin().client.ask(query).await;
    assert_eq!(
        unfinished.data()["sagas"]["nodes"],
        serde_json::json!([{ "orderId": left, "step": "RESERVING" }])
    );
    old.pass(TimeDelta::seconds(61));
    let old = old.restart_with(patient()).await;
    old.until(&left, "CANCELLED").await;
}
