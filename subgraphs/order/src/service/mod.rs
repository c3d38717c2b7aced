//! The use cases: load, apply a rule, save with its events; ask the catalog and the inventory. The rules themselves are in
//! [`crate::domain`]; what clients see is made in [`crate::graphql`].

mod again;
mod change;
mod dead_letters;
mod deadline;
mod place;
mod release;
mod remote;
mod sagas;
mod settle;

use std::sync::Arc;

use kit::{
    bus::Bus,
    clock::Clock,
    identity::{User, UserId},
    page::PageRequest,
    service::Tasks,
    store::{Find, Found},
};
pub(crate) use place::PlaceOrder;
pub(crate) use remote::{Catalog, Inventory};
pub(crate) use settle::Fate;

use crate::{
    Config,
    domain::{Actor, Order, OrderId, OrderStatus},
    operations::Operations,
    orders::Orders,
};

/// Everything that can be done with orders.
pub(crate) struct OrderService {
    pub(crate) orders: Orders,
    pub(crate) operations: Operations,
    pub(crate) bus: Bus,
    pub(crate) catalog: Catalog,
    pub(crate) inventory: Inventory,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) config: Config,
}

/// Who looks at orders or changes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Sees their own.
    Customer(UserId),
    /// Sees all.
    Admin(UserId),
}

impl From<&User> for Viewer {
    fn from(user: &User) -> Self {
        match user.role {
            kit::identity::Role::Admin => Self::Admin(user.id),
            // A seller buys like anybody else; the orders of others are not theirs to see.
            kit::identity::Role::Seller | kit::identity::Role::Customer => Self::Customer(user.id),
        }
    }
}

impl From<Viewer> for Actor {
    fn from(viewer: Viewer) -> Self {
        match viewer {
            Viewer::Customer(id) => Self::Customer(id),
            Viewer::Admin(id) => Self::Admin(id),
        }
    }
}

/// Which orders to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OrderFilter {
    /// Only those that stand there.
    pub(crate) status: Option<OrderStatus>,
    /// Only those of this customer.
    pub(crate) customer: Option<UserId>,
}

impl OrderService {
    /// The latest orders that this viewer may see.
    pub(crate) async fn latest(&self, viewer: Viewer, limit: usize) -> kit::Result<Vec<Order>> {
        let find = self.walk(viewer, OrderFilter::default())?.limit(limit);
        Ok(self.orders.find(find).await?.into_documents())
    }

    /// A page of the orders that this viewer may see, and the walk that it is a page of.
    pub(crate) async fn page(
        &self,
        viewer: Viewer,
        filter: OrderFilter,
        page: PageRequest,
    ) -> kit::Result<(Found<Order>, Find)> {
        let walk = self.walk(viewer, filter)?;
        let found = self.orders.find(page.apply(walk.clone())?).await?;
        Ok((found, walk))
    }

    /// How many orders a walk finds.
    pub(crate) async fn count(&self, walk: Find) -> kit::Result<u64> {
        Ok(self.orders.count(walk).await?)
    }

    /// One order. Somebody else's does not exist.
    pub(crate) async fn order(&self, viewer: Viewer, id: OrderId) -> kit::Result<Order> {
        let found = match viewer {
            Viewer::Customer(customer) => self.orders.of(customer).get(id).await?,
            Viewer::Admin(_) => self.orders.get_unscoped(id).await?,
        };
        found.ok_or_else(|| kit::Error::not_found("order", id))
    }

    fn walk(&self, viewer: Viewer, filter: OrderFilter) -> kit::Result<Find> {
        match viewer {
            Viewer::Admin(_) => Ok(Orders::list_unscoped(filter.customer, filter.status)),
            Viewer::Customer(me) if filter.customer.is_none_or(|asked| asked == me) => {
                Ok(self.orders.of(me).list(filter.status))
            }
            Viewer::Customer(_) => Err(kit::Error::forbidden(
                "Listing somebody else's orders needs the role ADMIN. Leave `filter.userId` out.",
            )),
        }
    }
}

/// The service, as tasks and resolvers share it.
pub(crate) type Shared = Arc<OrderService>;
