//! Who runs the shop: one document that names every ADMIN, so that "at least one" holds by one write.
//!
//! The role itself is in the user's document. The roster may miss an ADMIN for the moment between two writes, and after a crash
//! between them until the next start; it names nobody who is not one for longer than a change takes. So whoever is left in
//! it can still run the shop.

use std::collections::BTreeSet;

use kit::{
    identity::UserId,
    store::{Document, Index},
};
use serde::{Deserialize, Serialize};

/// Without this one nobody could run the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the last one cannot leave")]
pub struct LastAdmin;

/// Everybody with the role ADMIN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    admins: BTreeSet<UserId>,
}

impl Roster {
    /// The id of the only roster.
    pub const ID: &'static str = "admins";

    /// Adds somebody. Says whether they were new.
    pub fn join(&mut self, user: UserId) -> bool {
        self.admins.insert(user)
    }

    /// Whether somebody is in it.
    #[must_use]
    pub fn names(&self, user: UserId) -> bool {
        self.admins.contains(&user)
    }

    /// Takes somebody out; who is not in it has left already.
    ///
    /// # Errors
    /// When nobody would be left.
    pub fn leave(&mut self, user: UserId) -> Result<(), LastAdmin> {
        if self.admins.len() == 1 && self.admins.contains(&user) {
            return Err(LastAdmin);
        }
        self.admins.remove(&user);
        Ok(())
    }
}

impl Document for Roster {
    type Id = String;
    const COLLECTION: &'static str = "roster";
    const INDEXES: &'static [Index] = &[];

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_never_emptied(moves in proptest::collection::vec((any::<bool>(), 0_usize..4), 1..60)) {
            let users: Vec<_> = (0..4).map(|_| UserId::new()).collect();
            let mut roster = Roster::default();
            roster.join(users[0]);
            for (join, who) in moves {
                if join {
                    roster.join(users[who]);
                } else {
                    let alone = roster.admins.len() == 1 && roster.admins.contains(&users[who]);
                    prop_assert_eq!(roster.leave(users[who]).is_err(), alone);
                }
                prop_assert!(!roster.admins.is_empty());
            }
        }
    }
}
