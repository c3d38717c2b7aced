//! Forgetting: what every group has handled, long enough ago; the bodies of what is too much; groups that nobody joins any more.
//! An event that a group has still to handle is never forgotten, nor is a dead letter.

use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::{Options, group::Seq, sql, writer::Writer};

/// How many events are looked at in one transaction, so that a publisher waits for a few milliseconds at most.
const CHUNK: i64 = 1_000;

/// Where the forgetting is.
pub(super) struct Trim {
    /// When to go on.
    pub(super) at: Instant,
    opened: Instant,
    /// Events up to here have been looked at in this round.
    old_to: Seq,
    /// Events up to here have lost their bodies, once that was looked for.
    bare_to: Option<Seq>,
}

impl Trim {
    pub(super) fn new(options: &Options) -> Self {
        let now = Instant::now();
        Self { at: now + options.trim_every, opened: now, old_to: 0, bare_to: None }
    }
}

impl Writer {
    /// One step of forgetting, if it is time.
    pub(super) fn trim_if_due(&mut self) {
        let now = Instant::now();
        if self.owner.is_none() || now < self.trim.at {
            return;
        }
        // All groups: the cursor of one that has nothing to do follows the end of the log only here.
        let plans = self.plans(|_| true);
        let step = sql::set_sync(&self.db, false).and_then(|()| {
            let tx = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
            sql::write_plans(&tx, &plans)?;
            let step = self.step(&tx)?;
            tx.commit()?;
            Ok(step)
        });
        match step {
            Ok(step) => {
                self.shared.state.lock().written(&plans);
                (self.trim.old_to, self.trim.bare_to) = (step.old_to, Some(step.bare_to));
                if step.goes_on {
                    self.trim.at = now;
                } else {
                    (self.trim.at, self.trim.old_to) = (now + self.shared.options.trim_every, 0);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the event log could not be trimmed");
                self.trim.at = now + self.shared.options.trim_every;
                self.not_written(plans);
            }
        }
    }

    fn step(&self, tx: &Transaction<'_>) -> rusqlite::Result<Step> {
        let options = &self.shared.options;
        self.forget_groups(tx)?;
        let handled: Seq =
            tx.query_row("SELECT coalesce(min(cursor), ?1) FROM groups", [self.head], |row| row.get(0))?;

        let before = sql::now_ms().saturating_sub(millis(options.retention));
        let mut oldest = tx.prepare_cached(
            "SELECT seq, published_at < ?3 FROM events WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?4",
        )?;
        let rows = oldest.query_map(params![self.trim.old_to, handled, before, CHUNK], |row| {
            Ok((row.get::<_, Seq>(0)?, row.get::<_, bool>(1)?))
        })?;
        let (mut old_to, mut looked_at) = (self.trim.old_to, 0);
        for row in rows {
            let (seq, is_old) = row?;
            if !is_old {
                break;
            }
            (old_to, looked_at) = (seq, looked_at + 1);
        }
        let open = "NOT EXISTS (SELECT 1 FROM open WHERE open.seq = events.seq)";
        tx.prepare_cached(&format!("DELETE FROM events WHERE seq > ?1 AND seq <= ?2 AND {open}"))?
            .execute([self.trim.old_to, old_to])?;

        let bare_from = match self.trim.bare_to {
            Some(seq) => seq,
            None => first_body(tx)?.saturating_sub(1),
        };
        let surplus = handled.min(self.head.saturating_sub(options.bodies.into()));
        let bare_to = surplus.min(bare_from.saturating_add(CHUNK)).max(bare_from);
        tx.prepare_cached(&format!(
            "UPDATE events SET body = NULL WHERE seq > ?1 AND seq <= ?2 AND body IS NOT NULL AND {open}"
        ))?
        .execute([bare_from, bare_to])?;
        Ok(Step { old_to, bare_to, goes_on: looked_at == CHUNK || bare_to < surplus })
    }

    /// A group that was renamed or given up would keep the log for ever.
    fn forget_groups(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let absence = self.shared.options.absence;
        let joined = || self.shared.state.lock().groups.keys().cloned().collect::<Vec<_>>();
        for group in joined() {
            tx.prepare_cached("UPDATE groups SET seen_at = ?2 WHERE name = ?1")?
                .execute(params![group, sql::now_ms()])?;
        }
        // Whoever is to join in this process has had the time.
        if self.trim.opened.elapsed() < absence.min(Duration::from_secs(3_600)) {
            return Ok(());
        }
        let before = sql::now_ms().saturating_sub(millis(absence));
        let gone: Vec<String> = tx
            .prepare_cached("SELECT name FROM groups WHERE seen_at < ?1")?
            .query_map([before], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for group in gone {
            tracing::warn!(
                group,
                "nobody has joined this group for long: what it had not handled is forgotten"
            );
            tx.execute("DELETE FROM open WHERE grp = ?1", [&group])?;
            tx.execute("DELETE FROM topics WHERE grp = ?1", [&group])?;
            tx.execute("DELETE FROM groups WHERE name = ?1", [&group])?;
        }
        Ok(())
    }
}

struct Step {
    old_to: Seq,
    bare_to: Seq,
    goes_on: bool,
}

fn first_body(tx: &Transaction<'_>) -> rusqlite::Result<Seq> {
    let first = "SELECT seq FROM events WHERE body IS NOT NULL ORDER BY seq LIMIT 1";
    Ok(tx.query_row(first, (), |row| row.get(0)).optional()?.unwrap_or(1))
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
