//! What cannot be arranged from outside: movements that leave the envelope between the two looks at the past, and the number of reads.

use chrono::TimeDelta;
use futures::future::join_all;
use kit::{service::Context, testing::World};

use super::{reserve::Shelf as _, *};
use crate::{
    SERVICE,
    domain::{
        OrderId,
        lines::{Line, Lines},
        stock::Ask,
    },
};

async fn open_one() -> (World, Context, Arc<Inventory>) {
    let world = World::start().await;
    let ctx = world.context(&SERVICE).await;
    let inventory = Inventory::open(&ctx, &Config::default()).await.unwrap();
    (world, ctx, inventory)
}

fn pieces(count: i64) -> Quantity {
    Quantity::new(count).unwrap()
}

fn ask(inventory: &Inventory, product: ProductId, order: OrderId) -> (Lines, Ask) {
    let lines = Lines::merged([Line { product, quantity: pieces(1) }]).unwrap();
    let now = inventory.now();
    let expires_at = now + TimeDelta::minutes(1);
    let ask = Ask { order, quantity: pieces(1), lines: lines.fingerprint(), expires_at, now };
    (lines, ask)
}

#[tokio::test]
async fn a_movement_that_slips_into_the_ledger_between_the_looks_is_not_missed() {
    let (_world, ctx, inventory) = open_one().await;
    let (product, order) = (ProductId::new(), OrderId::new());
    inventory.create(product, pieces(5)).await.unwrap();
    let cause = Cause::Order(order);
    let (_, ask) = ask(&inventory, product, order);
    for delivered_before in [false, true] {
        if delivered_before {
            ctx.store.settled().await;
        }
        // The first look finds nothing: the release has not been made yet.
        let known = inventory.ledger.known(&inventory.stocks, &cause, &[product]).await.unwrap();
        let known = known[&product].clone();
        inventory.release(order, &[product]).await.unwrap();
        ctx.store.settled().await;
        let (_, pending) = inventory.stocks.get_with_pending(&product).await.unwrap().unwrap();
        assert!(pending.is_empty(), "the movement has not left the envelope");
        let ask = ask.clone();
        let held = inventory.change(product, &cause, known, move |stock, past| stock.hold(past, &ask)).await;
        assert!(matches!(held, Err(Trouble::Refused(Refusal::Released))), "{held:?}");
    }
}

#[tokio::test]
async fn a_movement_that_slips_by_is_found_however_long_ago_the_first_look_was() {
    let (_world, ctx, inventory) = open_one().await;
    let product = ProductId::new();
    inventory.create(product, pieces(1_000)).await.unwrap();
    let order = OrderId::new();
    let (lines, mine) = ask(&inventory, product, order);
    let cause = Cause::Order(order);
    let known =
        inventory.ledger.known(&inventory.stocks, &cause, &[product]).await.unwrap()[&product].clone();
    inventory.reserve(order, lines, mine.expires_at).await.unwrap();
    inventory.commit(order, &[product]).await.unwrap();
    ctx.store.settled().await;
    for _ in 0..20 {
        let other = OrderId::new();
        let (lines, theirs) = ask(&inventory, product, other);
        inventory.reserve(other, lines, theirs.expires_at).await.unwrap();
    }
    let held = inventory.change(product, &cause, known, move |stock, past| stock.hold(past, &mine)).await;
    assert_eq!(held.unwrap(), None, "the goods were sold to this order before");
}

#[tokio::test]
async fn a_hundred_products_are_one_read() {
    let (_world, _ctx, inventory) = open_one().await;
    let products: Vec<_> = (0..100).map(|_| ProductId::new()).collect();
    for product in &products {
        inventory.create(*product, pieces(3)).await.unwrap();
    }
    let levels = join_all(products.iter().map(|product| inventory.level(*product))).await;
    assert!(levels.iter().all(|level| level.as_ref().unwrap().unwrap().available().get() == 3));
    assert_eq!(inventory.levels.reads(), 1);
}

#[tokio::test]
async fn whoever_read_for_others_may_go_away() {
    let (_world, _ctx, inventory) = open_one().await;
    let product = ProductId::new();
    inventory.create(product, pieces(3)).await.unwrap();
    let mut leader = Box::pin(inventory.level(product));
    assert!(futures::poll!(&mut leader).is_pending());
    let follower = inventory.level(product);
    tokio::pin!(follower);
    assert!(futures::poll!(&mut follower).is_pending());
    drop(leader);
    assert!(follower.await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn holds_of_one_product_at_the_same_time_share_their_writes() {
    let (_world, ctx, inventory) = open_one().await;
    let product = ProductId::new();
    inventory.create(product, pieces(10_000)).await.unwrap();
    ctx.store.settled().await;
    let before = ctx.store.stats();
    let clients = (0..64).map(|_| async {
        for _ in 0..8 {
            let order = OrderId::new();
            let (lines, ask) = ask(&inventory, product, order);
            inventory.reserve(order, lines, ask.expires_at).await.unwrap();
        }
    });
    join_all(clients).await;
    let commits = ctx.store.stats().commits - before.commits;
    assert!(commits * 4 <= 64 * 8, "{commits} commits for {} holds", 64 * 8);
}

/// One piece of each.
fn lines_of(products: &[ProductId]) -> Lines {
    Lines::merged(products.iter().map(|product| Line { product: *product, quantity: pieces(1) })).unwrap()
}

#[tokio::test]
async fn there_is_plenty_only_beside_all_that_was_asked_for_before() {
    let (_world, _ctx, inventory) = open_one().await;
    let products = [ProductId::new(), ProductId::new()];
    for product in products {
        inventory.create(product, pieces(100)).await.unwrap();
    }
    let (lines, expires_at) = (lines_of(&products), inventory.now() + TimeDelta::minutes(1));
    let plenty = async |order| {
        let shelf = inventory.shelf_of(order, &lines, expires_at).await.unwrap();
        shelf.look(lines.as_slice()).await.unwrap().plenty
    };
    assert!(plenty(OrderId::new()).await);
    let most = [Line { product: products[1], quantity: pieces(80) }];
    let earlier = inventory.flights.enter(OrderId::new(), &most).await;
    assert!(!plenty(OrderId::new()).await);
    drop(earlier);
    assert!(plenty(OrderId::new()).await);
    inventory.stocks.remove(&products[1]).await.unwrap();
    assert!(!plenty(OrderId::new()).await);
}

#[tokio::test]
async fn what_is_claimed_is_left_to_whoever_claimed_it_until_that_order_gives_way() {
    let (_world, _ctx, inventory) = open_one().await;
    let (scarce, other) = (ProductId::new(), ProductId::new());
    for product in [scarce, other] {
        inventory.create(product, pieces(1)).await.unwrap();
    }
    let claims = inventory.flights.enter(OrderId::new(), lines_of(&[scarce, other]).as_slice()).await;
    let expires_at = inventory.now() + TimeDelta::minutes(1);
    let waiting = tokio::spawn({
        let inventory = inventory.clone();
        async move { inventory.reserve(OrderId::new(), lines_of(&[scarce]), expires_at).await }
    });
    // Each of these has its turn after those that wait for theirs already.
    for _ in 0..10 {
        inventory.change_now(scarce, |_| Ok(None)).await.unwrap();
    }
    assert!(!waiting.is_finished());
    assert_eq!(inventory.level(scarce).await.unwrap().unwrap().available().get(), 1);
    claims.give_way();
    waiting.await.unwrap().unwrap();
    assert_eq!(inventory.level(scarce).await.unwrap().unwrap().available().get(), 0);
}
