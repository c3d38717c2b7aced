//! A program that is configured by its environment alone: its few arguments, and how it says that something is wrong.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use super::{LISTEN, Settings, Variable, help};

/// How long `--ready` waits for an answer: more than the process gives its database for one.
const PROBE: Duration = Duration::from_secs(4);

/// A program and its variables.
pub struct Program<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its variables.
    pub table: &'a [Variable],
}

impl Program<'_> {
    /// Reads arguments and environment. `--help` and `--version` are answered here, and so is `--ready`, which asks the process that
    /// listens on this machine whether it is ready (for health checks in images that have no other program).
    ///
    /// # Errors
    /// The exit code, when there is nothing more to do: 0 for what was answered, 1 for a process that is not ready, 2 for an
    /// environment that is wrong, which has been said.
    pub fn start(&self) -> Result<Settings, ExitCode> {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Settings::of_process(self.table).map_err(|error| self.refuse(&error.to_string())),
            ["--help" | "-h"] => {
                let text = format!(
                    "{}, a part of Larder. Configured by its environment:\n\n{}\nArguments: --ready (exit 0 if it runs \
                     here and is ready), --version, --help.\n",
                    self.name,
                    help(self.table)
                );
                let _ = std::io::stdout().write_all(text.as_bytes());
                Err(ExitCode::SUCCESS)
            }
            ["--version" | "-V"] => {
                let _ = writeln!(std::io::stdout(), "{} {}", self.name, env!("CARGO_PKG_VERSION"));
                Err(ExitCode::SUCCESS)
            }
            ["--ready"] => {
                let settings =
                    Settings::of_process(&[LISTEN]).map_err(|error| self.refuse(&error.to_string()))?;
                let ready = settings.parsed(&LISTEN.name).is_some_and(|address| is_ready(address).is_ok());
                Err(if ready { ExitCode::SUCCESS } else { ExitCode::from(1) })
            }
            _ => Err(self.refuse("it takes no arguments but --help, --version and --ready; see --help")),
        }
    }

    /// Says what is wrong with how it was started: exit code 2.
    #[must_use]
    pub fn refuse(&self, reason: &str) -> ExitCode {
        self.say(reason);
        ExitCode::from(2)
    }

    /// Says why it could not go on: exit code 1.
    #[must_use]
    pub fn fail(&self, reason: &str) -> ExitCode {
        self.say(reason);
        ExitCode::from(1)
    }

    fn say(&self, reason: &str) {
        for line in reason.lines() {
            let _ = writeln!(std::io::stderr(), "{}: {line}", self.name);
        }
    }
}

/// Asks the process on this address whether it is ready.
fn is_ready(mut address: SocketAddr) -> std::io::Result<()> {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let mut stream = TcpStream::connect_timeout(&address, PROBE)?;
    stream.set_read_timeout(Some(PROBE))?;
    stream.set_write_timeout(Some(PROBE))?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if &status == b"HTTP/1.1 200" { Ok(()) } else { Err(std::io::Error::other("not ready")) }
}
