//! Shops for tests: started from a stocked folder that is made once, each on a copy of its own, killed at the end.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, OnceLock,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use kit::testing::TestClient;
use serde_json::json;

/// Longer than any start takes on a busy machine; a shop that is not open by then will never be.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program.
pub(crate) fn larder() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.env("RUST_LOG", "warn").env_remove("API_SECRET").env_remove("LARDER_OPERATOR_PASSWORD");
    command
}

/// A shop that runs. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Mutex<Receiver<String>>,
    url: String,
    data: PathBuf,
    /// Keeps the folder until the shop has ended.
    _folder: Option<tempfile::TempDir>,
}

impl Running {
    /// A stocked shop on a copy of its own, without rate limits.
    pub(crate) fn stocked() -> Self {
        Self::stocked_with(&["--no-rate-limits"])
    }

    /// A stocked shop started with these flags.
    pub(crate) fn stocked_with(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        kit::backup::copy_folder(template(), &data).unwrap();
        let mut shop = Self::open(&data, flags);
        shop._folder = Some(folder);
        shop
    }

    /// A shop on this folder.
    pub(crate) fn open(data: &Path, flags: &[&str]) -> Self {
        let mut child = larder()
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(flags)
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let (said, lines) = channel();
        let output = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let mut shop = Self {
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
        let text = std::fs::read_to_string(self.data.join("secrets.env")).unwrap();
        let key = text.lines().find_map(|line| line.strip_prefix("API_SECRET=")).unwrap();
        self.nobody().header("x-api-key", key)
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
        let _ = self.child.kill();
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
