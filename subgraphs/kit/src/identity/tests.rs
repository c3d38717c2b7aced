//! Tokens that hold and tokens that must not.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{TimeDelta, Utc};
use http::{HeaderMap, HeaderValue};

use super::{
    ApiKey, Caller, Issuer, KeyError, KeyRing, KeySource, Role, ServiceTokens, SessionId, Trust, User,
    UserId, Verifier,
};
use crate::{Code, clock::Clock};

struct World {
    clock: Clock,
    auth: Arc<KeyRing>,
    order: Arc<KeyRing>,
    verifier: Verifier,
}

fn world() -> World {
    let clock = Clock::manual(Utc::now());
    let auth = Arc::new(KeyRing::ephemeral().unwrap());
    let order = Arc::new(KeyRing::ephemeral().unwrap());
    let trusted = vec![
        Trust::people(KeySource::Ring(auth.clone())),
        Trust::service("order", KeySource::Ring(order.clone()), &["stock:reserve"]),
    ];
    let verifier =
        Verifier::new("inventory", trusted, clock.clone()).with_api_key(Some(ApiKey::new("the key")));
    World { clock, auth, order, verifier }
}

fn ann() -> User {
    User {
        id: UserId::new(),
        username: "ann".to_owned(),
        role: Role::Customer,
        session: Some(SessionId::new()),
    }
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])
}

async fn refused(verifier: &Verifier, headers: HeaderMap) {
    let error = verifier.caller(&headers).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn believes_a_token_of_the_auth_service() {
    let world = world();
    let user = ann();
    let token = Issuer::users(world.auth.clone(), world.clock.clone()).access_token(&user).unwrap().token;
    assert_eq!(world.verifier.caller(&bearer(&token)).await.unwrap(), Caller::User(user));
}

#[tokio::test]
async fn nobody_is_nobody() {
    assert_eq!(world().verifier.caller(&HeaderMap::new()).await.unwrap(), Caller::Nobody);
}

#[tokio::test]
async fn refuses_an_expired_token_also_when_it_was_seen_before() {
    let world = world();
    let token = Issuer::users(world.auth.clone(), world.clock.clone()).access_token(&ann()).unwrap().token;
    assert!(world.verifier.caller(&bearer(&token)).await.is_ok());
    world.clock.advance(TimeDelta::minutes(15));
    refused(&world.verifier, bearer(&token)).await;
}

#[tokio::test]
async fn refuses_a_token_from_the_future_but_for_what_clocks_differ() {
    let world = world();
    let ahead = |seconds| {
        let clock = Clock::manual(world.clock.now() + TimeDelta::seconds(seconds));
        Issuer::users(world.auth.clone(), clock).access_token(&ann()).unwrap().token
    };
    assert!(world.verifier.caller(&bearer(&ahead(59))).await.is_ok());
    let early = ahead(300);
    refused(&world.verifier, bearer(&early)).await;
    world.clock.advance(TimeDelta::minutes(5));
    assert!(world.verifier.caller(&bearer(&early)).await.is_ok());
}

#[tokio::test]
async fn refuses_a_token_of_a_stranger_who_claims_to_be_auth() {
    let world = world();
    let stranger = Arc::new(KeyRing::ephemeral().unwrap());
    let token = Issuer::users(stranger, world.clock.clone()).access_token(&ann()).unwrap().token;
    refused(&world.verifier, bearer(&token)).await;
}

#[tokio::test]
async fn refuses_a_token_with_another_signature_algorithm_or_none() {
    let world = world();
    let token = Issuer::users(world.auth.clone(), world.clock.clone()).access_token(&ann()).unwrap().token;
    let payload = token.split('.').nth(1).unwrap();
    let kid = world.auth.jwks()["keys"][0]["kid"].as_str().unwrap().to_owned();
    for alg in ["none", "HS256", "RS256", "ES256"] {
        let header = format!("{{\"alg\":\"{alg}\",\"typ\":\"JWT\",\"kid\":\"{kid}\"}}");
        let header = URL_SAFE_NO_PAD.encode(header);
        refused(&world.verifier, bearer(&format!("{header}.{payload}."))).await;
        // The public key as an HMAC secret is the classic confusion.
        let key = jsonwebtoken::EncodingKey::from_secret(
            world.auth.jwks()["keys"][0]["x"].as_str().unwrap().as_bytes(),
        );
        let mut hs = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        hs.kid = Some(kid.clone());
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        refused(&world.verifier, bearer(&jsonwebtoken::encode(&hs, &claims, &key).unwrap())).await;
    }
}

#[tokio::test]
async fn refuses_a_service_token_for_another_audience() {
    let world = world();
    let tokens = ServiceTokens::new("order", world.order.clone(), world.clock.clone());
    refused(&world.verifier, bearer(&tokens.token("catalog", "stock:reserve").unwrap())).await;
}

#[tokio::test]
async fn gives_a_service_no_scope_that_it_is_not_trusted_with() {
    let world = world();
    let tokens = ServiceTokens::new("order", world.order.clone(), world.clock.clone());
    let token = tokens.token("inventory", "stock:reserve stock:everything").unwrap();
    let caller = world.verifier.caller(&bearer(&token)).await.unwrap();
    assert!(caller.has_scope("stock:reserve"));
    assert!(!caller.has_scope("stock:everything"));
}

#[tokio::test]
async fn refuses_a_service_that_claims_to_be_a_person() {
    let world = world();
    // The order service's key signs a token with the issuer of people.
    let token = Issuer::users(world.order.clone(), world.clock.clone()).access_token(&ann()).unwrap().token;
    refused(&world.verifier, bearer(&token)).await;
}

#[tokio::test]
async fn refuses_what_is_not_a_token() {
    let world = world();
    let long = "x".repeat(10_000);
    for token in ["", "x", "a.b.c", "....", long.as_str(), "eyJhbGciOiJFZERTQSJ9.e30."] {
        refused(&world.verifier, bearer(token)).await;
    }
    let basic = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static("Basic YTpi"))]);
    refused(&world.verifier, basic).await;
}

