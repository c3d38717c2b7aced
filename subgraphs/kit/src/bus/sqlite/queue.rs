//! What waits for the writer, and what wakes it: a call, the time to write acknowledgements, the end.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::super::{BusError, DeadLetter, Event, EventId};

/// Where an answer goes. Nobody may be there any more to take it.
pub(super) type Reply<T> = oneshot::Sender<Result<T, BusError>>;

/// Something for the writer to do.
pub(super) enum Command {
    Publish { events: Vec<Arc<Event>>, reply: Reply<()> },
    Join { group: String, topics: BTreeSet<String>, reply: Reply<()> },
    Load { group: String },
    DeadLetters { group: String, after: i64, limit: usize, reply: Reply<Vec<DeadLetter>> },
    CountDead { group: String, reply: Reply<u64> },
    Groups { reply: Reply<Vec<String>> },
    Replay { group: String, id: EventId, reply: Reply<bool> },
    Lag { group: String, reply: Reply<u64> },
}

impl Command {
    /// Whether the caller relies on it after the answer, so that it must be on the disk; only the owner may do these.
    pub(super) const fn is_change(&self) -> bool {
        matches!(self, Self::Publish { .. } | Self::Join { .. } | Self::Replay { .. })
    }

    /// Answers that it was not done. Whoever asked may be gone.
    pub(super) fn refuse(self, error: BusError) {
        match self {
            Self::Publish { reply, .. } | Self::Join { reply, .. } => drop(reply.send(Err(error))),
            Self::DeadLetters { reply, .. } => drop(reply.send(Err(error))),
            Self::Replay { reply, .. } => drop(reply.send(Err(error))),
            Self::Groups { reply } => drop(reply.send(Err(error))),
            Self::CountDead { reply, .. } | Self::Lag { reply, .. } => drop(reply.send(Err(error))),
            Self::Load { .. } => {}
        }
    }
}

/// What the writer is to do next.
pub(super) enum Next {
    /// These calls, and whatever has changed.
    Work(Vec<Command>),
    /// The last calls; then, unless the end is to look like a crash, whatever has changed.
    End { commands: Vec<Command>, orderly: bool, ended: Vec<oneshot::Sender<()>> },
}

#[derive(Default)]
struct Waiting {
    commands: VecDeque<Command>,
    /// When what has changed in memory must be written.
    write_at: Option<Instant>,
    ending: bool,
    disorderly: bool,
    /// No writer is left.
    over: bool,
    ended: Vec<oneshot::Sender<()>>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Queue {
    pub(super) fn push(&self, command: Command) -> Result<(), BusError> {
        let mut waiting = self.waiting.lock();
        if waiting.ending {
            return Err(BusError::Closed);
        }
        waiting.commands.push_back(command);
        self.filled.notify_one();
        Ok(())
    }

    /// Something has changed that is to be written within this time.
    pub(super) fn mark_changed(&self, within: Duration) {
        let mut waiting = self.waiting.lock();
        if waiting.write_at.is_none() {
            waiting.write_at = Some(Instant::now() + within);
            self.filled.notify_one();
        }
    }

    pub(super) fn end(&self, orderly: bool, ended: Option<oneshot::Sender<()>>) {
        let mut waiting = self.waiting.lock();
        waiting.ending = true;
        waiting.disorderly |= !orderly;
        if !waiting.over {
            waiting.ended.extend(ended);
        }
        self.filled.notify_one();
    }

    /// There is no writer any more: whoever waits for one is told, by the end of his channel.
    pub(super) fn abandon(&self) {
        let mut waiting = self.waiting.lock();
        (waiting.ending, waiting.over) = (true, true);
        waiting.commands.clear();
        waiting.ended.clear();
    }

    /// Waits for work, at most until `at_most`.
    pub(super) fn next(&self, at_most: Option<Instant>) -> Next {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.ending {
                waiting.over = true;
                let commands = waiting.commands.drain(..).collect();
                let ended = std::mem::take(&mut waiting.ended);
                return Next::End { commands, orderly: !waiting.disorderly, ended };
            }
            let until = [waiting.write_at, at_most].into_iter().flatten().min();
            if !waiting.commands.is_empty() || until.is_some_and(|until| until <= Instant::now()) {
                waiting.write_at = None;
                return Next::Work(waiting.commands.drain(..).collect());
            }
            match until {
                Some(until) => drop(self.filled.wait_until(&mut waiting, until)),
                None => self.filled.wait(&mut waiting),
            }
        }
    }
}
