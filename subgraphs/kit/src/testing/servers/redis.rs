//! Redis servers for tests: Debian's `redis-server` on a free port, in a folder of its own.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// The server's parent in between. It ends it the hard way when its own standard input ends, which is when the test process does,
/// however that ends.
const WATCH: &str = r#"exec 3<&0
redis-server "$@" </dev/null &
read -r _ <&3
kill -9 $!
wait"#;

/// Longer than a server on a loaded machine takes to start.
const START: Duration = Duration::from_secs(20);

/// A server of a test's own, which it may kill. It is gone when this is dropped, with its data.
pub struct RedisServer {
    port: u16,
    folder: tempfile::TempDir,
    settings: Vec<String>,
    running: Mutex<Option<Child>>,
}

impl RedisServer {
    /// Starts a server that keeps nothing on its disk unless it is told to; `settings` are those of `redis.conf` (`["--save", ""]`).
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let defaults = ["--save", "", "--appendonly", "no"];
        let settings = defaults.iter().chain(settings).map(ToString::to_string).collect();
        let server = Self { port: free_port(), folder, settings, running: Mutex::default() };
        server.start_again();
        server
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where its data is.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        if let Some(mut child) = self.running.lock().take() {
            drop(child.stdin.take());
            let _ended = child.wait();
        }
    }

    /// Starts it at the same address, with what its folder holds.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        self.kill();
        let installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        assert!(
            installed.is_ok_and(|status| status.success()),
            "apt-get install redis-server, for the tests"
        );
        let child = Command::new("sh")
            .args(["-c", WATCH, "redis-server", "--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a shell is there");
        *self.running.lock() = Some(child);
        let deadline = Instant::now() + START;
        while !self.answers() {
            assert!(Instant::now() < deadline, "redis-server did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a command, its words separated by spaces, on a connection of its own; the answer's raw text.
    ///
    /// # Panics
    /// When the server does not answer.
    #[must_use]
    pub fn tell(&self, command: &str) -> String {
        self.exchange(command).expect("the server answers")
    }

    fn answers(&self) -> bool {
        // One that wants a password answers too.
        self.exchange("PING").is_ok_and(|answer| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH"))
    }

    fn exchange(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = vec![0; 64 * 1024];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}
