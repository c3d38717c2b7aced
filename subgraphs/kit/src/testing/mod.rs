//! A world for the tests of one service: real engines in a folder of its own, a clock that is moved by hand, people with
//! tokens, other services scripted or real, and the service itself behind its HTTP endpoint.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up its world has failed"
)]

mod life;
pub mod servers;

pub(crate) use life::up_to;
pub use life::{Life, is_seeded, seed};

use std::{future::Future, sync::Arc};

use chrono::Utc;
use serde_json::{Value, json};

use crate::{
    cache::Cache,
    client::TransportError,
    clock::Clock,
    identity::{ApiKey, Issuer, Role, ServiceTokens, User, UserId},
    server::{self, Served},
    service::{Context, Host, Service},
    subgraph::Subgraph,
};

/// The API key of every test world.
pub const API_KEY: &str = "test-api-key";

/// The world of one test. Everything is gone when it is dropped.
pub struct World {
    host: Host,
    folder: tempfile::TempDir,
}

/// A person and the token that proves who they are.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who.
    pub user: User,
    /// Their access token.
    pub token: String,
}

impl World {
    /// A new, empty world. Its clock stands still until it is moved.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = Self::open(folder.path(), Clock::manual(Utc::now())).await;
        Self { host, folder }
    }

    async fn open(folder: &std::path::Path, clock: Clock) -> Host {
        let cache = Cache::memory(4 * 1024 * 1024);
        Host::open(folder, clock, cache, Some(ApiKey::new(API_KEY))).await.unwrap()
    }

    /// The same data after a stop and a start. What was running must have been dropped.
    pub async fn restart(self) -> Self {
        self.host.close().await;
        let host = Self::open(self.folder.path(), self.host.clock().clone()).await;
        Self { host, folder: self.folder }
    }

    /// What a service works with in this world.
    pub async fn context(&self, service: &Service) -> Context {
        self.host.context(service).await.unwrap()
    }

    /// The host under it all.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        self.host.clock()
    }

    /// A person with this name and role, with a token of the auth service's kind.
    #[must_use]
    pub fn person(&self, username: &str, role: Role) -> Person {
        let user = User { id: UserId::new(), username: username.to_owned(), role, session: None };
        let token =
            Issuer::users(self.host.people(), self.clock().clone()).access_token(&user).unwrap().token;
        Person { user, token }
    }

    /// A service's token for another service.
    #[must_use]
    pub fn service_token(&self, from: &str, to: &str, scope: &str) -> String {
        ServiceTokens::new(from, self.host.ring(from).unwrap(), self.clock().clone())
            .token(to, scope)
            .unwrap()
    }

    /// Scripts another service: from query and variables to its whole response, or to silence.
    pub fn script<F, Fut>(&self, name: &str, answer: F)
    where
        F: Fn(String, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, TransportError>> + Send + 'static,
    {
        self.host.mesh().add_fake(name, Arc::new(move |query, variables| Box::pin(answer(query, variables))));
    }

    /// Puts a subgraph on a free port of this machine, and among the services of this world.
    pub async fn serve(&self, subgraph: Subgraph) -> TestClient {
        let subgraph = Arc::new(subgraph);
        self.host.mesh().add(subgraph.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/graphql", listener.local_addr().unwrap());
        let served = Served { subgraph, store: None, keys: Some(self.host.people()) };
        tokio::spawn(server::serve(listener, served, std::future::pending()));
        TestClient { url, http: reqwest::Client::new(), headers: Vec::new() }
    }
}

/// Sends operations to one endpoint as one caller.
#[derive(Clone)]
pub struct TestClient {
    url: String,
    http: reqwest::Client,
    headers: Vec<(String, String)>,
}

impl TestClient {
    /// A client of any endpoint.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), http: reqwest::Client::new(), headers: Vec::new() }
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same with a bearer token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The same as this person.
    #[must_use]
    pub fn as_person(&self, person: &Person) -> Self {
        self.bearer(&person.token)
    }

    /// The same with the world's API key.
    #[must_use]
    pub fn with_api_key(&self) -> Self {
        self.header("x-api-key", API_KEY)
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut next = self.clone();
        next.headers.retain(|(have, _)| have != name);
        next.headers.push((name.to_owned(), value.to_owned()));
        next
    }

    /// What it sends in that header.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// Sends an operation.
    pub async fn send(&self, query: &str, variables: Value) -> Answer {
        let mut request = self.http.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("the endpoint answers");
        let status = response.status().as_u16();
        let cookies = response.headers().get_all("set-cookie").iter();
        let cookies = cookies.map(|cookie| cookie.to_str().expect("a cookie is ASCII").to_owned()).collect();
        let body = response.json().await.expect("the answer is JSON");
        Answer { status, cookies, body }
    }

    /// Sends an operation without variables.
    pub async fn ask(&self, query: &str) -> Answer {
        self.send(query, json!({})).await
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The cookies that it sets, each as its header says.
    pub cookies: Vec<String>,
    /// The whole body.
    pub body: Value,
}

impl Answer {
    /// The data of an answer that must have no errors.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert!(self.body.get("errors").is_none(), "unexpected errors: {}", self.body);
        &self.body["data"]
    }

    /// The code of the one error that there must be.
    #[track_caller]
    #[must_use]
    pub fn code(&self) -> &str {
        self.error()["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {}", self.body))
    }

    /// The one error that there must be.
    #[track_caller]
    #[must_use]
    pub fn error(&self) -> &Value {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {}", self.body));
        assert_eq!(errors.len(), 1, "more than one error: {}", self.body);
        &errors[0]
    }

    /// The names of the fields at fault.
    #[track_caller]
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let fields = self.error()["extensions"]["fields"].as_array();
        let fields = fields.unwrap_or_else(|| panic!("no fields: {}", self.body));
        fields.iter().filter_map(|field| field["field"].as_str()).collect()
    }
}
