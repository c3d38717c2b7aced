//! The service through its HTTP endpoint, on real engines, with a catalog and an inventory that do what a test tells them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod advance_order;
mod cancel_order;
mod events;
mod fakes;
mod idempotency;
mod identity;
mod ledger;
mod order;
mod orders;
mod orders_connection;
mod place_order;
mod place_order_failures;
mod place_order_input;
mod reconciler;
mod schema;
mod settle_order;
mod shop;
