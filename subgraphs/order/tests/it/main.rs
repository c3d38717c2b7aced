//! The service through its HTTP endpoint, on real engines, with a catalog and an inventory that do what a test tells them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod advance_order;
mod cancel_order;
mod dead_letters;
mod events;
mod fakes;
mod idempotency;
mod identity;
mod ledger;
mod migration;
mod order;
mod orders;
mod orders_connection;
mod place_order;
mod place_order_failures;
mod place_order_input;
mod reconciler;
mod sagas;
mod schema;
mod settle_order;
mod shop;
