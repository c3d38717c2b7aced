//! What a service does after the event log was lost: it does, or says again, from its own data, what the lost events would have brought about.
//!
//! The log has a name, given to it when it began. The one that a service knows is kept in its own database, so that a loss is noticed also
//! by a service that did not run then.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Context;
use crate::{
    bus::Bus,
    store::{Collection, Document, StoreError, UpdateError},
};

/// Makes good the loss of the event log.
#[async_trait]
pub trait CatchUp: Send + Sync + 'static {
    /// Publishes, in new events, what others must know and may not have heard, and does what this service may not have heard of itself.
    ///
    /// # Errors
    /// When not all of it could be done; then all of it is done again later.
    async fn catch_up(&self, bus: &Bus) -> crate::Result<()>;
}

/// How often the log is asked for its name. What was lost is late anyway.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The log that a service knows: one document.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KnownLog {
    name: String,
}

impl KnownLog {
    const ID: &str = "known";
}

impl Document for KnownLog {
    type Id = String;
    const COLLECTION: &'static str = "event_log";

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}

impl Context {
    /// Has the loss made good, in the background, whenever the event log is not the one that this service knew. That may be done twice, and
    /// in several replicas at once; hearers are idempotent.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn after_a_lost_log(&self, catch_up: Arc<dyn CatchUp>) -> Result<(), StoreError> {
        let watch = Arc::new(Watch {
            known: self.store.collection().await?,
            bus: self.bus.clone(),
            catch_up,
            last: Mutex::default(),
        });
        // Once before the service answers, so that a log that is new is not taken for one that was lost meanwhile.
        watch.look_and_say().await;
        self.tasks.every(LOOK_EVERY, move || {
            let watch = watch.clone();
            async move { watch.look_and_say().await }
        });
        Ok(())
    }
}

/// Looks at the log's name.
struct Watch {
    known: Collection<KnownLog>,
    bus: Bus,
    catch_up: Arc<dyn CatchUp>,
    /// The name that was seen last and is known: while it is the same the database need not be asked.
    last: Mutex<Option<String>>,
}

impl Watch {
    async fn look_and_say(&self) {
        match self.look().await {
            Ok(false) => {}
            Ok(true) => tracing::warn!("the loss of the event log was made good"),
            Err(error) => {
                let cause = error.cause_chain();
                tracing::warn!(%error, cause, "whether the event log was lost is looked at again later");
            }
        }
    }

    /// Whether the log was another than the one known. Known is a log only when all has been done.
    async fn look(&self) -> crate::Result<bool> {
        let Some(name) = self.bus.identity().await? else { return Ok(false) };
        if self.last.lock().as_ref() == Some(&name) {
            return Ok(false);
        }
        let lost = self.compare(&name).await?;
        *self.last.lock() = Some(name);
        Ok(lost)
    }

    async fn compare(&self, name: &str) -> crate::Result<bool> {
        let id = KnownLog::ID.to_owned();
        match self.known.get(&id).await? {
            Some(log) if log.name == name => return Ok(false),
            Some(_) => {}
            None => {
                return match self.known.insert(&KnownLog { name: name.to_owned() }, Vec::new()).await {
                    // A replica was faster.
                    Ok(()) | Err(StoreError::Exists { .. }) => Ok(false),
                    Err(error) => Err(error.into()),
                };
            }
        }
        self.catch_up.catch_up(&self.bus).await?;
        let name = name.to_owned();
        let remembered = self.known.update(&id, move |log: &mut KnownLog, _| {
            log.name.clone_from(&name);
            Ok::<_, std::convert::Infallible>(())
        });
        match remembered.await {
            Ok(()) | Err(UpdateError::NotFound) => Ok(true),
            Err(UpdateError::Store(error)) => Err(error.into()),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::{store::Store, testing::servers::RedisServer};

    /// Counts how often it spoke; says nothing at first as often as it is told.
    #[derive(Default)]
    struct Speaker {
        silent: AtomicUsize,
        spoke: AtomicUsize,
    }

    #[async_trait]
    impl CatchUp for Speaker {
        async fn catch_up(&self, _: &Bus) -> crate::Result<()> {
            if self.silent.fetch_update(SeqCst, SeqCst, |times| times.checked_sub(1)).is_ok() {
                return Err(crate::Error::bug("not now"));
            }
            self.spoke.fetch_add(1, SeqCst);
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_loss_is_made_good_once_for_each_loss_and_not_for_a_restart_of_the_service() {
        let server = RedisServer::start(&[]);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(folder.path().join("service.db"), vec![]).await.unwrap();
        let speaker = Arc::new(Speaker::default());
        let watch = async || Watch {
            known: store.collection().await.unwrap(),
            bus: Bus::redis(&server.url()).await.unwrap(),
            catch_up: speaker.clone(),
            last: Mutex::default(),
        };
        for _ in 0..3 {
            let look = watch().await.look().await;
            assert!(!look.unwrap(), "a log seen for the first time is no loss");
        }
        // It was lost while nobody looked.
        let _ok = server.tell("FLUSHALL");
        let watch = watch().await;
        speaker.silent.store(1, SeqCst);
        assert!(watch.look().await.is_err());
        assert!(watch.look().await.unwrap(), "what could not be done is done later");
        assert!(!watch.look().await.unwrap());
        assert_eq!(speaker.spoke.load(SeqCst), 1);
        server.kill();
        assert!(watch.look().await.is_err(), "a log that is away is not a lost one");
        assert_eq!(speaker.spoke.load(SeqCst), 1);
        let log = Bus::sqlite(folder.path().join("bus.db")).await.unwrap();
        let beside = Watch { bus: log, ..watch };
        assert!(!beside.look().await.unwrap(), "a log beside the data is not lost without it");
    }
}
