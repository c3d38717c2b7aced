//! What is going to happen, all of it following from one number, in pieces that can be left out one by one.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

pub(super) const PRODUCTS: usize = 3;

/// What is going to happen.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// What everything else follows from that is left to chance.
    pub(super) seed: u64,
    /// How many there are of each product.
    pub(super) stock: [i64; PRODUCTS],
    /// What shoppers want, each of them one thing.
    pub(super) wishes: Vec<Wish>,
    pub(super) acts: Vec<Act>,
    pub(super) troubles: Vec<Meeting>,
}

/// What a shopper wants to buy: products and how many of each.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) lines: Vec<(usize, i64)>,
    /// Whether it bears an idempotency key, so that it may be sent again.
    pub(super) keyed: bool,
}

/// Something that somebody does at a moment (in milliseconds).
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) at: u64,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// The shopper with this wish places his order.
    Place(usize),
    /// Staff or the shopper cancels one of the orders that are known by then.
    Cancel(usize),
    /// Staff brings one of the known orders a step on.
    Advance(usize),
    /// Goods come in: of a product so many, under this key.
    Restock(usize, i64, u64),
    /// Of a product so many more or fewer were counted.
    Adjust(usize, i64),
    /// A process ends at once, and is started again after so many milliseconds.
    Crash(Process, u64),
}

/// The processes of the simulated shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Process {
    Order,
    Inventory,
}

impl Process {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Inventory => "inventory",
        }
    }
}

/// What the first message on this way meets after this moment (in milliseconds). By time and not by number, so that it
/// stays where it is when something else is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meeting {
    pub(super) at: u64,
    /// From whom to whom.
    pub(super) way: (&'static str, &'static str),
    pub(super) trouble: Trouble,
}

/// The ways that messages take; the busier ones more than once.
const WAYS: [(&str, &str); 10] = [
    ("shopper", "order"),
    ("shopper", "order"),
    ("staff", "inventory"),
    ("order", "catalog"),
    ("order", "inventory"),
    ("order", "inventory"),
    ("order", "inventory"),
    ("inventory", "order"),
    ("order", "log"),
    ("inventory", "log"),
];

/// What happens to a message. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It cannot be sent, and its sender knows.
    NotSent,
    /// It is lost, and its sender is told that there is no answer.
    Lost,
    /// It is lost, and nobody says so.
    Silence,
    /// It arrives; the answer is lost.
    AnswerLost,
    /// It arrives twice, the second time so much later.
    Twice(u64),
    /// It arrives so much later, and others overtake it.
    Late(u64),
}

impl Plan {
    /// The plan of this number.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let dice = &mut dice;
        // Some are about a few seconds, some about the minutes after which orders and holds run out.
        let span = if dice.random_bool(0.6) { 4_000 } else { 120_000 };
        let stock = std::array::from_fn(|_| dice.random_range(2..8));
        let wishes: Vec<_> = (0..dice.random_range(3..9)).map(|_| Wish::random(dice)).collect();
        let mut acts = Vec::new();
        for (number, wish) in wishes.iter().enumerate() {
            for _ in 0..if wish.keyed { dice.random_range(1..=3) } else { 1 } {
                acts.push(Act { at: dice.random_range(0..span), what: What::Place(number) });
            }
        }
        for _ in 0..dice.random_range(0..8) {
            acts.push(Act { at: dice.random_range(0..span), what: What::random(dice) });
        }
        // Goods that are reported twice come in once.
        let again: Vec<_> =
            acts.iter().filter(|act| matches!(act.what, What::Restock(..))).copied().collect();
        acts.extend(again.into_iter().map(|act| Act { at: dice.random_range(0..span), ..act }));
        acts.sort_by_key(|act| act.at);
        let troubles = (0..dice.random_range(0..12)).map(|_| Meeting {
            at: dice.random_range(0..span),
            way: WAYS[dice.random_range(0..WAYS.len())],
            trouble: Trouble::random(dice, span),
        });
        let troubles = troubles.collect();
        Self { seed, stock, wishes, acts, troubles }
    }

    /// Its number.
    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    /// The same with one piece less, for each of its pieces.
    fn smaller(&self) -> impl Iterator<Item = Self> + '_ {
        let without_act = (0..self.acts.len()).map(|n| {
            let mut plan = self.clone();
            plan.acts.remove(n);
            plan
        });
        let without_trouble = (0..self.troubles.len()).map(|n| {
            let mut plan = self.clone();
            plan.troubles.remove(n);
            plan
        });
        without_act.chain(without_trouble)
    }
}

/// Leaves out one piece after the other as long as it still goes wrong; gives what is left and the last that was seen of it.
pub(crate) fn shrink<T>(plan: Plan, seen: T, goes_wrong: impl Fn(&Plan) -> Option<T>) -> (Plan, T) {
    let (mut plan, mut seen) = (plan, seen);
    loop {
        let smaller = plan.smaller().find_map(|smaller| goes_wrong(&smaller).map(|seen| (smaller, seen)));
        match smaller {
            Some(found) => (plan, seen) = found,
            None => return (plan, seen),
        }
    }
}

impl Wish {
    fn random(dice: &mut StdRng) -> Self {
        let first = dice.random_range(0..PRODUCTS);
        let lines =
            (0..dice.random_range(1..=PRODUCTS)).map(|n| ((first + n) % PRODUCTS, dice.random_range(1..4)));
        Self { lines: lines.collect(), keyed: dice.random_bool(0.7) }
    }
}

impl What {
    fn random(dice: &mut StdRng) -> Self {
        let (nth, product) = (dice.random_range(0..6), dice.random_range(0..PRODUCTS));
        match dice.random_range(0..10) {
            0..3 => Self::Cancel(nth),
            3 => Self::Advance(nth),
            4..6 => Self::Restock(product, dice.random_range(1..5), dice.random_range(0..u64::MAX)),
            6 => Self::Adjust(product, dice.random_range(-2..3)),
            7 => Self::Crash(Process::Inventory, dice.random_range(0..5_000)),
            _ => Self::Crash(Process::Order, dice.random_range(0..5_000)),
        }
    }
}

impl Trouble {
    fn random(dice: &mut StdRng, span: u64) -> Self {
        let late = dice.random_range(1..span);
        match dice.random_range(0..8) {
            0 => Self::NotSent,
            1 => Self::Lost,
            2 => Self::Silence,
            3 | 4 => Self::AnswerLost,
            5 => Self::Twice(late),
            _ => Self::Late(late),
        }
    }
}
