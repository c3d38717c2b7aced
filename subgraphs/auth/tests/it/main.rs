//! The auth service through its HTTP endpoint, on the embedded engines. A file per root field.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod change_password;
mod cookie;
mod entity;
mod first_admin;
mod keys;
mod login;
mod logout;
mod matrix;
mod me;
mod refresh_token;
mod register_user;
mod schema;
mod set_role;
mod shop;
mod user;
mod users;
mod users_connection;
