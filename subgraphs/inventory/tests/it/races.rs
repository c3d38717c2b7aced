use futures::future::join_all;
use inventory::{OrderId, ProductId};

use crate::shop::{Shop, shortages};

fn is_held(answer: &kit::testing::Answer) -> bool {
    if answer.body.get("errors").is_none() {
        return true;
    }
    shortages(answer);
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_the_last_ten_exactly_ten_get_one() {
    let shop = Shop::open().await;
    let product = shop.product(10).await;
    let orders: Vec<_> = (0..64).map(|_| OrderId::new()).collect();
    let lines = [(product, 1)];
    let answers = join_all(orders.iter().map(|order| shop.reserve(*order, &lines))).await;
    let held: Vec<_> =
        orders.iter().zip(&answers).filter(|(_, answer)| is_held(answer)).map(|(order, _)| *order).collect();
    assert_eq!(held.len(), 10);
    let products = [product];
    let answers = join_all(held.iter().map(|order| shop.commit(*order, &products))).await;
    assert!(answers.iter().all(|answer| answer.body.get("errors").is_none()));
    let account = shop.account(product).await;
    assert_eq!((account.sold, account.on_hand, account.sold_to.len()), (10, 0, 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_ten_of_several_products_are_sold_to_ten_and_nothing_stays_held() {
    let shop = Shop::open().await;
    let products = [shop.product(10).await, shop.product(1_000).await, shop.product(10).await];
    let lines: Vec<_> = products.iter().map(|product| (*product, 1)).collect();
    let answers = join_all((0..64).map(|_| shop.reserve(OrderId::new(), &lines))).await;
    assert_eq!(answers.iter().filter(|answer| is_held(answer)).count(), 10);
    let left = [
        shop.quantity(products[0]).await,
        shop.quantity(products[1]).await,
        shop.quantity(products[2]).await,
    ];
    assert_eq!(left, [0, 990, 0]);
    shop.accounts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_orders_with_crossed_products_one_is_served() {
    let shop = Shop::open().await;
    for round in 0..60 {
        let (a, b, c) = (shop.product(1).await, shop.product(1).await, shop.product(1).await);
        let (left, right): (Vec<_>, Vec<_>) = match round % 3 {
            0 => (vec![(a, 1), (b, 1)], vec![(b, 1), (a, 1)]),
            1 => (vec![(a, 1), (b, 1)], vec![(b, 1), (c, 1)]),
            _ => (vec![(a, 1), (c, 1)], vec![(a, 1), (b, 1), (c, 1)]),
        };
        let (one, other) =
            tokio::join!(shop.reserve(OrderId::new(), &left), shop.reserve(OrderId::new(), &right));
        let served = usize::from(is_held(&one)) + usize::from(is_held(&other));
        assert_eq!(served, 1, "round {round}");
    }
    shop.accounts().await;
}

/// One order cannot be served at all, since a later product of its is short; while it finds that out it may hold what the other
/// wants. The other must be served nevertheless.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_that_fails_anyway_takes_nobody_down_with_it() {
    let shop = Shop::open().await;
    for round in 0..40 {
        let (a, b) = (shop.product(1).await, shop.product(1).await);
        // Three at once: the first two fight for b, and the loser may have held a meanwhile.
        let (of_b, of_both, of_a) = ([(b, 1)], [(a, 1), (b, 1)], [(a, 1)]);
        let (only_b, both, only_a) = tokio::join!(
            shop.reserve(OrderId::new(), &of_b),
            shop.reserve(OrderId::new(), &of_both),
            shop.reserve(OrderId::new(), &of_a),
        );
        let served = [is_held(&only_b), is_held(&both), is_held(&only_a)];
        assert!(served == [true, false, true] || served == [false, true, false], "round {round}: {served:?}");
    }
    shop.accounts().await;
}

/// There is plenty at first, so that some orders hold all at once, and too little in the end, so that others hold one by one: whoever is
/// refused could not have been served, and exactly as many are held as there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn where_plenty_becomes_little_nobody_is_refused_who_could_have_been_served() {
    let shop = Shop::open().await;
    for round in 0..12 {
        let (a, b) = (shop.product(45).await, shop.product(45).await);
        let kinds = [vec![(a, 1), (b, 1)], vec![(b, 1), (a, 1)], vec![(a, 1)], vec![(b, 1)]];
        let orders: Vec<_> = (0..96).map(|n| kinds[n * 7 % 4].clone()).collect();
        let answers = join_all(orders.iter().map(|lines| shop.reserve(OrderId::new(), lines))).await;
        let left = [(a, shop.quantity(a).await), (b, shop.quantity(b).await)];
        for (lines, answer) in orders.iter().zip(&answers) {
            let none_left = left
                .iter()
                .any(|(product, left)| *left == 0 && lines.iter().any(|(wanted, _)| wanted == product));
            assert!(is_held(answer) || none_left, "round {round}: {left:?}");
        }
        for (product, left) in left {
            let wanted = |lines: &Vec<(ProductId, i64)>| lines.iter().any(|(wanted, _)| *wanted == product);
            let held = orders.iter().zip(&answers).filter(|(lines, answer)| wanted(lines) && is_held(answer));
            assert_eq!(held.count() as i64 + left, 45, "round {round}");
        }
    }
    shop.accounts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_that_is_sent_many_times_at_once_is_held_once_and_answered_alike() {
    let shop = Shop::open().await;
    for stock in [1, 0] {
        let (a, b) = (shop.product(1).await, shop.product(stock).await);
        let (order, lines) = (OrderId::new(), [(a, 1), (b, 1)]);
        let answers = join_all((0..16).map(|_| shop.reserve(order, &lines))).await;
        assert_eq!(
            answers.iter().filter(|answer| is_held(answer)).count(),
            usize::try_from(stock).unwrap() * 16
        );
        assert_eq!(shop.quantity(a).await, 1 - stock);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_release_that_races_its_hold_leaves_nothing_held() {
    let shop = Shop::open().await;
    let products: [ProductId; 3] = [shop.product(50).await, shop.product(50).await, shop.product(50).await];
    let lines: Vec<_> = products.iter().map(|product| (*product, 1)).collect();
    for _ in 0..50 {
        let order = OrderId::new();
        let (_, released) = tokio::join!(shop.reserve(order, &lines), shop.release(order, &products));
        assert!(released.body.get("errors").is_none(), "{}", released.body);
        assert_eq!(shop.reserve(order, &lines).await.code(), "CONFLICT");
    }
    for product in products {
        assert_eq!(shop.account(product).await.held, 0);
    }
}

/// The same requests come again and again, early and late, while the relay carries their movements into the ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn repeats_change_nothing_while_movements_are_on_their_way() {
    let shop = Shop::open().await;
    let product = shop.product(10_000).await;
    let one = async || {
        let (order, lines) = (OrderId::new(), [(product, 1)]);
        for _ in 0..2 {
            assert!(is_held(&shop.reserve(order, &lines).await));
        }
        for _ in 0..3 {
            assert!(shop.commit(order, &[product]).await.body.get("errors").is_none());
            assert!(is_held(&shop.reserve(order, &lines).await));
        }
        for _ in 0..3 {
            assert!(shop.release(order, &[product]).await.body.get("errors").is_none());
            assert_eq!(shop.reserve(order, &lines).await.code(), "CONFLICT");
        }
    };
    join_all((0..32).map(|_| one())).await;
    let account = shop.account(product).await;
    assert_eq!((account.on_hand, account.held, account.sold, account.movements), (10_000, 0, 0, 1 + 3 * 32));
}
