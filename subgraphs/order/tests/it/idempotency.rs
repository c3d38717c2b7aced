//! `placeOrder` again with the same `idempotencyKey`.

use chrono::TimeDelta;
use futures::future::join_all;

use crate::{
    fakes::Mode,
    shop::{Shop, id_of, quick, statuses, without_reconciler},
};

#[tokio::test]
async fn the_same_key_and_lines_give_the_same_order() {
    let shop = Shop::start().await;
    let (milk, bread) = (shop.product("milk", 1, 10), shop.product("bread", 1, 10));
    let ann = shop.customer("ann");
    let first = ann.place_as("k1", &[(&milk, 3), (&bread, 1)]).await;
    let again = ann.place_as("k1", &[(&milk, 3), (&bread, 1)]).await;
    assert_eq!(first.data(), again.data());
    let otherwise_written = ann.place_as("k1", &[(&bread, 1), (&milk, 1), (&milk, 2)]).await;
    assert_eq!(first.data(), otherwise_written.data());
    assert_eq!(shop.ledger().await.len(), 1);
    assert_eq!(shop.inventory.calls("reserveStock").len(), 1);
    assert_eq!(shop.inventory.available(&milk), 7);
}

#[tokio::test]
async fn the_same_key_and_other_lines_are_a_mismatch() {
    let shop = Shop::start().await;
    let (milk, bread) = (shop.product("milk", 1, 10), shop.product("bread", 1, 10));
    let ann = shop.customer("ann");
    ann.place_as("k1", &[(&milk, 3)]).await.data();
    let before = shop.stats();
    for lines in
        [vec![(milk.as_str(), 2)], vec![(bread.as_str(), 3)], vec![(milk.as_str(), 3), (bread.as_str(), 1)]]
    {
        assert_eq!(ann.place_as("k1", &lines).await.code(), "IDEMPOTENCY_MISMATCH");
    }
    shop.world.host().settled().await;
    assert_eq!(shop.ledger().await.len(), 1);
    assert!(shop.stats().writes <= before.writes + 2, "more than the events of the first were cleared");
    assert_eq!(shop.inventory.available(&milk), 7);
}

#[tokio::test]
async fn another_shoppers_equal_key_is_unrelated() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let (ann, bob) = (shop.customer("ann"), shop.customer("bob"));
    let first = id_of(&ann.place_as("k1", &[(&milk, 1)]).await);
    let second = id_of(&bob.place_as("k1", &[(&milk, 2)]).await);
    assert_ne!(first, second);
    assert_eq!(shop.inventory.available(&milk), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_with_one_key_are_one_order() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 1_000);
    let ann = shop.customer("ann");
    let lines = [(milk.as_str(), 2)];
    let answers = join_all((0..64).map(|_| ann.place_as("once", &lines))).await;
    let first = id_of(&answers[0]);
    for answer in &answers {
        assert_eq!(id_of(answer), first);
        assert_eq!(answer.data()["placeOrder"]["status"], "CONFIRMED");
    }
    assert_eq!(shop.ledger().await.len(), 1);
    assert_eq!(shop.inventory.calls("reserveStock").len(), 1);
    assert_eq!(shop.inventory.available(&milk), 998);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_baskets_under_one_key_exactly_one_is_ordered() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 1_000);
    let ann = shop.customer("ann");
    let lines: Vec<_> = (0..64).map(|n| vec![(milk.as_str(), 1 + n % 2)]).collect();
    let answers = join_all(lines.iter().map(|lines| ann.place_as("once", lines))).await;
    let (placed, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.body.get("errors").is_none());
    assert_eq!(placed.len(), 32);
    assert!(refused.iter().all(|answer| answer.code() == "IDEMPOTENCY_MISMATCH"));
    assert_eq!(shop.ledger().await.len(), 1);
}

#[tokio::test]
async fn a_repeat_of_a_rejected_order_is_answered_as_the_first_was() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 1);
    let ann = shop.customer("ann");
    let first = ann.place_as("k1", &[(&milk, 2)]).await;
    assert_eq!(first.code(), "OUT_OF_STOCK");
    shop.inventory.stock(&milk, 100);
    let again = ann.place_as("k1", &[(&milk, 2)]).await;
    assert_eq!(again.code(), "OUT_OF_STOCK");
    assert_eq!(first.error()["extensions"], again.error()["extensions"]);
    assert_eq!(shop.inventory.calls("reserveStock").len(), 1);
    assert_eq!(ann.place_as("k2", &[(&milk, 2)]).await.data()["placeOrder"]["status"], "CONFIRMED");
}

#[tokio::test]
async fn a_repeat_needs_neither_catalog_nor_inventory() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let first = ann.place_as("k1", &[(&milk, 1)]).await;
    shop.catalog.withdraw(&milk);
    shop.catalog.set(Mode::Down);
    shop.inventory.reserving(Mode::Down);
    assert_eq!(ann.place_as("k1", &[(&milk, 1)]).await.data(), first.data());
}

#[tokio::test]
async fn a_repeat_shows_the_order_as_it_is_now() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let id = id_of(&ann.place_as("k1", &[(&milk, 1)]).await);
    ann.cancel(&id, None).await.data();
    let again = ann.place_as("k1", &[(&milk, 1)]).await;
    assert_eq!(id_of(&again), id);
    assert_eq!(again.data()["placeOrder"]["status"], "CANCELLED");
}

