//! The services of one process, calling each other without a wire.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;

use super::transport::{Transport, TransportError};
use crate::subgraph::{Answered, Request, Subgraph};

/// What a scripted service of a test answers: from query and variables to the whole response.
pub type Fake = Arc<
    dyn Fn(
            String,
            serde_json::Value,
        ) -> Pin<Box<dyn Future<Output = Result<serde_json::Value, TransportError>> + Send>>
        + Send
        + Sync,
>;

#[derive(Clone)]
enum Member {
    Subgraph(Arc<Subgraph>),
    Fake(Fake),
}

/// The subgraphs of this process by name. Cheap to clone; services are added as they start, in any order.
#[derive(Clone, Default)]
pub struct Mesh {
    members: Arc<RwLock<HashMap<String, Member>>>,
}

impl Mesh {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a subgraph under its own name, in place of one that had it.
    pub fn add(&self, subgraph: Arc<Subgraph>) {
        self.put(subgraph.name().to_owned(), Some(Member::Subgraph(subgraph)));
    }

    /// Puts a scripted service under this name, for tests of those who call it.
    pub fn add_fake(&self, name: &str, fake: Fake) {
        self.put(name.to_owned(), Some(Member::Fake(fake)));
    }

    /// Takes a service away: it is down.
    pub fn remove(&self, name: &str) {
        self.put(name.to_owned(), None);
    }

    /// Whether a service of that name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Asks a service.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn execute(
        &self,
        name: &str,
        headers: &HeaderMap,
        request: Request<'_>,
    ) -> Result<Answered, TransportError> {
        match self.get(name) {
            Some(Member::Subgraph(subgraph)) => Ok(subgraph.answer(headers, request).await),
            Some(Member::Fake(fake)) => {
                let variables = serde_json::from_slice(request.variables).unwrap_or_default();
                let answer = fake(request.query.to_owned(), variables).await?;
                Ok(Answered { body: answer.to_string().into(), ..Answered::default() })
            }
            None => Err(TransportError::NotSent {
                service: name.to_owned(),
                reason: "it is not running".to_owned(),
            }),
        }
    }

    fn get(&self, name: &str) -> Option<Member> {
        // A panic while the lock is held cannot leave the map half changed: each holder makes one map operation.
        self.members.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(name).cloned()
    }

    fn put(&self, name: String, member: Option<Member>) {
        let mut members = self.members.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        match member {
            Some(member) => members.insert(name, member),
            None => members.remove(&name),
        };
    }

    /// The transport to one of its members.
    #[must_use]
    pub fn transport(&self, service: &str) -> Arc<dyn Transport> {
        Arc::new(InProcess { mesh: self.clone(), service: service.to_owned() })
    }
}

struct InProcess {
    mesh: Mesh,
    service: String,
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, headers: HeaderMap, request: Request<'_>) -> Result<Bytes, TransportError> {
        Ok(self.mesh.execute(&self.service, &headers, request).await?.body)
    }
}
