//! The rules of a stock: one by one, and over random histories against a naive model.

use proptest::prelude::*;

use super::*;
use crate::domain::lines::{Line, Lines};

fn pieces(count: i64) -> Quantity {
    Quantity::new(count).unwrap()
}

fn stock(count: i64) -> Stock {
    Stock::receive(ProductId::new(), pieces(count)).0
}

fn ask(order: OrderId, count: i64) -> Ask {
    let lines = Lines::merged([Line { product: ProductId::new(), quantity: pieces(count) }]).unwrap();
    let now = DateTime::UNIX_EPOCH;
    let expires_at = now + chrono::TimeDelta::minutes(1);
    Ask { order, quantity: pieces(count), lines: lines.fingerprint(), expires_at, now }
}

/// What the movements of an order tell.
fn past(moved: &[Moved], order: OrderId) -> Past {
    let mut past = Past::default();
    for one in moved.iter().filter(|moved| moved.order == Some(order)) {
        past.see(one);
    }
    past
}

/// A stock with its movements, as the service applies rules to it.
struct Shelf {
    stock: Stock,
    moved: Vec<Moved>,
}

impl Shelf {
    fn with(count: i64) -> Self {
        let (stock, change) = Stock::receive(ProductId::new(), pieces(count));
        Self { stock, moved: vec![change.moved] }
    }

    fn apply(
        &mut self,
        order: OrderId,
        rule: impl Fn(&mut Stock, &Past) -> Outcome,
    ) -> Result<bool, Refusal> {
        let before = self.stock.clone();
        let outcome = rule(&mut self.stock, &past(&self.moved, order));
        match outcome {
            Ok(Some(change)) => {
                self.moved.push(change.moved);
                Ok(true)
            }
            Ok(None) => {
                assert_eq!(self.stock, before, "a rule changed something without a movement");
                Ok(false)
            }
            Err(refusal) => {
                assert_eq!(self.stock, before, "a rule that refused changed something");
                Err(refusal)
            }
        }
    }

    fn hold(&mut self, ask: &Ask) -> Result<bool, Refusal> {
        self.apply(ask.order, |stock, past| stock.hold(past, ask))
    }

    fn commit(&mut self, order: OrderId) -> Result<bool, Refusal> {
        self.apply(order, |stock, past| stock.commit(past, order))
    }

    fn release(&mut self, order: OrderId) -> Result<bool, Refusal> {
        self.apply(order, |stock, past| stock.release(past, order))
    }
}

#[test]
fn holds_up_to_what_can_be_sold_and_no_more() {
    let mut shelf = Shelf::with(10);
    assert_eq!(shelf.hold(&ask(OrderId::new(), 7)), Ok(true));
    assert_eq!(shelf.hold(&ask(OrderId::new(), 4)), Err(Refusal::Short { available: Pieces::new(3) }));
    assert_eq!(shelf.hold(&ask(OrderId::new(), 3)), Ok(true));
    assert_eq!(shelf.stock.available(), Pieces::ZERO);
    assert_eq!(shelf.stock.on_hand(), Pieces::new(10));
}

#[test]
fn a_repeated_hold_answers_as_the_first_did() {
    let mut shelf = Shelf::with(10);
    let first = ask(OrderId::new(), 4);
    assert_eq!(shelf.hold(&first), Ok(true));
    assert_eq!(shelf.hold(&first), Ok(false));
    let more = Ask { quantity: pieces(5), ..first.clone() };
    assert_eq!(shelf.hold(&more), Err(Refusal::OtherLines));
    let beside = Ask { lines: ask(OrderId::new(), 9).lines, ..first.clone() };
    assert_eq!(shelf.hold(&beside), Err(Refusal::OtherLines));
    assert_eq!(shelf.commit(first.order), Ok(true));
    assert_eq!(shelf.hold(&first), Ok(false), "sold goods were held before");
    assert_eq!(shelf.hold(&more), Err(Refusal::OtherLines));
    assert_eq!(shelf.release(first.order), Ok(true));
    assert_eq!(shelf.hold(&first), Err(Refusal::Released));
}

