use kit::identity::UserId;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::shop::{Shop, create, names};

async fn shelf() -> Shop {
    let shop = Shop::start().await;
    shop.category("Fruit", None).await;
    shop.category("Apples & Pears", Some("fruit")).await;
    shop.category("Dairy", None).await;
    for (name, price, quantity, category, brand) in [
        ("Gala Apples", 279, 5, Some("apples-pears"), Some("Hollin Farm")),
        ("äpfel", 199, 0, Some("apples-pears"), None),
        ("Bananas", 159, 9, Some("fruit"), Some("Hollin Farm")),
        ("Crème fraîche", 129, 3, Some("dairy"), Some("Alp")),
        ("Zopf", 499, 1, None, None),
    ] {
        shop.product(
            name,
            json!({ "price": price, "quantity": quantity, "category": category, "brand": brand }),
        )
        .await;
    }
    shop
}

#[tokio::test]
async fn sorts_in_four_ways() {
    let shop = shelf().await;
    let newest = ["Zopf", "Crème fraîche", "Bananas", "äpfel", "Gala Apples"];
    assert_eq!(shop.names("first: 10").await, newest);
    assert_eq!(shop.names("sort: NEWEST").await, newest);
    assert_eq!(shop.names("sort: NAME").await, ["äpfel", "Bananas", "Crème fraîche", "Gala Apples", "Zopf"]);
    assert_eq!(
        shop.names("sort: PRICE_ASC").await,
        ["Crème fraîche", "Bananas", "äpfel", "Gala Apples", "Zopf"]
    );
    assert_eq!(
        shop.names("sort: PRICE_DESC").await,
        ["Zopf", "Gala Apples", "äpfel", "Bananas", "Crème fraîche"]
    );
    let in_fruit = "filter: { category: \"fruit\" }";
    assert_eq!(shop.names(in_fruit).await, ["Bananas", "äpfel", "Gala Apples"]);
    assert_eq!(shop.names(&format!("{in_fruit}, sort: NAME")).await, ["äpfel", "Bananas", "Gala Apples"]);
    assert_eq!(
        shop.names(&format!("{in_fruit}, sort: PRICE_ASC")).await,
        ["Bananas", "äpfel", "Gala Apples"]
    );
    assert_eq!(
        shop.names(&format!("{in_fruit}, sort: PRICE_DESC")).await,
        ["Gala Apples", "äpfel", "Bananas"]
    );
}

#[tokio::test]
async fn filters_by_category_price_stock_and_text_and_all_of_them() {
    let shop = shelf().await;
    let found = async |filter: &str| shop.names(&format!("sort: NAME, filter: {{ {filter} }}")).await;
    assert_eq!(found("category: \"apples-pears\"").await, ["äpfel", "Gala Apples"]);
    assert_eq!(found("minPrice: 159, maxPrice: 279").await, ["äpfel", "Bananas", "Gala Apples"]);
    assert_eq!(found("maxPrice: 129").await, ["Crème fraîche"]);
    assert_eq!(found("minPrice: 0").await.len(), 5);
    assert_eq!(found("inStock: false").await, ["äpfel"]);
    assert_eq!(found("inStock: true, category: \"apples-pears\"").await, ["Gala Apples"]);
    assert_eq!(
        found("category: \"fruit\", minPrice: 200, inStock: true, text: \"hollin\"").await,
        ["Gala Apples"]
    );
    assert!(found("category: \"fruit\", text: \"alp\"").await.is_empty());
}

#[tokio::test]
async fn takes_a_range_of_prices_into_the_walk_when_it_sorts_by_price() {
    let shop = shelf().await;
    let filter = "filter: { minPrice: 159, maxPrice: 279 }";
    assert_eq!(shop.names(&format!("sort: PRICE_ASC, {filter}")).await, ["Bananas", "äpfel", "Gala Apples"]);
    assert_eq!(shop.names(&format!("sort: PRICE_DESC, {filter}")).await, ["Gala Apples", "äpfel", "Bananas"]);
    assert_eq!(shop.names("sort: PRICE_DESC, filter: { maxPrice: 158 }").await, ["Crème fraîche"]);
}

#[tokio::test]
async fn finds_words_by_their_beginnings_however_they_are_written() {
    let shop = shelf().await;
    let found = async |text: &str| shop.names(&format!("sort: NAME, filter: {{ text: \"{text}\" }}")).await;
    assert_eq!(found("creme").await, ["Crème fraîche"]);
    assert_eq!(found("FRAÎ").await, ["Crème fraîche"]);
    assert_eq!(found("  fraiche, CRÈ ").await, ["Crème fraîche"]);
    assert_eq!(found("apf").await, ["äpfel"]);
    assert_eq!(found("app").await, ["äpfel", "Gala Apples"], "the words of a category count as well");
    assert_eq!(found("fruit farm").await, ["Bananas", "Gala Apples"]);
    assert_eq!(found("gala dairy").await, Vec::<String>::new());
    assert_eq!(
        found("ala").await,
        Vec::<String>::new(),
        "a word begins like it, and does not only contain it"
    );
    assert_eq!(found("").await.len(), 5);
    assert_eq!(found("%").await, Vec::<String>::new());
    assert_eq!(found("_").await, Vec::<String>::new());
}

#[tokio::test]
async fn filters_by_seller() {
    let shop = shelf().await;
    let (person, seller) = shop.seller("ann");
    create(&seller, json!({ "name": "Honey", "price": 700, "quantity": 1 })).await;
    let by = |id: &str| format!("filter: {{ seller: \"{id}\" }}");
    assert_eq!(shop.names(&by(&person.user.id.to_string())).await, ["Honey"]);
    assert!(shop.names(&by(&UserId::new().to_string())).await.is_empty());
}

