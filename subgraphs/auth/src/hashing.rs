//! Argon2id on threads of its own: as many as the memory allows, and a queue that ends.
//!
//! A hash takes [`HashingConfig::memory_kib`] of memory and some twenty milliseconds of one core. So it runs neither on the
//! executor's threads nor on a pool that grows: when the queue is full the caller is told at once to come back. What a password
//! is compared with is this module's business; whose it is is not.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use argon2::{Algorithm, Argon2, Params, PasswordHash as Phc, PasswordHasher, PasswordVerifier, Version};
use kit::{Error, service::StartError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::domain::password::{Password, PasswordHash};

/// How passwords are hashed, and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingConfig {
    /// Hashes at once; each takes its own memory: 4 × 19 MiB is 76 MiB.
    pub threads: usize,
    /// Hashes that wait; more are refused. The default is about a second's work of two cores.
    pub queue: usize,
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes of one hash.
    pub parallelism: u32,
}

impl Default for HashingConfig {
    /// What OWASP's password storage cheat sheet asks of Argon2id (19 MiB, 2 passes, 1 lane), on every core up to four.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { threads: cores.min(4), queue: 64, memory_kib: 19 * 1024, iterations: 2, parallelism: 1 }
    }
}

/// How often passwords were worked on since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// New hashes made.
    pub hashed: u64,
    /// Passwords compared, with a user's hash or with the one that is nobody's.
    pub verified: u64,
}

/// Whether a password was right.
pub(crate) enum Verdict {
    /// It was not.
    Wrong,
    /// It was; and where the parameters have changed since, it is hashed anew.
    Right(Option<PasswordHash>),
}

/// Hashes and compares passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    pool: Arc<Pool>,
    work: Arc<Work>,
}

struct Work {
    argon2: Argon2<'static>,
    /// What a password is compared with when there is no such user, so that the answer takes as long.
    nobody: PasswordHash,
    hashed: AtomicU64,
    verified: AtomicU64,
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn start(config: HashingConfig) -> Result<Self, StartError> {
        let refuse = |why: String| StartError::Config(format!("hashing: {why}"));
        if config.threads == 0 || config.queue == 0 {
            return Err(refuse("threads and queue must be at least 1".to_owned()));
        }
        let params = Params::new(config.memory_kib, config.iterations, config.parallelism, None)
            .map_err(|error| refuse(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, &rand::random::<[u8; 32]>()).map_err(|error| refuse(error.to_string()))?;
        let work = Work { argon2, nobody, hashed: AtomicU64::new(0), verified: AtomicU64::new(0) };
        let pool = Pool::start(config.threads, config.queue)
            .map_err(|error| refuse(format!("no threads can be started: {error}")))?;
        Ok(Self { pool: Arc::new(pool), work: Arc::new(work) })
    }

    /// How often passwords were worked on since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { hashed: read(&self.work.hashed), verified: read(&self.work.verified) }
    }

    /// The threads.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `RATE_LIMITED` when too many wait.
    pub(crate) async fn hash(&self, password: Password) -> kit::Result<PasswordHash> {
        let work = self.work.clone();
        self.pool.run(move || work.hash(&password)).await?
    }

    /// Compares a password with what is kept of a user's, or, with as much work, with nobody's.
    ///
    /// # Errors
    /// `RATE_LIMITED` when too many wait, `INTERNAL` when what is kept is no hash.
    pub(crate) async fn verify(
        &self,
        password: Password,
        kept: Option<PasswordHash>,
    ) -> kit::Result<Verdict> {
        let work = self.work.clone();
        self.pool.run(move || work.verify(&password, kept.as_ref())).await?
    }
}

impl Work {
    fn hash(&self, password: &Password) -> kit::Result<PasswordHash> {
        self.hashed.fetch_add(1, Ordering::Relaxed);
        hash(&self.argon2, password.as_bytes()).map_err(Error::internal)
    }