#[tokio::test]
async fn knows_the_api_key_and_refuses_another() {
    let world = world();
    let key = |text| {
        HeaderMap::from_iter([(http::HeaderName::from_static("x-api-key"), HeaderValue::from_static(text))])
    };
    assert_eq!(world.verifier.caller(&key("the key")).await.unwrap(), Caller::ApiKey);
    refused(&world.verifier, key("another key")).await;
    refused(&world.verifier, key("")).await;
}

#[tokio::test]
async fn tokens_made_before_a_rotation_hold_and_those_before_two_do_not() {
    let world = world();
    let issuer = Issuer::users(world.auth.clone(), world.clock.clone());
    let token = issuer.access_token(&ann()).unwrap().token;
    world.auth.rotate().unwrap();
    assert!(world.verifier.caller(&bearer(&token)).await.is_ok());
    assert_eq!(world.auth.jwks()["keys"].as_array().unwrap().len(), 2);
    world.auth.rotate().unwrap();
    // A verifier that has not seen it before.
    let fresh = Verifier::new(
        "inventory",
        vec![Trust::people(KeySource::Ring(world.auth.clone()))],
        world.clock.clone(),
    );
    refused(&fresh, bearer(&token)).await;
}

#[test]
fn keeps_its_keys_in_a_private_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let first = KeyRing::open(&path).unwrap().jwks();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(KeyRing::open(&path).unwrap().jwks(), first);
    assert!(!first.to_string().contains("seed"));

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(KeyRing::open(&path), Err(KeyError::Exposed(_))));
}

#[test]
fn refuses_a_damaged_key_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    for content in
        ["", "[]", "{}", "[{\"kid\":\"a\",\"created\":\"2026-01-01T00:00:00Z\",\"seed\":\"short\"}]"]
    {
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(KeyRing::open(&path), Err(KeyError::Damaged(_))), "{content}");
    }
}

fn kids(ring: &KeyRing) -> Vec<String> {
    let jwks = ring.jwks();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_replica_sees_a_rotation_and_the_new_key_is_known_before_it_signs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.json");
    assert!(matches!(KeyRing::follow(&path), Err(KeyError::File { .. })), "a follower makes no keys");
    let owner = KeyRing::open(&path).unwrap();
    let replica = KeyRing::follow(&path).unwrap();
    let old = replica.signer().unwrap().0;

    let from = owner.rotate_ahead().unwrap();
    assert!(from > Utc::now() + TimeDelta::minutes(5));
    assert_eq!(kids(&replica), kids(&owner));
    assert_eq!(kids(&replica).len(), 2);
    assert_eq!(replica.signer().unwrap().0, old, "the new key is only published");
    // Another one now would push out the key that signs.
    assert!(matches!(owner.rotate_ahead(), Err(KeyError::Rotating { .. })));

    // At once, for a key that leaked.
    owner.rotate().unwrap();
    assert_eq!(replica.signer().unwrap().0, *kids(&owner).last().unwrap());
    assert!(!kids(&replica).contains(&old));
}

#[test]
fn a_replica_never_writes_the_keys_and_keeps_those_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.json");
    drop(KeyRing::open(&path).unwrap());
    let replica = KeyRing::follow(&path).unwrap();
    assert!(matches!(replica.rotate(), Err(KeyError::ReadOnly(_))));
    assert!(!replica.rotate_if_older_than(TimeDelta::zero()).unwrap());
    let known = kids(&replica);
    std::fs::write(&path, "half a file").unwrap();
    assert_eq!(kids(&replica), known);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(kids(&replica), known);
}
