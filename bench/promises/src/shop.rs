//! A shop of either kind, run as it is delivered: the `larder` program and its processes, on a data folder that survives them.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::{check::Kind, client::Client};

/// Longer than any start or stop takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const API_SECRET: &str = "promises-api-secret";
const OPERATOR: (&str, &str) = ("operator", "promises-operator-password");
const PASSWORD: &str = "a long password";

/// A process of a shop.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) pid: Option<u32>,
}

/// A shop that runs; stopped when this is dropped.
pub(crate) struct Shop {
    kind: Kind,
    folder: tempfile::TempDir,
    child: Child,
    /// Where the router listens.
    base: String,
}

impl Shop {
    /// An empty shop, without rate limits.
    pub(crate) fn open(kind: Kind) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let secrets = match kind {
            Kind::Standalone => "secrets.env",
            Kind::Cluster => "secrets/init/passwords.env",
        };
        let text = format!("API_SECRET={API_SECRET}\nLARDER_OPERATOR_PASSWORD={}\n", OPERATOR.1);
        kit::identity::write_private(&folder.path().join("data").join(secrets), text.as_bytes())?;
        let (child, base) = start(kind, &folder.path().join("data"), "127.0.0.1:0")?;
        Ok(Self { kind, folder, child, base })
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The address of a path at the router.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The processes that serve the shop's own code; in a standalone shop there is one.
    pub(crate) fn parts(&self) -> Result<Vec<Part>> {
        if self.kind == Kind::Standalone {
            let (url, pid) = (self.base.clone(), Some(self.child.id()));
            return Ok(vec![Part { name: "shop".to_owned(), url, pid }]);
        }
        Ok(serde_json::from_slice(&std::fs::read(self.data().join("processes.json"))?)?)
    }

    /// The process of this name.
    pub(crate) fn part(&self, name: &str) -> Result<Part> {
        let found = self.parts()?.into_iter().find(|part| part.name == name);
        found.with_context(|| format!("there is no process {name}"))
    }

    /// Ends a process at once, as a crash would, and waits until another has taken its place and is ready.
    pub(crate) async fn kill(&mut self, name: &str) -> Result<()> {
        let before = self.part(name)?;
        signal("-9", before.pid.context("it does not run")?)?;
        self.back(&before).await
    }

    /// Waits until another process has taken the place of one that has ended or will end by itself, and is ready.
    pub(crate) async fn back(&mut self, before: &Part) -> Result<()> {
        if self.kind == Kind::Standalone {
            let _ended = self.child.wait()?;
            let address = self.base.trim_start_matches("http://").to_owned();
            (self.child, self.base) = start(self.kind, &self.data(), &address)?;
            return Ok(());
        }
        until(&format!("another {}", before.name), || async {
            let now = self.part(&before.name).ok()?;
            (now.pid? != before.pid.unwrap_or_default()).then_some(())
        })
        .await?;
        if before.name != "redis" {
            let now = self.part(&before.name)?;
            until(&format!("{} is ready", now.name), || ready(format!("{}/health/ready", now.url))).await?;
        }
        Ok(())
    }

    /// Nobody.
    pub(crate) fn nobody(&self) -> Result<Client> {
        Client::nobody(&self.at("/graphql"))
    }

    /// A shopper of this name, registered now.
    pub(crate) async fn shopper(&self, name: &str) -> Result<Client> {
        let register =
            "mutation($input: RegisterUserInput!) { registerUser(input: $input) { access_token } }";
        let input = json!({ "input": { "username": name, "password": PASSWORD } });
        let data = self.nobody()?.must(register, input).await?;
        Ok(self.nobody()?.bearer(data["registerUser"]["access_token"].as_str().context("no token")?))
    }

    /// The first admin.
    pub(crate) async fn operator(&self) -> Result<Client> {
        let login = "mutation($input: LoginInput!) { login(input: $input) { access_token } }";
        let input = json!({ "input": { "username": OPERATOR.0, "password": OPERATOR.1 } });
        let data = self.nobody()?.must(login, input).await?;
        Ok(self.nobody()?.bearer(data["login"]["access_token"].as_str().context("no token")?))
    }

    /// Somebody who knows the API key.
    pub(crate) fn tool(&self) -> Result<Client> {
        Ok(self.nobody()?.with("x-api-key", API_SECRET))
    }

    /// A new product of which there is so much; its id.
    pub(crate) async fn product(&self, name: &str, quantity: i64) -> Result<String> {
        let create = "mutation($input: CreateProductInput!) { createProduct(input: $input) { _id } }";
        let input = json!({ "input": { "name": name, "price": 250, "quantity": quantity } });
        let data = self.tool()?.must(create, input).await?;
        Ok(data["createProduct"]["_id"].as_str().context("no id")?.to_owned())
    }

    /// What `larder check` finds wrong with the books.
    pub(crate) fn recount(&self) -> Result<Vec<String>> {
        let mut command = Command::new(program("larder")?);
        match self.kind {
            Kind::Standalone => command.arg("check").arg("--data").arg(self.data()),
            Kind::Cluster => {
                let store = std::fs::read_to_string(self.data().join("secrets/order/store"))?;
                let server = store.rsplit_once('/').context("no database")?.0.to_owned();
                command.arg("check").arg("--store").arg(format!("{server}/"))
            }
        };
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(0) => Ok(Vec::new()),
            Some(1) => Ok(text.lines().map(str::to_owned).collect()),
            _ => bail!("larder check: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It ends the processes that it keeps; killed, it could not.
        let _ = signal("-TERM", self.child.id());
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process.
pub(crate) fn signal(name: &str, process: u32) -> Result<()> {
    let sent = Command::new("kill").args([name, &process.to_string()]).stderr(Stdio::null()).status()?;
    ensure!(sent.success(), "there is no process {process}");
    Ok(())
}

/// Waits until there is what is looked for.
pub(crate) async fn until<T, Fut: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> Fut,
) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ready(url: String) -> Option<()> {
    reqwest::get(url).await.ok()?.status().is_success().then_some(())
}

/// A program beside this one.
fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let found = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not beside {}: build the whole workspace", this.display()))
}

fn start(kind: Kind, data: &Path, listen: &str) -> Result<(Child, String)> {
    let command = if kind == Kind::Cluster { "cluster" } else { "up" };
    let mut child = Command::new(program("larder")?)
        .args([command, "--listen", listen, "--no-rate-limits", "--data"])
        .arg(data)
        .env("RUST_LOG", "off")
        .env_remove("API_SECRET")
        .env_remove("LARDER_OPERATOR_PASSWORD")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let (say, said) = channel();
    let output = BufReader::new(child.stdout.take().context("its output")?);
    // Read to the end, so that it is never held up by a full pipe.
    std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(say.send(line))));
    Ok((child, address(&said)?))
}

fn address(said: &Receiver<String>) -> Result<String> {
    loop {
        let line = said.recv_timeout(PATIENCE).context("the shop did not open")?;
        if let Some(base) = line.split_whitespace().last().and_then(|word| word.strip_suffix("/graphql")) {
            return Ok(base.to_owned());
        }
    }
}
