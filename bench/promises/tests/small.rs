//! The promises at a small size: none is broken, and each variant of the code that breaks one is noticed. `make promises` tries all of
//! them at full size.
#![expect(clippy::unwrap_used, reason = "a test whose helper fails has failed")]

use std::process::{Command, Output};

fn promises(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_promises")).args(arguments).env("RUST_LOG", "off").output().unwrap()
}

fn is_kept(promise: &str) {
    let output = promises(&["--small", "--only", promise]);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
}

macro_rules! kept {
    ($($name:ident: $promise:literal),+ $(,)?) => {
        $(#[test] fn $name() { is_kept($promise) })+

        const TRIED: &[&str] = &[$($promise),+];
    };
}

kept! {
    no_more_is_sold_than_there_is: "oversell",
    nothing_is_lost_and_nothing_appears: "conservation",
    one_key_is_one_order: "idempotency",
    a_lost_answer_is_asked_for_again: "lost-answers",
    what_was_begun_when_a_process_was_killed_is_finished: "killed",
    an_order_is_whole_wherever_it_stops: "steps",
    a_silent_neighbour_is_waited_for_once: "neighbours",
    who_is_told_to_stop_finishes_first: "drain",
    events_may_come_thrice_shuffled_and_malformed: "events",
    a_hold_that_runs_out_agrees_with_its_order: "expiry",
    what_is_said_of_a_hold_may_come_in_any_order: "histories",
    orders_and_stock_agree_whatever_happens_on_the_way: "simulation",
    nobody_reads_an_older_number: "stale-fill",
    a_fault_of_ours_is_told_without_its_cause: "internal",
}

#[test]
fn every_promise_is_tried_here() {
    let names = String::from_utf8(promises(&["--names"]).stdout).unwrap();
    assert_eq!(names.lines().collect::<Vec<_>>(), TRIED);
}
