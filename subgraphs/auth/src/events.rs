//! What this service tells the others. It hears nothing.

use chrono::{DateTime, Utc};
use kit::{bus::Event, identity::UserId};
use serde::Serialize;

use crate::domain::user::User;

/// Somebody has an account now; the key is their id.
pub const USER_REGISTERED: &str = "user.registered";

/// The data of [`USER_REGISTERED`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserRegistered<'a> {
    user_id: UserId,
    username: &'a str,
}

pub(crate) fn user_registered(user: &User, now: DateTime<Utc>) -> Event {
    let data = UserRegistered { user_id: user.id(), username: user.username().as_str() };
    Event::new(USER_REGISTERED, user.id(), now, &data)
}
