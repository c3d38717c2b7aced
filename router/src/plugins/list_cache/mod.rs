//! The cache of answers that are the same for everybody (docs/adr/0005-list-cache.md).
//!
//! An answer is looked up twice: by the request's own bytes before the pipeline ([`ListCache::known`]; a warm hit is
//! neither parsed nor planned), and by its normalised operation and variables once those are known. On a miss the first
//! request fetches the answer for all who wait: without credentials, so that it is anybody's, and with the ids of all
//! products in it, which become its tags. Where entries are kept and when a tag's epoch makes one stale is `kit::cache`'s.

mod policy;
mod tags;

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hive_router::{
    executor::{
        executors::{
            common::{SubgraphExecutionRequest, SubgraphExecutor, SubgraphExecutorBoxedArc},
            error::SubgraphExecutorError,
        },
        response::subgraph_response::SubgraphResponse,
    },
    http::Uri,
    plugins::plugin_context::PluginRequestState,
    query_planner::ast::operation::OperationDefinition,
};
use kit::cache::{Cache, Entry, Fill};
use moka::sync::Cache as Memo;
use sha2::{Digest, Sha256};

use crate::{compose::CachePolicy, identity, schema::SchemaIndex};
use tags::{Rewriter, Sink};

/// How many bytes of request bodies are remembered as known to be cacheable.
const KNOWN_BYTES: u64 = 8 * 1024 * 1024;

/// A request body longer than this is not remembered: it is no shop's list.
pub(crate) const KNOWN_BODY: usize = 16 * 1024;

/// The list cache of one router.
pub(crate) struct ListCache {
    cache: Cache,
    policy: CachePolicy,
    schema: Arc<SchemaIndex>,
    /// Answers depend on the schema, and routers of two versions may share a cache.
    schema_id: String,
    rewriter: Arc<Rewriter>,
    /// Request bytes that were found to ask for a cacheable answer.
    known: Memo<Vec<u8>, Known>,
}

/// What is known of a request from its bytes alone.
#[derive(Clone)]
pub(crate) struct Known {
    /// The key of its answer.
    pub(crate) key: Arc<str>,
    /// The content type that was agreed on for its `Accept` header.
    pub(crate) content_type: Arc<str>,
}

/// An answer that this request is fetching for everybody.
pub(crate) struct Held {
    fill: Fill,
    key: Arc<str>,
    sink: Sink,
    clean: Arc<AtomicBool>,
}

impl Held {
    fn new(fill: Fill, key: &str) -> Self {
        Self { fill, key: key.into(), sink: Sink::default(), clean: Arc::new(AtomicBool::new(false)) }
    }

    /// To be set when the answer turned out to have no errors.
    pub(crate) fn clean(&self) -> Arc<AtomicBool> {
        self.clean.clone()
    }
}

/// What the cache says to a request.
pub(crate) enum Found {
    /// The answer.
    Answer(Bytes),
    /// Nothing, and this request is to fetch it.
    Fetch(Held),
    /// Nothing, and nothing is to be kept.
    Nothing,
}

impl ListCache {
    pub(crate) fn new(cache: Cache, policy: CachePolicy, schema: Arc<SchemaIndex>, supergraph: &str) -> Self {
        let mut schema_id = String::new();
        for byte in &Sha256::digest(supergraph.as_bytes())[..6] {
            let _infallible = write!(schema_id, "{byte:02x}");
        }
        let known = Memo::builder()
            .max_capacity(KNOWN_BYTES)
            .weigher(|request: &Vec<u8>, _: &Known| {
                u32::try_from(request.len().saturating_add(256)).unwrap_or(u32::MAX)
            })
            .build();
        let rewriter = Arc::new(Rewriter::new(schema.clone(), policy.entities.clone()));
        Self { cache, policy, schema, schema_id, rewriter, known }
    }

    /// What is known of a request, by [`request_bytes`].
    pub(crate) fn known(&self, request: &[u8]) -> Option<Known> {
        self.known.get(request)
    }