#[test]
fn a_release_that_overtakes_its_hold_refuses_it() {
    let mut shelf = Shelf::with(10);
    let late = ask(OrderId::new(), 1);
    assert_eq!(shelf.release(late.order), Ok(true));
    assert_eq!(shelf.release(late.order), Ok(false));
    assert_eq!(shelf.hold(&late), Err(Refusal::Released));
    assert_eq!(shelf.commit(late.order), Err(Refusal::NothingHeld));
    assert_eq!(shelf.stock.available(), Pieces::new(10));
}

#[test]
fn a_release_after_the_sale_brings_the_goods_back_once() {
    let mut shelf = Shelf::with(10);
    let one = ask(OrderId::new(), 4);
    shelf.hold(&one).unwrap();
    shelf.commit(one.order).unwrap();
    assert_eq!((shelf.stock.on_hand(), shelf.stock.sold()), (Pieces::new(6), Pieces::new(4)));
    assert_eq!(shelf.release(one.order), Ok(true));
    assert_eq!(shelf.release(one.order), Ok(false));
    assert_eq!(shelf.commit(one.order), Ok(false), "a late repeat of the sale sells nothing again");
    assert_eq!((shelf.stock.on_hand(), shelf.stock.sold()), (Pieces::new(10), Pieces::ZERO));
    assert_eq!(shelf.moved.last().unwrap().kind, Kind::Return);
}

#[test]
fn an_order_that_was_barred_for_a_shortage_never_holds_there() {
    let mut shelf = Shelf::with(1);
    let one = ask(OrderId::new(), 2);
    let bar = |stock: &mut Stock, past: &Past| stock.bar(past, one.order, Kind::Short, one.quantity.into());
    assert_eq!(shelf.apply(one.order, bar), Ok(true));
    assert_eq!(shelf.apply(one.order, bar), Ok(false));
    shelf.apply(one.order, |stock, _| stock.restock(&Past::default(), pieces(9), &Note::default())).unwrap();
    assert_eq!(shelf.hold(&one), Err(Refusal::Undone));
}

#[test]
fn an_order_that_holds_cannot_be_barred() {
    let mut shelf = Shelf::with(5);
    let one = ask(OrderId::new(), 2);
    let bar = |stock: &mut Stock, past: &Past| stock.bar(past, one.order, Kind::Refuse, Pieces::ZERO);
    shelf.hold(&one).unwrap();
    assert_eq!(shelf.apply(one.order, bar), Err(Refusal::Held));
    shelf.commit(one.order).unwrap();
    assert_eq!(shelf.apply(one.order, bar), Err(Refusal::Held));
}

#[test]
fn a_hold_that_would_have_run_out_is_refused_but_its_repeat_is_known() {
    let mut shelf = Shelf::with(5);
    let one = ask(OrderId::new(), 2);
    let late = Ask { now: one.expires_at, ..one.clone() };
    assert_eq!(shelf.hold(&late), Err(Refusal::Late));
    assert_eq!(shelf.hold(&one), Ok(true));
    assert_eq!(shelf.hold(&late), Ok(false));
}

#[test]
fn an_adjustment_wants_the_number_that_was_seen() {
    let mut stock = stock(10);
    stock.hold(&Past::default(), &ask(OrderId::new(), 4)).unwrap();
    let note = Note::default();
    assert_eq!(stock.adjust(pieces(10), pieces(3), &note), Err(Refusal::Stale { available: Pieces::new(6) }));
    let change = stock.adjust(pieces(6), pieces(0), &note).unwrap().unwrap();
    assert_eq!(change.moved.quantity, Pieces::new(-6));
    assert_eq!(
        (stock.available(), stock.on_hand(), stock.held()),
        (Pieces::ZERO, Pieces::new(4), Pieces::new(4))
    );
    assert_eq!(stock.adjust(pieces(0), pieces(0), &note), Ok(None));
}

#[test]
fn a_stock_never_holds_more_than_the_largest_quantity() {
    let mut stock = stock(Quantity::MAX);
    let note = Note::default();
    assert_eq!(stock.restock(&Past::default(), pieces(1), &note), Err(Refusal::TooMany));
    stock.hold(&Past::default(), &ask(OrderId::new(), 1)).unwrap();
    let seen = pieces(Quantity::MAX - 1);
    assert_eq!(stock.adjust(seen, pieces(Quantity::MAX), &note), Err(Refusal::TooMany));
}

