//! A MongoDB: the one that `LARDER_TEST_MONGO_URL` names, else `mongod`, else Docker's `mongo:8`, else the one in memory that
//! `scripts/mongo-java-server` builds from Maven Central.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use sha2::{Digest as _, Sha256};

use super::process::{answers_on, free_port, is_installed, run, succeeds, tethered, wait_until};

const NAMED: &str = "LARDER_TEST_MONGO_URL";
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/mongo-java-server");
const NONE: &str = "the tests need a MongoDB: install mongod, or Docker, or the packages maven and default-jdk-headless \
                    (a server in memory is then built from Maven Central), or name one in LARDER_TEST_MONGO_URL";

struct Running {
    url: String,
    /// Its standard input is what keeps the server running.
    _process: Option<Child>,
}

/// The address of the test process's MongoDB, without a database: each test takes one of a name of its own.
///
/// # Panics
/// When there is none to be had; the message says what to install.
pub async fn mongo() -> String {
    static RUNNING: OnceLock<Result<Running, String>> = OnceLock::new();
    let found = tokio::task::spawn_blocking(|| RUNNING.get_or_init(start)).await.unwrap();
    match found {
        Ok(running) => running.url.clone(),
        Err(reason) => panic!("{reason}"),
    }
}

fn start() -> Result<Running, String> {
    if let Ok(url) = std::env::var(NAMED) {
        return Ok(Running { url, _process: None });
    }
    let (port, process) = if is_installed("mongod") {
        mongod()?
    } else if is_installed("docker") && succeeds(Command::new("docker").arg("info")) {
        docker()?
    } else if ["mvn", "java", "javac"].iter().all(|program| is_installed(program)) {
        in_memory()?
    } else {
        return Err(NONE.to_owned());
    };
    Ok(Running { url: format!("mongodb://127.0.0.1:{port}"), _process: Some(process) })
}

fn mongod() -> Result<(u16, Child), String> {
    const SCRIPT: &str = r#"
        mongod --dbpath "$1" --port "$2" --bind_ip 127.0.0.1 --nounixsocket --quiet &
        server=$!
        cat
        kill -9 $server
        rm -rf "$1"
    "#;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?.keep();
    let port = free_port();
    let process = tethered(SCRIPT, &[&folder.to_string_lossy(), &port.to_string()])?;
    wait_until("mongod", || answers_on(port))?;
    Ok((port, process))
}

fn docker() -> Result<(u16, Child), String> {
    const SCRIPT: &str = r#"
        docker run --detach --rm --name "$1" --publish "127.0.0.1:$2:27017" mongo:8 && cat
        docker rm --force --volumes "$1"
    "#;
    let (name, port) = (format!("larder-test-mongo-{}", std::process::id()), free_port());
    let process = tethered(SCRIPT, &[&name, &port.to_string()])?;
    let ping = ["exec", &name, "mongosh", "--quiet", "--eval", "db.adminCommand({ ping: 1 })"];
    wait_until("mongo:8 in Docker", || succeeds(Command::new("docker").args(ping)))?;
    Ok((port, process))
}

fn in_memory() -> Result<(u16, Child), String> {
    let built = build()?;
    let classes = format!("{0}/classes:{0}/lib/*", built.display());
    let mut process = Command::new("java")
        .args(["-XX:+UseSerialGC", "-Xmx512m", "-cp", &classes, "Server"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("java cannot be started: {error}"))?;
    let mut line = String::new();
    let output = process.stdout.take().ok_or("java has no output")?;
    BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
    let port = line.trim().parse().map_err(|_| format!("the server in memory did not start: {line:?}"))?;
    Ok((port, process))
}

/// Compiles the server in memory, once for each version of its sources, and gives the folder.
fn build() -> Result<PathBuf, String> {
    let read = |name: &str| {
        std::fs::read(Path::new(SOURCES).join(name)).map_err(|error| format!("{SOURCES}/{name}: {error}"))
    };
    let digest = Sha256::new().chain_update(read("pom.xml")?).chain_update(read("Server.java")?).finalize();
    let version: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let target = target_folder()?.join("mongo-java-server");
    let built = target.join(version);
    if built.is_dir() {
        return Ok(built);
    }
    std::fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    // Made beside it and moved there whole, since other test processes may be at it too.
    let making = tempfile::tempdir_in(&target).map_err(|error| error.to_string())?;
    let (lib, classes) = (making.path().join("lib"), making.path().join("classes"));
    run(Command::new("mvn")
        .args(["--quiet", "--batch-mode", "--file"])
        .arg(Path::new(SOURCES).join("pom.xml"))
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", lib.display())))?;
    run(Command::new("javac")
        .arg("-cp")
        .arg(lib.join("*"))
        .arg("-d")
        .arg(&classes)
        .arg(Path::new(SOURCES).join("Server.java")))?;
    match std::fs::rename(making.path(), &built) {
        // Another was quicker.
        Err(_) if built.is_dir() => Ok(built),
        Err(error) => Err(format!("{}: {error}", built.display())),
        Ok(()) => Ok(built),
    }
}

/// Cargo's target folder, which this test runs in.
fn target_folder() -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    // Each profile has a folder in it, whose programs are there and whose tests are in its `deps`.
    let is_profile = |folder: &&Path| folder.join("deps").is_dir();
    let target = test.ancestors().find(is_profile).and_then(Path::parent);
    target.map(Path::to_owned).ok_or_else(|| format!("{} is in no target folder of cargo", test.display()))
}
