//! What the relay knows of each document: bounded, in memory only, and rebuilt from the envelopes after a restart.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use tokio::time::Instant;

use super::PATIENCE;
use crate::bus::EventId;

/// How many documents are known at most; about 4 MB. Of what is announced beyond, only the collection is remembered.
const DOCUMENTS: usize = 10_000;

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) collection: &'static str,
    pub(super) id: Arc<str>,
}

/// A document whose events are being delivered, and what was known of them before its envelope was read.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) place: Place,
    pub(super) reached: Vec<(EventId, usize)>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    documents: HashMap<Place, Known>,
    /// Documents that are announced and not being delivered.
    line: VecDeque<Place>,
    /// Documents with something to clear, and when; in order of that.
    clearable: VecDeque<(Place, Instant)>,
    scans: BTreeMap<&'static str, Scan>,
    /// Counts announcements, so that it can be told what came before what.
    announcements: u64,
    /// How many wait until all is cleared.
    pub(super) hurried: usize,
    /// How many sinks there are.
    sinks: usize,
}

/// Each `Option<u64>` is the announcement of the oldest event that may be in that stage.
#[derive(Debug, Default)]
struct Known {
    announced: Option<u64>,
    in_delivery: Option<u64>,
    uncleared: Option<u64>,
    /// The events that some sinks have, and how many of the sinks.
    reached: Vec<(EventId, usize)>,
    /// Whether it stands in `clearable`.
    awaits_clearing: bool,
}

#[derive(Debug)]
struct Scan {
    since: u64,
    after: String,
    /// Something was announced and not remembered after the scan had begun.
    again: Option<u64>,
}

impl Known {
    fn oldest(&self) -> Option<u64> {
        [self.announced, self.in_delivery, self.uncleared].into_iter().flatten().min()
    }
}

fn older(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().min()
}

impl State {
    pub(super) fn with_sinks(sinks: usize) -> Self {
        Self { sinks, ..Self::default() }
    }

    pub(super) fn now(&self) -> u64 {
        self.announcements
    }

    pub(super) fn waiting(&self) -> usize {
        self.documents.len()
    }

    /// Whether everything up to that announcement is delivered and cleared.
    pub(super) fn settled(&self, until: u64) -> bool {
        self.scans.values().all(|scan| scan.since > until)
            && self.documents.values().all(|known| known.oldest().is_none_or(|oldest| oldest > until))
    }

    /// The document has new events.
    pub(super) fn announce(&mut self, collection: &'static str, id: &str) {
        self.announcements += 1;
        let now = self.announcements;
        let place = Place { collection, id: id.into() };
        if !self.documents.contains_key(&place) && self.documents.len() >= DOCUMENTS {
            match self.scans.get_mut(collection) {
                Some(scan) => {
                    scan.again.get_or_insert(now);
                }
                None => self.scan(collection),
            }
            return;
        }
        self.line_up(place, now);
    }

    fn line_up(&mut self, place: Place, since: u64) {
        let known = self.documents.entry(place.clone()).or_default();
        let stands = known.announced.is_some() || known.in_delivery.is_some();
        known.announced = older(known.announced, Some(since));
        if !stands {
            self.line.push_back(place);
        }
    }

    /// The collection is to be looked through from its beginning.
    pub(super) fn scan(&mut self, collection: &'static str) {
        let scan = Scan { since: self.announcements, after: String::new(), again: None };
        self.scans.insert(collection, scan);
    }

    /// The collection to look through next and the document to begin after, if there is room for a page.
    pub(super) fn next_scan(&self, page: usize) -> Option<(&'static str, String)> {
        let scan = self.scans.iter().next()?;
        let room = self.documents.len() + page <= DOCUMENTS;
        room.then(|| (*scan.0, scan.1.after.clone()))
    }

    pub(super) fn is_scanning(&self) -> bool {
        !self.scans.is_empty()
    }