#[test]
fn a_restocking_is_counted_once_per_key() {
    let mut stock = stock(0);
    let note = Note { key: Some("delivery-1".to_owned()), ..Note::default() };
    let mut past = Past::default();
    past.see(&stock.restock(&past, pieces(5), &note).unwrap().unwrap().moved);
    assert_eq!(stock.restock(&past, pieces(5), &note), Ok(None));
    assert_eq!(stock.restock(&past, pieces(6), &note), Err(Refusal::OtherRequest));
    assert_eq!(stock.on_hand(), Pieces::new(5));
}

#[test]
fn a_discarded_stock_is_gone_for_good() {
    let mut gone = stock(5);
    assert!(gone.discard().unwrap().is_some());
    assert_eq!(gone.discard(), Ok(None));
    assert_eq!((gone.on_hand(), gone.adjusted()), (Pieces::ZERO, Pieces::new(-5)));
    assert_eq!(gone.is_made_with(pieces(5)), Err(Refusal::Discarded));
    assert_eq!(gone.restock(&Past::default(), pieces(1), &Note::default()), Err(Refusal::Discarded));
    let held = gone.hold(&Past::default(), &ask(OrderId::new(), 1));
    assert_eq!(held, Err(Refusal::Short { available: Pieces::ZERO }));

    let mut used = stock(5);
    let order = OrderId::new();
    used.hold(&Past::default(), &ask(order, 1)).unwrap();
    used.give_up(order, Kind::Release).unwrap();
    assert_eq!(used.discard(), Err(Refusal::InUse));
}

#[test]
fn tells_when_a_change_crosses_zero_or_the_threshold() {
    let mut stock = stock(3);
    let order = OrderId::new();
    let change = stock.hold(&Past::default(), &ask(order, 3)).unwrap().unwrap();
    assert!(change.crosses_zero() && change.falls_to(pieces(2)) && change.falls_to(pieces(0)));
    assert!(!change.falls_to(pieces(3)), "it was at the threshold before");
    let change = stock.give_up(order, Kind::Release).unwrap();
    assert!(change.crosses_zero() && !change.falls_to(pieces(3)));
    stock.hold(&Past::default(), &ask(order, 1)).unwrap();
    let sold = stock.commit(&Past::default(), order).unwrap().unwrap();
    assert!(!sold.is_visible(), "a sale of what was held changes nothing for others");
}

/// What can happen to a stock, for one of a few orders.
#[derive(Debug, Clone)]
enum Act {
    Hold(usize, i64),
    Commit(usize),
    Release(usize),
    Expire(usize),
    Bar(usize),
    Restock(i64),
    Adjust(i64, bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let order = 0..6_usize;
    let act = prop_oneof![
        4 => (order.clone(), 1..6_i64).prop_map(|(order, count)| Act::Hold(order, count)),
        3 => order.clone().prop_map(Act::Commit),
        3 => order.clone().prop_map(Act::Release),
        1 => order.clone().prop_map(Act::Expire),
        1 => order.prop_map(Act::Bar),
        1 => (1..9_i64).prop_map(Act::Restock),
        1 => (0..20_i64, any::<bool>()).prop_map(|(to, stale)| Act::Adjust(to, stale)),
    ];
    prop::collection::vec(act, 0..60)
}

/// The same in the plainest way: an order is in one of five states, and numbers are added up.
#[derive(Default)]
struct Model {
    free: i64,
    received: i64,
    adjusted: i64,
    orders: [(State, i64); 6],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Fresh,
    Held,
    Sold,
    Ended,
}

impl Model {
    fn sum(&self, state: State) -> i64 {
        self.orders.iter().filter(|(have, _)| *have == state).map(|(_, count)| count).sum()
    }

