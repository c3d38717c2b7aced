//! The reservations that are being made in this process, and what they ask for.
//!
//! What an order of several products holds on its way may be given back, when another product is short. Whoever finds too little because
//! of that waits until the order is decided, so that two orders do not both fail where one of them could have been served. There are two
//! ways to hold several products, and neither lets a circle of waiting close:
//!
//! - one after the other in the order of ids: nobody waits for a product that is not after all that they hold;
//! - all at once, by a **claim** on each that is made before anybody looks whether there is enough for it and for all that was asked for
//!   before. From then on nobody takes what is claimed, so that whoever has claims never waits. Where there is not enough, the claims are
//!   given up and the order goes the first way.
//!
//! Other processes' reservations are not seen here; they are taken for decided.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::domain::{OrderId, Pieces, ProductId, lines::Line};

/// The reservations on their way.
#[derive(Default)]
pub(crate) struct Flights(Mutex<Sky>);

#[derive(Default)]
struct Sky {
    /// The orders of several products. Whoever waits for one learns of the end by the sender's being dropped.
    orders: HashMap<OrderId, End>,
    /// What is asked for of each product, by orders of one product too.
    asked: HashMap<ProductId, Vec<Asked>>,
}

/// The news that a reservation is decided, or that it has given up its claims.
pub(crate) type End = watch::Receiver<()>;

#[derive(Debug, Clone, Copy)]
struct Asked {
    order: OrderId,
    quantity: Pieces,
    /// Whether nobody else may take it.
    claimed: bool,
}

/// A reservation on its way, until this is dropped.
pub(crate) struct Flight {
    flights: Arc<Flights>,
    order: OrderId,
    products: Vec<ProductId>,
    /// What others asked for of each product when this one began to.
    before: BTreeMap<ProductId, Pieces>,
    claims: AtomicBool,
    end: Mutex<Option<watch::Sender<()>>>,
}

impl Flights {
    /// Puts a reservation on its way. One of several products begins with claims, and where the same order is on its way already it begins
    /// after that has ended. One product is held or not: nobody need wait to see which.
    pub(crate) async fn enter(self: &Arc<Self>, order: OrderId, lines: &[Line]) -> Flight {
        let several = lines.len() > 1;
        loop {
            {
                let mut sky = self.0.lock();
                if !several {
                    return self.begin(&mut sky, order, lines, None);
                }
                if let Entry::Vacant(vacant) = sky.orders.entry(order) {
                    let (end, ended) = watch::channel(());
                    vacant.insert(ended);
                    return self.begin(&mut sky, order, lines, Some(end));
                }
            }
            let ended = self.end_of(&order);
            if let Some(mut ended) = ended {
                // Nothing is ever sent: the only news is the end, as an error.
                let _ = ended.changed().await;
            }
        }
    }

    fn begin(
        self: &Arc<Self>,
        sky: &mut Sky,
        order: OrderId,
        lines: &[Line],
        end: Option<watch::Sender<()>>,
    ) -> Flight {
        let claimed = end.is_some();
        let mut before = BTreeMap::new();
        for line in lines {
            let asked = sky.asked.entry(line.product).or_default();
            before.insert(line.product, asked.iter().map(|asked| asked.quantity).sum());
            asked.push(Asked { order, quantity: line.quantity.into(), claimed });
        }
        Flight {
            flights: self.clone(),
            order,
            products: lines.iter().map(|line| line.product).collect(),
            before,
            claims: AtomicBool::new(claimed),
            end: Mutex::new(end),
        }
    }

    /// Whether an order of several products is on its way.
    pub(crate) fn has(&self, order: &OrderId) -> bool {
        self.0.lock().orders.contains_key(order)
    }

    /// The end of an order of several products that is on its way.
    pub(crate) fn end_of(&self, order: &OrderId) -> Option<End> {
        self.0.lock().orders.get(order).cloned()
    }

    /// How many of a product are claimed by those orders of which this is true, and the ends to wait for.
    pub(crate) fn claims(&self, product: ProductId, those: impl Fn(&OrderId) -> bool) -> (Pieces, Vec<End>) {
        let sky = self.0.lock();
        let asked = sky.asked.get(&product).map_or(&[][..], Vec::as_slice);
        let claims = asked.iter().filter(|asked| asked.claimed && those(&asked.order));
        let quantity = claims.clone().map(|claim| claim.quantity).sum();
        (quantity, claims.filter_map(|claim| sky.orders.get(&claim.order).cloned()).collect())
    }
}