    /// A page was read: these documents have events. An empty page is the end.
    pub(super) fn scanned<'a>(&mut self, collection: &'static str, page: impl Iterator<Item = &'a str>) {
        let Some(scan) = self.scans.get(collection) else { return };
        let (since, again) = (scan.since, scan.again);
        let mut last = None;
        for id in page {
            last = Some(id);
            self.line_up(Place { collection, id: id.into() }, since);
        }
        let next = match (last, again) {
            (Some(last), again) => Scan { since, after: last.to_owned(), again },
            (None, Some(since)) => Scan { since, after: String::new(), again: None },
            (None, None) => {
                self.scans.remove(collection);
                return;
            }
        };
        self.scans.insert(collection, next);
    }

    /// The next documents in line, to be delivered.
    pub(super) fn take(&mut self, at_most: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        while taken.len() < at_most
            && let Some(place) = self.line.pop_front()
        {
            let Some(known) = self.documents.get_mut(&place) else { continue };
            if known.in_delivery.is_some() || known.announced.is_none() {
                continue;
            }
            known.in_delivery = known.announced.take();
            taken.push(Taken { reached: known.reached.clone(), place });
        }
        taken
    }

    /// These events have reached `sinks` of the sinks, of which there were `all`.
    pub(super) fn reached<'a>(
        &mut self,
        events: impl Iterator<Item = (&'a Place, EventId)>,
        sinks: usize,
        all: usize,
    ) {
        if all != self.sinks {
            // One was added meanwhile: which have them is not known any more.
            return;
        }
        let due = Instant::now() + PATIENCE;
        for (place, event) in events {
            // It may have been removed meanwhile.
            let Some(known) = self.documents.get_mut(place) else { continue };
            match known.reached.iter_mut().find(|(id, _)| *id == event) {
                Some((_, reached)) => *reached = sinks,
                None => known.reached.push((event, sinks)),
            }
            if sinks == all {
                known.uncleared = older(known.uncleared, known.in_delivery);
                if !std::mem::replace(&mut known.awaits_clearing, true) {
                    self.clearable.push_back((place.clone(), due));
                }
            }
        }
    }

    /// The delivery of these has ended; where it failed they go to the end of the line.
    pub(super) fn give_back(&mut self, taken: Vec<Taken>, delivered: bool) {
        for Taken { place, .. } in taken {
            let Some(known) = self.documents.get_mut(&place) else { continue };
            let was = known.in_delivery.take();
            if !delivered {
                known.announced = older(known.announced, was);
            }
            if known.announced.is_some() {
                self.line.push_back(place);
            } else {
                self.tidy(&place);
            }
        }
    }

    /// There are that many sinks now, and none is known to have anything.
    pub(super) fn start_over(&mut self, sinks: usize) {
        self.sinks = sinks;
        for (place, known) in &mut self.documents {
            known.reached.clear();
            known.announced = older(older(known.announced, known.in_delivery), known.uncleared.take());
            if known.announced.is_some() && known.in_delivery.is_none() {
                self.line.push_back(place.clone());
            }
        }
    }

    /// The events of a document that all sinks have.
    pub(super) fn delivered(&self, collection: &'static str, id: &str) -> Vec<EventId> {
        let place = Place { collection, id: id.into() };
        let reached = self.documents.get(&place).map_or(&[][..], |known| &known.reached);
        reached.iter().filter(|(_, sinks)| *sinks == self.sinks).map(|(event, _)| *event).collect()
    }

    pub(super) fn cleared(&mut self, collection: &'static str, id: &str, events: &[EventId]) {
        let place = Place { collection, id: id.into() };
        if let Some(known) = self.documents.get_mut(&place) {
            known.reached.retain(|(event, _)| !events.contains(event));
            if known.reached.is_empty() {
                known.uncleared = None;
            }
            self.tidy(&place);
        }
    }

    pub(super) fn forget(&mut self, collection: &'static str, id: &str) {
        self.documents.remove(&Place { collection, id: id.into() });
    }

    /// Documents that are due to be cleared; where there are none, when the next one is.
    pub(super) fn clearable(&mut self, now: Instant, at_most: usize) -> (Vec<Place>, Option<Instant>) {
        let mut due = Vec::new();
        while due.len() < at_most
            && let Some((place, when)) = self.clearable.front()
        {
            let known = self.documents.get_mut(place);
            let uncleared = known.as_ref().is_some_and(|known| known.uncleared.is_some());
            if uncleared && *when > now && self.hurried == 0 {
                return (due, Some(*when));
            }
            if uncleared {
                due.push(place.clone());
            } else if let Some(known) = known {
                known.awaits_clearing = false;
            }
            self.clearable.pop_front();
        }
        (due, None)
    }

    /// Somebody has tried to clear these: those that still have something come again then.
    pub(super) fn still_clearable(&mut self, places: Vec<Place>, when: Instant) {
        for place in places {
            let Some(known) = self.documents.get_mut(&place) else { continue };
            if known.uncleared.is_some() {
                self.clearable.push_back((place, when));
            } else {
                known.awaits_clearing = false;
                self.tidy(&place);
            }
        }
    }

    /// Drops a document of which nothing is left to know.
    fn tidy(&mut self, place: &Place) {
        let idle = self
            .documents
            .get(place)
            .is_some_and(|known| known.oldest().is_none() && known.reached.is_empty());
        if idle {
            self.documents.remove(place);
        }
    }
}
