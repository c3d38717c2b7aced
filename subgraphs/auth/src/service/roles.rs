//! Who may do what: roles given by admins, and the roster that keeps the last of them.

use kit::{
    Error, Result,
    identity::{Role, UserId},
    store::{Find, StoreError, UpdateError},
};

use super::Auth;
use crate::domain::{
    roster::{LastAdmin, Roster},
    user::{BY_ROLE, User},
};

impl Auth {
    /// Gives a user another role. It is in their access token from the next one on, at most 15 minutes later; here it counts at once.
    ///
    /// Two documents change, one after the other, in the order that never leaves the roster with a name that cannot run the
    /// shop: out of the roster first, into it last.
    ///
    /// # Errors
    /// `FORBIDDEN` when the actor is no ADMIN any more, `NOT_FOUND`, `CONFLICT` when nobody would be ADMIN.
    pub(crate) async fn set_role(&self, actor: UserId, target: UserId, role: Role) -> Result<User> {
        if self.user_of_token(actor).await?.role() != Role::Admin {
            return Err(Error::forbidden("This needs the role ADMIN."));
        }
        let user = self.user(target).await?.ok_or_else(|| Error::not_found("user", target))?;
        if user.role() == role {
            return Ok(user);
        }
        let leaves = user.role() == Role::Admin;
        if leaves {
            self.leave_roster(target).await?;
        }
        let changed = self.users.update(&target, move |user, _| {
            user.set_role(role);
            Ok::<_, std::convert::Infallible>(user.clone())
        });
        let user = match changed.await {
            Ok(user) => user,
            Err(error) => {
                if leaves {
                    self.join_roster(&[target]).await?;
                }
                return Err(match error {
                    UpdateError::NotFound => Error::not_found("user", target),
                    UpdateError::Rule(never) => match never {},
                    UpdateError::Store(error) => error.into(),
                });
            }
        };
        if role == Role::Admin {
            self.join_roster(&[target]).await?;
            // Somebody may have taken the role away again between the two writes.
            if self.user(target).await?.is_none_or(|user| user.role() != Role::Admin) {
                self.leave_roster(target).await?;
            }
        }
        tracing::info!(%actor, user = %target, role = role.as_str(), "gave a role");
        Ok(user)
    }

    /// Brings the roster up to the users: after the first start, and after a crash between the two writes of a change.
    pub(crate) async fn reconcile_roster(&self) -> Result<()> {
        let roster = self.roster.get(&Roster::ID.to_owned()).await?.unwrap_or_default();
        let mut after = None;
        loop {
            let admins = Find::by(&BY_ROLE).eq(Role::Admin.as_str()).after(after);
            let found = self.users.find(admins).await?;
            let ids: Vec<_> =
                found.items.iter().map(|(_, user)| user.id()).filter(|id| !roster.names(*id)).collect();
            if !ids.is_empty() {
                self.join_roster(&ids).await?;
            }
            match found.items.into_iter().last() {
                Some((cursor, _)) if found.more => after = Some(cursor),
                _ => return Ok(()),
            }
        }
    }

    async fn join_roster(&self, users: &[UserId]) -> Result<()> {
        let all = users.to_vec();
        let id = Roster::ID.to_owned();
        let joined = self.roster.update(&id, move |roster: &mut Roster, _| {
            for user in &all {
                roster.join(*user);
            }
            Ok::<_, std::convert::Infallible>(())
        });
        match joined.await {
            Ok(()) => Ok(()),
            Err(UpdateError::NotFound) => {
                let mut roster = Roster::default();
                for user in users {
                    roster.join(*user);
                }
                match self.roster.insert(&roster, Vec::new()).await {
                    // Somebody else made it a moment ago; now there is one to join.
                    Err(StoreError::Exists { .. }) => Box::pin(self.join_roster(users)).await,
                    other => Ok(other?),
                }
            }
            Err(UpdateError::Rule(never)) => match never {},
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }

    async fn leave_roster(&self, user: UserId) -> Result<()> {
        let id = Roster::ID.to_owned();
        let left = self.roster.update(&id, move |roster: &mut Roster, _| roster.leave(user));
        match left.await {
            // Without a roster nobody has ever been in it.
            Ok(()) | Err(UpdateError::NotFound) => Ok(()),
            Err(UpdateError::Rule(LastAdmin)) => {
                Err(Error::conflict("The shop must keep at least one ADMIN. Make somebody else ADMIN first."))
            }
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }
}
