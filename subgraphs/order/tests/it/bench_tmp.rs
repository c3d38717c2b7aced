use std::time::Instant;
use futures::future::join_all;
use crate::shop::Shop;
#[tokio::test(flavor = "multi_thread")]
async fn bench_tmp() {
    let shop = Shop::start().await;
    let products: Vec<_> = (0..200).map(|n| shop.product(&format!("p{n}"), 100, 1_000_000)).collect();
    let shoppers: Vec<_> = (0..64).map(|n| shop.customer(&format!("s{n}"))).collect();
    for round in 0..3 {
        let before = shop.stats();
        let started = Instant::now();
        join_all(shoppers.iter().enumerate().map(|(n, s)| { let products = &products; async move {
            for i in 0..50 { s.buys(&[(&products[(n * 50 + i) % 200], 1), (&products[(n * 7 + i) % 199], 2)]).await; }
        }})).await;
        let took = started.elapsed();
        let after = shop.stats();
        let orders = 64 * 50;
        println!("round {round}: {:.0} orders/s, {:.1} orders per commit, {:.2} writes per order", f64::from(orders) / took.as_secs_f64(), f64::from(orders) / (after.commits - before.commits) as f64, (after.writes - before.writes) as f64 / f64::from(orders));
    }
}
