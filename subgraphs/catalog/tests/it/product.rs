use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn finds_a_product_by_its_id_and_by_its_slug() {
    let shop = Shop::start().await;
    let id = shop.product("Milk", json!({})).await;
    let query =
        format!("{{ product(id: \"{id}\") {{ _id name }} productBySlug(slug: \"milk\") {{ _id name }} }}");
    let answer = shop.client.ask(&query).await;
    let expected = json!({ "_id": id, "name": "Milk" });
    assert_eq!(answer.data(), &json!({ "product": expected, "productBySlug": expected }));
}

#[tokio::test]
async fn does_not_find_what_is_not_there() {
    let shop = Shop::start().await;
    let answer = shop.client.ask("{ product(id: \"01890a5d-ac96-774b-bcce-b302099a8057\") { _id } }").await;
    assert_eq!(answer.code(), "NOT_FOUND");
    assert_eq!(answer.body["data"], json!({ "product": null }));
    for slug in ["nothing", "", "../../etc/passwd", "\\u0000", "Ä"] {
        let answer = shop.client.ask(&format!("{{ productBySlug(slug: \"{slug}\") {{ _id }} }}")).await;
        assert_eq!(answer.code(), "NOT_FOUND", "{slug}");
    }
}

#[tokio::test]
async fn refuses_what_is_no_id() {
    let shop = Shop::start().await;
    for id in ["\"\"", "\"milk\"", "5", "\"01890a5dac96774bbcceb302099a8057\"", "\"' OR 1=1 --\""] {
        let answer = shop.client.ask(&format!("{{ product(id: {id}) {{ _id }} }}")).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{id}");
        assert_eq!(answer.fields(), ["id"], "{id}");
        assert_eq!(answer.body["data"], json!({ "product": null }));
    }
}

#[tokio::test]
async fn leaves_the_fields_beside_it_alone_when_it_fails() {
    let shop = Shop::start().await;
    let answer = shop.client.ask("{ product(id: \"x\") { _id } shop { name } }").await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    assert_eq!(answer.body["data"], json!({ "product": null, "shop": { "name": "Larder" } }));
    assert_eq!(answer.error()["path"], json!(["product"]));
}
