//! Orders as the shop thinks of them: pure types and rules. No I/O, no GraphQL, no async.

mod basket;
mod key;
mod order;
mod saga;
mod status;

pub(crate) use basket::{Basket, Line, Offer, PriceError, Quote};
pub(crate) use key::IdempotencyKey;
pub(crate) use order::{Actor, Change, Order, Outcome, Refusal, Shortage};
pub(crate) use saga::{Failure, Repairer, SagaState, SagaStep};
pub use status::OrderStatus;

kit::typed_id! {
    /// The id of an order.
    pub struct OrderId;
}

kit::typed_id! {
    /// The id of something that an admin did.
    pub(crate) struct OperationId;
}

kit::typed_id! {
    /// The id of a product, which is the catalog's.
    pub struct ProductId;
}