#[tokio::test]
async fn a_repeat_waits_for_the_first_that_is_still_under_way() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let (open, gated) = Mode::gated();
    shop.inventory.reserving(gated);
    let lines = [(milk.as_str(), 1)];
    let second = async {
        // The first is written down and waits for its stock.
        shop.reserving().await;
        let repeat = ann.place_as("k1", &lines);
        let opening = async { open.send(true).unwrap() };
        tokio::join!(repeat, opening).0
    };
    let (first, second) = tokio::join!(ann.place_as("k1", &lines), second);
    assert_eq!(first.data(), second.data());
    assert_eq!(shop.ledger().await.len(), 1);
}

#[tokio::test]
async fn a_repeat_that_waited_for_a_failure_fails_as_well() {
    let shop = Shop::with(quick()).await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    shop.inventory.reserving(Mode::DoesAndHangs);
    let second = async {
        shop.reserving().await;
        ann.place_as("k1", &[(&milk, 1)]).await
    };
    let lines = [(milk.as_str(), 1)];
    let (first, second) = tokio::join!(ann.place_as("k1", &lines), second);
    assert_eq!((first.code(), second.code()), ("UNAVAILABLE", "UNAVAILABLE"));
    assert_eq!(shop.ledger().await.len(), 1);
    assert!(shop.inventory.held().is_empty());
}

#[tokio::test]
async fn after_a_failure_the_same_key_places_the_order_anew() {
    for failure in [Mode::Down, Mode::DoesAndLosesAnswer, Mode::Silent] {
        let shop = Shop::with(quick()).await;
        let milk = shop.product("milk", 1, 10);
        let ann = shop.customer("ann");
        shop.inventory.reserving(failure);
        assert_eq!(ann.place_as("k1", &[(&milk, 1)]).await.code(), "UNAVAILABLE");
        shop.inventory.reserving(Mode::Works);
        let placed = ann.place_as("k1", &[(&milk, 1)]).await;
        assert_eq!(placed.data()["placeOrder"]["status"], "CONFIRMED");
        // From here on the key stands for the order that succeeded.
        assert_eq!(id_of(&ann.place_as("k1", &[(&milk, 1)]).await), id_of(&placed));
        let mut ends: Vec<_> = shop.ledger().await.iter().map(|order| order.status.as_str()).collect();
        ends.sort_unstable();
        assert_eq!(ends, ["CANCELLED", "CONFIRMED"]);
        assert_eq!(shop.inventory.available(&milk), 9);
    }
}

#[tokio::test]
async fn after_a_failure_in_the_catalog_the_same_key_places_the_order() {
    let shop = Shop::with(quick()).await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    shop.catalog.set(Mode::Down);
    assert_eq!(ann.place_as("k1", &[(&milk, 1)]).await.code(), "UNAVAILABLE");
    shop.catalog.set(Mode::Works);
    assert_eq!(ann.place_as("k1", &[(&milk, 1)]).await.data()["placeOrder"]["status"], "CONFIRMED");
}

#[tokio::test]
async fn a_repeat_after_a_crash_is_put_off_until_the_deadline_and_then_takes_over() {
    let shop = Shop::with(without_reconciler()).await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    shop.inventory.reserving(Mode::DoesAndHangs);
    let interrupted = tokio::spawn({
        let (ann, milk) = (ann.clone(), milk.clone());
        async move { ann.place_as("k1", &[(&milk, 1)]).await }
    });
    let first = shop.reserving().await;
    let hasty = order::Config { place_deadline: quick().place_deadline, ..without_reconciler() };
    let shop = shop.restart_with(hasty).await;
    assert_eq!(interrupted.await.unwrap().code(), "UNAVAILABLE");
    shop.inventory.reserving(Mode::Works);

    let ann = crate::shop::Shopper { client: shop.client.as_person(&ann.person), person: ann.person };
    assert_eq!(ann.place_as("k1", &[(&milk, 1)]).await.code(), "UNAVAILABLE");
    assert_eq!(shop.order(&first).await["status"], "PENDING");
    assert_eq!(shop.ledger().await.len(), 1);

    shop.pass(TimeDelta::seconds(61));
    let placed = ann.place_as("k1", &[(&milk, 1)]).await;
    let second = id_of(&placed);
    assert_eq!(placed.data()["placeOrder"]["status"], "CONFIRMED");
    assert_ne!(first, second);
    assert_eq!(statuses(&shop.order(&first).await), ["PENDING", "CANCELLED"]);
    assert_eq!(shop.inventory.held(), [second]);
}

#[tokio::test]
async fn a_repeat_after_a_restart_gives_the_same_order() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let first = ann.place_as("k1", &[(&milk, 1)]).await;
    let shop = shop.restart().await;
    let ann = crate::shop::Shopper { client: shop.client.as_person(&ann.person), person: ann.person };
    assert_eq!(ann.place_as("k1", &[(&milk, 1)]).await.data(), first.data());
}

#[tokio::test]
async fn keys_are_told_apart_by_case() {
    let shop = Shop::start().await;
    let milk = shop.product("milk", 1, 10);
    let ann = shop.customer("ann");
    let lower = id_of(&ann.place_as("key", &[(&milk, 1)]).await);
    assert_ne!(lower, id_of(&ann.place_as("KEY", &[(&milk, 1)]).await));
}
