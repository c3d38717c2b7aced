//! What `larder check` reads.

use chrono::TimeDelta;
use kit::{clock::Clock, store::Store};
use order::OrderStatus;

use crate::{
    fakes::Mode,
    shop::{Shop, without_reconciler},
};

#[tokio::test]
async fn lists_every_order_and_how_long_it_has_been_left_pending() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let sold = ann.buys(&[(&milk, 2), (&milk, 1)]).await;
    // The ledger goes by the machine's clock: this order is placed a quarter of an hour ago by it.
    let behind = Clock::system().now() - shop.world.clock().now();
    shop.pass(behind - TimeDelta::minutes(15));
    shop.inventory.reserving(Mode::DoesAndHangs);
    let late = shop.customer("bob");
    let placing = tokio::spawn({
        let milk = milk.clone();
        async move { late.place(&[(&milk, 1)]).await }
    });
    let left = shop.reserving_nth(2).await;

    let accounts = shop.ledger().await;
    let ids: Vec<_> = accounts.iter().map(|account| account.id.to_string()).collect();
    assert_eq!(ids, [sold, left]);
    assert_eq!((accounts[0].status, accounts[0].overdue), (OrderStatus::Confirmed, None));
    assert_eq!(accounts[0].lines.len(), 1);
    assert_eq!((accounts[0].lines[0].0.to_string(), accounts[0].lines[0].1.get()), (milk, 3));
    assert_eq!(accounts[1].status, OrderStatus::Pending);
    let overdue = accounts[1].overdue.unwrap();
    assert!((TimeDelta::minutes(13)..TimeDelta::minutes(16)).contains(&overdue), "{overdue}");
    placing.abort();
}

#[tokio::test]
async fn reads_a_store_that_nobody_serves() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 1_000);
    let ann = shop.customer("ann");
    for _ in 0..30 {
        ann.buys(&[(&milk, 1)]).await;
    }
    let file = shop.world.host().folder().join("order.db");
    shop.world.host().close().await;
    let store = Store::sqlite(file, Vec::new()).await.unwrap();
    let accounts = order::ledger(&store).await.unwrap();
    assert_eq!(accounts.len(), 30);
    assert!(accounts.iter().all(|account| account.status.is_sold()));
    store.close().await;
}