impl Flight {
    /// Whether nobody may take what this asks for.
    pub(crate) fn has_claims(&self) -> bool {
        self.claims.load(Ordering::Acquire)
    }

    /// What others asked for of the product when this began to. Whatever of it they hold by now counts twice where it is taken from what is
    /// left: that errs on the safe side.
    pub(crate) fn before(&self, product: ProductId) -> Pieces {
        self.before.get(&product).copied().unwrap_or_default()
    }

    /// Gives the claims up, and lets those look again who wait because of them.
    pub(crate) fn give_way(&self) {
        let mut sky = self.flights.0.lock();
        self.claims.store(false, Ordering::Release);
        for product in &self.products {
            let asked = sky.asked.get_mut(product).into_iter().flatten();
            asked.filter(|asked| asked.order == self.order).for_each(|asked| asked.claimed = false);
        }
        let mut end = self.end.lock();
        if end.is_some() {
            let (next, ended) = watch::channel(());
            sky.orders.insert(self.order, ended);
            *end = Some(next);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut sky = self.flights.0.lock();
        if self.end.lock().is_some() {
            sky.orders.remove(&self.order);
        }
        for product in &self.products {
            let Some(asked) = sky.asked.get_mut(product) else { continue };
            // One: the same order of one product may be on its way twice.
            if let Some(at) = asked.iter().position(|asked| asked.order == self.order) {
                asked.swap_remove(at);
            }
            if asked.is_empty() {
                sky.asked.remove(product);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kit::Quantity;

    use super::*;

    fn lines(quantities: &[i64]) -> Vec<Line> {
        let line =
            |quantity: &i64| Line { product: ProductId::new(), quantity: Quantity::new(*quantity).unwrap() };
        quantities.iter().map(line).collect()
    }

    #[tokio::test]
    async fn an_order_of_several_products_is_on_its_way_once_at_a_time() {
        let (flights, order, lines) = (Arc::new(Flights::default()), OrderId::new(), lines(&[1, 1]));
        let first = flights.enter(order, &lines).await;
        assert!(flights.has(&order));
        let second = flights.enter(order, &lines);
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        assert!(!flights.has(&order));
        assert!(flights.0.lock().asked.is_empty());
    }

    #[tokio::test]
    async fn what_is_asked_for_is_counted_and_only_several_products_are_claimed() {
        let (flights, lines) = (Arc::new(Flights::default()), lines(&[2, 3]));
        let product = lines[0].product;
        let one = flights.enter(OrderId::new(), &lines[..1]).await;
        assert!(!one.has_claims() && one.before(product) == Pieces::ZERO);
        let two = flights.enter(OrderId::new(), &lines).await;
        assert!(two.has_claims());
        assert_eq!((two.before(product), two.before(lines[1].product)), (Pieces::new(2), Pieces::ZERO));
        let three = flights.enter(OrderId::new(), &lines).await;
        assert_eq!(three.before(product), Pieces::new(4));
        assert_eq!(flights.claims(product, |_| true).0, Pieces::new(4));
        let (others, ends) = flights.claims(product, |order| *order != two.order);
        assert_eq!((others, ends.len()), (Pieces::new(2), 1));
    }

    #[tokio::test]
    async fn whoever_gives_way_lets_others_look_again_and_is_still_on_its_way() {
        let (flights, order, lines) = (Arc::new(Flights::default()), OrderId::new(), lines(&[1, 1]));
        let flight = flights.enter(order, &lines).await;
        let mut end = flights.end_of(&order).unwrap();
        flight.give_way();
        assert!(end.changed().await.is_err());
        assert_eq!(flights.claims(lines[0].product, |_| true).0, Pieces::ZERO);
        let mut end = flights.end_of(&order).unwrap();
        let changed = end.changed();
        tokio::pin!(changed);
        assert!(futures::poll!(&mut changed).is_pending());
        drop(flight);
        assert!(changed.await.is_err());
    }
}
