//! Opening an account, and the first admin's.

use kit::{Error, Result, error::FieldError, identity::Role, service::StartError, store::StoreError};

use super::{Auth, SignedIn};
use crate::{
    FirstAdmin,
    domain::{
        password::{Password, Secret},
        user::User,
        username::Username,
    },
    events,
};

/// A checked wish for an account.
pub(crate) struct Registration {
    username: Username,
    password: Password,
}

impl Registration {
    /// Checks name and password.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` naming whatever is wrong.
    pub(crate) fn new(username: &str, password: &Secret) -> Result<Self> {
        match (Username::parse(username), Password::choose(password)) {
            (Ok(username), Ok(password)) => Ok(Self { username, password }),
            (username, password) => {
                let mut fields = Vec::new();
                if let Err(error) = username {
                    fields
                        .push(FieldError { field: "input.username".to_owned(), message: error.to_string() });
                }
                if let Err(error) = password {
                    fields
                        .push(FieldError { field: "input.password".to_owned(), message: error.to_string() });
                }
                Err(Error::bad_inputs(fields))
            }
        }
    }
}

impl Auth {
    /// Opens an account and signs its owner in.
    ///
    /// # Errors
    /// `CONFLICT` naming `input.username` when the name is taken, `RATE_LIMITED` when too many passwords wait to be hashed.
    pub(crate) async fn register(&self, wish: Registration) -> Result<SignedIn> {
        // Saves a hash where the answer is known. That the name is free is decided by the insert alone.
        if self.user_named(&wish.username.key()).await?.is_some() {
            return Err(taken(&wish.username));
        }
        let user = self.create(wish, Role::Customer).await?;
        self.open_session(user).await
    }

    /// Makes the account of the first admin, unless there is somebody of that name, who stays as they are.
    pub(crate) async fn ensure_first_admin(&self, admin: &FirstAdmin) -> Result<(), StartError> {
        let wish = Registration::new(&admin.username, &admin.password)
            .map_err(|error| StartError::Config(format!("the first admin: {}", error.message())))?;
        let failed = |error: Error| {
            let cause = error.cause_chain().unwrap_or_else(|| error.message().to_owned());
            StartError::Config(format!("the first admin cannot be made: {cause}"))
        };
        if self.user_named(&wish.username.key()).await.map_err(failed)?.is_some() {
            return Ok(());
        }
        match self.create(wish, Role::Admin).await {
            Ok(user) => {
                tracing::info!(user = %user.id(), username = user.username().as_str(), "made the first admin");
                Ok(())
            }
            // Another process made it in the meantime.
            Err(error) if error.code() == kit::Code::Conflict => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn create(&self, wish: Registration, role: Role) -> Result<User> {
        let hash = self.hasher.hash(wish.password).await?;
        let now = self.clock.now();
        let user = User::register(wish.username, hash, role, now);
        match self.users.insert(&user, vec![events::user_registered(&user, now)]).await {
            Ok(()) => Ok(user),
            Err(StoreError::Duplicate { .. }) => Err(taken(user.username())),
            Err(error) => Err(error.into()),
        }
    }
}

fn taken(username: &Username) -> Error {
    let message = format!("The username \"{}\" is taken.", username.as_str());
    Error::conflict(message).on_field("input.username", "is taken. Please choose another.")
}