#[tokio::test]
async fn names_all_parts_of_a_filter_that_are_wrong() {
    let shop = Shop::start().await;
    let cases = [
        ("filter: { category: \"nowhere\" }", vec!["filter.category"]),
        ("filter: { minPrice: -1, seller: \"ann\" }", vec!["filter.minPrice", "filter.seller"]),
        ("filter: { minPrice: 5, maxPrice: 4 }", vec!["filter.maxPrice"]),
        ("filter: { text: \"a b c d e f g h i\" }", vec!["filter.text"]),
        ("first: 0", vec!["first"]),
        ("first: 101", vec!["first"]),
        ("after: \"x\"", vec!["after"]),
    ];
    for (arguments, fields) in cases {
        let answer =
            shop.client.ask(&format!("{{ productsConnection({arguments}) {{ nodes {{ name }} }} }}")).await;
        assert_eq!((answer.code(), answer.fields()), ("BAD_USER_INPUT", fields), "{arguments}");
    }
}

#[tokio::test]
async fn refuses_a_cursor_of_another_order() {
    let shop = shelf().await;
    let page =
        shop.client.ask("{ productsConnection(first: 1, sort: NAME) { pageInfo { endCursor } } }").await;
    let cursor = &page.data()["productsConnection"]["pageInfo"]["endCursor"];
    let query = format!("{{ productsConnection(after: {cursor}, sort: PRICE_ASC) {{ nodes {{ name }} }} }}");
    assert_eq!(shop.client.ask(&query).await.fields(), ["after"]);
}

#[tokio::test]
async fn counts_only_what_the_filter_leaves() {
    let shop = shelf().await;
    let query = "{ productsConnection(first: 1, filter: { category: \"fruit\" }) { totalCount nodes { name }
        edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let answer = shop.client.ask(query).await;
    let page = &answer.data()["productsConnection"];
    assert_eq!(page["totalCount"], 3);
    assert_eq!(names(&page["nodes"]), ["Bananas"]);
    assert_eq!(page["edges"][0]["node"]["name"], "Bananas");
    assert_eq!(page["edges"][0]["cursor"], page["pageInfo"]["endCursor"]);
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    assert_eq!(page["pageInfo"]["hasPreviousPage"], false);
}

#[tokio::test]
async fn does_not_count_unasked() {
    let shop = shelf().await;
    shop.quiet().await;
    let before = shop.store.stats().reads;
    shop.names("first: 2").await;
    assert_eq!(shop.store.stats().reads - before, 1);
}

/// All pages of a list, with something done before each page but the first.
async fn walk(shop: &Shop, arguments: &str, size: usize, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let mut seen = Vec::new();
    let mut after = Value::Null;
    for page in 0.. {
        if page > 0 {
            between(page).await;
        }
        let query = format!(
            "query($after: String) {{ productsConnection({arguments}, first: {size}, after: $after) {{
                nodes {{ name }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let answer = shop.client.send(&query, json!({ "after": after })).await;
        let connection = &answer.data()["productsConnection"];
        seen.extend(names(&connection["nodes"]));
        if connection["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = connection["pageInfo"]["endCursor"].clone();
    }
    seen
}

#[tokio::test]
async fn pages_stay_where_they_are_when_products_come_and_go() {
    let shop = Shop::start().await;
    shop.category("Fruit", None).await;
    let mut ids = Vec::new();
    for n in 0..12 {
        // Equal prices and, with a clock that stands still, equal times: the ids alone tell them apart.
        ids.push(
            shop.product(&format!("Old {n:02}"), json!({ "category": "fruit", "price": 100 + n % 2 })).await,
        );
    }
    for sort in ["NEWEST", "NAME", "PRICE_ASC", "PRICE_DESC"] {
        for filter in ["", ", filter: { category: \"fruit\" }", ", filter: { text: \"old\" }"] {
            let seen = walk(&shop, &format!("sort: {sort}{filter}"), 5, async |page| {
                shop.product(&format!("New {sort} {page}"), json!({ "category": "fruit", "price": 100 }))
                    .await;
            })
            .await;
            let mut old: Vec<_> = seen.iter().filter(|name| name.starts_with("Old")).cloned().collect();
            old.sort();
            let expected: Vec<_> = (0..12).map(|n| format!("Old {n:02}")).collect();
            assert_eq!(old, expected, "{sort}{filter}: each once");
        }
    }
    let seen = walk(&shop, "sort: NAME, filter: { text: \"old\" }", 4, async |page| {
        // The product that the cursor stands on goes away.
        let gone = &ids[page * 4 - 1];
        assert!(crate::shop::archive(&shop.key(), gone).await.data().is_object());
    })
    .await;
    assert_eq!(seen.len(), 12);
}

#[test]
fn every_page_size_gives_the_same_list() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(async {
        let shop = Shop::start().await;
        for n in 0..17 {
            shop.product(&format!("P{}", n % 5), json!({ "price": 1 + n % 3, "quantity": n % 2 })).await;
        }
        shop
    });
    let sorts = prop::sample::select(vec!["NEWEST", "NAME", "PRICE_ASC", "PRICE_DESC"]);
    let filters = prop::sample::select(vec![
        "",
        ", filter: { inStock: true }",
        ", filter: { minPrice: 2, maxPrice: 3 }",
        ", filter: { text: \"p1\" }",
    ]);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(&(sorts, filters, 1..20_usize), |(sort, filter, size)| {
            let arguments = format!("sort: {sort}{filter}");
            let whole = runtime.block_on(shop.names(&format!("{arguments}, first: 100")));
            let paged = runtime.block_on(walk(&shop, &arguments, size, async |_| {}));
            prop_assert_eq!(whole, paged);
            Ok(())
        })
        .unwrap();
}
