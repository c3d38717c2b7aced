//! Services in this process, asked without a wire; and the simulation of a shop whose messages and processes have bad days by plan.
//!
//! A [`Plan`] follows from a number: what shoppers and staff do, which processes end when, which messages are lost, late or doubled.
//! [`live()`] lets it happen to a real order service and a real inventory on one thread with a time of its own, so that the same plan gives the same history,
//! and [`shrink`] drops from a plan whatever is not needed for what went wrong.

mod door;
mod history;
mod judge;
mod live;
mod net;
mod plan;
mod town;

pub(crate) use door::Door;
pub(crate) use live::{Lived, live};
pub(crate) use plan::{Plan, shrink};
pub(crate) use town::Keys;
