//! One call: token, trace, deadline, retries within a budget, breaker, and an answer or an honest error.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::{
    breaker::{Breaker, Broken},
    transport::{Transport, TransportError},
};
use crate::{
    Code, Error,
    backoff::full_jitter,
    fault,
    identity::ServiceTokens,
    subgraph::{self, Request},
    telemetry,
};

/// What is called and how.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The document: one named operation.
    pub document: &'static str,
    /// The scope that the other service asks for; empty for what anybody may ask.
    pub scope: &'static str,
    /// Whether asking twice is harmless; only then is a call tried again.
    pub idempotent: bool,
    /// How long the whole call may take, retries included.
    pub deadline: Duration,
}

/// An error that the other service answered with.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{service} answered {code}: {message}")]
pub struct RemoteError {
    /// Who answered.
    pub service: String,
    /// The code; `INTERNAL` for one that the table does not have.
    pub code: Code,
    /// The text; written for clients, as every service's is.
    pub message: String,
    /// `extensions` as they came.
    pub extensions: serde_json::Value,
}

/// Why a call gave no data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The other service refused; nothing was changed there.
    #[error(transparent)]
    Refused(Box<RemoteError>),
    /// The call was surely not made.
    #[error("the call was not made: {0}")]
    NotMade(String),
    /// The call may have been made: its answer is unknown.
    #[error("the call may have been made: {0}")]
    Unknown(String),
    /// The answer is not what was asked for.
    #[error("{service} answered something else than asked: {reason}")]
    Unreadable {
        /// Who answered.
        service: String,
        /// How it differs.
        reason: String,
    },
}

impl CallError {
    /// The refusal, if it is one with this code.
    #[must_use]
    pub fn refused_with(&self, code: Code) -> Option<&RemoteError> {
        match self {
            Self::Refused(refused) if refused.code == code => Some(refused),
            _ => None,
        }
    }
}

impl From<CallError> for Error {
    /// For a caller that has nothing better to say: the part of the shop does not answer, or a fault of ours.
    fn from(error: CallError) -> Self {
        match &error {
            CallError::NotMade(_) | CallError::Unknown(_) => Self::unavailable("A part of the shop", error),
            CallError::Refused(refused) if refused.code == Code::Unavailable => {
                Self::unavailable("A part of the shop", error)
            }
            _ => Self::internal(error),
        }
    }
}

/// Retries may be a tenth of the calls, so that they never become the load that keeps a service down. (Finagle's default; ten
/// are free, for quiet times.)
struct Budget(AtomicI64);

impl Budget {
    const RETRY: i64 = 10;
    const CALL: i64 = 1;
    const MAX: i64 = 10 * Self::RETRY;

    fn earn(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |have| {
            (have < Self::MAX).then_some(have + Self::CALL)
        });
    }

    fn spend(&self) -> bool {
        let spent = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |have| {
            (have >= Self::RETRY).then_some(have - Self::RETRY)
        });
        spent.is_ok()
    }
}

/// Calls one other service.
#[derive(Clone)]
pub struct Client {
    service: Arc<str>,
    transport: Arc<dyn Transport>,
    tokens: Arc<ServiceTokens>,
    breaker: Arc<Breaker>,
    budget: Arc<Budget>,
}

impl Client {
    const ATTEMPTS: u32 = 4;
    const BASE_WAIT: Duration = Duration::from_millis(10);
    const MAX_WAIT: Duration = Duration::from_millis(250);

    /// A client of `service` that signs with these tokens.
    #[must_use]
    pub fn new(service: &str, transport: Arc<dyn Transport>, tokens: Arc<ServiceTokens>) -> Self {
        Self {
            service: service.into(),
            transport,
            tokens,
            breaker: Arc::new(Breaker::new()),
            budget: Arc::new(Budget(AtomicI64::new(Budget::MAX))),
        }
    }

