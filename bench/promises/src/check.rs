//! What a check is, and what comes of a trial.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Which shop a trial is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// One process on embedded engines.
    Standalone,
    /// A process for each service, MongoDB and Redis.
    Cluster,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Standalone, Self::Cluster];

    /// The one for this kind.
    pub(crate) const fn of<T: Copy>(self, standalone: T, cluster: T) -> T {
        match self {
            Self::Standalone => standalone,
            Self::Cluster => cluster,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Cluster => "cluster",
        }
    }
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// What a test run can afford.
    Small,
    /// What is promised.
    Full,
}

impl Size {
    /// The number for this size.
    pub(crate) const fn of<T: Copy>(self, small: T, full: T) -> T {
        match self {
            Self::Small => small,
            Self::Full => full,
        }
    }
}

/// Under which circumstances a trial runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) kind: Kind,
    pub(crate) size: Size,
}

/// A promise and how it is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// Short, as `--only` takes it.
    pub(crate) name: &'static str,
    /// What is promised.
    pub(crate) promise: &'static str,
    /// The variants of the code that break it, each of which must be noticed.
    pub(crate) broken: &'static [&'static str],
    /// Whether it needs a running shop, and so is tried on both kinds. Others run in this process on all engines.
    pub(crate) on_shops: bool,
}

/// What came of a trial.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// How often the promise was put to the test.
    pub(crate) tries: u64,
    /// How many faults were put in its way.
    pub(crate) faults: u64,
    /// What was found broken, in words.
    pub(crate) violations: Vec<String>,
}

impl Trial {
    /// Notes a violation unless it holds.
    pub(crate) fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(otherwise());
        }
    }
}

/// The folder of faults of this process and of the shops that it starts.
pub(crate) struct Faults(PathBuf);

impl Faults {
    /// The one that the environment names.
    pub(crate) fn folder() -> Result<Self> {
        let folder = std::env::var_os(kit::fault::VARIABLE).context("LARDER_FAULTS is not set")?;
        Ok(Self(folder.into()))
    }

    /// Puts a fault at a point: `error`, `crash` or `pause`. Whole or not at all, so that nobody meets half of it.
    pub(crate) fn put(&self, point: &str, what: &str) -> Result<()> {
        let (making, made) = (self.0.join(format!(".{point}")), self.0.join(point));
        std::fs::write(&making, what)?;
        Ok(std::fs::rename(making, made)?)
    }

    /// Takes it away again; false where somebody met it.
    pub(crate) fn take(&self, point: &str) -> bool {
        std::fs::remove_file(self.0.join(point)).is_ok()
    }
}
