//! What is printed: a line for each figure, its median over the runs, and whether it is what was promised.

use std::io::Write;

/// The middle one of the figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

/// A promise about a figure.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    AtLeast(f64),
    AtMost(f64),
    /// Printed for what it tells.
    None,
}

/// Gathers the lines and says at the end whether every promise was kept.
#[derive(Default)]
pub(crate) struct Report {
    broken: Vec<String>,
}

impl Report {
    /// A heading.
    pub(crate) fn section(&self, title: &str) {
        print(&format!("\n{title}"));
    }

    /// One figure: its runs, their median and spread.
    pub(crate) fn figure(&mut self, name: &str, unit: &str, runs: &[f64], promise: Promise) {
        let middle = median(runs.to_vec());
        let least = runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (wanted, kept) = match promise {
            Promise::AtLeast(bound) => (format!(">= {bound}"), middle >= bound),
            Promise::AtMost(bound) => (format!("<= {bound}"), middle <= bound),
            Promise::None => (String::new(), true),
        };
        let verdict = match (promise, kept) {
            (Promise::None, _) => "",
            (_, true) => "kept",
            (_, false) => "BROKEN",
        };
        print(&format!(
            "  {name:<52} {middle:>10.2} {unit:<5} ({least:.2} to {most:.2}, {} runs) {wanted:>9} {verdict}",
            runs.len()
        ));
        if !kept {
            self.broken.push(name.to_owned());
        }
    }

    /// Whether every promise was kept; names those that were not.
    pub(crate) fn end(self) -> bool {
        if self.broken.is_empty() {
            print("\nEvery promise was kept.");
        } else {
            print(&format!("\nBroken: {}", self.broken.join("; ")));
        }
        self.broken.is_empty()
    }
}

/// A line for the person who waits.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
