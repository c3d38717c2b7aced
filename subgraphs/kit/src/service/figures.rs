//! What databases have counted, in Prometheus' text format.

use std::fmt::Write as _;

use crate::store::Store;

/// The figures of these databases, each by the name of its service.
pub(crate) fn of(stores: &[(&'static str, Store)]) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Store) -> u64| {
        let _infallible = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (service, store) in stores {
            let _infallible = writeln!(text, "{name}{{service=\"{service}\"}} {}", value(store));
        }
    };
    family("larder_store_reads_total", "counter", "Questions to the database.", &|store| store.stats().reads);
    family("larder_store_writes_total", "counter", "Documents written.", &|store| store.stats().writes);
    family("larder_store_commits_total", "counter", "Durable commits.", &|store| store.stats().commits);
    family(
        "larder_store_undelivered",
        "gauge",
        "Documents with events that have not been delivered yet.",
        &|store| u64::try_from(store.undelivered()).unwrap_or(u64::MAX),
    );
    text
}
