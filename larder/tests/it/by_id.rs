//! What one knows the id of is not yet one's own: every field that takes an id, asked through the router by the owner of what the id is
//! of, by others like them, by sellers, an admin and nobody, each with things made for that one question. Who is refused has changed nothing.

use std::collections::BTreeSet;

use kit::testing::TestClient;
use serde_json::{Value, json};

use crate::{
    access::NOTHING,
    running::{Kind, Running, on_both_shops},
    straight::line,
};

/// How each field is asked; `seen` is what is shown of the answer. `@order` is an order of ann's, `@product` a product of sam's,
/// `@account` an account that nobody uses, `@ann` and `@category` what they say.
const ROWS: &[(&str, &str)] = &[
    ("user", "{ seen: user(id: \"@ann\") { role } }"),
    ("product", "{ seen: product(id: \"@product\") { price } }"),
    ("products", "{ seen: products(ids: [\"@product\"]) { price } }"),
    (
        "productsConnection",
        "{ seen: productsConnection(filter: { seller: \"@sam\" }, first: 1) { pageInfo { hasPreviousPage } } }",
    ),
    ("managedProduct", "{ seen: managedProduct(id: \"@product\") { price } }"),
    ("stockMovements", "{ seen: stockMovements(product: \"@product\", first: 1) { nodes { kind } } }"),
    ("order", "{ seen: order(id: \"@order\") { status } }"),
    (
        "ordersConnection",
        "{ seen: ordersConnection(filter: { userId: \"@ann\" }, first: 1) { pageInfo { hasPreviousPage } } }",
    ),
    ("setRole", "mutation { seen: setRole(user: \"@account\", role: ADMIN) { role } }"),
    ("updateProduct", "mutation { seen: updateProduct(id: \"@product\", input: { price: 1 }) { price } }"),
    ("archiveProduct", "mutation { seen: archiveProduct(id: \"@product\") { price } }"),
    (
        "updateCategory",
        "mutation { seen: updateCategory(id: \"@category\", input: { description: \"Mine.\" }) { description } }",
    ),
    (
        "adjustStock",
        "mutation { seen: adjustStock(input: { product: \"@product\", expected: 9, quantity: 1, reason: \"mine\" }) { available } }",
    ),
    ("restock", "mutation { seen: restock(input: { product: \"@product\", quantity: 1 }) { available } }"),
    (
        "placeOrder",
        "mutation { seen: placeOrder(products: [{ _id: \"@product\", quantity: 1 }]) { status } }",
    ),
    ("cancelOrder", "mutation { seen: cancelOrder(id: \"@order\") { status } }"),
    ("advanceOrder", "mutation { seen: advanceOrder(id: \"@order\", to: PACKED) { status } }"),
    ("retrySaga", "mutation { seen: retrySaga(id: \"@order\") { state } }"),
    ("replayDeadLetter", "mutation { seen: replayDeadLetter(group: \"inventory\", id: \"@nothing\") }"),
];

/// Somebody new, signed in; as a seller where they are to be one.
async fn person(shop: &Running, name: &str, role: &str) -> (String, TestClient) {
    let register = "mutation($n: String!) { registerUser(input: { username: $n, password: \"a long password\" }) { user { _id } } }";
    let answer = shop.nobody().send(register, json!({ "n": name })).await;
    let id = answer.data()["registerUser"]["user"]["_id"].as_str().unwrap().to_owned();
    if role != "CUSTOMER" {
        let set = "mutation($id: ID!, $role: Role!) { setRole(user: $id, role: $role) { _id } }";
        shop.operator().await.send(set, json!({ "id": id, "role": role })).await.data();
    }
    (id, shop.sign_in(name, "a long password").await)
}

/// The people of the table, and what is made for each of its questions.
struct Cast {
    shop: Running,
    operator: TestClient,
    ann: (String, TestClient),
    sam: (String, TestClient),
    category: String,
    made: usize,
}

impl Cast {
    async fn of(kind: Kind) -> Self {
        let shop = Running::of(kind);
        let operator = shop.operator().await;
        let create = "mutation { createCategory(input: { name: \"Teas of the test\" }) { _id } }";
        let category =
            operator.ask(create).await.data()["createCategory"]["_id"].as_str().unwrap().to_owned();
        let (ann, sam) = (person(&shop, "ann", "CUSTOMER").await, person(&shop, "sam", "SELLER").await);
        Self { shop, operator, ann, sam, category, made: 0 }
    }

    async fn made(client: &TestClient, field: &str, query: &str, variables: Value) -> String {
        client.send(query, variables).await.data()[field]["_id"].as_str().unwrap().to_owned()
    }

    /// The question, about things that were made for it.
    async fn question(&mut self, operation: &str) -> String {
        self.made += 1;
        let mut question = operation
            .replace("@ann", &self.ann.0)
            .replace("@sam", &self.sam.0)
            .replace("@category", &self.category)
            .replace("@nothing", NOTHING);
        if question.contains("@product") || question.contains("@order") {
            let create = "mutation($n: String!) { createProduct(input: { name: $n, price: 250, quantity: 9 }) { _id } }";
            let name = json!({ "n": format!("Tea {}", self.made) });
            let product = Self::made(&self.sam.1, "createProduct", create, name).await;
            question = question.replace("@product", &product);
            if question.contains("@order") {
                let place =
                    "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { _id } }";
                let order = Self::made(&self.ann.1, "placeOrder", place, json!({ "id": product })).await;
                question = question.replace("@order", &order);
            }
        }
        if question.contains("@account") {
            let account = person(&self.shop, &format!("account{}", self.made), "CUSTOMER").await;
            question = question.replace("@account", &account.0);
        }
        question
    }