    fn verify(&self, password: &Password, kept: Option<&PasswordHash>) -> kit::Result<Verdict> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        let phc = Phc::new(kept.unwrap_or(&self.nobody).as_phc()).map_err(Error::internal)?;
        match self.argon2.verify_password(password.as_bytes(), &phc) {
            Ok(()) if kept.is_none() || self.is_current(&phc) => Ok(Verdict::Right(None)),
            Ok(()) => Ok(Verdict::Right(Some(self.hash(password)?))),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
            Err(error) => Err(Error::internal(error)),
        }
    }

    fn is_current(&self, phc: &Phc) -> bool {
        let ours = self.argon2.params();
        let same = |params: &Params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                == (ours.m_cost(), ours.t_cost(), ours.p_cost())
        };
        phc.algorithm == argon2::ARGON2ID_IDENT
            && phc.version == Some(Version::V0x13.into())
            && Params::try_from(phc).is_ok_and(|params| same(&params))
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> argon2::password_hash::Result<PasswordHash> {
    let salt: [u8; 16] = rand::random();
    let phc: Phc = argon2.hash_password_with_salt(password, &salt)?;
    Ok(PasswordHash::new(phc.to_string()))
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads and a queue that ends. The threads end when the pool is dropped.
pub struct Pool {
    queue: SyncSender<Job>,
}

impl Pool {
    /// A full queue is worked off in about a second; who comes back then finds room again.
    const RETRY_AFTER: Duration = Duration::from_secs(1);

    fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel::<Job>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads {
            let receiver = receiver.clone();
            thread::Builder::new().name(format!("password-{number}")).spawn(move || work_off(&receiver))?;
        }
        Ok(Self { queue: sender })
    }

    /// Runs this on one of the threads. Work whose asker has gone before it began is left out.
    ///
    /// # Errors
    /// `RATE_LIMITED` at once when too much waits already; `INTERNAL` when the work panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> kit::Result<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                // Nobody may be waiting any more; then the answer is for nobody.
                let _ = answer.send(work());
            }
        });
        match self.queue.try_send(job) {
            Ok(()) => answered.await.map_err(|_| Error::bug("a password thread lost its work")),
            Err(TrySendError::Full(_)) => Err(Error::rate_limited(
                "The shop is checking as many passwords as it can. Please try again shortly.",
                Self::RETRY_AFTER,
            )),
            Err(TrySendError::Disconnected(_)) => Err(Error::bug("the password threads have ended")),
        }
    }
}

fn work_off(queue: &Mutex<Receiver<Job>>) {
    loop {
        // One thread waits in `recv` with the lock held, the others for the lock: each job wakes one of them.
        let job = queue.lock().recv();
        match job {
            // A panic is the job's own: its asker sees that no answer comes, and the thread goes on.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use kit::Code;

    use super::*;
    use crate::domain::password::Secret;

    const CHEAP: HashingConfig =
        HashingConfig { threads: 1, queue: 1, memory_kib: 8, iterations: 1, parallelism: 1 };

    fn password(text: &str) -> Password {
        Password::choose(&Secret::new(text)).ok().unwrap()
    }

    #[tokio::test]
    async fn verifies_what_it_hashed_and_nothing_else() {
        let hasher = Hasher::start(CHEAP).unwrap();
        let kept = hasher.hash(password("hunter2222")).await.unwrap();
        assert!(kept.as_phc().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", kept.as_phc());
        let again = hasher.hash(password("hunter2222")).await.unwrap();
        assert_ne!(kept.as_phc(), again.as_phc(), "each hash has a salt of its own");
        let right = hasher.verify(password("hunter2222"), Some(kept.clone())).await.unwrap();
        assert!(matches!(right, Verdict::Right(None)));
        assert!(matches!(hasher.verify(password("Hunter2222"), Some(kept)).await.unwrap(), Verdict::Wrong));
        assert!(matches!(hasher.verify(password("hunter2222"), None).await.unwrap(), Verdict::Wrong));
        assert_eq!(hasher.counts(), Counts { hashed: 2, verified: 3 });
    }

    #[tokio::test]
    async fn hashes_anew_when_the_parameters_have_changed() {
        let old = Hasher::start(CHEAP).unwrap().hash(password("hunter2222")).await.unwrap();
        let hasher = Hasher::start(HashingConfig { iterations: 2, ..CHEAP }).unwrap();
        let Verdict::Right(Some(new)) = hasher.verify(password("hunter2222"), Some(old)).await.unwrap()
        else {
            panic!("it was right, and is outdated");
        };
        assert!(new.as_phc().contains("t=2"));
        let verdict = hasher.verify(password("hunter2222"), Some(new)).await.unwrap();
        assert!(matches!(verdict, Verdict::Right(None)));
    }

    #[tokio::test]
    async fn refuses_at_once_when_the_queue_is_full_and_goes_on_afterwards() {
        let hasher = Hasher::start(CHEAP).unwrap();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let running = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                hasher
                    .pool()
                    .run(move || {
                        begun.send(()).ok();
                        released.recv().ok();
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        // The queue holds one; the first poll puts it there.
        let mut waiting = Box::pin(hasher.pool().run(|| 7));
        assert!(futures_poll_once(&mut waiting).await.is_none());
        let refused = tokio::time::timeout(Duration::from_secs(10), hasher.pool().run(|| 8)).await;
        let refused = refused.expect("it is told at once").unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        assert!(refused.extension("retryAfter").is_some());
        release.send(()).unwrap();
        assert_eq!(waiting.await.unwrap(), 7);
        running.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_and_not_the_thread() {
        let hasher = Hasher::start(CHEAP).unwrap();
        let lost = hasher.pool().run(|| assert_eq!(1, 2)).await.unwrap_err();
        assert_eq!(lost.code(), Code::Internal);
        assert_eq!(hasher.pool().run(|| 7).await.unwrap(), 7);
    }

    #[test]
    fn refuses_a_configuration_that_cannot_work() {
        for config in [
            HashingConfig { threads: 0, ..CHEAP },
            HashingConfig { queue: 0, ..CHEAP },
            HashingConfig { memory_kib: 1, ..CHEAP },
            HashingConfig { iterations: 0, ..CHEAP },
        ] {
            assert!(matches!(Hasher::start(config), Err(StartError::Config(_))));
        }
    }

    async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
