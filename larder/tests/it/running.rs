//! Shops for tests, each on data of its own: the standalone one from a copy of a stocked folder that is made once, the distributed
//! one as a cluster on this machine. Stopped at the end.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use kit::{identity::KeyRing, testing::TestClient};
use serde_json::json;

/// Longer than any start takes on a busy machine; a shop that is not open by then will never be.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which shop a test is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// One process on embedded engines.
    Standalone,
    /// A process for each service, MongoDB and Redis.
    Cluster,
}

/// Makes two tests of each of these functions, which take a [`Kind`]: what they promise holds for both shops.
macro_rules! on_both_shops {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn standalone() {
                super::$name(crate::running::Kind::Standalone).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn cluster() {
                super::$name(crate::running::Kind::Cluster).await;
            }
        })+
    };
}
pub(crate) use on_both_shops;

/// The program.
pub(crate) fn larder() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.env("RUST_LOG", "warn").env_remove("API_SECRET").env_remove("LARDER_OPERATOR_PASSWORD");
    command
}

/// A shop that runs. It is killed when this is dropped.
pub(crate) struct Running {
    kind: Kind,
    child: Child,
    lines: Mutex<Receiver<String>>,
    url: String,
    data: PathBuf,
    /// Keeps the folder until the shop has ended.
    _folder: Option<tempfile::TempDir>,
}

impl Running {
    /// A stocked shop of this kind, without rate limits.
    pub(crate) fn of(kind: Kind) -> Self {
        Self::of_with(kind, &["--no-rate-limits"])
    }

    /// A stocked shop of this kind, started with these flags.
    pub(crate) fn of_with(kind: Kind, flags: &[&str]) -> Self {
        Self::stocked_in(kind, &[], flags)
    }

    /// A stocked shop of this kind, started in this environment with these flags.
    pub(crate) fn stocked_in(kind: Kind, environment: &[(&str, &str)], flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut shop = match kind {
            Kind::Standalone => {
                kit::backup::copy_folder(template(), &data).unwrap();
                Self::start(kind, &data, environment, flags)
            }
            Kind::Cluster => {
                let flags: Vec<_> = ["--demo"].iter().chain(flags).copied().collect();
                let shop = Self::start(kind, &data, environment, &flags);
                shop.wait_for("The shop is stocked");
                shop
            }
        };
        shop._folder = Some(folder);
        shop
    }

    /// A shop of this kind, started in this environment, in which a test trades: the standalone one stocked, the other with nothing in it.
    pub(crate) fn traded_in(kind: Kind, environment: &[(&str, &str)]) -> Self {
        match kind {
            Kind::Standalone => Self::stocked_in(kind, environment, &[]),
            Kind::Cluster => {
                let folder = tempfile::tempdir().unwrap();
                let mut shop = Self::start(kind, &folder.path().join("data"), environment, &[]);
                shop._folder = Some(folder);
                shop
            }
        }
    }

    /// A distributed shop with nothing in it.
    pub(crate) fn empty_cluster(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut shop = Self::start(Kind::Cluster, &folder.path().join("data"), &[], flags);
        shop._folder = Some(folder);
        shop
    }

    /// A stocked standalone shop, without rate limits.
    pub(crate) fn stocked() -> Self {
        Self::of(Kind::Standalone)
    }

    /// A standalone shop on this folder.
    pub(crate) fn open(data: &Path, flags: &[&str]) -> Self {
        Self::start(Kind::Standalone, data, &[], flags)
    }

