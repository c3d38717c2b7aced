//! What a user, a session and a refusal are: pure types and rules, without I/O.

pub mod lockout;
pub mod password;
pub mod roster;
pub mod session;
pub mod user;
pub mod username;
