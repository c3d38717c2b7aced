use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn says_what_the_shop_is_called_and_what_its_money_is() {
    let shop = Shop::start().await;
    let answer = shop.client.ask("{ shop { name currency exponent } }").await;
    assert_eq!(answer.data()["shop"], json!({ "name": "Larder", "currency": "EUR", "exponent": 2 }));
}

#[tokio::test]
async fn does_not_start_with_money_that_is_none() {
    let world = kit::testing::World::start().await;
    let config = catalog::Config { currency: "euro".to_owned(), ..catalog::Config::default() };
    let refused = catalog::subgraph(world.context(&catalog::SERVICE).await, config).await;
    assert!(refused.err().unwrap().to_string().contains("three capital letters"));
}
