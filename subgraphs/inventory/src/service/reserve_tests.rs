//! The steps of a reservation, failed at every one of them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use kit::{Quantity, store::StoreError};
use parking_lot::Mutex;
use tokio::sync::Barrier;

use super::{
    Trouble,
    reserve::{Held, Look, Shelf, Unreserved, take},
};
use crate::domain::{
    Pieces, ProductId,
    lines::{Line, Shortage},
    movement::Kind,
    stock::Refusal,
};

/// A shelf in memory on which any call can be made to fail.
#[derive(Default)]
struct Script {
    available: BTreeMap<ProductId, i64>,
    held: Mutex<BTreeMap<ProductId, Quantity>>,
    barred: Mutex<Vec<ProductId>>,
    given_up: Mutex<Vec<(ProductId, Kind)>>,
    /// The products that cannot be held because the store fails, and whether a bar fails as well.
    broken: BTreeMap<ProductId, bool>,
    /// The write is made, and its answer lost.
    deaf: Option<ProductId>,
    /// Sees nothing before it is tried.
    blind: bool,
    /// Lets all be held at once.
    plenty: bool,
    /// Every hold waits until so many are tried.
    together: Option<Barrier>,
    refuses: Option<(ProductId, Refusal)>,
    before: Vec<Shortage>,
    tried: AtomicUsize,
}

fn failed() -> Trouble {
    Trouble::Store(StoreError::Busy)
}

impl Script {
    fn short(&self, lines: &[Line]) -> Vec<Shortage> {
        let short = lines.iter().filter(|line| self.available[&line.product] < line.quantity.into());
        short
            .map(|line| Shortage {
                product: line.product,
                requested: line.quantity,
                available: Pieces::new(self.available[&line.product]),
            })
            .collect()
    }
}

impl Shelf for Script {
    async fn look(&self, lines: &[Line]) -> Result<Look, Trouble> {
        let short = if self.blind { Vec::new() } else { self.short(lines) };
        Ok(Look { short, plenty: self.plenty })
    }

    async fn short_now(&self, lines: &[Line]) -> Result<Vec<Shortage>, Trouble> {
        Ok(self.short(lines))
    }

    async fn short_before(&self, _: &[Line]) -> Result<Vec<Shortage>, Trouble> {
        Ok(self.before.clone())
    }

    async fn hold(&self, line: Line, bar: bool) -> Result<Held, Trouble> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        if let Some(together) = &self.together {
            together.wait().await;
        }
        if let Some((product, refusal)) = &self.refuses
            && *product == line.product
        {
            return Err(Trouble::Refused(refusal.clone()));
        }
        if self.deaf == Some(line.product) {
            self.held.lock().insert(line.product, line.quantity);
            return Err(failed());
        }
        if self.broken.contains_key(&line.product) {
            return Err(failed());
        }
        if self.held.lock().contains_key(&line.product) {
            return Ok(Held::Before);
        }
        let available = self.available[&line.product];
        if available < line.quantity.into() {
            self.barred.lock().extend(bar.then_some(line.product));
            return Ok(Held::Short(Pieces::new(available)));
        }
        self.held.lock().insert(line.product, line.quantity);
        Ok(Held::New)
    }

    async fn bar(&self, line: Line) -> Result<bool, Trouble> {
        if self.broken.get(&line.product) == Some(&true) {
            return Err(failed());
        }
        let free = !self.held.lock().contains_key(&line.product);
        self.barred.lock().extend(free.then_some(line.product));
        Ok(free)
    }

    async fn give_up(&self, product: ProductId, kind: Kind) -> Result<(), Trouble> {
        assert!(
            !self.barred.lock().is_empty() || self.refuses.is_some(),
            "given up before the order was barred"
        );
        self.held.lock().remove(&product);
        self.given_up.lock().push((product, kind));
        Ok(())
    }
}

/// Four products of which there are five each, and an order of one of each.
fn four() -> (Script, Vec<Line>) {
    let mut products: Vec<_> = (0..4).map(|_| ProductId::new()).collect();
    products.sort_unstable();
    let lines =
        products.iter().map(|product| Line { product: *product, quantity: Quantity::new(1).unwrap() });
    (
        Script { available: products.iter().map(|product| (*product, 5)).collect(), ..Script::default() },
        lines.collect(),
    )
}

