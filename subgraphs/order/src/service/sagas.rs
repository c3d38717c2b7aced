//! What admins see of orders that are unfinished or were repaired, and what they may have done about it: what the reconciler does, before its
//! time. Each such thing is recorded with who asked for it.

use kit::{
    Error,
    identity::UserId,
    page::PageRequest,
    store::{Find, Found},
};

use super::{
    OrderService,
    settle::{Ending, TOO_LATE},
};
use crate::{
    domain::{Order, OrderId, Repairer, SagaState, SagaStep},
    operations::{Deed, Operation, Operations},
    orders::Orders,
};

/// What is recorded of an operation that was done.
const DONE: &str = "DONE";

impl OrderService {
    /// A page of the orders that are unfinished or were repaired, and the walk that it is a page of.
    pub(crate) async fn sagas(
        &self,
        state: Option<SagaState>,
        page: PageRequest,
    ) -> kit::Result<(Found<Order>, Find)> {
        let walk = Orders::sagas_unscoped(state);
        Ok((self.orders.find(page.apply(walk.clone())?).await?, walk))
    }

    /// Has the reconciler do its work for this order now; the order afterwards. That the inventory still does not give the stock back is
    /// no error: the order says so.
    pub(crate) async fn retry_saga(&self, admin: UserId, id: OrderId) -> kit::Result<Order> {
        self.recorded(admin, Deed::RetrySaga { order: id }, self.retry(admin, id)).await
    }

    async fn retry(&self, admin: UserId, id: OrderId) -> kit::Result<Order> {
        let order = self.orders.get_unscoped(id).await?.ok_or_else(|| Error::not_found("order", id))?;
        match order.saga_step() {
            SagaStep::Reserving if self.is_overdue(&order) => {
                let ending = Ending { asked_by: Some(admin), ..Ending::repair(TOO_LATE, Repairer::Admin) };
                let ended = self.give_up(id, ending).await?;
                self.release_after_repair(&ended, Repairer::Admin).await?;
            }
            SagaStep::Reserving => {
                return Err(Error::conflict(
                    "The order is being placed. Only when it is still PENDING at `nextRetryAt` is it ended.",
                ));
            }
            SagaStep::Releasing => {
                let now = self.clock.now();
                let owed = self.orders.change_unscoped(id, move |order, _| {
                    let owed = order.saga_step() == SagaStep::Releasing;
                    if owed {
                        order.note_retry(admin, now);
                    }
                    Ok(owed)
                });
                if !owed.await? {
                    return Err(nothing_to_do());
                }
                let within = self.config.release_deadline;
                self.release(&order, within, Some(Repairer::Admin), "order.repair.released").await?;
            }
            SagaStep::Finished => return Err(nothing_to_do()),
        }
        self.orders.get_unscoped(id).await?.ok_or_else(|| Error::not_found("order", id))
    }

    /// A page of what admins had done, and the walk that it is a page of.
    pub(crate) async fn operations(&self, page: PageRequest) -> kit::Result<(Found<Operation>, Find)> {
        let walk = Operations::list();
        Ok((self.operations.find(page.apply(walk.clone())?).await?, walk))
    }

    /// How many such a walk finds.
    pub(crate) async fn count_operations(&self, walk: Find) -> kit::Result<u64> {
        Ok(self.operations.count(walk).await?)
    }

    /// Does this, recorded before and after.
    pub(super) async fn recorded<T>(
        &self,
        admin: UserId,
        deed: Deed,
        work: impl Future<Output = kit::Result<T>> + Send,
    ) -> kit::Result<T> {
        let id = self.operations.begin(admin, deed.clone(), self.clock.now()).await?;
        let done = work.await;
        let outcome = done.as_ref().map_or_else(|error| error.code().as_str(), |_| DONE);
        tracing::info!(%admin, ?deed, outcome, "an admin intervened");
        if let Err(error) = self.operations.end(id, outcome).await {
            tracing::error!(%admin, ?deed, outcome, %error, "the outcome of an intervention is not recorded");
        }
        done
    }
}

fn nothing_to_do() -> Error {
    Error::conflict("Nothing is to be done for this order.")
}
