//! The promises at a small size: none is broken, and each variant of the code that breaks one is noticed. `make promises` tries all of
//! them at full size.
#![expect(clippy::unwrap_used, reason = "a test whose helper fails has failed")]

use std::process::Command;

fn is_kept(promise: &str) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_promises")).args(["--small", "--only", promise]).output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
}

macro_rules! kept {
    ($($name:ident: $promise:literal),+ $(,)?) => {
        $(#[test] fn $name() { is_kept($promise) })+
    };
}

kept! {
    no_more_is_sold_than_there_is: "oversell",
    one_key_is_one_order: "idempotency",
    a_lost_answer_is_asked_for_again: "lost-answers",
    nobody_reads_an_older_number: "stale-fill",
    what_is_said_of_a_hold_may_come_in_any_order: "histories",
    a_hold_that_runs_out_agrees_with_its_order: "expiry",
    orders_and_stock_agree_whatever_happens_on_the_way: "simulation",
}
