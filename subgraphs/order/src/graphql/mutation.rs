//! What shoppers may do.

use async_graphql::{Context, ID, Object};
use kit::{
    Error,
    error::FieldError,
    identity::{Require, UserId},
    subgraph::Answer,
};

use super::{
    service,
    types::{Order, OrderProductInput},
    user, viewer,
};
use crate::{
    domain::{Basket, IdempotencyKey, OrderId},
    service::PlaceOrder,
};

#[derive(Default)]
pub(crate) struct ShopperMutation;

#[Object]
impl ShopperMutation {
    /// Places an order and reserves its stock: all of it, or none. When this answers with an order, the order is a sale.
    ///
    /// `OUT_OF_STOCK` lists in `shortages` every product of which there is too little. After `UNAVAILABLE` nothing stays
    /// reserved: try again, with the same `idempotencyKey`, so that you can never buy twice.
    #[graphql(guard = "Require::SignedIn")]
    async fn place_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "What to buy: 1 to 100 lines. Lines of the same product are added up; at most 10000 of one product."
        )]
        products: Option<Vec<Option<OrderProductInput>>>,
        #[graphql(
            desc = "Your own name for this request, new for every new order: 1 to 200 visible ASCII characters, best a UUID. \
                    The same key with the same products gives the same order again instead of a second one."
        )]
        idempotency_key: Option<String>,
    ) -> Answer<Order> {
        let placed = async {
            let command = checked_order(user(ctx)?.id, products, idempotency_key)?;
            Ok(service(ctx)?.place(command).await?.into())
        };
        Some(placed.await)
    }

    /// Cancels an order. You may do so until it is PACKED, staff until it is SHIPPED; its stock is given back.
    ///
    /// `CONFLICT` says that it is too late, or that the order has ended already: cancelling twice is an error, too.
    #[graphql(guard = "Require::SignedIn")]
    async fn cancel_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order's `_id`.")] id: ID,
        #[graphql(
            desc = "Why, in your own words: at most 500 characters. It is kept in the order's history."
        )]
        reason: Option<String>,
    ) -> Answer<Order> {
        let cancelled = async {
            let (id, reason) = both(
                OrderId::parse(&id).map_err(|invalid| vec![problem("id", invalid)]),
                checked_reason(reason).map_err(|problem| vec![problem]),
            )?;
            Ok(service(ctx)?.cancel(viewer(ctx)?, id, reason).await?.into())
        };
        Some(cancelled.await)
    }
}

fn checked_order(
    customer: UserId,
    products: Option<Vec<Option<OrderProductInput>>>,
    idempotency_key: Option<String>,
) -> kit::Result<PlaceOrder> {
    let lines: Vec<_> = products.into_iter().flatten().map(|line| line.map(Into::into)).collect();
    let key = idempotency_key.map(IdempotencyKey::new).transpose();
    let (basket, key) =
        both(Basket::from_lines(&lines), key.map_err(|invalid| vec![problem("idempotencyKey", invalid)]))?;
    Ok(PlaceOrder { customer, basket, key })
}

/// Both values, or everything that is wrong with either.
fn both<A, B>(a: Result<A, Vec<FieldError>>, b: Result<B, Vec<FieldError>>) -> kit::Result<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(Error::bad_inputs([a.err(), b.err()].into_iter().flatten().flatten().collect())),
    }
}

fn problem(field: &str, what: impl std::fmt::Display) -> FieldError {
    FieldError { field: field.to_owned(), message: what.to_string() }
}

/// A reason without blanks around it; none where nothing is left.
fn checked_reason(reason: Option<String>) -> Result<Option<String>, FieldError> {
    /// A few sentences. The history is shown as it is.
    const MAX: usize = 500;
    let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match &reason {
        Some(text) if text.chars().count() > MAX => {
            Err(problem("reason", format!("must have at most {MAX} characters.")))
        }
        Some(text) if text.chars().any(|c| c.is_control() && c != '\n') => {
            Err(problem("reason", "must not contain control characters."))
        }
        _ => Ok(reason),
    }
}
