//! Random histories of several products and orders, through the endpoint: whatever is asked in whatever order, together and
//! again, nothing is sold that is not there, and the books agree.

use futures::future::join_all;
use inventory::{OrderId, ProductId};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::shop::Shop;

#[derive(Debug, Clone)]
enum Act {
    Reserve(usize, Vec<(usize, i64)>),
    Commit(usize),
    Release(usize),
    Adjust(usize, i64),
    Restock(usize, i64),
}

const PRODUCTS: usize = 3;
const ORDERS: usize = 8;

fn act() -> impl Strategy<Value = Act> {
    let line = (0..PRODUCTS, 1..4_i64);
    prop_oneof![
        4 => (0..ORDERS, prop::collection::vec(line, 1..4)).prop_map(|(order, lines)| Act::Reserve(order, lines)),
        2 => (0..ORDERS).prop_map(Act::Commit),
        2 => (0..ORDERS).prop_map(Act::Release),
        1 => (0..PRODUCTS, 0..8_i64).prop_map(|(product, to)| Act::Adjust(product, to)),
        1 => (0..PRODUCTS, 1..4_i64).prop_map(|(product, count)| Act::Restock(product, count)),
    ]
}

/// Acts in groups: those of one group are sent at the same time.
fn history() -> impl Strategy<Value = Vec<Vec<Act>>> {
    prop::collection::vec(prop::collection::vec(act(), 1..6), 1..10)
}

async fn send(shop: &Shop, products: &[ProductId], orders: &[OrderId], act: &Act) {
    let answer = match act {
        Act::Reserve(order, lines) => {
            let lines: Vec<_> = lines.iter().map(|(product, count)| (products[*product], *count)).collect();
            shop.reserve(orders[*order], &lines).await
        }
        Act::Commit(order) => shop.commit(orders[*order], products).await,
        Act::Release(order) => shop.release(orders[*order], products).await,
        Act::Adjust(product, to) => {
            let seen = shop.quantity(products[*product]).await;
            shop.adjust(products[*product], seen, *to).await
        }
        Act::Restock(product, count) => {
            let restock =
                "mutation($p: ID!, $n: Int!) { restock(input: { product: $p, quantity: $n }) { available } }";
            shop.admin()
                .send(restock, serde_json::json!({ "p": products[*product].to_string(), "n": count }))
                .await
        }
    };
    // Refusals are part of life; faults of ours are not.
    if answer.body.get("errors").is_some() {
        assert!(["CONFLICT", "OUT_OF_STOCK"].contains(&answer.code()), "{act:?}: {}", answer.body);
    }
}

#[test]
fn the_books_agree_after_any_history() {
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let outcome = runner.run(&(history(), any::<bool>()), |(history, restarts)| {
        runtime.block_on(async {
            let mut shop = Shop::open().await;
            let mut products = Vec::new();
            for count in [2, 5, 9] {
                products.push(shop.product(count).await);
            }
            let orders: Vec<_> = (0..ORDERS).map(|_| OrderId::new()).collect();
            for (i, group) in history.iter().enumerate() {
                join_all(group.iter().map(|act| send(&shop, &products, &orders, act))).await;
                // Everything once more: late repeats, with their movements in the envelope or in the ledger.
                if i % 2 == 0 {
                    shop.world.host().settled().await;
                }
                let repeats = group.iter().filter(|act| matches!(act, Act::Commit(_) | Act::Release(_)));
                join_all(repeats.map(|act| send(&shop, &products, &orders, act))).await;
            }
            if restarts {
                shop = shop.reopened().await;
            }
            for account in shop.accounts().await {
                let read = shop.quantity(account.product).await;
                assert_eq!(read, account.on_hand - account.held);
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