    /// Whether the act is allowed; what it does.
    fn act(&mut self, act: &Act) -> bool {
        match *act {
            Act::Hold(order, count) => match self.orders[order] {
                (State::Fresh, _) if self.free >= count => {
                    self.free -= count;
                    self.orders[order] = (State::Held, count);
                    true
                }
                (State::Held | State::Sold, had) => had == count,
                _ => false,
            },
            Act::Commit(order) => match self.orders[order].0 {
                State::Held => {
                    self.orders[order].0 = State::Sold;
                    true
                }
                State::Sold => true,
                // Only what was sold before it ended was ever committed.
                State::Ended => self.orders[order].1 > 0,
                State::Fresh => false,
            },
            Act::Release(order) => {
                let (state, count) = self.orders[order];
                match state {
                    State::Held => {
                        self.free += count;
                        self.orders[order] = (State::Ended, 0);
                    }
                    State::Sold => {
                        self.free += count;
                        self.orders[order] = (State::Ended, count);
                    }
                    State::Fresh => self.orders[order] = (State::Ended, 0),
                    State::Ended => {}
                }
                true
            }
            Act::Expire(order) => {
                if self.orders[order].0 == State::Held {
                    self.free += self.orders[order].1;
                    self.orders[order] = (State::Ended, 0);
                }
                true
            }
            Act::Bar(order) => match self.orders[order].0 {
                State::Fresh => {
                    self.orders[order] = (State::Ended, 0);
                    true
                }
                State::Ended => true,
                _ => false,
            },
            Act::Restock(count) => {
                self.free += count;
                self.received += count;
                true
            }
            Act::Adjust(to, stale) => {
                if !stale {
                    self.adjusted += to - self.free;
                    self.free = to;
                }
                !stale
            }
        }
    }
}

fn act(shelf: &mut Shelf, orders: &[OrderId], act: &Act) -> Result<bool, Refusal> {
    let note = Note::default();
    match *act {
        Act::Hold(order, count) => {
            // The model compares quantities alone.
            let lines = Lines::merged([]).unwrap().fingerprint();
            shelf.hold(&Ask { lines, ..ask(orders[order], count) })
        }
        Act::Commit(order) => shelf.commit(orders[order]),
        Act::Release(order) => shelf.release(orders[order]),
        Act::Expire(order) => {
            shelf.apply(orders[order], |stock, _| Ok(stock.give_up(orders[order], Kind::Expire)))
        }
        Act::Bar(order) => {
            let bar =
                |stock: &mut Stock, past: &Past| stock.bar(past, orders[order], Kind::Short, Pieces::new(1));
            shelf.apply(orders[order], bar)
        }
        Act::Restock(count) => {
            shelf.apply(OrderId::new(), |stock, _| stock.restock(&Past::default(), pieces(count), &note))
        }
        Act::Adjust(to, stale) => {
            let seen = shelf.stock.available().get() + i64::from(stale);
            shelf.apply(OrderId::new(), |stock, _| stock.adjust(pieces(seen), pieces(to), &note))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_history_agrees_with_the_plainest_model(start in 0..15_i64, history in acts()) {
        let orders: Vec<_> = (0..6).map(|_| OrderId::new()).collect();
        let mut shelf = Shelf::with(start);
        let mut model = Model { free: start, received: start, ..Model::default() };
        for step in &history {
            let allowed = model.act(step);
            let done = act(&mut shelf, &orders, step);
            prop_assert_eq!(done.is_ok(), allowed, "{:?} gave {:?}", step, done);
            let Shelf { stock, moved } = &shelf;
            prop_assert_eq!(stock.available().get(), model.free);
            prop_assert_eq!(stock.held().get(), model.sum(State::Held));
            prop_assert_eq!(stock.sold().get(), model.sum(State::Sold));
            prop_assert!(stock.available() >= Pieces::ZERO);
            prop_assert_eq!(stock.on_hand() + stock.sold(), stock.received() + stock.adjusted());
            prop_assert_eq!((stock.received().get(), stock.adjusted().get()), (model.received, model.adjusted));
            prop_assert_eq!(moved.len() as u64, stock.seq());
            let last = moved.last().unwrap();
            prop_assert_eq!((last.seq, last.on_hand, last.available), (stock.seq(), stock.on_hand(), stock.available()));
        }
    }

    #[test]
    fn doing_anything_twice_is_as_doing_it_once(start in 0..15_i64, history in acts()) {
        let orders: Vec<_> = (0..6).map(|_| OrderId::new()).collect();
        let (mut once, mut twice) = (Shelf::with(start), Shelf::with(start));
        for step in history.iter().filter(|step| !matches!(step, Act::Restock(_) | Act::Adjust(..))) {
            let first = act(&mut once, &orders, step);
            let _ = act(&mut twice, &orders, step);
            let again = act(&mut twice, &orders, step);
            prop_assert_eq!(again.is_ok(), first.is_ok());
            prop_assert_eq!(again.unwrap_or_default(), false, "the second time moved something");
            prop_assert_eq!(once.stock.available(), twice.stock.available());
            prop_assert_eq!(once.moved.len(), twice.moved.len());
        }
    }
}
