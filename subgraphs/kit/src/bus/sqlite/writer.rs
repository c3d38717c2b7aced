//! The one thread that uses the file: takes all calls that wait, does them in one transaction, and answers when it is committed.

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{
    super::{BusError, DeadLetter, Event},
    Shared, State,
    group::{Group, Plan, Seq, WINDOW},
    queue::{Command, Next},
    schema, sql,
    trim::Trim,
};

/// How long what could not be written stays in memory before it is tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// A part of a group's events, read from the file.
pub(super) struct Page {
    /// Where the group was when it was read.
    from: Seq,
    /// Where it is with these.
    to: Seq,
    events: Vec<(Seq, Arc<Event>, u32, Duration)>,
}

/// What came of a call, to be shown to the groups and the caller once it is committed.
enum Outcome {
    Published(Vec<(Seq, Arc<Event>)>),
    Joined {
        cursor: Seq,
        topics: BTreeSet<String>,
    },
    Loaded(Page),
    Letters(Vec<DeadLetter>),
    Replayed(Option<(Seq, Arc<Event>)>),
    /// How many there are of what was asked for.
    Count(u64),
    Groups(Vec<String>),
    /// This call could not be done; the others of its transaction can.
    Refused(BusError),
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) db: Connection,
    /// The owner's lock, once this process needed it.
    pub(super) owner: Option<File>,
    /// The end of the log, with what the transaction in hand has added.
    pub(super) head: Seq,
    pub(super) trim: Trim,
}

/// Opens the file, says how that went, and works until the end.
pub(super) fn run(shared: Arc<Shared>, opened: oneshot::Sender<Result<(), BusError>>) {
    let db = match schema::open(&shared.path) {
        Ok(db) => db,
        Err(error) => {
            // Whoever asked may be gone.
            let _ = opened.send(Err(error));
            return;
        }
    };
    let over = Over(shared.clone());
    let trim = Trim::new(&shared.options);
    let mut writer = Writer { shared, db, owner: None, head: 0, trim };
    if opened.send(Ok(())).is_err() {
        return;
    }
    loop {
        match over.0.queue.next(writer.owner.is_some().then_some(writer.trim.at)) {
            Next::Work(commands) => {
                writer.work(commands);
                writer.trim_if_due();
            }
            Next::End { commands, orderly, ended } => {
                if orderly {
                    writer.work(commands);
                    writer.finish();
                }
                // The file is free before the end is told.
                drop(writer);
                for ended in ended {
                    // Whoever asked for the end need not wait for it.
                    let _ = ended.send(());
                }
                return;
            }
        }
    }
}

/// However the thread ends, nobody may wait for it any longer.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

