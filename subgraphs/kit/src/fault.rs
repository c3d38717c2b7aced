//! Faults that a test puts into a running shop: a step after which the work fails, waits or takes its process down, and variants of the code
//! that break a promise on purpose, so that whoever checks the promise can be checked.
//!
//! They are a folder of files, named by `LARDER_FAULTS`, so that a test reaches every process of a shop while it runs, and a fault that took
//! a process down is not met again by the next one: the file is taken away by who meets it. A file has the name of a point and says
//! `error`, `crash` or `pause` (until it is gone); one with the name of a variant may be empty, and stays, as does one of a point at which
//! everything is to fail.
//!
//! Only builds with the feature `faults` look: those for tests and measurements on one's own machine, never an image
//! (`docs/adr/0015-faults.md`). In others all of this is nothing.

#[cfg(feature = "faults")]
use std::{path::PathBuf, sync::OnceLock, time::Duration};

/// The variable that names the folder.
pub const VARIABLE: &str = "LARDER_FAULTS";

/// A step has been made, and a test may want the work to end here.
///
/// # Errors
/// `UNAVAILABLE` where a test wants the work to fail.
#[cfg(feature = "faults")]
pub async fn after(point: &str) -> crate::Result<()> {
    const LOOK_AGAIN: Duration = Duration::from_millis(2);
    let Some(file) = folder().map(|folder| folder.join(point)) else { return Ok(()) };
    while let Ok(what) = std::fs::read_to_string(&file) {
        match what.trim() {
            "pause" => tokio::time::sleep(LOOK_AGAIN).await,
            // Whoever takes it away is the only one who meets it.
            what if std::fs::remove_file(&file).is_ok() => {
                if what == "crash" {
                    std::process::abort();
                }
                return Err(crate::Error::unavailable("The shop", std::io::Error::other(point.to_owned())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The same for a point that everybody has: `order.asked` is the one of `order`.
///
/// # Errors
/// `UNAVAILABLE` where a test wants the work to fail.
#[cfg(feature = "faults")]
pub async fn after_of(owner: &str, step: &str) -> crate::Result<()> {
    match folder() {
        Some(_) => after(&format!("{owner}.{step}")).await,
        None => Ok(()),
    }
}

/// The same for a point that everybody has.
///
/// # Errors
/// Never, in this build.
#[cfg(not(feature = "faults"))]
#[inline]
#[expect(clippy::unused_async, reason = "as with the feature")]
pub async fn after_of(_: &str, _: &str) -> crate::Result<()> {
    Ok(())
}

/// A step has been made, and a test may want the work to end here.
///
/// # Errors
/// Never, in this build.
#[cfg(not(feature = "faults"))]
#[inline]
#[expect(clippy::unused_async, reason = "as with the feature")]
pub async fn after(_: &str) -> crate::Result<()> {
    Ok(())
}

/// Whether the code is to break a promise here, as a test wants it to.
#[cfg(feature = "faults")]
#[must_use]
pub fn is_broken(variant: &str) -> bool {
    folder().is_some_and(|folder| folder.join(variant).exists())
}

/// Whether the code is to break a promise here: never, in this build.
#[cfg(not(feature = "faults"))]
#[inline]
#[must_use]
pub const fn is_broken(_: &str) -> bool {
    false
}

/// What a fault of the shop's own says of itself: a text of the inside, which no client may ever read.
pub const INSIDE: &str = "a text of the inside, from the shelf behind the counter";

/// Whether a test may put faults into this process.
#[cfg(feature = "faults")]
pub(crate) fn is_possible() -> bool {
    folder().is_some()
}

/// Whether everything that comes to this point is to fail until the file is gone, as through a fault of the shop's own:
/// `products.unreadable`.
#[cfg(feature = "faults")]
pub(crate) fn fails(owner: &str, how: &str) -> bool {
    folder().is_some_and(|folder| folder.join(format!("{owner}.{how}")).exists())
}

/// Panics where a test wants everything that comes to this point to: `order.panics`.
///
/// # Panics
/// Where a test wants it.
#[cfg(feature = "faults")]
pub(crate) fn panic_at(owner: &str) {
    if fails(owner, "panics") {
        // Without the hook that writes where it came from: the test knows.
        std::panic::resume_unwind(Box::new(INSIDE));
    }
}

/// Panics where a test wants everything that comes to this point to: never, in this build.
#[cfg(not(feature = "faults"))]
#[inline]
pub(crate) const fn panic_at(_: &str) {}

#[cfg(feature = "faults")]
fn folder() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os(VARIABLE).map(PathBuf::from)).as_ref()
}
