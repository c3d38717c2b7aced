//! What happened, in lines that are the same whenever the same happens: by the simulation's time, with names instead of ids.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// The history of one simulation.
#[derive(Clone)]
pub(super) struct History(Arc<Told>);

struct Told {
    began: Instant,
    lines: Mutex<Vec<String>>,
    names: Mutex<BTreeMap<String, String>>,
    /// How often something went wrong that was planned.
    faults: AtomicUsize,
}

impl History {
    pub(super) fn new() -> Self {
        let (lines, names) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Told { began: Instant::now(), lines, names, faults: AtomicUsize::new(0) }))
    }

    /// What happened now.
    pub(super) fn note(&self, what: &str) {
        let millis = self.0.began.elapsed().as_millis();
        self.0.lines.lock().push(format!("{:>4}.{:03} s  {what}", millis / 1_000, millis % 1_000));
    }

    /// What went wrong now as it was planned.
    pub(super) fn fault(&self, what: &str) {
        self.0.faults.fetch_add(1, SeqCst);
        self.note(&format!("! {what}"));
    }

    /// The name of an order, by the order in which they are first heard of.
    pub(super) fn name(&self, id: &str) -> String {
        let mut names = self.0.names.lock();
        let next = names.values().filter(|name| name.starts_with("order-")).count() + 1;
        names.entry(id.to_owned()).or_insert_with(|| format!("order-{next}")).clone()
    }

    pub(super) fn faults(&self) -> usize {
        self.0.faults.load(SeqCst)
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lines.lock().clone()
    }
}