    /// How the thing is whose id stands in a question, as an admin sees it.
    async fn state(&self, question: &str) -> Value {
        let id = question.split('"').find(|part| part.len() == NOTHING.len() && part.contains('-'));
        let query = "query($id: ID!) { \
            managedProduct(id: $id) { price quantity archivedAt updatedAt } order(id: $id) { status history { status } } \
            user(id: $id) { role } categories { _id description } }";
        self.operator.send(query, json!({ "id": id })).await.body["data"].clone()
    }

    /// What the caller is told, and shown.
    async fn outcome(&mut self, caller: &TestClient, operation: &str) -> String {
        let question = self.question(operation).await;
        let before = self.state(&question).await;
        let answer = caller.ask(&question).await;
        let Some(errors) = answer.body["errors"].as_array() else {
            return answer.data()["seen"].to_string();
        };
        assert_eq!(self.state(&question).await, before, "refused, and done all the same: {question}");
        errors[0]["extensions"]["code"].as_str().expect("every error has a code").to_owned()
    }
}

/// The fields of the graph that take an id, anywhere in their arguments.
async fn fields_that_take_an_id(shop: &Running) -> BTreeSet<String> {
    let kind = "type { name kind ofType { name kind ofType { name kind ofType { name kind } } } }";
    let query = format!(
        "{{ __schema {{ queryType {{ ...F }} mutationType {{ ...F }} types {{ name inputFields {{ name {kind} }} }} }} }} \
         fragment F on __Type {{ fields {{ name args {{ name {kind} }} }} }}"
    );
    let answer = shop.nobody().ask(&query).await;
    let schema = &answer.data()["__schema"];
    let inputs: Vec<Value> = schema["types"].as_array().unwrap().clone();
    let mut found = BTreeSet::new();
    for root in ["queryType", "mutationType"] {
        for field in schema[root]["fields"].as_array().unwrap() {
            if field["args"].as_array().unwrap().iter().any(|argument| takes_an_id(argument, &inputs)) {
                found.insert(field["name"].as_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// Whether an argument, or a field of an input, is an id or has one.
fn takes_an_id(value: &Value, inputs: &[Value]) -> bool {
    let mut named = &value["type"];
    while !named["ofType"].is_null() {
        named = &named["ofType"];
    }
    if named["name"] == "ID" || value["name"] == "_id" {
        return true;
    }
    let input = inputs.iter().find(|input| input["name"] == named["name"]);
    let fields = input.and_then(|input| input["inputFields"].as_array());
    fields.is_some_and(|fields| fields.iter().any(|field| takes_an_id(field, inputs)))
}

async fn only_its_owner_and_admins_reach_a_thing_by_its_id(kind: Kind) {
    let mut cast = Cast::of(kind).await;
    let rows: BTreeSet<_> = ROWS.iter().map(|(field, _)| (*field).to_owned()).collect();
    assert_eq!(fields_that_take_an_id(&cast.shop).await, rows, "the table is not complete");
    let callers = [
        ("nobody", cast.shop.nobody()),
        ("owner ann", cast.ann.1.clone()),
        ("shopper ben", person(&cast.shop, "ben", "CUSTOMER").await.1),
        ("owner sam", cast.sam.1.clone()),
        ("seller sid", person(&cast.shop, "sid", "SELLER").await.1),
        ("admin", cast.operator.clone()),
        ("api key", cast.shop.tool()),
    ];
    let mut table = Vec::new();
    for (field, operation) in ROWS {
        let mut outcomes = Vec::new();
        for (name, caller) in &callers {
            outcomes.push(((*name).to_owned(), cast.outcome(caller, operation).await));
        }
        table.push(line(field, &outcomes));
    }
    // Named, so that both shops are held to the same.
    insta::assert_snapshot!("only_its_owner_and_admins_reach_a_thing_by_its_id", table.join("\n"));
}

/// Lists that are somebody's have nothing of anybody else's.
async fn lists_hold_what_is_the_callers(kind: Kind) {
    let cast = Cast::of(kind).await;
    let (_, ben) = person(&cast.shop, "ben", "CUSTOMER").await;
    let (_, sid) = person(&cast.shop, "sid", "SELLER").await;
    let place = "mutation($id: String!) { placeOrder(products: [{ _id: $id, quantity: 1 }]) { _id } }";
    let create =
        "mutation($n: String!) { createProduct(input: { name: $n, price: 250, quantity: 9 }) { _id } }";
    let product = Cast::made(&cast.sam.1, "createProduct", create, json!({ "n": "Tea" })).await;
    let order = Cast::made(&cast.ann.1, "placeOrder", place, json!({ "id": product })).await;
    for query in [
        "{ orders { _id } }",
        "{ ordersConnection { nodes { _id } } }",
        "{ managedProducts { nodes { _id } } }",
    ] {
        for other in [&ben, &sid] {
            let seen = other.ask(query).await.body.to_string();
            assert!(!seen.contains(&order) && !seen.contains(&product), "{query}: {seen}");
        }
        let own = if query.contains("managed") { (&cast.sam.1, &product) } else { (&cast.ann.1, &order) };
        assert!(own.0.ask(query).await.body.to_string().contains(own.1), "{query}");
    }
}

on_both_shops![only_its_owner_and_admins_reach_a_thing_by_its_id, lists_hold_what_is_the_callers];