    fn start(kind: Kind, data: &Path, environment: &[(&str, &str)], flags: &[&str]) -> Self {
        let mut command = larder();
        command
            .envs(environment.iter().copied())
            .args([if kind == Kind::Cluster { "cluster" } else { "up" }, "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(flags)
            .stdout(Stdio::piped())
            .stdin(Stdio::null());
        if environment.iter().any(|(name, _)| *name == "LARDER_LOG") {
            command.stderr(File::create(data.with_extension("log")).unwrap());
        }
        let mut child = command.spawn().unwrap();
        let (said, lines) = channel();
        let output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let mut shop = Self {
            kind,
            child,
            lines: Mutex::new(lines),
            url: String::new(),
            data: data.to_owned(),
            _folder: None,
        };
        let line = shop.wait_for("/graphql");
        shop.url = line.split_whitespace().last().unwrap().to_owned();
        shop
    }

    /// The next line that it says with this in it.
    pub(crate) fn wait_for(&self, words: &str) -> String {
        loop {
            let line = self
                .lines
                .lock()
                .unwrap()
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("it never said `{words}`"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The address of its graph.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The address of another path.
    pub(crate) fn at(&self, path: &str) -> String {
        self.url.replace("/graphql", path)
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// What its processes have logged so far, where it was started with `LARDER_LOG`.
    pub(crate) fn logged(&self) -> String {
        let mut text = std::fs::read_to_string(self.data.with_extension("log")).unwrap();
        if self.kind == Kind::Cluster {
            for log in std::fs::read_dir(self.data.join("logs")).unwrap() {
                let path = log.unwrap().path();
                // Redis writes a log of its own kind.
                if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("redis")) {
                    text.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        text
    }

    /// Nobody.
    pub(crate) fn nobody(&self) -> TestClient {
        TestClient::new(&self.url)
    }

    /// One of the demo accounts, signed in.
    pub(crate) async fn demo(&self, name: &str) -> TestClient {
        self.sign_in(name, &larder::seed::demo_password(name)).await
    }

    /// Somebody, signed in.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> TestClient {
        let query = "mutation($input: LoginInput!) { login(input: $input) { access_token } }";
        let input = json!({ "input": { "username": name, "password": password } });
        let answer = self.nobody().send(query, input).await;
        self.nobody().bearer(answer.data()["login"]["access_token"].as_str().unwrap())
    }

    /// Somebody who knows the API key.
    pub(crate) fn tool(&self) -> TestClient {
        self.nobody().header("x-api-key", &self.api_secret())
    }

    /// The first admin, signed in.
    pub(crate) async fn operator(&self) -> TestClient {
        self.sign_in(larder::secrets::OPERATOR, &self.secret("LARDER_OPERATOR_PASSWORD")).await
    }

    /// The API key.
    pub(crate) fn api_secret(&self) -> String {
        self.secret("API_SECRET")
    }

    fn secret(&self, name: &str) -> String {
        let folder = match self.kind {
            Kind::Standalone => self.data.clone(),
            Kind::Cluster => self.data.join("secrets/operator"),
        };
        let text = std::fs::read_to_string(folder.join("secrets.env")).unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name}=")));
        line.and_then(|line| line.split_once('=')).unwrap().1.to_owned()
    }

    /// The signing keys of that name, which the service of that name has.
    pub(crate) fn ring(&self, service: &str, name: &str) -> Arc<KeyRing> {
        let folder = match self.kind {
            Kind::Standalone => self.data.join("keys"),
            Kind::Cluster => self.data.join("secrets").join(service).join("keys"),
        };
        Arc::new(KeyRing::follow(folder.join(format!("{name}.json"))).unwrap())
    }

    /// A product made for this test, with that much stock; its id.
    pub(crate) async fn product(&self, name: &str, quantity: i32) -> String {
        let query = "mutation($input: CreateProductInput!) { createProduct(input: $input) { _id } }";
        let input = json!({ "input": { "name": name, "price": 250, "quantity": quantity } });
        let answer = self.tool().send(query, input).await;
        answer.data()["createProduct"]["_id"].as_str().unwrap().to_owned()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.kind == Kind::Cluster {
            // It ends the processes that it keeps; killed, it could not.
            let mut kill = Command::new("kill");
            let _ = kill.args(["-TERM", &self.child.id().to_string()]).stderr(Stdio::null()).status();
        } else {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// The folder of a stocked shop that has been stopped: what every test's shop is a copy of.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let shop = Running::open(&folder.path().join("data"), &["--demo"]);
        shop.wait_for("The shop is stocked");
        shop.signal("-TERM");
        assert!(shop.wait().success());
        folder
    });
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| folder.path().join("data"))
}
