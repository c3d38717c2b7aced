//! Forgetting: what every group has handled, long enough ago or too much of it; ids; groups that nobody joins any more. What a group has still
//! to handle is never forgotten, nor is a dead letter.

use std::{sync::Arc, time::Duration};

use redis::Cmd;

use super::{
    DAY, scripts,
    shared::{Shared, millis},
};
use crate::{bus::BusError, redis::Session};

/// How many events are looked at in one call.
const CHUNK: u64 = 1_000;

/// The place of an event in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u64, u64);

impl Place {
    /// With or without zeros before it.
    fn parse(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-')?;
        Some(Self(millis.parse().ok()?, number.parse().ok()?))
    }

    const fn next(self) -> Self {
        match self.1.checked_add(1) {
            Some(number) => Self(self.0, number),
            None => Self(self.0.saturating_add(1), 0),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// Now and then, until it is aborted. Any number of processes may do it.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(shared.options.trim_every).await;
        if let Err(error) = step(&shared).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the event log could not be trimmed");
        }
    }
}

pub(super) async fn step(shared: &Shared) -> Result<(), BusError> {
    let session = shared.session()?;
    let now = now(&session).await?;
    let ago = |time: Duration| now.saturating_sub(millis(time));
    for (group, topics) in shared.groups.all() {
        shared.announce(&group, &topics).await?;
    }
    forget_groups(shared, &session, ago(shared.options.absence)).await?;
    let needed = needed(shared, &session).await?;
    let bound = |place: Place| needed.map_or(place, |needed| place.min(needed));
    cut(shared, &session, bound(Place(ago(shared.options.retention), 0))).await?;
    trim_surplus(shared, &session, bound).await?;

    let (seen, members) = (&shared.keys.seen, &shared.keys.members);
    let old = ago(shared.options.retention);
    let too_many = -1_i64 - i64::try_from(shared.options.ids).unwrap_or(i64::MAX - 1);
    for command in [
        Cmd::new().arg("ZREMRANGEBYSCORE").arg(seen).arg("-inf").arg(old),
        Cmd::new().arg("ZREMRANGEBYRANK").arg(seen).arg(0).arg(too_many),
        // By then their leases have ended in any case.
        Cmd::new().arg("ZREMRANGEBYSCORE").arg(members).arg("-inf").arg(ago(DAY)),
    ] {
        session.query::<()>(command).await?;
    }
    Ok(())
}

async fn now(session: &Session) -> Result<u64, BusError> {
    let (seconds, micros): (u64, u64) = session.query(Cmd::new().arg("TIME")).await?;
    Ok(seconds * 1_000 + micros / 1_000)
}

/// The first place that some group still needs.
async fn needed(shared: &Shared, session: &Session) -> Result<Option<Place>, BusError> {
    let groups: Vec<String> =
        session.query(Cmd::new().arg("ZRANGE").arg(&shared.keys.groups).arg(0).arg(-1)).await?;
    let mut first = None;
    for group in groups {
        let (place, itself): (String, bool) = session.run(&shared.about(&scripts::FLOOR, &group)).await?;
        if let Some(place) = Place::parse(&place) {
            let place = if itself { place } else { place.next() };
            first = Some(first.map_or(place, |first: Place| first.min(place)));
        }
    }
    Ok(first)
}

/// Takes everything before this place away.
async fn cut(shared: &Shared, session: &Session, before: Place) -> Result<u64, BusError> {
    let mut trim = Cmd::new();
    trim.arg("XTRIM").arg(&shared.keys.log).arg("MINID").arg(before.to_string());
    Ok(session.query(&trim).await?)
}

async fn trim_surplus(
    shared: &Shared,
    session: &Session,
    bound: impl Fn(Place) -> Place,
) -> Result<(), BusError> {
    loop {
        let length: u64 = session.query(Cmd::new().arg("XLEN").arg(&shared.keys.log)).await?;
        let surplus = length.saturating_sub(shared.options.bodies).min(CHUNK);
        if surplus == 0 {
            return Ok(());
        }
        let mut oldest = Cmd::new();
        oldest.arg("XRANGE").arg(&shared.keys.log).arg("-").arg("+").arg("COUNT").arg(surplus);
        let oldest: Vec<(String, Vec<Vec<u8>>)> = session.query(&oldest).await?;
        let Some(last) = oldest.last().and_then(|(place, _)| Place::parse(place)) else { return Ok(()) };
        if cut(shared, session, bound(last.next())).await? == 0 {
            return Ok(());
        }
    }
}

/// A group that was renamed or given up would keep the log for ever.
async fn forget_groups(shared: &Shared, session: &Session, before: u64) -> Result<(), BusError> {
    let mut gone = Cmd::new();
    gone.arg("ZRANGEBYSCORE").arg(&shared.keys.groups).arg("-inf").arg(before);
    for group in session.query::<Vec<String>>(&gone).await? {
        tracing::warn!(group, "nobody has joined this group for long: what it had not handled is forgotten");
        let mut forget = Cmd::new();
        forget.arg("DEL");
        for key in shared.keys.own(&group) {
            forget.arg(key);
        }
        session.query::<()>(&forget).await?;
        session.query::<()>(Cmd::new().arg("ZREM").arg(&shared.keys.groups).arg(&group)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_with_and_without_zeros_and_has_a_next_one() {
        let place = Place::parse("00000000000000000012-00000000000000000009").unwrap();
        assert_eq!(place, Place::parse("12-9").unwrap());
        assert_eq!(place.next().to_string(), "12-10");
        assert_eq!(Place(1, u64::MAX).next(), Place(2, 0));
        assert!(Place(2, 0) > Place(1, 9) && Place(1, 10) > Place(1, 9));
        assert_eq!(Place::parse(""), None);
    }
}