    /// Makes the call and reads its `data`.
    ///
    /// # Errors
    /// See [`CallError`]; whether the other side may have acted is told apart.
    pub async fn call<T: DeserializeOwned>(
        &self,
        call: &Call,
        variables: &impl Serialize,
    ) -> Result<T, CallError> {
        let variables =
            serde_json::to_vec(variables).map_err(|error| CallError::NotMade(error.to_string()))?;
        let until = Instant::now() + call.deadline;
        self.budget.earn();
        let mut attempt = 1;
        let mut perhaps_made = false;
        loop {
            let outcome = self.attempt(call, &variables, until).await;
            let error = match outcome {
                Ok(data) => return Ok(data),
                Err(error) => error,
            };
            let passing = match &error {
                CallError::NotMade(_) => true,
                CallError::Unknown(_) => {
                    perhaps_made = true;
                    call.idempotent
                }
                CallError::Refused(refused) => call.idempotent && refused.code == Code::Unavailable,
                CallError::Unreadable { .. } => false,
            };
            let wait = full_jitter(Self::BASE_WAIT, Self::MAX_WAIT, attempt);
            let in_time = Instant::now() + wait < until;
            if !passing || attempt == Self::ATTEMPTS || !in_time || !self.budget.spend() {
                return Err(match error {
                    // An earlier attempt may have been served even if the last was not sent.
                    CallError::NotMade(reason) if perhaps_made => CallError::Unknown(reason),
                    other => other,
                });
            }
            tracing::debug!(service = %self.service, attempt, %error, "calling again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        call: &Call,
        variables: &[u8],
        until: Instant,
    ) -> Result<T, CallError> {
        let headers = self.headers(call)?;
        let request = Request { query: call.document, operation_name: None, variables };
        let sent = async {
            match tokio::time::timeout_at(until, self.transport.send(headers, request)).await {
                Ok(Ok(answer)) => match fault::after_of(&self.service, "called").await {
                    Ok(()) => Ok(answer),
                    Err(lost) => Err(TransportError::NoAnswer {
                        service: self.service.to_string(),
                        reason: lost.to_string(),
                    }),
                },
                Ok(failed) => failed,
                Err(late) => Err(TransportError::NoAnswer {
                    service: self.service.to_string(),
                    reason: late.to_string(),
                }),
            }
        };
        let answer = self.breaker.call(sent).await.map_err(|broken| match broken {
            Broken::Open => CallError::NotMade(format!("the breaker to {} is open", self.service)),
            Broken::Failed(TransportError::NotSent { reason, .. }) => CallError::NotMade(reason),
            Broken::Failed(TransportError::NoAnswer { reason, .. }) => CallError::Unknown(reason),
        })?;
        self.read(&answer)
    }

    fn headers(&self, call: &Call) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::new();
        if !call.scope.is_empty() {
            let token = self.tokens.token(&self.service, call.scope);
            let token = token.map_err(|error| CallError::NotMade(error.to_string()))?;
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            headers.insert(AUTHORIZATION, value.map_err(|error| CallError::NotMade(error.to_string()))?);
        }
        subgraph::thread(&mut headers);
        telemetry::inject(&mut headers);
        Ok(headers)
    }

    fn read<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<T, CallError> {
        #[derive(Deserialize)]
        struct Problem {
            message: String,
            #[serde(default)]
            extensions: serde_json::Value,
        }
        #[derive(Deserialize)]
        struct Answer<T> {
            data: Option<T>,
            #[serde(default)]
            errors: Vec<Problem>,
        }
        let unreadable = |reason: String| CallError::Unreadable { service: self.service.to_string(), reason };
        // Where there are errors, `data` need not have the shape that was asked for.
        let problems: Answer<serde::de::IgnoredAny> =
            serde_json::from_slice(answer).map_err(|error| unreadable(error.to_string()))?;
        if let Some(problem) = problems.errors.into_iter().next() {
            let code = problem.extensions.get("code").and_then(serde_json::Value::as_str);
            return Err(CallError::Refused(Box::new(RemoteError {
                service: self.service.to_string(),
                code: code.and_then(Code::from_name).unwrap_or(Code::Internal),
                message: problem.message,
                extensions: problem.extensions,
            })));
        }
        let answer: Answer<T> =
            serde_json::from_slice(answer).map_err(|error| unreadable(error.to_string()))?;
        answer.data.ok_or_else(|| unreadable("there is no data".to_owned()))
    }
}

/// The clients of one service, by the name of whom they call.
#[derive(Clone)]
pub struct Clients {
    clients: Arc<HashMap<String, Client>>,
}

impl Clients {
    /// Clients to each of these.
    #[must_use]
    pub fn new(transports: Vec<(String, Arc<dyn Transport>)>, tokens: &Arc<ServiceTokens>) -> Self {
        let clients = transports.into_iter().map(|(service, transport)| {
            let client = Client::new(&service, transport, tokens.clone());
            (service, client)
        });
        Self { clients: Arc::new(clients.collect()) }
    }

    /// The client to this service.
    ///
    /// # Errors
    /// `INTERNAL` when none was configured: the service forgot to declare whom it calls.
    pub fn to(&self, service: &str) -> crate::Result<Client> {
        self.clients
            .get(service)
            .cloned()
            .ok_or_else(|| Error::bug(format!("no client to {service} is configured")))
    }
}
