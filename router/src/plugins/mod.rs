//! What we add to Hive Router's pipeline. One plug-in carries all of it, so that the order is written down in one place
//! and a request passes each hook once; what is done at a hook is in the module of its name.

pub(crate) mod complexity;
pub(crate) mod errors;
mod guard;
pub(crate) mod list_cache;
mod list_size;
pub(crate) mod rate_limit;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, LazyLock, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use guard::Guarded;
use hive_router::{
    GraphQLError, PlanExecutionOutput, async_trait,
    executor::executors::common::{SubgraphExecutor, SubgraphExecutorBoxedArc},
    plugins::{
        hooks::{
            on_execute::{OnExecuteStartHookPayload, OnExecuteStartHookResult},
            on_graphql_analysis::{OnGraphqlAnalysisHookPayload, OnGraphqlAnalysisHookResult},
            on_graphql_error::{OnGraphQLErrorHookPayload, OnGraphQLErrorHookResult},
            on_graphql_params::{OnGraphQLParamsStartHookPayload, OnGraphQLParamsStartHookResult},
            on_graphql_parse::{OnGraphQLParseHookResult, OnGraphQLParseStartHookPayload},
            on_http_request::{OnHttpRequestHookFuture, OnHttpRequestHookPayload, OnHttpResponseHookPayload},
            on_plugin_init::{OnPluginInitPayload, OnPluginInitResult},
            on_subgraph_execute::{OnSubgraphExecuteStartHookPayload, OnSubgraphExecuteStartHookResult},
        },
        plugin_context::PluginContext,
        plugin_trait::{EndHookPayload, RouterPlugin, StartHookPayload},
    },
};
use kit::{client::Breaker, identity::Caller};
use ntex::http::{
    StatusCode,
    body::{Body, ResponseBody},
    header::CONTENT_TYPE,
};
use parking_lot::Mutex;

use crate::{
    identity::Door,
    local::{LocalExecutor, LocalSubgraphs},
    web,
};
use list_cache::{Found, Held, ListCache};
use rate_limit::Limiter;

/// What the plug-in and the front of one router share.
pub(crate) struct State {
    pub(crate) door: Door,
    pub(crate) limiter: Limiter,
    pub(crate) list_cache: Option<ListCache>,
    /// The executors of the subgraphs that run in this process.
    local: HashMap<String, SubgraphExecutorBoxedArc>,
    breakers: HashMap<String, Arc<Breaker>>,
    query_timeout: Duration,
}

impl State {
    pub(crate) fn new(
        door: Door,
        limiter: Limiter,
        list_cache: Option<ListCache>,
        local: Option<&Arc<dyn LocalSubgraphs>>,
        subgraphs: &[String],
        query_timeout: Duration,
    ) -> Self {
        let local = local.into_iter().flat_map(|local| {
            subgraphs
                .iter()
                .filter(|name| local.has(name))
                .map(|name| (name.clone(), LocalExecutor::new(local.clone(), name).to_boxed_arc()))
        });
        let breakers = subgraphs.iter().map(|name| (name.clone(), Arc::default())).collect();
        Self { door, limiter, list_cache, local: local.collect(), breakers, query_timeout }
    }
}

/// What the front found out about a request, and what the pipeline adds to it. Every hook of the request sees the same.
pub(crate) struct Facts {
    pub(crate) client: IpAddr,
    pub(crate) caller: Caller,
    pub(crate) request_id: String,
    /// Why the request may not be executed. Said inside the pipeline, where CORS and content type are taken care of.
    pub(crate) refusal: Option<kit::Error>,
    pub(crate) progress: Mutex<Progress>,
}

/// How far the list cache has come with a request.
#[derive(Default)]
pub(crate) struct Progress {
    /// What to remember the request by.
    pub(crate) request: Option<Vec<u8>>,
    /// Whether the front has counted it as a read.
    pub(crate) counted: bool,
    /// Whether its answer may be cached.
    cacheable: bool,
    /// The answer's key, when it was found.
    found: Option<String>,
    /// The answer is being fetched for everybody.
    pub(crate) held: Option<Held>,
}

/// What is known of the request that a hook is called for.
fn facts(context: &PluginContext) -> Option<Arc<Facts>> {
    context.get_ref::<Arc<Facts>>().map(|facts| Arc::clone(&facts))
}

