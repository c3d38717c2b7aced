//! A running auth service with an admin, and short ways to use it.

use auth::{
    Config, FirstAdmin, LockoutConfig,
    domain::{roster::Roster, session::Session, user::User},
    hashing::{Hasher, HashingConfig},
};
use chrono::TimeDelta;
use kit::{
    store::{Collection, Find, Index},
    testing::{Answer, TestClient, World},
};
use serde_json::{Value, json};

pub(crate) const ADMIN: &str = "boss";
pub(crate) const PASSWORD: &str = "correct horse";

/// Hashes that cost nothing: what is tested is who does them and when.
pub(crate) const CHEAP: HashingConfig =
    HashingConfig { threads: 2, queue: 64, memory_kib: 8, iterations: 1, parallelism: 1 };

pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) client: TestClient,
    pub(crate) hasher: Hasher,
    /// What the service itself works with, to look into its database.
    pub(crate) users: Collection<User>,
    pub(crate) sessions: Collection<Session>,
    pub(crate) roster: Collection<Roster>,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// The configuration of every test shop: an admin, and cheap hashes.
pub(crate) fn config(world: &World) -> Config {
    Config {
        admin: Some(FirstAdmin::new(ADMIN, PASSWORD)),
        hashing: CHEAP,
        lockout: LockoutConfig::default(),
        limits: kit::limit::Buckets::memory(),
        people: world.host().people(),
    }
}

impl Shop {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(World::start().await, change).await
    }

    pub(crate) async fn start_in(world: World, change: impl FnOnce(&mut Config)) -> Self {
        let ctx = world.context(&auth::SERVICE).await;
        let users = ctx.store.collection().await.unwrap();
        let sessions = ctx.store.collection().await.unwrap();
        let roster = ctx.store.collection().await.unwrap();
        let mut config = config(&world);
        change(&mut config);
        let running = auth::start(ctx, config).await.unwrap();
        let client = world.serve(running.subgraph).await;
        Self { world, client, hasher: running.hasher, users, sessions, roster }
    }

    /// The same data after a stop and a start.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let Self { world, client, hasher, users, sessions, roster } = self;
        drop((client, hasher, users, sessions, roster));
        Self::start_in(world.restart().await, change).await
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.world.clock().advance(by);
    }

    pub(crate) async fn register(&self, username: &str) -> SignedIn {
        let answer = self.try_register(username, PASSWORD).await;
        SignedIn::read(&answer.data()["registerUser"])
    }

    pub(crate) async fn try_register(&self, username: &str, password: &str) -> Answer {
        let query = "mutation($input: RegisterUserInput) {
            registerUser(input: $input) { access_token refresh_token expires_at user { _id username role registeredAt } } }";
        self.client.send(query, json!({ "input": { "username": username, "password": password } })).await
    }

    pub(crate) async fn login(&self, username: &str) -> SignedIn {
        SignedIn::read(&self.try_login(username, PASSWORD).await.data()["login"])
    }

    pub(crate) async fn admin(&self) -> SignedIn {
        self.login(ADMIN).await
    }

    pub(crate) async fn try_login(&self, username: &str, password: &str) -> Answer {
        login(&self.client, username, password).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let query = "mutation($token: String!) {
            refreshToken(refresh_token: $token) { access_token refresh_token expires_at user { _id username role } } }";
        self.client.send(query, json!({ "token": token })).await
    }

    pub(crate) async fn logout(&self, token: &str) -> Answer {
        let query = "mutation($token: String!) { logout(refresh_token: $token) }";
        self.client.send(query, json!({ "token": token })).await
    }

    pub(crate) fn as_user(&self, user: &SignedIn) -> TestClient {
        self.client.bearer(&user.access)
    }

    pub(crate) async fn set_role(&self, by: &SignedIn, user: &str, role: &str) -> Answer {
        let query = "mutation($user: ID!, $role: Role!) { setRole(user: $user, role: $role) { _id role } }";
        self.as_user(by).send(query, json!({ "user": user, "role": role })).await
    }

    pub(crate) async fn change_password(&self, by: &SignedIn, current: &str, new: &str) -> Answer {
        let query = "mutation($current: String!, $new: String!) {
            changePassword(current: $current, new: $new) { access_token refresh_token expires_at user { _id username } } }";
        self.as_user(by).send(query, json!({ "current": current, "new": new })).await
    }

    pub(crate) async fn user_count(&self) -> u64 {
        self.users.count(Find::by(&Index::ID)).await.unwrap()
    }

    pub(crate) async fn session_count(&self) -> u64 {
        self.sessions.count(Find::by(&Index::ID)).await.unwrap()
    }
}

pub(crate) async fn login(client: &TestClient, username: &str, password: &str) -> Answer {
    let query = "mutation($input: LoginInput!) {
        login(input: $input) { access_token refresh_token expires_at user { _id username role registeredAt } } }";
    client.send(query, json!({ "input": { "username": username, "password": password } })).await
}

impl SignedIn {
    pub(crate) fn read(result: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&result["user"]["_id"]),
            username: text(&result["user"]["username"]),
            access: text(&result["access_token"]),
            refresh: text(&result["refresh_token"]),
        }
    }
}

/// Asks again until it is so; a test that waits in vain fails.
pub(crate) async fn until(so: impl AsyncFn() -> bool) {
    let asking = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asking).await.expect("it never became so");
}

/// For answers of which only success matters.
pub(crate) trait Succeeded {
    fn assert_ok(&self);
}

impl Succeeded for Answer {
    #[track_caller]
    fn assert_ok(&self) {
        let _ = self.data();
    }
}
