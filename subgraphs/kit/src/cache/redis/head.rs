//! The head of the epochs: which run it is, and its clock. Asked for by everybody all the time, so that one question at a time is
//! on its way, for all who came before it was sent. Who comes later waits for the next, as this one may be answered already.

use std::sync::Arc;

use redis::Cmd;
use tokio::sync::{mpsc, oneshot};

use crate::redis::{Redis, RedisError};

/// So many wait at most; a process has no more requests at once.
const WAITING: usize = 4_096;

#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) run: u64,
    pub(super) clock: u64,
}

/// None where the hash is gone, or another start of the server's.
type Answer = Result<Option<Head>, RedisError>;

/// The door to whoever asks. He ends with it.
pub(super) struct Heads(mpsc::Sender<oneshot::Sender<Answer>>);

impl Heads {
    pub(super) fn new(redis: Arc<Redis>, epochs: Arc<str>) -> Self {
        let (ask, asked) = mpsc::channel(WAITING);
        tokio::spawn(run(redis, epochs, asked));
        Self(ask)
    }

    /// The head as it is at some time between this call and its answer.
    pub(super) async fn read(&self) -> Answer {
        let gone = |_| RedisError::Down("it is closed".into());
        let (reply, answer) = oneshot::channel();
        self.0.send(reply).await.map_err(|_| gone(()))?;
        answer.await.map_err(|_| gone(()))?
    }
}

async fn run(redis: Arc<Redis>, epochs: Arc<str>, mut asked: mpsc::Receiver<oneshot::Sender<Answer>>) {
    let mut waiting = Vec::new();
    while asked.recv_many(&mut waiting, WAITING).await > 0 {
        let answer = ask(&redis, &epochs).await;
        for reply in waiting.drain(..) {
            // Who has gone past meanwhile needs no answer.
            let _gone = reply.send(answer.clone());
        }
    }
}

async fn ask(redis: &Redis, epochs: &str) -> Answer {
    let session = redis.session()?;
    let mut command = Cmd::new();
    command.arg("HMGET").arg(epochs).arg("server").arg("run").arg("clock");
    let (server, run, clock): (Option<String>, Option<u64>, Option<u64>) = session.query(&command).await?;
    Ok(match (run, clock) {
        (Some(run), Some(clock)) if server.as_deref() == Some(session.server()) => Some(Head { run, clock }),
        _ => None,
    })
}
