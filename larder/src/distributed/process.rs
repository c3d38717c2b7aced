//! Processes that are kept running: started, started again when they die, stopped by SIGTERM.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::OpenOptions,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// The pause before one that died is started again; it doubles while it dies at once, up to the longest.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long one may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(30);
/// The exit code of a process that is configured wrongly: starting it again does not help.
const REFUSED: i32 = 2;

/// How a process is started.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// All of its environment.
    pub(super) environment: BTreeMap<String, String>,
    /// Where its output goes.
    pub(super) log: PathBuf,
}

impl Plan {
    fn spawn(&self) -> Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("opening {}", self.log.display()))?;
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(&self.environment)
            .envs(std::env::var_os(kit::fault::VARIABLE).map(|folder| (kit::fault::VARIABLE, folder)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A Ctrl-C at the terminal is for the one who keeps them: they are stopped in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {} for {}", self.program.display(), self.name))
    }
}

/// What is known of a kept process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Now {
    Runs(u32),
    Down,
    /// It will not be started again.
    Refused(String),
}

/// A process that is kept running until it is stopped.
pub(super) struct Kept {
    pub(super) name: String,
    log: PathBuf,
    now: watch::Receiver<Now>,
    stop: CancellationToken,
    keeper: JoinHandle<()>,
}

impl Kept {
    /// Starts it.
    ///
    /// # Errors
    /// When its program or log cannot be used.
    pub(super) fn start(plan: Plan) -> Result<Self> {
        let child = plan.spawn()?;
        let (tell, now) = watch::channel(running(&child));
        let (name, log, stop) = (plan.name.clone(), plan.log.clone(), CancellationToken::new());
        let keeper = tokio::spawn(keep(plan, child, tell, stop.clone()));
        Ok(Self { name, log, now, stop, keeper })
    }

    /// What is known of it now.
    pub(super) fn now(&self) -> Now {
        self.now.borrow().clone()
    }

    /// Resolves when that has changed.
    pub(super) fn watch(&self) -> watch::Receiver<Now> {
        self.now.clone()
    }

    /// Stops it and waits for its end.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let _ = self.keeper.await;
    }

    /// Waits until it is up, as `probe` says.
    ///
    /// # Errors
    /// When it refuses to run, or is not up within `patience`; with the end of its log.
    pub(super) async fn up<Fut: Future<Output = bool>>(
        &self,
        patience: Duration,
        mut probe: impl FnMut() -> Fut,
    ) -> Result<()> {
        let until = tokio::time::Instant::now() + patience;
        while !probe().await {
            if let Now::Refused(reason) = self.now() {
                bail!("{} {reason}; its log ends with:\n{}", self.name, self.log_end());
            }
            if tokio::time::Instant::now() > until {
                bail!(
                    "{} is not ready after {patience:?}; its log ends with:\n{}",
                    self.name,
                    self.log_end()
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn log_end(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

fn running(child: &Child) -> Now {
    child.id().map_or(Now::Down, Now::Runs)
}

async fn keep(plan: Plan, mut child: Child, tell: watch::Sender<Now>, stop: CancellationToken) {
    let mut pause = AGAIN_AFTER;
    loop {
        let began = tokio::time::Instant::now();
        let ended = tokio::select! {
            ended = child.wait() => ended,
            () = stop.cancelled() => return end(&plan.name, child).await,
        };
        if let Some(reason) = hopeless(&ended) {
            tell.send_replace(Now::Refused(reason));
            return stop.cancelled().await;
        }
        tell.send_replace(Now::Down);
        tracing::warn!(process = plan.name, "it died, and is started again");
        pause = if began.elapsed() > LONGEST_PAUSE { AGAIN_AFTER } else { LONGEST_PAUSE.min(pause * 2) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        child = match plan.spawn() {
            Ok(child) => child,
            Err(error) => {
                tell.send_replace(Now::Refused(format!("cannot be started: {error:#}")));
                return stop.cancelled().await;
            }
        };
        tell.send_replace(running(&child));
    }
}

fn hopeless(ended: &std::io::Result<ExitStatus>) -> Option<String> {
    match ended {
        Ok(status) if status.code() == Some(REFUSED) => Some("is configured wrongly".to_owned()),
        Ok(_) => None,
        Err(error) => Some(format!("cannot be watched: {error}")),
    }
}

async fn end(name: &str, mut child: Child) {
    if let Some(id) = child.id() {
        // One that has just ended cannot be told to; then there is nothing to do.
        let _ = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await;
    }
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        tracing::warn!(process = name, "it did not stop in {PATIENCE:?} and was killed");
        let _ = child.kill().await;
    }
}
