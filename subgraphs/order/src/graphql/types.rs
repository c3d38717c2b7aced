//! What clients see of an order, made from the domain's types.

use async_graphql::{Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use kit::identity::UserId;

use crate::domain::{self, Actor, Change, Line};

/// Where an order stands: PENDING → CONFIRMED → PACKED → SHIPPED → DELIVERED, or one of two ends before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::OrderStatus")]
pub(crate) enum OrderStatus {
    /// Its stock is being reserved. This lasts moments, and half a minute at most.
    Pending,
    /// Its stock is reserved: it is a sale.
    Confirmed,
    /// It is ready to leave. From here on only staff can cancel it.
    Packed,
    /// It is on its way. From here on nobody can cancel it.
    Shipped,
    /// It has arrived.
    Delivered,
    /// There was not enough stock. Nothing was reserved.
    Rejected,
    /// It was ended before it was shipped, and its stock was given back.
    Cancelled,
}

pub(crate) struct Order(domain::Order);

impl From<domain::Order> for Order {
    fn from(order: domain::Order) -> Self {
        Self(order)
    }
}

/// An order, with everything as it was when it was placed.
#[Object]
impl Order {
    /// The order's id.
    #[graphql(name = "_id")]
    async fn id(&self) -> ID {
        self.0.id().to_string().into()
    }

    /// The id of the user who placed it.
    async fn user_id(&self) -> ID {
        self.0.customer().to_string().into()
    }

    /// The user who placed it.
    async fn user(&self) -> Option<User> {
        Some(User { id: self.0.customer().to_string().into() })
    }

    /// What was bought, each product once.
    async fn products(&self) -> Option<Vec<OrderProduct<'_>>> {
        Some(self.0.lines().iter().map(OrderProduct).collect())
    }

    /// Where it stands.
    async fn status(&self) -> OrderStatus {
        self.0.status().into()
    }

    /// What all of it costs, in minor units of the shop's currency, at the prices of the time.
    async fn total(&self) -> i32 {
        self.0.total().minor()
    }

    /// When it was placed.
    async fn placed_at(&self) -> DateTime<Utc> {
        self.0.placed_at()
    }

    /// What happened to it, the oldest first.
    async fn history(&self) -> Vec<OrderEvent> {
        self.0.history().iter().map(OrderEvent::from).collect()
    }
}

pub(crate) struct OrderProduct<'a>(&'a Line);

/// A product of an order, as it was when the order was placed.
#[Object]
impl OrderProduct<'_> {
    /// The id of the product (not of the line).
    #[graphql(name = "_id")]
    async fn id(&self) -> ID {
        self.0.product().to_string().into()
    }

    /// How many were bought.
    async fn quantity(&self) -> i32 {
        self.0.quantity().get()
    }

    /// The product's name at the time.
    async fn name(&self) -> &str {
        self.0.name()
    }

    /// The price of one at the time, in minor units of the shop's currency.
    async fn unit_price(&self) -> i32 {
        self.0.unit_price().minor()
    }

    /// The price of all of them: `quantity` times `unitPrice`.
    async fn line_total(&self) -> i32 {
        self.0.total().minor()
    }

    /// The product as it is today; null where it is no longer in the shop.
    async fn product(&self) -> Option<Product> {
        Some(Product { id: self.0.product().to_string().into() })
    }
}

/// A product of the shop.
#[derive(SimpleObject)]
#[graphql(unresolvable = "_id")]
pub(crate) struct Product {
    /// The product's id.
    #[graphql(name = "_id")]
    id: ID,
}

/// A person with an account.
#[derive(SimpleObject)]
#[graphql(unresolvable = "_id")]
pub(crate) struct User {
    /// The user's id.
    #[graphql(name = "_id")]
    id: ID,
}

/// One step in an order's history.
#[derive(SimpleObject)]
pub(crate) struct OrderEvent {
    /// What the order became.
    status: OrderStatus,
    /// When.
    at: DateTime<Utc>,
    /// By whom.
    by: OrderActor,
    /// Why, where there is something to say.
    reason: Option<String>,
}

impl From<&Change> for OrderEvent {
    fn from(change: &Change) -> Self {
        Self {
            status: change.status.into(),
            at: change.at,
            by: OrderActor::from(&change.by),
            reason: change.reason.clone(),
        }
    }
}

/// Who changed an order.
#[derive(SimpleObject)]
pub(crate) struct OrderActor {
    /// What kind of actor.
    kind: OrderActorKind,
    /// The id of the user, of a CUSTOMER or an ADMIN.
    user_id: Option<ID>,
    /// The name of the service, of a SERVICE.
    service: Option<String>,
}

impl From<&Actor> for OrderActor {
    fn from(actor: &Actor) -> Self {
        let person = |kind, id: &UserId| Self { kind, user_id: Some(id.to_string().into()), service: None };
        match actor {
            Actor::Customer(id) => person(OrderActorKind::Customer, id),
            Actor::Admin(id) => person(OrderActorKind::Admin, id),
            Actor::Service(name) => {
                Self { kind: OrderActorKind::Service, user_id: None, service: Some(name.clone()) }
            }
        }
    }
}

/// What kind of actor changed an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum OrderActorKind {
    /// The shopper whose order it is.
    Customer,
    /// Somebody who runs the shop.
    Admin,
    /// The shop itself.
    Service,
}

/// A product to buy and how many of it.
#[derive(InputObject)]
pub(crate) struct OrderProductInput {
    /// The product's `_id`.
    #[graphql(name = "_id")]
    id: String,
    /// How many: 1 to 10000.
    quantity: i32,
}

impl From<OrderProductInput> for (String, i32) {
    fn from(line: OrderProductInput) -> Self {
        (line.id, line.quantity)
    }
}

/// Which orders to list.
#[derive(InputObject, Default)]
pub(crate) struct OrderFilter {
    /// Only orders that stand there.
    status: Option<OrderStatus>,
    /// Only orders of this user. For staff; anybody else may name only themselves.
    user_id: Option<ID>,
}

impl OrderFilter {
    /// The filter with a real user id.
    pub(super) fn checked(self) -> kit::Result<crate::service::OrderFilter> {
        let customer = self.user_id.map(|id| UserId::parse_field("filter.userId", &id)).transpose()?;
        Ok(crate::service::OrderFilter { status: self.status.map(Into::into), customer })
    }
}
