//! The refresh token in a browser: an HttpOnly cookie, which no script can read.
//!
//! A client that does not ask for `refresh_token` in the answer wants it kept there; one that asks keeps it itself, and gets no cookie.
//! Only `refreshToken` and `logout` read the cookie. Other sites cannot have it sent (SameSite=Strict), and cannot send what the router
//! takes (it wants a header that needs a preflight).

use async_graphql::{Context, Result};
use kit::{Error, subgraph::RequestInfo};

use crate::domain::session::IDLE;

const NAME: &str = "larder_refresh";
/// The whole of the graph is behind one path; pages and pictures are asked for without the cookie. Browsers take a `Secure` one over plain
/// HTTP from this machine's own shop, and from no other.
const PLACE: &str = "Path=/graphql; HttpOnly; Secure; SameSite=Strict";

/// Puts the token into the cookie where the client does not ask to see it.
pub(super) fn keep(ctx: &Context<'_>, refresh_token: &str) {
    if !ctx.look_ahead().field("refresh_token").exists() {
        let age = IDLE.num_seconds();
        ctx.append_http_header("set-cookie", format!("{NAME}={refresh_token}; Max-Age={age}; {PLACE}"));
    }
}

/// Takes the cookie back.
pub(super) fn drop(ctx: &Context<'_>) {
    ctx.append_http_header("set-cookie", format!("{NAME}=; Max-Age=0; {PLACE}"));
}

/// The token of the cookie.
pub(super) fn token(ctx: &Context<'_>) -> Result<Option<String>> {
    let cookies = ctx.data::<RequestInfo>()?.cookies.as_deref().unwrap_or_default();
    let found = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    Ok(found
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value.to_owned())
        .find(|value| !value.is_empty()))
}

/// The token of the argument or else of the cookie.
pub(super) fn given_or_kept(ctx: &Context<'_>, given: Option<String>) -> Result<String> {
    match given {
        Some(given) => Ok(given),
        None => token(ctx)?.ok_or_else(|| Error::unauthenticated("Nobody is signed in here.").into()),
    }
}
