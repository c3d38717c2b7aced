//! Who may do what: each root field for each kind of caller.

use std::collections::BTreeSet;

use kit::identity::Role;
use serde_json::json;

use crate::shop::Shop;

const OK: &str = "ok";
const WHO: &str = "UNAUTHENTICATED";
const NO: &str = "FORBIDDEN";
const NONE: &str = "NOT_FOUND";

/// Root field, operation, and what it says to: nobody, a customer, another seller, the product's seller, an admin, the API key,
/// the order service.
const MATRIX: &[(&str, &str, [&str; 7])] = &[
    ("products", "{ products { _id } }", [OK; 7]),
    ("productsConnection", "{ productsConnection { totalCount } }", [OK; 7]),
    ("product", "{ product(id: \"$ID\") { _id } }", [OK; 7]),
    ("productBySlug", "{ productBySlug(slug: \"honey\") { _id } }", [OK; 7]),
    ("categories", "{ categories { slug } }", [OK; 7]),
    ("category", "{ category(slug: \"pantry\") { slug } }", [OK; 7]),
    ("shop", "{ shop { name } }", [OK; 7]),
    ("managedProducts", "{ managedProducts { totalCount } }", [WHO, NO, OK, OK, OK, OK, NO]),
    ("managedProduct", "{ managedProduct(id: \"$ID\") { _id } }", [WHO, NO, NONE, OK, OK, OK, NO]),
    ("offers", "{ offers(ids: [\"$ID\"]) { _id } }", [WHO, NO, NO, NO, NO, NO, OK]),
    (
        "createProduct",
        "mutation { createProduct(input: { name: \"X\", price: 1, quantity: 1 }) { _id } }",
        [WHO, NO, OK, OK, OK, OK, NO],
    ),
    (
        "updateProduct",
        "mutation { updateProduct(id: \"$ID\", input: { price: 2 }) { _id } }",
        [WHO, NO, NONE, OK, OK, OK, NO],
    ),
    (
        "createCategory",
        "mutation { createCategory(input: { name: \"New\" }) { _id } }",
        [WHO, NO, NO, NO, OK, NO, NO],
    ),
    (
        "updateCategory",
        "mutation { updateCategory(id: \"$CATEGORY\", input: { name: \"Cupboard\" }) { _id } }",
        [WHO, NO, NO, NO, OK, NO, NO],
    ),
    // Last, as it ends the product.
    ("archiveProduct", "mutation { archiveProduct(id: \"$ID\") { _id } }", [WHO, NO, NONE, OK, OK, OK, NO]),
];

#[tokio::test]
async fn every_root_field_lets_in_whom_it_should() {
    let shop = Shop::start().await;
    let category = shop.category("Pantry", None).await;
    let (_, seller) = shop.seller("ann");
    let input = json!({ "name": "Honey", "price": 1, "quantity": 1 });
    let id = crate::shop::id_of(&crate::shop::create(&seller, input).await.data()["createProduct"]);
    let callers = [
        shop.client.clone(),
        shop.client.as_person(&shop.world.person("carl", Role::Customer)),
        shop.seller("ben").1,
        seller,
        shop.admin(),
        shop.key(),
        shop.client.bearer(&shop.world.service_token("order", "catalog", "catalog:offers")),
    ];
    for (field, operation, expected) in MATRIX {
        let operation = operation.replace("$ID", &id).replace("$CATEGORY", &category);
        for (n, (client, expected)) in callers.iter().zip(expected).enumerate() {
            let answer = client.ask(&operation).await;
            let got = if answer.body.get("errors").is_none() { OK } else { answer.code() };
            assert_eq!(got, *expected, "{field} for caller {n}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_no_key() {
    let shop = Shop::start().await;
    let client = shop.client.header("x-api-key", "guess");
    let answer = crate::shop::create(&client, json!({ "name": "X", "price": 1, "quantity": 1 })).await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(shop.inventory.calls("create"), 0);
}

#[test]
fn no_root_field_is_left_out() {
    let sdl = catalog::sdl();
    let mut fields = BTreeSet::new();
    for root in ["type Query", "type Mutation"] {
        let body = sdl.split(root).nth(1).unwrap().split("\n}").next().unwrap();
        for line in body.lines() {
            // Fields are indented by one tab, arguments stand in the same line or deeper.
            let Some(name) =
                line.strip_prefix('\t').filter(|rest| !rest.starts_with(['\t', '"', ')', '}', ' ']))
            else {
                continue;
            };
            let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
            if line.trim().strip_prefix(&name).is_some_and(|rest| rest.starts_with([':', '('])) {
                fields.insert(name);
            }
        }
    }
    let covered: BTreeSet<_> = MATRIX.iter().map(|(field, ..)| (*field).to_owned()).collect();
    assert_eq!(fields, covered);
}
