//! The events that the shop's services could not handle, of all groups: admins see them here, because most of them are about orders.

use kit::{
    Error,
    bus::{DeadLetter, EventId},
    identity::UserId,
    page::PageRequest,
    store::Found,
};

use super::OrderService;
use crate::operations::Deed;

impl OrderService {
    /// A page of the dead letters of one group or of all, and the groups that it is of.
    pub(crate) async fn dead_letters(
        &self,
        group: Option<String>,
        page: PageRequest,
    ) -> kit::Result<(Found<DeadLetter>, Vec<String>)> {
        let groups = match group {
            Some(group) => vec![self.known_group(group).await?],
            None => self.bus.groups().await?,
        };
        Ok((self.bus.dead_letter_page(&groups, page).await?, groups))
    }

    /// How many events these groups gave up on.
    pub(crate) async fn count_dead_letters(&self, groups: &[String]) -> kit::Result<u64> {
        Ok(self.bus.count_dead_letters(groups).await?)
    }

    /// Hands an event to its group again.
    pub(crate) async fn replay_dead_letter(
        &self,
        admin: UserId,
        group: String,
        event: EventId,
    ) -> kit::Result<()> {
        let group = self.known_group(group).await?;
        let deed = Deed::ReplayDeadLetter { group: group.clone(), event };
        let replay = async {
            let found = self.bus.replay(&group, event).await?;
            if found { Ok(()) } else { Err(Error::not_found("dead letter", event)) }
        };
        self.recorded(admin, deed, replay).await
    }

    async fn known_group(&self, group: String) -> kit::Result<String> {
        let groups = self.bus.groups().await?;
        if groups.contains(&group) {
            return Ok(group);
        }
        Err(Error::bad_input(
            "group",
            format!("is not a group of the shop. There are {}.", groups.join(", ")),
        ))
    }
}