/// Hive builds plug-ins from their configuration, which is data. The state of each router waits here under a number, which
/// the configuration names.
static STATES: LazyLock<Mutex<HashMap<u64, Arc<State>>>> = LazyLock::new(Mutex::default);

/// The one plug-in.
pub(crate) struct Larder(Arc<State>);

impl Larder {
    /// Leaves a router's state for the plug-in; the number goes into the configuration.
    pub(crate) fn leave(state: Arc<State>) -> u64 {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        STATES.lock().insert(number, state);
        number
    }
}

#[async_trait]
impl RouterPlugin for Larder {
    /// The number of the state.
    type Config = u64;

    fn plugin_name() -> &'static str {
        "larder"
    }

    fn on_plugin_init(payload: OnPluginInitPayload<'_, Self>) -> OnPluginInitResult<Self> {
        let number = payload.config()?;
        match STATES.lock().remove(&number) {
            Some(state) => payload.initialize_plugin(Self(state)),
            None => Err(format!("there is no router number {number}").into()),
        }
    }

    fn on_http_request<'req>(
        &'req self,
        payload: OnHttpRequestHookPayload<'req>,
    ) -> OnHttpRequestHookFuture<'req> {
        Box::pin(async move {
            let facts = payload.router_http_request.extensions().get::<Arc<Facts>>().cloned();
            let Some(facts) = facts else { return payload.proceed() };
            payload.context.insert(facts.clone());
            if self.0.list_cache.is_none() {
                return payload.proceed();
            }
            payload.on_end(move |payload| {
                self.keep(&facts, &payload);
                payload.proceed()
            })
        })
    }

    async fn on_graphql_params<'exec>(
        &'exec self,
        payload: OnGraphQLParamsStartHookPayload<'exec>,
    ) -> OnGraphQLParamsStartHookResult<'exec> {
        let refusal = match facts(payload.context) {
            Some(facts) => facts.refusal.clone(),
            // Every request comes through the front. One that did not has not been judged.
            None => Some(kit::Error::bug("a request did not come through the front")),
        };
        if let Some(refusal) = refusal {
            return payload.end_with_graphql_error(errors::of_kit(&refusal), errors::status(refusal.code()));
        }
        let fault = if payload.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            ("Batches are not taken. Send one operation in each request.", kit::Code::BadRequest)
        } else if complexity::nests_too_deeply(&payload.body)
            || complexity::nests_too_deeply(&web::percent_decoded(payload.router_http_request.query_string))
        {
            ("The request's JSON is nested too deeply.", kit::Code::OperationTooComplex)
        } else {
            return payload.proceed();
        };
        let error = GraphQLError::from_message_and_code(fault.0, fault.1.as_str());
        payload.end_with_graphql_error(error, StatusCode::BAD_REQUEST)
    }

    async fn on_graphql_parse<'exec>(
        &'exec self,
        payload: OnGraphQLParseStartHookPayload<'exec>,
    ) -> OnGraphQLParseHookResult<'exec> {
        payload.on_end(|payload| match complexity::too_much(&payload.document) {
            Some(text) => {
                let code = kit::Code::OperationTooComplex.as_str();
                let error = GraphQLError::from_message_and_code(text, code);
                payload.end_with_graphql_error(error, StatusCode::BAD_REQUEST)
            }
            None => payload.proceed(),
        })
    }

    async fn on_graphql_analysis<'exec>(
        &'exec self,
        payload: &mut OnGraphqlAnalysisHookPayload<'exec>,
    ) -> OnGraphqlAnalysisHookResult {
        let Some(facts) = facts(payload.context) else { return OnGraphqlAnalysisHookResult::Proceed };
        let operation = payload.filtered_operation_for_plan;
        let counted = facts.progress.lock().counted;
        if !counted && let Err(refusal) = self.0.limiter.admit(operation, &facts.caller, facts.client).await {
            return OnGraphqlAnalysisHookResult::EndWithResponse(output(&refusal));
        }
        if let Some(list_cache) = &self.0.list_cache {
            let document = payload.graphql_params.query.as_deref().unwrap_or_default();
            facts.progress.lock().cacheable = list_cache.admits(document, operation);
        }
        OnGraphqlAnalysisHookResult::Proceed
    }

    async fn on_execute<'exec>(
        &'exec self,
        payload: OnExecuteStartHookPayload<'exec>,
    ) -> OnExecuteStartHookResult<'exec> {
        // Only here the variables are as they count, defaults among them.
        if let Err(refusal) = list_size::admit(payload.operation_for_plan, payload.variable_values.as_ref()) {
            return payload.end_with_response(output(&refusal));
        }
        let (Some(facts), Some(list_cache)) = (facts(payload.context), &self.0.list_cache) else {
            return payload.proceed();
        };
        let (cacheable, already_held) = {
            let progress = facts.progress.lock();
            (progress.cacheable, progress.held.is_some())
        };
        if !cacheable {
            // The front may hold an answer that the schema no longer lets it keep.
            facts.progress.lock().held = None;
            return payload.proceed();
        }
        if !already_held {
            let key = list_cache.key(payload.operation_for_plan, payload.variable_values.as_ref());
            match list_cache.find(&key).await {
                Found::Answer(answer) => {
                    facts.progress.lock().found = Some(key);
                    return payload.end_with_response(PlanExecutionOutput {
                        body: answer.to_vec(),
                        error_count: 0,
                        status_code: StatusCode::OK,
                    });
                }
                Found::Fetch(held) => facts.progress.lock().held = Some(held),
                Found::Nothing => return payload.proceed(),
            }
        }
        let clean = facts.progress.lock().held.as_ref().map(Held::clean);
        payload.on_end(move |payload| {
            if let (Some(clean), true) = (clean, payload.errors.is_empty()) {
                clean.store(true, Ordering::Release);
            }
            payload.proceed()
        })
    }

    async fn on_subgraph_execute<'exec>(
        &'exec self,
        mut payload: OnSubgraphExecuteStartHookPayload<'exec>,
    ) -> OnSubgraphExecuteStartHookResult<'exec> {
        if let Some(local) = self.0.local.get(payload.subgraph_name) {
            payload.executor = local.clone();
        }
        if let (Some(facts), Some(list_cache)) = (facts(payload.context), &self.0.list_cache)
            && let Some(held) = &facts.progress.lock().held
        {
            payload.executor = list_cache.watch(held, payload.executor);
        }
        if let Some(breaker) = self.0.breakers.get(payload.subgraph_name) {
            let guarded = Guarded {
                subgraph: payload.subgraph_name.to_owned(),
                inner: payload.executor,
                breaker: breaker.clone(),
                query_timeout: self.0.query_timeout,
            };
            payload.executor = guarded.to_boxed_arc();
        }
        payload.proceed()
    }

    fn on_graphql_error<'req>(
        &'req self,
        mut payload: OnGraphQLErrorHookPayload<'req>,
    ) -> OnGraphQLErrorHookResult<'req> {
        let facts = facts(payload.context);
        let request_id = facts.as_ref().map_or("unknown", |facts| &facts.request_id);
        errors::present(&mut payload.error, request_id);
        payload.proceed()
    }
}

