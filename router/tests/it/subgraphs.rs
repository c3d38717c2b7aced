//! Three subgraphs in miniature: what the shop's own have in common with them is the shape of their schemas. A test can
//! count and look at the calls, hold them back, and make them fail.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_graphql::{
    Context, EmptySubscription, Error, ErrorExtensions, ID, Object, Request, Schema, SimpleObject, Variables,
};
use async_trait::async_trait;
use bytes::Bytes;
use hive_router::http::HeaderMap;
use router::{LocalResponse, LocalSubgraphs, compose::SubgraphSchema};
use tokio::sync::{Mutex, RwLock};

/// One call of a subgraph.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) subgraph: String,
    pub(crate) headers: HeaderMap,
    #[expect(dead_code, reason = "shown when a test fails")]
    pub(crate) query: String,
}

/// The subgraphs and what a test can do to them.
pub(crate) struct Subgraphs {
    catalog: Schema<CatalogQuery, CatalogMutation, EmptySubscription>,
    inventory: Schema<InventoryQuery, InventoryMutation, EmptySubscription>,
    auth: Schema<AuthQuery, AuthMutation, EmptySubscription>,
    pub(crate) calls: Mutex<Vec<Call>>,
    /// Held for writing, it holds back every answer of the catalog.
    pub(crate) catalog_gate: RwLock<()>,
    /// How many calls have come to that gate.
    pub(crate) at_gate: AtomicUsize,
    /// The subgraph that answers over HTTP, if any: it is not local.
    pub(crate) remote: Option<String>,
    /// Whether the catalog answers what is no GraphQL response.
    pub(crate) nonsense: AtomicBool,
}

/// What the subgraphs answer from.
#[derive(Default)]
struct Shelves {
    quantities: Mutex<HashMap<String, i32>>,
}

impl Subgraphs {
    pub(crate) fn new() -> Self {
        let shelves = Arc::new(Shelves::default());
        shelves.quantities.try_lock().unwrap().extend([("1".to_owned(), 10), ("2".to_owned(), 20)]);
        Self {
            catalog: Schema::build(CatalogQuery, CatalogMutation, EmptySubscription)
                .enable_federation()
                .finish(),
            inventory: Schema::build(InventoryQuery, InventoryMutation, EmptySubscription)
                .enable_federation()
                .data(shelves)
                .finish(),
            auth: Schema::build(AuthQuery, AuthMutation, EmptySubscription).enable_federation().finish(),
            calls: Mutex::default(),
            catalog_gate: RwLock::new(()),
            at_gate: AtomicUsize::new(0),
            remote: None,
            nonsense: AtomicBool::new(false),
        }
    }

    pub(crate) fn schemas(&self) -> Vec<SubgraphSchema> {
        let options = || async_graphql::SDLExportOptions::new().federation().compose_directive();
        [
            ("auth", self.auth.sdl_with_options(options())),
            ("catalog", self.catalog.sdl_with_options(options())),
            ("inventory", self.inventory.sdl_with_options(options())),
        ]
        .map(|(name, sdl)| SubgraphSchema {
            name: name.to_owned(),
            // Nobody listens there: a subgraph that is neither local nor given another address is away.
            url: "http://127.0.0.1:1/graphql".to_owned(),
            sdl,
        })
        .to_vec()
    }

    pub(crate) async fn calls_of(&self, subgraph: &str) -> usize {
        self.calls.lock().await.iter().filter(|call| call.subgraph == subgraph).count()
    }

    pub(crate) async fn last_call_of(&self, subgraph: &str) -> Call {
        let calls = self.calls.lock().await;
        calls.iter().rev().find(|call| call.subgraph == subgraph).expect("it was called").clone()
    }

    pub(crate) async fn answer(
        &self,
        subgraph: &str,
        headers: &HeaderMap,
        query: &str,
        variables: &[u8],
    ) -> LocalResponse {
        let (query_text, headers_seen) = (query.to_owned(), headers.clone());
        let call = Call { subgraph: subgraph.to_owned(), headers: headers_seen, query: query_text };
        self.calls.lock().await.push(call);
        let variables = match variables {
            b"" => Variables::default(),
            json => Variables::from_json(serde_json::from_slice(json).unwrap()),
        };
        let request = Request::new(query).variables(variables).data(headers.clone());
        let response = match subgraph {
            "catalog" => {
                let response = self.catalog.execute(request).await;
                self.at_gate.fetch_add(1, Ordering::SeqCst);
                let _open = self.catalog_gate.read().await;
                response
            }
            "inventory" => self.inventory.execute(request).await,
            _ => self.auth.execute(request).await,
        };
        if subgraph == "catalog" && self.nonsense.load(Ordering::SeqCst) {
            return LocalResponse {
                body: Bytes::from_static(b"thread 'main' panicked"),
                ..Default::default()
            };
        }
        let mut out =
            LocalResponse { body: serde_json::to_vec(&response).unwrap().into(), ..Default::default() };
        for (name, value) in &response.http_headers {
            out.headers.append(name, value.clone());
        }
        out
    }
}

#[async_trait]
impl LocalSubgraphs for Subgraphs {
    fn has(&self, subgraph: &str) -> bool {
        self.remote.as_deref() != Some(subgraph)
    }

    async fn execute(
        &self,
        subgraph: &str,
        headers: &HeaderMap,
        query: &str,
        _: Option<&str>,
        variables: &[u8],
    ) -> Bytes {
        self.answer(subgraph, headers, query, variables).await.body
    }