    /// Whether the answer may be cached at all.
    pub(crate) fn admits(&self, document: &str, operation: &OperationDefinition) -> bool {
        policy::admits(&self.policy, &self.schema, operation)
            && !policy::has_introspection(document)
            && !document.contains(tags::ALIAS)
    }

    /// The key of an admitted operation's answer.
    pub(crate) fn key(
        &self,
        operation: &OperationDefinition,
        variables: Option<&HashMap<String, sonic_rs::Value>>,
    ) -> String {
        policy::key(&self.schema_id, operation, variables)
    }

    /// Looks an answer up; waits while another request fetches it.
    pub(crate) async fn find(&self, key: &str) -> Found {
        match self.cache.enter(key).await {
            Entry::Hit(answer) => Found::Answer(answer),
            Entry::Fill(fill) => Found::Fetch(Held::new(fill, key)),
            Entry::Bypass => Found::Nothing,
        }
    }

    /// Wraps the executor of a subgraph while an answer is fetched for everybody.
    pub(crate) fn watch(&self, held: &Held, inner: SubgraphExecutorBoxedArc) -> SubgraphExecutorBoxedArc {
        Watching { inner, rewriter: self.rewriter.clone(), sink: held.sink.clone() }.to_boxed_arc()
    }

    /// Keeps an answer, if it turned out to be one that can be kept. `request` is what to remember it by.
    pub(crate) async fn keep(&self, held: Held, answer: Bytes, content_type: &str, request: Option<Vec<u8>>) {
        let Some(mut tags) = held.sink.take() else { return };
        if !held.clean.load(Ordering::Acquire) || sonic_rs::get(&answer[..], ["errors"]).is_ok() {
            return;
        }
        tags.extend(self.policy.tags.iter().cloned());
        if let Some(request) = request {
            let known = Known { key: held.key.clone(), content_type: content_type.into() };
            self.known.insert(request, known);
        }
        held.fill.put(answer, tags.into_iter().collect(), self.policy.ttl()).await;
    }

    /// Remembers a request whose answer was found by its operation.
    pub(crate) fn remember(&self, request: Vec<u8>, key: &str, content_type: &str) {
        self.known.insert(request, Known { key: key.into(), content_type: content_type.into() });
    }
}

/// What a request is remembered by: its body, and the `Accept` header that decides the content type of the answer.
pub(crate) fn request_bytes(body: &[u8], accept: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + accept.len() + 1);
    bytes.extend_from_slice(accept);
    bytes.push(b'\n');
    bytes.extend_from_slice(body);
    bytes
}

/// Fetches from a subgraph as anybody would, and notes which entities the answer is made of.
struct Watching {
    inner: SubgraphExecutorBoxedArc,
    rewriter: Arc<Rewriter>,
    sink: Sink,
}

#[async_trait]
impl SubgraphExecutor for Watching {
    fn executor_name(&self) -> &str {
        self.inner.executor_name()
    }

    fn endpoint(&self) -> &Uri {
        self.inner.endpoint()
    }

    async fn execute<'a>(
        &self,
        mut request: SubgraphExecutionRequest<'a>,
        timeout: Option<Duration>,
        state: Option<&'a PluginRequestState<'a>>,
    ) -> Result<SubgraphResponse<'static>, SubgraphExecutorError> {
        identity::strip(&mut request.headers);
        let Some(rewritten) = self.rewriter.rewrite(request.query) else {
            self.sink.give_up();
            return self.inner.execute(request, timeout, state).await;
        };
        self.rewriter.requested(&request, &self.sink);
        let request = SubgraphExecutionRequest {
            query: &rewritten.text,
            document_name_write_pos: rewritten.name_position,
            ..request
        };
        let response = self.inner.execute(request, timeout, state).await?;
        self.rewriter.answered(&response.data, &self.sink);
        Ok(response)
    }

    async fn subscribe<'a>(
        &self,
        request: SubgraphExecutionRequest<'a>,
        timeout: Option<Duration>,
    ) -> Result<
        BoxStream<'static, Result<SubgraphResponse<'static>, SubgraphExecutorError>>,
        SubgraphExecutorError,
    > {
        self.inner.subscribe(request, timeout).await
    }
}
