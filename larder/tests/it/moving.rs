//! A standalone shop that moves onto servers.

use std::path::Path;

use kit::testing::servers;
use serde_json::json;

use crate::running::{Running, larder};

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_moves_with_everything_it_has_and_can_move_again() {
    let mongo = servers::mongo().await;
    // Databases of this test alone, whoever's server it is.
    let prefix = format!("moved_{}_", std::process::id());
    let shop = Running::stocked();
    let product = shop.product("Moved", 9).await;
    let customer = shop.demo("customer").await;
    let query = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 2 }]) { status } }";
    assert_eq!(
        customer.send(query, json!({ "id": product })).await.data()["placeOrder"]["status"],
        "CONFIRMED"
    );
    let moved = |data: &Path| {
        let output = larder()
            .args(["move", "--to", &mongo, "--prefix", &prefix, "--data"])
            .arg(data)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
    };
    let (code, text) = moved(shop.data());
    assert_eq!(code, Some(2), "it runs: {text}");
    assert!(text.contains("in use"), "{text}");

    // Its copy is a shop that nobody serves, with whatever was on its way at that moment.
    let folder = tempfile::tempdir().unwrap();
    let stopped = folder.path().join("stopped");
    kit::backup::copy_folder(shop.data(), &stopped).unwrap();
    let (code, text) = moved(&stopped);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Everything has arrived."), "{text}");
    let (code, again) = moved(&stopped);
    assert_eq!(code, Some(0), "{again}");
    let written = |line: &str| line.split_whitespace().nth(4).map(str::to_owned);
    let rows: Vec<_> = again.lines().filter(|line| line.contains(" written,")).collect();
    assert_eq!(rows.len(), 9, "{again}");
    assert!(rows.iter().all(|row| written(row).as_deref() == Some("0")), "{again}");

    let check = larder().args(["check", "--store", &mongo, "--prefix", &prefix]).output().unwrap();
    let text = String::from_utf8_lossy(&check.stdout);
    assert!(check.status.success() && text.contains("every promise is kept"), "{text}");
    assert!(text.contains(" 2 pieces sold"), "{text}");
}