    async fn execute_with_headers(
        &self,
        subgraph: &str,
        headers: &HeaderMap,
        query: &str,
        _: Option<&str>,
        variables: &[u8],
    ) -> LocalResponse {
        self.answer(subgraph, headers, query, variables).await
    }
}

fn coded(text: &str, code: &'static str) -> Error {
    Error::new(text).extend_with(|_, extensions| extensions.set("code", code))
}

// The catalog: names and prices.

mod catalog {
    use super::{ID, SimpleObject};

    #[derive(SimpleObject, Clone)]
    #[graphql(complex)]
    pub(crate) struct Product {
        #[graphql(name = "_id")]
        pub(crate) id: ID,
        pub(crate) name: String,
        pub(crate) price: i32,
        /// A product that goes with it.
        pub(crate) with: Option<Box<Product>>,
    }
}

#[async_graphql::ComplexObject]
impl catalog::Product {
    /// Only for those who send a token.
    async fn cost(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        match ctx.data_unchecked::<HeaderMap>().contains_key("authorization") {
            true => Ok(self.price / 2),
            false => Err(coded("Sign in to see the cost.", "UNAUTHENTICATED")),
        }
    }
}

fn products() -> Vec<catalog::Product> {
    let product = |id: &str, name: &str, price, with| catalog::Product {
        id: id.into(),
        name: name.to_owned(),
        price,
        with,
    };
    vec![
        product("1", "Milk", 120, None),
        product("2", "Bread", 300, Some(Box::new(product("1", "Milk", 120, None)))),
    ]
}

struct CatalogQuery;

#[Object(name = "Query")]
impl CatalogQuery {
    /// Everything on the shelves.
    async fn products(&self, _first: Option<i32>) -> Vec<catalog::Product> {
        products()
    }

    /// One product.
    async fn product(&self, id: ID) -> Option<catalog::Product> {
        products().into_iter().find(|product| product.id == id)
    }

    /// Fails in a way that nobody foresaw.
    async fn fault(&self) -> async_graphql::Result<i32> {
        Err(Error::new("sqlite: no such table: products at src/store.rs:12"))
    }

    /// Fails with a code of the table.
    async fn refusal(&self) -> async_graphql::Result<i32> {
        Err(Error::new("Less stock than asked for.").extend_with(|_, extensions| {
            extensions.set("code", "OUT_OF_STOCK");
            extensions
                .set("shortages", async_graphql::value!([{ "_id": "1", "requested": 9, "available": 1 }]));
        }))
    }

    #[graphql(entity)]
    async fn find_product_by_id(&self, #[graphql(key, name = "_id")] id: ID) -> Option<catalog::Product> {
        products().into_iter().find(|product| product.id == id)
    }
}

struct CatalogMutation;

#[Object(name = "Mutation")]
impl CatalogMutation {
    /// Adds a product.
    async fn create_product(&self, name: String) -> catalog::Product {
        catalog::Product { id: "3".into(), name, price: 1, with: None }
    }

    /// For services alone.
    #[graphql(inaccessible)]
    async fn purge(&self) -> bool {
        true
    }
}

// The inventory: what can be sold.

mod inventory {
    use super::{ID, SimpleObject};

    #[derive(SimpleObject)]
    #[graphql(complex)]
    pub(crate) struct Product {
        #[graphql(name = "_id")]
        pub(crate) id: ID,
    }
}

#[async_graphql::ComplexObject]
impl inventory::Product {
    /// What can be sold now.
    async fn quantity(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        let shelves = ctx.data_unchecked::<Arc<Shelves>>();
        let quantities = shelves.quantities.lock().await;
        quantities.get(self.id.as_str()).copied().ok_or_else(|| coded("No such product.", "NOT_FOUND"))
    }

    /// The same, null where it is not known.
    async fn stock(&self, ctx: &Context<'_>) -> Option<i32> {
        ctx.data_unchecked::<Arc<Shelves>>().quantities.lock().await.get(self.id.as_str()).copied()
    }
}

struct InventoryQuery;

#[Object(name = "Query")]
impl InventoryQuery {
    #[graphql(entity)]
    async fn find_product_by_id(&self, #[graphql(key, name = "_id")] id: ID) -> Option<inventory::Product> {
        Some(inventory::Product { id })
    }
}

struct InventoryMutation;

#[Object(name = "Mutation")]
impl InventoryMutation {
    /// Sets what can be sold.
    async fn adjust_stock(&self, ctx: &Context<'_>, id: ID, quantity: i32) -> i32 {
        ctx.data_unchecked::<Arc<Shelves>>().quantities.lock().await.insert(id.to_string(), quantity);
        quantity
    }
}

// Auth: who is there.

struct AuthQuery;

#[Object(name = "Query")]
impl AuthQuery {
    /// The authorization that this subgraph was sent.
    async fn authorization(&self, ctx: &Context<'_>) -> Option<String> {
        let headers = ctx.data_unchecked::<HeaderMap>();
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned())
    }
}

struct AuthMutation;

#[Object(name = "Mutation")]
impl AuthMutation {
    /// Signs in, and leaves a cookie.
    async fn login(&self, ctx: &Context<'_>, name: String) -> String {
        ctx.append_http_header("set-cookie", format!("refresh={name}; HttpOnly; SameSite=Strict"));
        format!("token of {name}")
    }
}