#[tokio::test]
async fn holds_every_line() {
    let (shelf, lines) = four();
    take(&shelf, &lines).await.unwrap();
    assert_eq!(shelf.held.lock().len(), 4);
    take(&shelf, &lines).await.unwrap();
    assert!(shelf.given_up.lock().is_empty());
}

#[tokio::test]
async fn what_is_surely_short_is_not_tried() {
    let (mut shelf, lines) = four();
    shelf.available.insert(lines[1].product, 0);
    shelf.available.insert(lines[3].product, 0);
    let Err(Unreserved::Short(short)) = take(&shelf, &lines).await else { panic!("held") };
    assert_eq!(short.iter().map(|one| one.product).collect::<Vec<_>>(), [lines[1].product, lines[3].product]);
    assert_eq!(shelf.tried.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_shortage_at_any_step_undoes_the_steps_before_and_names_all_that_are_short() {
    for at in 0..4 {
        for also in at..4 {
            let (mut shelf, lines) = four();
            shelf.blind = true;
            shelf.available.insert(lines[at].product, 0);
            shelf.available.insert(lines[also].product, 0);
            let Err(Unreserved::Short(short)) = take(&shelf, &lines).await else { panic!("held") };
            let mut expected = vec![lines[at].product, lines[also].product];
            expected.dedup();
            assert_eq!(short.iter().map(|one| one.product).collect::<Vec<_>>(), expected);
            assert!(shelf.held.lock().is_empty(), "something stays held after a shortage at step {at}");
            let undone: Vec<_> = lines[..at].iter().rev().map(|line| (line.product, Kind::Undo)).collect();
            assert_eq!(*shelf.given_up.lock(), undone);
            assert_eq!(shelf.barred.lock().len(), usize::from(at > 0));
        }
    }
}

#[tokio::test]
async fn a_failure_of_the_store_at_any_step_undoes_the_steps_before() {
    for at in 0..4 {
        let (mut shelf, lines) = four();
        shelf.broken.insert(lines[at].product, false);
        let Err(Unreserved::Trouble(product, Trouble::Store(_))) = take(&shelf, &lines).await else {
            panic!("held")
        };
        assert_eq!(product, lines[at].product);
        assert!(shelf.held.lock().is_empty(), "something stays held after a failure at step {at}");
        assert_eq!(*shelf.barred.lock(), [product]);
        let undone: Vec<_> = lines[..at].iter().rev().map(|line| (line.product, Kind::Release)).collect();
        assert_eq!(*shelf.given_up.lock(), undone);
    }
}

#[tokio::test]
async fn without_a_bar_nothing_is_given_up_behind_another_attempt() {
    let (mut shelf, lines) = four();
    shelf.broken.insert(lines[2].product, true);
    let Err(Unreserved::Trouble(_, Trouble::Store(_))) = take(&shelf, &lines).await else { panic!("held") };
    assert_eq!(shelf.held.lock().len(), 2);
    assert!(shelf.given_up.lock().is_empty());
}

#[tokio::test]
async fn a_hold_whose_answer_was_lost_counts() {
    for at in 0..4 {
        let (mut shelf, lines) = four();
        shelf.deaf = Some(lines[at].product);
        take(&shelf, &lines).await.unwrap();
        assert_eq!(shelf.held.lock().len(), 4);
    }
}

#[tokio::test]
async fn a_refused_order_gives_back_what_this_attempt_held_and_no_more() {
    let (mut shelf, lines) = four();
    shelf.held.lock().insert(lines[0].product, lines[0].quantity);
    shelf.refuses = Some((lines[2].product, Refusal::OtherLines));
    let refused = take(&shelf, &lines).await;
    assert!(matches!(refused, Err(Unreserved::Trouble(_, Trouble::Refused(Refusal::OtherLines)))));
    assert_eq!(*shelf.given_up.lock(), [(lines[1].product, Kind::Release)]);
    assert!(shelf.held.lock().contains_key(&lines[0].product));
}

#[tokio::test]
async fn a_repeat_after_a_shortage_names_the_same_shortage() {
    let (mut shelf, lines) = four();
    shelf.refuses = Some((lines[0].product, Refusal::Undone));
    shelf.before =
        vec![Shortage { product: lines[3].product, requested: lines[3].quantity, available: Pieces::ZERO }];
    let Err(Unreserved::Short(short)) = take(&shelf, &lines).await else { panic!("held") };
    assert_eq!(short, shelf.before);
}

#[tokio::test]
async fn of_what_there_is_plenty_all_lines_are_held_at_once() {
    let (mut shelf, lines) = four();
    shelf.plenty = true;
    // One by one the first would wait for ever.
    shelf.together = Some(Barrier::new(4));
    tokio::time::timeout(Duration::from_secs(30), take(&shelf, &lines)).await.unwrap().unwrap();
    assert_eq!(shelf.held.lock().len(), 4);
}

#[tokio::test]
async fn at_once_a_shortage_of_any_lines_bars_the_order_undoes_the_others_and_names_them_all() {
    for at in 0..4 {
        for also in at..4 {
            let (mut shelf, lines) = four();
            (shelf.blind, shelf.plenty) = (true, true);
            shelf.available.insert(lines[at].product, 0);
            shelf.available.insert(lines[also].product, 0);
            let Err(Unreserved::Short(short)) = take(&shelf, &lines).await else { panic!("held") };
            let mut expected = vec![lines[at].product, lines[also].product];
            expected.dedup();
            assert_eq!(short.iter().map(|one| one.product).collect::<Vec<_>>(), expected);
            assert_eq!(*shelf.barred.lock(), expected);
            assert!(shelf.held.lock().is_empty(), "something stays held");
            let others = lines.iter().rev().filter(|line| !expected.contains(&line.product));
            let undone: Vec<_> = others.map(|line| (line.product, Kind::Undo)).collect();
            assert_eq!(*shelf.given_up.lock(), undone);
        }
    }
}

#[tokio::test]
async fn at_once_a_failure_of_the_store_undoes_all_that_is_held_or_perhaps_held() {
    for at in 0..4 {
        let (mut shelf, lines) = four();
        shelf.plenty = true;
        shelf.broken.insert(lines[at].product, false);
        let Err(Unreserved::Trouble(product, Trouble::Store(_))) = take(&shelf, &lines).await else {
            panic!("held")
        };
        assert_eq!(product, lines[at].product);
        assert_eq!(*shelf.barred.lock(), [product]);
        assert!(shelf.held.lock().is_empty(), "something stays held after a failure of line {at}");
        // With a shortage beside it, what was held though its answer was lost goes back as well.
        let (mut shelf, lines) = four();
        (shelf.blind, shelf.plenty) = (true, true);
        shelf.deaf = Some(lines[at].product);
        shelf.available.insert(lines[(at + 1) % 4].product, 0);
        let Err(Unreserved::Short(_)) = take(&shelf, &lines).await else { panic!("held") };
        assert!(shelf.held.lock().is_empty(), "line {at} stays held");
    }
}

#[tokio::test]
async fn at_once_a_hold_whose_answer_was_lost_counts() {
    for at in 0..4 {
        let (mut shelf, lines) = four();
        (shelf.plenty, shelf.deaf) = (true, Some(lines[at].product));
        take(&shelf, &lines).await.unwrap();
        assert_eq!(shelf.held.lock().len(), 4);
        assert!(shelf.given_up.lock().is_empty());
    }
}

#[tokio::test]
async fn at_once_without_a_bar_nothing_is_given_up_behind_another_attempt() {
    let (mut shelf, lines) = four();
    shelf.plenty = true;
    shelf.broken.insert(lines[2].product, true);
    let Err(Unreserved::Trouble(_, Trouble::Store(_))) = take(&shelf, &lines).await else { panic!("held") };
    assert_eq!(shelf.held.lock().len(), 3);
    assert!(shelf.given_up.lock().is_empty());
}

#[tokio::test]
async fn at_once_a_refused_order_gives_back_what_this_attempt_held_and_no_more() {
    let (mut shelf, lines) = four();
    shelf.plenty = true;
    shelf.held.lock().insert(lines[0].product, lines[0].quantity);
    shelf.refuses = Some((lines[2].product, Refusal::OtherLines));
    let refused = take(&shelf, &lines).await;
    assert!(matches!(refused, Err(Unreserved::Trouble(_, Trouble::Refused(Refusal::OtherLines)))));
    let back = [(lines[3].product, Kind::Release), (lines[1].product, Kind::Release)];
    assert_eq!(*shelf.given_up.lock(), back);
    assert!(shelf.held.lock().contains_key(&lines[0].product));
}
