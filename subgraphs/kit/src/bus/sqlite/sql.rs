//! What is read from and written to the file, statement by statement. When, and in which transaction, is the writer's.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{
    super::{BusError, DeadLetter, Event, EventId},
    group::{Plan, Seq},
    schema,
};

/// A failure inside a transaction.
pub(super) enum Failure {
    /// Of the file: nothing of the transaction was done.
    Database(rusqlite::Error),
    /// Of one call.
    Call(BusError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Whether the next commit waits for the disk. One that does not is safe from the end of the process, and from the machine's
/// with the next that does.
pub(super) fn set_sync(db: &Connection, durable: bool) -> rusqlite::Result<()> {
    db.execute_batch(if durable { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })
}

/// Appends the events whose ids are new, and gives those with their places.
pub(super) fn append(
    tx: &Transaction<'_>,
    head: &mut Seq,
    events: &[Arc<Event>],
) -> Result<Vec<(Seq, Arc<Event>)>, Failure> {
    let now = now_ms();
    let mut insert = tx.prepare_cached(
        "INSERT INTO events (id, topic, published_at, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
    )?;
    let mut appended = Vec::with_capacity(events.len());
    for event in events {
        // An event is plain data; should it not be writable all the same, then no part of the call is.
        let body = serde_json::to_string(event)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        if insert.execute(params![event.id.to_bytes(), event.topic, now, body])? == 1 {
            *head = tx.last_insert_rowid();
            appended.push((*head, event.clone()));
        }
    }
    Ok(appended)
}

/// Makes the group known with these topics, and those that it has when it is `joined` already; gives its cursor and its topics.
pub(super) fn join(
    tx: &Transaction<'_>,
    group: &str,
    topics: &BTreeSet<String>,
    joined: bool,
) -> rusqlite::Result<(Seq, BTreeSet<String>)> {
    tx.execute(
        "INSERT INTO groups (name, cursor, seen_at) VALUES (?1, 0, ?2) ON CONFLICT (name) DO UPDATE SET seen_at = ?2",
        params![group, now_ms()],
    )?;
    let cursor = tx.query_row("SELECT cursor FROM groups WHERE name = ?1", [group], |row| row.get(0))?;
    let known: BTreeSet<String> = tx
        .prepare("SELECT topic FROM topics WHERE grp = ?1")?
        .query_map([group], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for topic in topics.difference(&known) {
        tx.execute("INSERT INTO topics (grp, topic) VALUES (?1, ?2)", params![group, topic])?;
        // What the cursor has passed of this topic is not handled.
        tx.execute(
            "INSERT OR IGNORE INTO open (grp, seq, attempts, due_at)
             SELECT ?1, seq, 0, 0 FROM events WHERE topic = ?2 AND seq <= ?3 AND body IS NOT NULL",
            params![group, topic, cursor],
        )?;
    }
    if joined {
        return Ok((cursor, topics.union(&known).cloned().collect()));
    }
    for topic in known.difference(topics) {
        tx.execute("DELETE FROM topics WHERE grp = ?1 AND topic = ?2", params![group, topic])?;
        tx.execute(
            "DELETE FROM open WHERE grp = ?1 AND (SELECT topic FROM events WHERE events.seq = open.seq) = ?2",
            params![group, topic],
        )?;
    }
    Ok((cursor, topics.clone()))
}

/// Writes what has changed in the groups.
pub(super) fn write_plans(tx: &Transaction<'_>, plans: &[(String, Plan)]) -> rusqlite::Result<()> {
    let now = now_ms();
    for (group, plan) in plans.iter().filter(|(_, plan)| !plan.is_empty()) {
        let mut open = tx.prepare_cached(
            "INSERT INTO open (grp, seq, attempts, due_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (grp, seq) DO UPDATE SET attempts = excluded.attempts, due_at = excluded.due_at",
        )?;
        for event in &plan.open {
            let wait = i64::try_from(event.wait.as_millis()).unwrap_or(i64::MAX);
            open.execute(params![group, event.seq, event.attempts, now.saturating_add(wait)])?;
        }
        let mut closed = tx.prepare_cached("DELETE FROM open WHERE grp = ?1 AND seq = ?2")?;
        for seq in &plan.closed {
            closed.execute(params![group, seq])?;
        }
        let mut dead = tx.prepare_cached(
            "INSERT OR REPLACE INTO dead (grp, id, seq, body, attempts, error, died_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for letter in plan.dead() {
            let event = &letter.event;
            let body = serde_json::to_string(event)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            let at = letter.at.timestamp_millis();
            dead.execute(params![
                group,
                event.id.to_bytes(),
                letter.seq,
                body,
                letter.attempts,
                letter.error,
                at
            ])?;
        }
        if plan.moved {
            tx.prepare_cached("UPDATE groups SET cursor = ?2 WHERE name = ?1")?
                .execute(params![group, plan.cursor])?;
        }
    }
    Ok(())
}

pub(super) fn dead_letters(
    tx: &Transaction<'_>,
    group: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<DeadLetter>, Failure> {
    let mut select = tx.prepare_cached(
        "SELECT body, attempts, error, died_at, number FROM dead WHERE grp = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    let mut rows = select.query(params![group, after, count(limit)])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(DeadLetter {
            event: Event::clone(&*event(&row.get::<_, String>(0)?)?),
            group: group.to_owned(),
            attempts: row.get(1)?,
            error: row.get(2)?,
            at: DateTime::from_timestamp_millis(row.get(3)?).unwrap_or_default(),
            place: row.get::<_, i64>(4)?.to_string(),
        });
    }
    Ok(letters)
}

pub(super) fn count_dead_letters(tx: &Transaction<'_>, group: &str) -> rusqlite::Result<u64> {
    let count = "SELECT count(*) FROM dead WHERE grp = ?1";
    tx.query_row(count, [group], |row| Ok(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0)))
}

pub(super) fn groups(tx: &Transaction<'_>) -> rusqlite::Result<Vec<String>> {
    tx.prepare("SELECT name FROM groups")?.query_map([], |row| row.get(0))?.collect()
}

/// Makes a dead letter an open event again.
pub(super) fn replay(
    tx: &Transaction<'_>,
    group: &str,
    id: EventId,
) -> Result<Option<(Seq, Arc<Event>)>, Failure> {
    let found: Option<(Seq, String)> = tx
        .query_row(
            "SELECT seq, body FROM dead WHERE grp = ?1 AND id = ?2 AND EXISTS (SELECT 1 FROM groups WHERE name = ?1)",
            params![group, id.to_bytes()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((seq, body)) = found else { return Ok(None) };
    let event = event(&body)?;
    tx.execute("DELETE FROM dead WHERE grp = ?1 AND id = ?2", params![group, id.to_bytes()])?;
    // The log may have forgotten it.
    if tx.execute("UPDATE events SET body = ?2 WHERE seq = ?1", params![seq, body])? == 0 {
        tx.execute(
            "INSERT INTO events (seq, id, topic, published_at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![seq, id.to_bytes(), event.topic, now_ms(), body],
        )?;
    }
    // After the cursor it is open by itself.
    tx.execute(
        "INSERT OR REPLACE INTO open (grp, seq, attempts, due_at)
         SELECT name, ?2, 0, 0 FROM groups WHERE name = ?1 AND cursor >= ?2",
        params![group, seq],
    )?;
    Ok(Some((seq, event)))
}

pub(super) fn event(body: &str) -> Result<Arc<Event>, Failure> {
    serde_json::from_str(body).map(Arc::new).map_err(|error| Failure::Call(schema::engine(error)))
}

/// For files; what is measured in this process is measured with `Instant`.
pub(super) fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
