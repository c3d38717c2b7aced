//! The processes that are measured: started, asked for their memory, and stopped again whatever happens.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// What the shops of the bench log: not that a client sent what cannot be read, which is what some cases do all the time.
const LOG: &str = "warn,router::graphql_parsing=error,router::graphql_validation=error";

/// A process that listens. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    /// The port that it listens on.
    pub(crate) port: u16,
}

impl Running {
    /// Starts a command and waits for a line of its output that names `http://127.0.0.1:PORT`.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let output = child.stdout.take().context("its output")?;
        let mut lines = BufReader::new(output).lines();
        for line in &mut lines {
            let line = line?;
            if let Some(port) = port_in(&line) {
                // Its output is read to the end, so that it is never held up by a full pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, port });
            }
        }
        bail!("{command:?} ended before it listened: {}", child.wait()?);
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory now and at its largest, in MB.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        resident(self.id())
    }

    /// Stops it by SIGTERM and waits for its end.
    pub(crate) fn stop(mut self) -> Result<()> {
        let killed = Command::new("kill").arg(self.id().to_string()).status()?;
        anyhow::ensure!(killed.success(), "it had ended already");
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

/// Resident memory of a process now and at its largest, in MB.
pub(crate) fn resident(process: u32) -> Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib =
            line.and_then(|line| line.split_whitespace().nth(1)).and_then(|text| text.parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0 / 1e6).with_context(|| format!("no {name} in the status"))
    };
    Ok((of("VmRSS")?, of("VmHWM")?))
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn port_in(line: &str) -> Option<u16> {
    let rest = line.split("http://127.0.0.1:").nth(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The `larder` program beside this one.
pub(crate) fn larder() -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("larder");
    anyhow::ensure!(beside.exists(), "{} is missing; run `make bench`", beside.display());
    Ok(beside)
}

/// A shop on this data folder.
pub(crate) fn shop(data: &Path, more: &[&str]) -> Result<Running> {
    let mut command = Command::new(larder()?);
    command.args(["up", "--listen", "127.0.0.1:0", "--no-rate-limits", "--data"]).arg(data).args(more);
    command.env("RUST_LOG", LOG).stderr(Stdio::inherit());
    Running::start(&mut command)
}

/// A distributed shop on this data folder; what listens is its router.
pub(crate) fn cluster(data: &Path) -> Result<Running> {
    let mut command = Command::new(larder()?);
    command.args(["cluster", "--listen", "127.0.0.1:0", "--no-rate-limits", "--data"]).arg(data);
    command.env("RUST_LOG", LOG).stderr(Stdio::inherit());
    Running::start(&mut command)
}

/// A peer: this program with a subcommand.
pub(crate) fn peer(arguments: &[&str]) -> Result<Running> {
    Running::start(Command::new(std::env::current_exe()?).args(arguments).stderr(Stdio::inherit()))
}
