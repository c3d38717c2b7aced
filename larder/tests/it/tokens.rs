//! Tokens that must not hold, shown to the running shop: at its router, and straight at each of its subgraphs. Each differs in one thing
//! from a token that holds.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::{identity::KeyRing, testing::TestClient};
use serde_json::{Value, json};

use crate::{
    cluster::{processes, until},
    running::{Kind, Running, larder, on_both_shops},
    straight::{SERVICES, subgraph},
};

/// What a private key of Ed25519 begins with in PKCS#8 (RFC 8410, section 7); its 32 bytes follow.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A signing key, taken from the file that the shop keeps it in.
#[derive(Clone)]
struct Key {
    kid: String,
    seed: Vec<u8>,
}

impl Key {
    /// Those of a ring, the newest last.
    fn of(shop: &Running, service: &str, ring: &str) -> Vec<Self> {
        let stored: Vec<Value> =
            serde_json::from_slice(&std::fs::read(file(shop, service, ring)).unwrap()).unwrap();
        let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
        let key =
            |key| Self { kid: text(key, "kid"), seed: URL_SAFE_NO_PAD.decode(text(key, "seed")).unwrap() };
        stored.iter().map(key).collect()
    }

    fn signing(&self) -> EncodingKey {
        EncodingKey::from_ed_der(&[&PKCS8[..], &self.seed].concat())
    }

    /// A token with these claims.
    fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(&self.kid), claims)
    }

    /// The same, naming another key.
    fn sign_as(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.signing()).unwrap()
    }
}

fn is_cluster(shop: &Running) -> bool {
    shop.data().join("secrets").exists()
}

/// Where the shop keeps a ring.
fn file(shop: &Running, service: &str, ring: &str) -> PathBuf {
    let folder = if is_cluster(shop) {
        shop.data().join("secrets").join(service).join("keys")
    } else {
        shop.data().join("keys")
    };
    folder.join(format!("{ring}.json"))
}

/// What a good token says of a customer.
fn claims(id: &str) -> Value {
    let now = Utc::now().timestamp();
    json!({
        "iss": "larder", "aud": "larder", "sub": id, "username": "customer", "role": "CUSTOMER",
        "iat": now, "exp": now + 600, "jti": kit::identity::UserId::new(),
    })
}

/// The same claims, but for this one.
fn but(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

/// A token that nobody signed with a private key: this header, a signature of this kind.
fn unsigned(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// A token signed with the public key as an HMAC's secret: what a verifier takes that lets the token choose the algorithm.
fn hmac(algorithm: Algorithm, kid: &str, public: &[u8], claims: &Value) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(public)).unwrap()
}

/// The public half of a key of people's tokens, as whoever wants it can have it.
async fn public_key(shop: &Running, kid: &str) -> String {
    let base = match is_cluster(shop) {
        true => processes(shop).into_iter().find(|process| process.name == "auth").unwrap().url,
        false => shop.at(""),
    };
    let jwks: Value =
        reqwest::get(format!("{base}/.well-known/jwks.json")).await.unwrap().json().await.unwrap();
    let found = jwks["keys"].as_array().unwrap().iter().find(|one| one["kid"] == kid);
    found.unwrap()["x"].as_str().unwrap().to_owned()
}

/// Every kind of token that must not hold, by what is wrong with it.
async fn bad_tokens(shop: &Running, id: &str) -> Vec<(&'static str, String)> {
    let key = Key::of(shop, "auth", "people").pop().unwrap();
    let (order, inventory) =
        (Key::of(shop, "order", "order").pop().unwrap(), Key::of(shop, "inventory", "inventory"));
    let good = claims(id);
    let now = Utc::now().timestamp();
    let x = public_key(shop, &key.kid).await;
    let bytes = URL_SAFE_NO_PAD.decode(&x).unwrap();
    // The public key as it stands in a certificate's SubjectPublicKeyInfo, which is what "the public key" is to most.
    let spki = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &bytes].concat();
    let header = |alg: &str| json!({ "alg": alg, "typ": "JWT", "kid": key.kid });
    let signed = key.sign(&good);
    let signature = signed.rsplit('.').next().unwrap();
    let stranger = Key { kid: key.kid.clone(), seed: vec![7; 32] };
    let mut without_role = good.clone();
    without_role.as_object_mut().unwrap().remove("role");
    let mut without_end = good.clone();
    without_end.as_object_mut().unwrap().remove("exp");
    vec![
        ("alg none", unsigned(&header("none"), &good, "")),
        ("alg none with a signature", unsigned(&header("none"), &good, signature)),
        ("alg NONE", unsigned(&header("NONE"), &good, "")),
        ("no signature", unsigned(&header("EdDSA"), &good, "")),
        (
            "another claim under the same signature",
            unsigned(&header("EdDSA"), &but(&good, "role", "ADMIN"), signature),
        ),
        (
            "HS256 with the public key as it is published",
            hmac(Algorithm::HS256, &key.kid, x.as_bytes(), &good),
        ),
        ("HS256 with the public key's bytes", hmac(Algorithm::HS256, &key.kid, &bytes, &good)),
        ("HS512 with the public key in DER", hmac(Algorithm::HS512, &key.kid, &spki, &good)),
        ("signed by nobody known", stranger.sign(&good)),
        ("signed by a service", order.sign(&good)),
        ("signed by a service that names the people's key", order.sign_as(Some(&key.kid), &good)),
        ("another issuer", key.sign(&but(&good, "iss", "elsewhere"))),
        ("a service as issuer", key.sign(&but(&good, "iss", "larder/order"))),
        ("another audience", key.sign(&but(&good, "aud", "elsewhere"))),
        ("a service as audience", key.sign(&but(&good, "aud", "inventory"))),
        ("another key id", key.sign_as(Some("no-such-key"), &good)),
        ("a service's key id", key.sign_as(Some(&inventory[0].kid), &good)),
        ("no key id", key.sign_as(None, &good)),
        ("a key id that is a path", key.sign_as(Some("../../dev/null"), &good)),
        ("expired", key.sign(&but(&but(&good, "iat", now - 1_000), "exp", now - 1))),
        ("without an end", key.sign(&without_end)),
        ("not yet valid", key.sign(&but(&good, "nbf", now + 300))),
        ("made in the future", key.sign(&but(&but(&good, "iat", now + 3_600), "exp", now + 4_000))),
        ("without a role", key.sign(&without_role)),
        ("a role that there is not", key.sign(&but(&good, "role", "OWNER"))),
        ("nobody's id", key.sign(&but(&good, "sub", "customer"))),
    ]
}

