//! Stocks a shop with the demo range, as an ordinary client of its graph. What is there already is left as it is, so that
//! seeding twice, or again after an interruption, gives the same shop.

mod range;

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::graph::{Graph, GraphError};
use range::{Category, Product};

/// The demo accounts: name and role. Each password is `<name>-larder-demo`.
pub const ACCOUNTS: [(&str, &str); 3] = [("customer", "CUSTOMER"), ("seller", "SELLER"), ("admin", "ADMIN")];

/// The categories whose products the demo seller offers; everything else is the shop's own.
const SELLER_CATEGORIES: [&str; 2] = ["bakery", "cheese-deli"];

/// How many products are made at once: enough to share the databases' commits. More would only leave the services with more memory than
/// they need afterwards.
const AT_ONCE: usize = 8;

/// What seeding did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Products made now.
    pub made: usize,
    /// Products in the demo range.
    pub of: usize,
}

/// The password of a demo account.
#[must_use]
pub fn demo_password(name: &str) -> String {
    format!("{name}-larder-demo")
}

/// Stocks the shop at `graph`, as its operator. `progress` is told how many products are there of how many.
///
/// # Errors
/// When the shop refuses or does not answer; what was made until then stays, and the next run goes on from there.
pub async fn seed(graph: &Graph, operator: (&str, &str), progress: impl Fn(usize, usize)) -> Result<Seeded> {
    let operator = sign_in(graph, operator.0, operator.1).await.context("signing in as the operator")?;
    let admin = graph.bearer(&operator.token);
    for (name, role) in ACCOUNTS {
        account(graph, &admin, name, role).await.with_context(|| format!("making the account {name}"))?;
    }
    let seller =
        sign_in(graph, "seller", &demo_password("seller")).await.context("signing in as the seller")?;
    let seller = graph.bearer(&seller.token);

    let categories = range::categories()?;
    make_categories(&admin, &categories).await?;
    let parents: HashMap<_, _> =
        categories.iter().map(|category| (category.slug.as_str(), category.parent.as_deref())).collect();

    let there = slugs(&admin).await?;
    let all = range::products()?;
    let of = all.len();
    let missing: Vec<_> = all.into_iter().filter(|product| !there.contains(&product.slug)).collect();
    let before = of - missing.len();
    progress(before, of);
    let made = stream::iter(missing)
        .map(|product| {
            let top = parents.get(product.category.as_str()).copied().flatten().unwrap_or(&product.category);
            let client = if SELLER_CATEGORIES.contains(&top) { seller.clone() } else { admin.clone() };
            async move { make_product(&client, &product).await }
        })
        .buffer_unordered(AT_ONCE)
        .try_fold(0, |made, ()| {
            progress(before + made + 1, of);
            async move { Ok(made + 1) }
        })
        .await?;
    Ok(Seeded { made, of })
}

struct Session {
    token: String,
    user: String,
    role: String,
}

async fn sign_in(graph: &Graph, username: &str, password: &str) -> Result<Session> {
    let query =
        "mutation SignIn($input: LoginInput!) { login(input: $input) { access_token user { _id role } } }";
    let input = json!({ "input": { "username": username, "password": password } });
    let data = graph.send_patiently(query, &input).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Session {
        token: text(&data["login"]["access_token"]),
        user: text(&data["login"]["user"]["_id"]),
        role: text(&data["login"]["user"]["role"]),
    })
}

/// Makes the account if it is not there, and gives it its role.
async fn account(graph: &Graph, admin: &Graph, name: &str, role: &str) -> Result<()> {
    let password = demo_password(name);
    let query =
        "mutation Register($input: RegisterUserInput!) { registerUser(input: $input) { user { _id } } }";
    let input = json!({ "input": { "username": name, "password": password } });
    match graph.send_patiently(query, &input).await {
        Err(error) if has_code(&error, "CONFLICT") => {}
        other => drop(other?),
    }
    let session = sign_in(graph, name, &password).await?;
    if session.role != role {
        let query =
            "mutation SetRole($user: ID!, $role: Role!) { setRole(user: $user, role: $role) { _id } }";
        admin.send_patiently(query, &json!({ "user": session.user, "role": role })).await?;
    }
    Ok(())
}

/// Makes the categories that are missing; a parent stands before its children in the list.
async fn make_categories(admin: &Graph, categories: &[Category]) -> Result<()> {
    let query =
        "mutation CreateCategory($input: CreateCategoryInput!) { createCategory(input: $input) { slug } }";
    for category in categories {
        match admin.send_patiently(query, &json!({ "input": category })).await {
            Err(error) if has_code(&error, "CONFLICT") => {}
            other => drop(other.with_context(|| format!("making the category {}", category.slug))?),
        }
    }
    Ok(())
}

/// The slugs of every product on offer.
async fn slugs(graph: &Graph) -> Result<HashSet<String>> {
    let query = "query Slugs($after: String) {
        productsConnection(first: 100, after: $after, sort: NAME) { nodes { slug } pageInfo { hasNextPage endCursor } }
    }";
    let mut found = HashSet::new();
    let mut after = Value::Null;
    loop {
        let data = graph.send(query, json!({ "after": after })).await.context("listing the products")?;
        let page = &data["productsConnection"];
        let nodes = page["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        found.extend(nodes.iter().filter_map(|node| node["slug"].as_str()).map(str::to_owned));
        if page["pageInfo"]["hasNextPage"] != json!(true) {
            return Ok(found);
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

async fn make_product(client: &Graph, product: &Product) -> Result<()> {
    let query =
        "mutation CreateProduct($input: CreateProductInput!) { createProduct(input: $input) { _id } }";
    match client.send_patiently(query, &json!({ "input": product })).await {
        // Made by a run that was cut off before it heard the answer.
        Err(error) if has_code(&error, "CONFLICT") => Ok(()),
        other => other.map(drop).with_context(|| format!("making the product {}", product.slug)),
    }
}

fn has_code(error: &anyhow::Error, code: &str) -> bool {
    error.downcast_ref::<GraphError>().is_some_and(|error| error.code == code)
}
