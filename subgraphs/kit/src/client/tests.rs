//! Retries only where they are harmless, within a budget, and honest about what may have happened.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{Call, CallError, Client, Mesh, TransportError};
use crate::{
    Code, Error,
    clock::Clock,
    identity::{KeyRing, ServiceTokens},
};

const ONCE: Call =
    Call { document: "mutation { pay }", scope: "", idempotent: false, deadline: Duration::from_secs(2) };
const AGAIN: Call = Call { idempotent: true, ..ONCE };

type Script = dyn Fn(usize) -> Result<Value, TransportError> + Send + Sync;

/// A client of a service that answers its n-th request as the script says, and a count of the requests.
fn scripted(
    script: impl Fn(usize) -> Result<Value, TransportError> + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let (counter, script): (_, Arc<Script>) = (calls.clone(), Arc::new(script));
    let mesh = Mesh::new();
    mesh.add_fake(
        "bank",
        Arc::new(move |_, _| {
            let answer = script(counter.fetch_add(1, Ordering::SeqCst));
            Box::pin(async move { answer })
        }),
    );
    (client_of(&mesh), calls)
}

fn client_of(mesh: &Mesh) -> Client {
    let ring = Arc::new(KeyRing::ephemeral().unwrap());
    Client::new("bank", mesh.transport("bank"), Arc::new(ServiceTokens::new("order", ring, Clock::system())))
}

fn lost() -> TransportError {
    TransportError::NoAnswer { service: "bank".to_owned(), reason: "lost".to_owned() }
}

fn not_sent() -> TransportError {
    TransportError::NotSent { service: "bank".to_owned(), reason: "refused".to_owned() }
}

#[tokio::test]
async fn gives_the_data() {
    let (client, _) = scripted(|_| Ok(json!({ "data": { "pay": 3 } })));
    let data: Value = client.call(&ONCE, &json!({})).await.unwrap();
    assert_eq!(data["pay"], 3);
}

#[tokio::test]
async fn never_repeats_a_call_that_may_have_been_made_and_is_not_idempotent() {
    let (client, calls) = scripted(|_| Err(lost()));
    let result = client.call::<Value>(&ONCE, &json!({})).await;
    assert!(matches!(result, Err(CallError::Unknown(_))));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn repeats_an_idempotent_call_until_it_is_answered() {
    let (client, calls) = scripted(|n| if n < 2 { Err(lost()) } else { Ok(json!({ "data": { "pay": 1 } })) });
    assert!(client.call::<Value>(&AGAIN, &json!({})).await.is_ok());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn says_unknown_when_only_an_earlier_attempt_may_have_been_made() {
    let (client, _) = scripted(|n| if n == 0 { Err(lost()) } else { Err(not_sent()) });
    assert!(matches!(client.call::<Value>(&AGAIN, &json!({})).await, Err(CallError::Unknown(_))));
}

#[tokio::test]
async fn stops_retrying_when_the_budget_is_spent() {
    let (client, calls) = scripted(|_| {
        Ok(json!({ "errors": [{ "message": "down", "extensions": { "code": "UNAVAILABLE" } }] }))
    });
    for _ in 0..100 {
        let _ = client.call::<Value>(&AGAIN, &json!({})).await;
    }
    // 100 calls, 10 retries for free, and one more for every ten calls.
    assert!(calls.load(Ordering::SeqCst) <= 121, "{calls:?}");
}

#[tokio::test]
async fn stops_calling_a_service_that_does_not_answer() {
    let (client, calls) = scripted(|_| Err(lost()));
    let mut rejected = 0;
    for _ in 0..100 {
        if let Err(CallError::NotMade(_)) = client.call::<Value>(&ONCE, &json!({})).await {
            rejected += 1;
        }
    }
    assert!(rejected > 50, "{rejected} rejected");
    assert!(calls.load(Ordering::SeqCst) < 50);
}

#[tokio::test]
async fn a_refusal_is_no_fault_of_the_service_and_keeps_its_code() {
    let answer = json!({ "data": null, "errors": [{ "message": "no", "extensions": { "code": "CONFLICT", "more": 1 } }] });
    let (client, calls) = scripted(move |_| Ok(answer.clone()));
    for _ in 0..100 {
        let error = client.call::<Value>(&AGAIN, &json!({})).await.unwrap_err();
        assert_eq!(error.refused_with(Code::Conflict).unwrap().extensions["more"], 1);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn gives_up_at_the_deadline() {
    let mesh = Mesh::new();
    mesh.add_fake("bank", Arc::new(|_, _| Box::pin(std::future::pending())));
    let soon = Call { deadline: Duration::from_millis(50), ..AGAIN };
    // Without a deadline this would never end.
    let error = client_of(&mesh).call::<Value>(&soon, &json!({})).await.unwrap_err();
    assert!(matches!(error, CallError::Unknown(_)));
    assert_eq!(Error::from(error).code(), Code::Unavailable);
}

#[tokio::test]
async fn a_service_that_is_not_there_was_surely_not_called() {
    let client = client_of(&Mesh::new());
    assert!(matches!(client.call::<Value>(&ONCE, &json!({})).await, Err(CallError::NotMade(_))));
}