/// Where tokens are shown: the router, and each subgraph that can be reached.
fn doors(shop: &Running, kind: Kind) -> Vec<(&'static str, TestClient)> {
    let mut doors = vec![("router", shop.nobody())];
    if kind == Kind::Cluster {
        doors.extend(SERVICES.map(|service| (service.name, subgraph(shop, service.name))));
    }
    doors
}

/// Whether this door takes the token; nothing but a good answer and `UNAUTHENTICATED` may come of one.
async fn holds(door: &TestClient, token: &str) -> bool {
    let answer = door.bearer(token).ask("{ __typename }").await;
    if answer.body["errors"].is_null() {
        return true;
    }
    assert_eq!(answer.code(), "UNAUTHENTICATED", "{}", answer.body);
    false
}

async fn customer(shop: &Running) -> String {
    let me = shop.demo("customer").await.ask("{ me { _id } }").await;
    me.data()["me"]["_id"].as_str().unwrap().to_owned()
}

async fn no_bad_token_holds_at_any_door(kind: Kind) {
    let shop = Running::of(kind);
    let id = customer(&shop).await;
    let key = Key::of(&shop, "auth", "people").pop().unwrap();
    for (door, client) in doors(&shop, kind) {
        assert!(holds(&client, &key.sign(&claims(&id))).await, "{door} refuses what is good");
        for (what, token) in bad_tokens(&shop, &id).await {
            assert!(!holds(&client, &token).await, "{door} takes a token that is wrong: {what}");
        }
        let since = but(&claims(&id), "nbf", Utc::now().timestamp() - 1);
        assert!(holds(&client, &key.sign(&since)).await, "{door} refuses what is valid since a second ago");
    }
}

/// A key's tokens hold while it is the newest but one, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_key_that_was_rotated_out_hold_no_longer_in_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut shop = Running::open(&data, &["--no-rate-limits", "--demo"]);
    shop.wait_for("The shop is stocked");
    let (id, old) = (customer(&shop).await, Key::of(&shop, "auth", "people").pop().unwrap());
    let ring = file(&shop, "auth", "people");
    for good in [true, false] {
        shop.signal("-TERM");
        assert!(shop.wait().success());
        KeyRing::open(&ring).unwrap().rotate().unwrap();
        shop = Running::open(&data, &["--no-rate-limits"]);
        let new = Key::of(&shop, "auth", "people").pop().unwrap();
        assert!(holds(&shop.nobody(), &new.sign(&claims(&id))).await);
        assert_eq!(holds(&shop.nobody(), &old.sign(&claims(&id))).await, good);
    }
}

/// The same where the verifiers are other processes, which learn of it while they run.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_key_that_was_rotated_out_hold_no_longer_anywhere_in_a_cluster() {
    let shop = Running::of(Kind::Cluster);
    let (id, old) = (customer(&shop).await, Key::of(&shop, "auth", "people").pop().unwrap());
    for good in [true, false] {
        let secrets = shop.data().join("secrets");
        let output = larder().args(["keys", "rotate", "--now", "--of"]).arg(secrets).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let new = Key::of(&shop, "auth", "people").pop().unwrap();
        for (name, door) in doors(&shop, Kind::Cluster) {
            // Whoever is shown a key that is new to them asks which there are, and forgets those that are no more.
            until(&format!("that {name} knows the new key"), || async {
                holds(&door, &new.sign(&claims(&id))).await.then_some(())
            })
            .await;
            assert_eq!(holds(&door, &old.sign(&claims(&id))).await, good, "{name}");
        }
    }
}

on_both_shops![no_bad_token_holds_at_any_door];
