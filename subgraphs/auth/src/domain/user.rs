//! A person with an account. One document: the name, the role and the password change together or not at all.

use chrono::{DateTime, Utc};
use kit::{
    identity::{self, Role, UserId},
    store::{Document, Index, Keys},
};
use serde::{Deserialize, Serialize};

use super::{password::PasswordHash, username::Username};

/// Somebody changed the password since it was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password has been changed meanwhile")]
pub struct PasswordChanged;

/// A person with an account. It has no `Debug`, because it has a password hash.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    id: UserId,
    username: Username,
    role: Role,
    password: PasswordHash,
    /// Raised with every change of the password. A session is of one generation and ends with it, so that one write ends
    /// every session.
    generation: u32,
    registered_at: DateTime<Utc>,
}

/// Names are unique by their key.
pub const BY_USERNAME: Index = Index::unique("username", &["username"]);
/// Users of a role.
pub const BY_ROLE: Index = Index::on("role", &["role"]);

impl User {
    /// A new user.
    #[must_use]
    pub fn register(username: Username, password: PasswordHash, role: Role, now: DateTime<Utc>) -> Self {
        Self { id: UserId::new(), username, role, password, generation: 1, registered_at: now }
    }

    /// Their id.
    #[must_use]
    pub const fn id(&self) -> UserId {
        self.id
    }

    /// Their name.
    #[must_use]
    pub const fn username(&self) -> &Username {
        &self.username
    }

    /// What they may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What is kept of their password.
    #[must_use]
    pub const fn password(&self) -> &PasswordHash {
        &self.password
    }

    /// The generation that a session of theirs must be of.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// When they registered.
    #[must_use]
    pub const fn registered_at(&self) -> DateTime<Utc> {
        self.registered_at
    }

    /// Who they are, for a token.
    #[must_use]
    pub fn identity(&self) -> identity::User {
        identity::User {
            id: self.id,
            username: self.username.as_str().to_owned(),
            role: self.role,
            session: None,
        }
    }

    /// Gives them another role.
    pub const fn set_role(&mut self, role: Role) {
        self.role = role;
    }

    /// Gives them another password and ends every session, if the generation is still the one in which the current
    /// password was verified.
    ///
    /// # Errors
    /// When it is not.
    pub fn change_password(&mut self, verified: u32, new: PasswordHash) -> Result<(), PasswordChanged> {
        if self.generation != verified {
            return Err(PasswordChanged);
        }
        self.password = new;
        self.generation += 1;
        Ok(())
    }

    /// Keeps the same password under newer parameters, if it is still the same.
    ///
    /// # Errors
    /// When it is not.
    pub fn rehash(&mut self, verified: &PasswordHash, new: PasswordHash) -> Result<(), PasswordChanged> {
        if self.password != *verified {
            return Err(PasswordChanged);
        }
        self.password = new;
        Ok(())
    }
}

impl Document for User {
    type Id = UserId;
    const COLLECTION: &'static str = "users";
    const INDEXES: &'static [Index] = &[BY_USERNAME, BY_ROLE];

    fn id(&self) -> UserId {
        self.id
    }

    fn keys(&self) -> Keys {
        Keys::new().with("username", self.username.key().as_str()).with("role", self.role.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        let name = Username::parse("Ann").unwrap();
        User::register(name, PasswordHash::new("old".to_owned()), Role::Customer, Utc::now())
    }

    #[test]
    fn a_changed_password_begins_a_new_generation() {
        let mut user = user();
        let verified = user.generation();
        assert_eq!(user.change_password(verified, PasswordHash::new("new".to_owned())), Ok(()));
        assert_eq!(user.generation(), verified + 1);
        assert_eq!(user.password().as_phc(), "new");
    }

    #[test]
    fn a_password_is_not_changed_on_the_word_of_an_older_one() {
        let mut user = user();
        let verified = user.generation();
        user.change_password(verified, PasswordHash::new("new".to_owned())).unwrap();
        assert_eq!(
            user.change_password(verified, PasswordHash::new("late".to_owned())),
            Err(PasswordChanged)
        );
        assert_eq!(user.password().as_phc(), "new");
    }

    #[test]
    fn rehashing_keeps_sessions_and_never_overwrites_a_new_password() {
        let mut user = user();
        let old = user.password().clone();
        assert_eq!(user.rehash(&old, PasswordHash::new("stronger".to_owned())), Ok(()));
        assert_eq!(user.generation(), 1);
        assert_eq!(user.rehash(&old, PasswordHash::new("late".to_owned())), Err(PasswordChanged));
        assert_eq!(user.password().as_phc(), "stronger");
    }

    #[test]
    fn is_found_by_its_folded_name() {
        let keys = user().keys();
        assert_eq!(keys, Keys::new().with("username", "ann").with("role", "CUSTOMER"));
    }
}
