//! Never is more sold than there is, however many want it at once.

use anyhow::Result;

use crate::{
    check::{Check, Setting, Trial},
    client::{Client, Outcome},
    shop::Shop,
};

pub(crate) const CHECK: Check = Check {
    name: "oversell",
    promise: "No more is sold than there is",
    broken: &["inventory.oversells"],
    on_shops: true,
};

const STOCK: usize = 50;
const ORDERS: usize = 200;
const CLIENTS: usize = 16;

pub(crate) async fn run(setting: &Setting) -> Result<Trial> {
    let shop = Shop::open(setting.kind)?;
    let mut trial = Trial::default();
    for round in 0..setting.size.of(1, 10) {
        let buyer = shop.shopper(&format!("buyer{round}")).await?;
        one_product(&shop, &buyer, &mut trial).await?;
        twice_in_an_order(&shop, &buyer, &mut trial).await?;
        opposite_ways(&shop, &buyer, &mut trial).await?;
    }
    trial.violations.extend(shop.recount()?);
    Ok(trial)
}

/// What came of these orders, placed by so many at once.
async fn placed(buyer: &Client, orders: Vec<Vec<(String, i64)>>) -> Vec<Outcome> {
    let place = |lines: Vec<(String, i64)>| async move {
        let lines: Vec<_> = lines.iter().map(|(id, quantity)| (id.as_str(), *quantity)).collect();
        buyer.place(&lines, None).await
    };
    use futures::StreamExt as _;
    futures::stream::iter(orders.into_iter().map(place)).buffer_unordered(CLIENTS).collect().await
}

/// Counts the sold and the refused, and notes what is neither.
fn count(outcomes: &[Outcome], trial: &mut Trial) -> (usize, usize) {
    trial.tries += outcomes.len() as u64;
    let sold =
        outcomes.iter().filter(|outcome| outcome.text("/placeOrder/status") == Some("CONFIRMED")).count();
    let short = outcomes.iter().filter(|outcome| outcome.is_refused_as("OUT_OF_STOCK")).count();
    let other = outcomes.iter().find(|outcome| {
        outcome.text("/placeOrder/status") != Some("CONFIRMED") && !outcome.is_refused_as("OUT_OF_STOCK")
    });
    trial.expect(other.is_none(), || format!("neither sold nor out of stock: {other:?}"));
    (sold, short)
}

/// Fifty of one product, two hundred orders of one.
async fn one_product(shop: &Shop, buyer: &Client, trial: &mut Trial) -> Result<()> {
    let tea = shop.product("The last tea", STOCK as i64).await?;
    let outcomes = placed(buyer, vec![vec![(tea.clone(), 1)]; ORDERS]).await;
    let (sold, short) = count(&outcomes, trial);
    let left = shop.nobody()?.left(&tea).await?;
    trial.expect((sold, short, left) == (STOCK, ORDERS - STOCK, 0), || {
        format!("of {STOCK}, {ORDERS} orders of one: {sold} sold, {short} out of stock, {left} left")
    });
    Ok(())
}

/// The same, where each order has two lines of the one product.
async fn twice_in_an_order(shop: &Shop, buyer: &Client, trial: &mut Trial) -> Result<()> {
    let tea = shop.product("Tea for two", STOCK as i64).await?;
    let outcomes = placed(buyer, vec![vec![(tea.clone(), 1), (tea.clone(), 1)]; ORDERS / 4]).await;
    let (sold, short) = count(&outcomes, trial);
    let left = shop.nobody()?.left(&tea).await?;
    trial.expect((sold, short, left) == (STOCK / 2, ORDERS / 4 - STOCK / 2, 0), || {
        format!("of {STOCK}, orders of one and one: {sold} sold, {short} out of stock, {left} left")
    });
    Ok(())
}

/// Several products, half of the orders the other way round: nobody waits for ever, and nothing stays held of an order that is short.
async fn opposite_ways(shop: &Shop, buyer: &Client, trial: &mut Trial) -> Result<()> {
    let mut products = Vec::new();
    for (n, stock) in [STOCK as i64, 10, STOCK as i64].into_iter().enumerate() {
        products.push((shop.product(&format!("Tea {n}"), stock).await?, 1));
    }
    let back: Vec<_> = products.iter().rev().cloned().collect();
    let orders = (0..60).map(|n| if n % 2 == 0 { products.clone() } else { back.clone() });
    let outcomes = placed(buyer, orders.collect()).await;
    let (sold, short) = count(&outcomes, trial);
    trial.expect((sold, short) == (10, 50), || format!("of 10: {sold} sold, {short} out of stock"));
    for ((id, _), left) in products.iter().zip([40, 0, 40]) {
        let found = shop.nobody()?.left(id).await?;
        trial.expect(found == left, || format!("{found} left instead of {left}"));
    }
    Ok(())
}
