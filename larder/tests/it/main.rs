//! The shop as it is delivered: the program itself, on a data folder of its own for each test, asked over HTTP.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its shop has failed")]

mod access;
mod apart;
mod bad_input;
mod by_id;
mod cluster;
mod compose;
mod cut_off;
mod damage;
mod documents;
mod forged;
mod life;
mod logs;
mod moving;
mod read_your_writes;
mod running;
mod samples;
mod straight;
mod tokens;
mod traces;