impl Writer {
    /// Does the calls and writes what has changed, in one transaction. It waits for the disk only where a caller relies on it.
    fn work(&mut self, commands: Vec<Command>) {
        let commands = self.owned(commands);
        let durable = commands.iter().any(Command::is_change);
        let plans = self.plans(Group::is_changed);
        if commands.is_empty() && plans.is_empty() {
            return;
        }
        match self.transact(&commands, &plans, durable) {
            Ok(outcomes) => {
                let shared = self.shared.clone();
                let mut state = shared.state.lock();
                state.written(&plans);
                let answers: Vec<_> = commands
                    .into_iter()
                    .zip(outcomes)
                    .map(|(command, outcome)| self.show(&mut state, command, outcome))
                    .collect();
                drop(state);
                answers.into_iter().for_each(|answer| answer());
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the event log could not be written"
                );
                self.not_written(plans);
                let error = Arc::new(error);
                commands
                    .into_iter()
                    .for_each(|command| self.refuse(command, BusError::Engine(Box::new(error.clone()))));
            }
        }
    }

    /// Makes sure that this process owns the file where a call changes it; refuses those calls where it cannot.
    fn owned(&mut self, commands: Vec<Command>) -> Vec<Command> {
        if self.owner.is_some() || !commands.iter().any(Command::is_change) {
            return commands;
        }
        match self.own() {
            Ok(()) => commands,
            Err(error) => {
                let error = Arc::new(error);
                let (changes, reads): (Vec<_>, Vec<_>) = commands.into_iter().partition(Command::is_change);
                changes
                    .into_iter()
                    .for_each(|command| self.refuse(command, BusError::Engine(Box::new(error.clone()))));
                reads
            }
        }
    }

    fn own(&mut self) -> io::Result<()> {
        let lock = schema::own(&self.shared.path)?;
        let head =
            self.db.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'events'", (), |row| row.get(0));
        self.head = head.optional().map_err(io::Error::other)?.unwrap_or(0);
        self.shared.state.lock().head = self.head;
        self.owner = Some(lock);
        Ok(())
    }

    /// What is to be written of those groups.
    pub(super) fn plans(&self, which: impl Fn(&Group) -> bool) -> Vec<(String, Plan)> {
        let now = Instant::now();
        let mut state = self.shared.state.lock();
        let groups = state.groups.iter_mut().filter(|(_, group)| which(group));
        groups.map(|(name, group)| (name.clone(), group.plan(now))).collect()
    }

    pub(super) fn not_written(&mut self, plans: Vec<(String, Plan)>) {
        let again = !plans.is_empty();
        let mut state = self.shared.state.lock();
        self.head = state.head;
        for (name, plan) in plans {
            if let Some(group) = state.groups.get_mut(&name) {
                group.not_written(plan);
            }
        }
        drop(state);
        if again {
            self.shared.queue.mark_changed(WRITE_AGAIN);
        }
    }

    fn transact(
        &mut self,
        commands: &[Command],
        plans: &[(String, Plan)],
        durable: bool,
    ) -> rusqlite::Result<Vec<Outcome>> {
        let writes = durable || !plans.is_empty();
        if writes {
            sql::set_sync(&self.db, durable)?;
        }
        let behavior = if writes { TransactionBehavior::Immediate } else { TransactionBehavior::Deferred };
        let tx = Transaction::new_unchecked(&self.db, behavior)?;
        sql::write_plans(&tx, plans)?;
        let mut head = self.head;
        let outcomes = commands.iter().map(|command| match self.execute(&tx, &mut head, command) {
            Ok(outcome) => Ok(outcome),
            Err(sql::Failure::Call(error)) => Ok(Outcome::Refused(error)),
            Err(sql::Failure::Database(error)) => Err(error),
        });
        let outcomes = outcomes.collect::<rusqlite::Result<_>>()?;
        tx.commit()?;
        #[cfg(test)]
        self.shared.commits.fetch_add(u64::from(durable), std::sync::atomic::Ordering::SeqCst);
        self.head = head;
        Ok(outcomes)
    }

    fn execute(
        &self,
        tx: &Transaction<'_>,
        head: &mut Seq,
        command: &Command,
    ) -> Result<Outcome, sql::Failure> {
        match command {
            Command::Publish { events, .. } => Ok(Outcome::Published(sql::append(tx, head, events)?)),
            Command::Join { group, topics, .. } => {
                let joined = self.shared.state.lock().groups.contains_key(group);
                let (cursor, topics) = sql::join(tx, group, topics, joined)?;
                Ok(Outcome::Joined { cursor, topics })
            }
            Command::Load { group } => self.load(tx, *head, group).map(Outcome::Loaded),
            Command::DeadLetters { group, after, limit, .. } => {
                Ok(Outcome::Letters(sql::dead_letters(tx, group, *after, *limit)?))
            }
            Command::CountDead { group, .. } => Ok(Outcome::Count(sql::count_dead_letters(tx, group)?)),
            Command::Groups { .. } => Ok(Outcome::Groups(sql::groups(tx)?)),
            Command::Replay { group, id, .. } => Ok(Outcome::Replayed(sql::replay(tx, group, *id)?)),
            Command::Lag { group, .. } => Ok(Outcome::Count(self.lag(tx, group)?)),
        }
    }

    /// The next events of a group: first the open ones that the cursor has passed, then those after it.
    fn load(&self, tx: &Transaction<'_>, head: Seq, group: &str) -> Result<Page, sql::Failure> {
        let (from, room) = match self.shared.state.lock().groups.get(group) {
            Some(group) => (group.loaded, WINDOW.saturating_sub(group.len())),
            None => (head, 0),
        };
        let now = sql::now_ms();
        let mut events = Vec::new();
        let mut open = tx.prepare_cached(
            "SELECT open.seq, body, attempts, due_at FROM open JOIN events ON events.seq = open.seq
             WHERE grp = ?1 AND open.seq > ?2 ORDER BY open.seq LIMIT ?3",
        )?;
        let mut rows = open.query(params![group, from, sql::count(room)])?;
        while let Some(row) = rows.next()? {
            let wait = u64::try_from(row.get::<_, i64>(3)?.saturating_sub(now)).unwrap_or(0);
            events.push((
                row.get(0)?,
                sql::event(&row.get::<_, String>(1)?)?,
                row.get(2)?,
                Duration::from_millis(wait),
            ));
        }
        if events.len() < room {
            let mut log = tx.prepare_cached(
                "SELECT seq, body FROM events
                 WHERE seq > max(?2, (SELECT cursor FROM groups WHERE name = ?1)) AND body IS NOT NULL
                   AND topic IN (SELECT topic FROM topics WHERE grp = ?1)
                 ORDER BY seq LIMIT ?3",
            )?;
            let mut rows = log.query(params![group, from, sql::count(room - events.len())])?;
            while let Some(row) = rows.next()? {
                events.push((row.get(0)?, sql::event(&row.get::<_, String>(1)?)?, 0, Duration::ZERO));
            }
        }
        let to = if events.len() < room { head } else { events.last().map_or(from, |(seq, ..)| *seq) };
        Ok(Page { from, to, events })
    }

    fn lag(&self, tx: &Transaction<'_>, group: &str) -> rusqlite::Result<u64> {
        let (loaded, known) = match self.shared.state.lock().groups.get(group) {
            Some(group) => (group.loaded, group.len() as u64),
            None => (0, 0),
        };
        let waiting: i64 = tx.query_row(
            "SELECT (SELECT count(*) FROM open WHERE grp = ?1 AND seq > ?2)
                  + (SELECT count(*) FROM events
                     WHERE seq > max(?2, (SELECT cursor FROM groups WHERE name = ?1)) AND body IS NOT NULL
                       AND topic IN (SELECT topic FROM topics WHERE grp = ?1))",
            params![group, loaded],
            |row| row.get(0),
        )?;
        Ok(known + u64::try_from(waiting).unwrap_or(0))
    }

    /// Shows the groups what is committed; the answer is given after the lock is let go.
    fn show(&self, state: &mut State, command: Command, outcome: Outcome) -> Box<dyn FnOnce()> {
        // Whoever waited for an answer may be gone.
        match (command, outcome) {
            (Command::Publish { reply, .. }, Outcome::Published(events)) => {
                events.into_iter().for_each(|(seq, event)| state.append(seq, &event));
                Box::new(move || drop(reply.send(Ok(()))))
            }
            (Command::Join { group, reply, .. }, Outcome::Joined { cursor, topics }) => {
                let joined =
                    state.groups.entry(group.clone()).or_insert_with(|| Group::new(cursor, topics.clone()));
                joined.widen(topics);
                if !joined.loading {
                    joined.loading = true;
                    self.load_later(group);
                }
                Box::new(move || drop(reply.send(Ok(()))))
            }
            (Command::Load { group: name }, Outcome::Loaded(page)) => {
                let head = state.head;
                if let Some(group) = state.groups.get_mut(&name) {
                    // Otherwise it was widened meanwhile, or has caught up by itself.
                    if group.loaded == page.from {
                        group.loaded = page.to;
                        page.events
                            .into_iter()
                            .for_each(|(seq, event, tried, wait)| group.add(seq, event, tried, wait));
                    }
                    group.loading = false;
                    if group.is_hungry(head) {
                        group.loading = true;
                        self.load_later(name);
                    }
                }
                Box::new(|| {})
            }
            (Command::DeadLetters { reply, .. }, Outcome::Letters(letters)) => {
                Box::new(move || drop(reply.send(Ok(letters))))
            }
            (Command::Replay { group, reply, .. }, Outcome::Replayed(found)) => {
                let was_there = found.is_some();
                if let (Some((seq, event)), Some(group)) = (found, state.groups.get_mut(&group)) {
                    group.revive(seq, event);
                }
                Box::new(move || drop(reply.send(Ok(was_there))))
            }
            (Command::Lag { reply, .. } | Command::CountDead { reply, .. }, Outcome::Count(count)) => {
                Box::new(move || drop(reply.send(Ok(count))))
            }
            (Command::Groups { reply }, Outcome::Groups(names)) => {
                Box::new(move || drop(reply.send(Ok(names))))
            }
            (Command::Load { group }, outcome) => {
                if let Some(group) = state.groups.get_mut(&group) {
                    group.loading = false;
                }
                if let Outcome::Refused(error) = outcome {
                    tracing::error!(
                        group,
                        error = &error as &dyn std::error::Error,
                        "a group's events could not be read"
                    );
                }
                Box::new(|| {})
            }
            (command, Outcome::Refused(error)) => Box::new(move || command.refuse(error)),
            (command, _) => Box::new(move || command.refuse(BusError::Closed)),
        }
    }

    fn load_later(&self, group: String) {
        // Refused only at the end, when nothing need be loaded.
        let _ = self.shared.queue.push(Command::Load { group });
    }

    fn refuse(&self, command: Command, error: BusError) {
        if let Command::Load { group } = &command
            && let Some(group) = self.shared.state.lock().groups.get_mut(group)
        {
            group.loading = false;
        }
        command.refuse(error);
    }

    /// Writes what is left, and leaves one file behind instead of a file and its journal.
    fn finish(&mut self) {
        if self.owner.is_none() {
            return;
        }
        let plans = self.plans(|_| true);
        let left = sql::set_sync(&self.db, true).and_then(|()| {
            let tx = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
            sql::write_plans(&tx, &plans)?;
            tx.commit()?;
            self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        if let Err(error) = left {
            tracing::warn!(%error, "the last acknowledgements could not be written, some events come again");
        }
    }
}