impl Larder {
    /// Gives the cache what this request has fetched for everybody.
    fn keep(&self, facts: &Facts, payload: &OnHttpResponseHookPayload<'_>) {
        let (held, request, found) = {
            let mut progress = facts.progress.lock();
            (progress.held.take(), progress.request.take(), progress.found.take())
        };
        if held.is_none() && found.is_none() {
            return;
        }
        let response = payload.response.response();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let (StatusCode::OK, Some(content_type)) = (response.status(), content_type) else { return };
        let body = match response.body() {
            ResponseBody::Body(Body::Bytes(body)) | ResponseBody::Other(Body::Bytes(body)) => body,
            _ => return,
        };
        let state = self.0.clone();
        if let Some(held) = held {
            let answer = Bytes::copy_from_slice(body);
            let content_type = content_type.to_owned();
            // The hook cannot wait, and the client need not. Whoever waits for the answer is woken when it is there.
            ntex::rt::spawn(async move {
                if let Some(list_cache) = &state.list_cache {
                    list_cache.keep(held, answer, &content_type, request).await;
                }
            });
        } else if let (Some(request), Some(key), Some(list_cache)) = (request, found, &self.0.list_cache) {
            list_cache.remember(request, &key, content_type);
        }
    }
}

/// An error that ends a request before it is planned.
fn output(error: &kit::Error) -> PlanExecutionOutput {
    let body = sonic_rs::to_vec(&sonic_rs::json!({ "errors": [errors::of_kit(error)] }));
    PlanExecutionOutput {
        body: body.unwrap_or_default(),
        error_count: 1,
        status_code: errors::status(error.code()),
    }
}
