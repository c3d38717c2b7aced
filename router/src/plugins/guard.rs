//! Stands before every subgraph: gives up on one that does not answer in time, does not wait again for one that has not
//! answered lately, and says which fields of the client's answer are missing for it. The rest of the answer stays.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::stream::BoxStream;
use hive_router::{
    executor::{
        executors::{
            common::{SubgraphExecutionRequest, SubgraphExecutor, SubgraphExecutorBoxedArc},
            error::SubgraphExecutorError,
        },
        response::{
            graphql_error::{GraphQLError, GraphQLErrorPath, GraphQLErrorPathSegment},
            subgraph_response::SubgraphResponse,
        },
    },
    graphql_tools::parser::query::{
        Definition, Field, OperationDefinition, Selection, SelectionSet, TypeCondition, Value as Argument,
        parse_query,
    },
    http::Uri,
    plugins::plugin_context::PluginRequestState,
};
use kit::client::{Breaker, Broken};
use serde::Deserialize;

use super::errors;

/// A subgraph behind its guard, for one call.
pub(crate) struct Guarded {
    pub(crate) subgraph: String,
    pub(crate) inner: SubgraphExecutorBoxedArc,
    pub(crate) breaker: Arc<Breaker>,
    /// How long a query may take. Nothing is lost when it is given up, so that is sooner than with a mutation.
    pub(crate) query_timeout: Duration,
}

#[async_trait]
impl SubgraphExecutor for Guarded {
    fn executor_name(&self) -> &str {
        self.inner.executor_name()
    }

    fn endpoint(&self) -> &Uri {
        self.inner.endpoint()
    }

    async fn execute<'a>(
        &self,
        request: SubgraphExecutionRequest<'a>,
        timeout: Option<Duration>,
        state: Option<&'a PluginRequestState<'a>>,
    ) -> Result<SubgraphResponse<'static>, SubgraphExecutorError> {
        let asked = Asked { query: request.query, representations: request.raw_variable_values.clone() };
        let timeout = if asked.query.starts_with("mutation") { timeout } else { Some(self.query_timeout) };
        let call = async {
            let answer = self.inner.execute(request, timeout, state).await?;
            match answer.status {
                Some(status) if status.is_server_error() => {
                    Err(SubgraphExecutorError::InternalServerError(answer.into()))
                }
                _ => Ok(answer),
            }
        };
        let answer = match self.breaker.call(call).await {
            Ok(answer) => answer,
            Err(Broken::Failed(SubgraphExecutorError::InternalServerError(answer))) => *answer,
            Err(Broken::Failed(error)) => self.failed(&error),
            Err(Broken::Open) => self.failed(&SubgraphExecutorError::CircuitBreakerRejected),
        };
        Ok(asked.put_in_place(answer))
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

impl Guarded {
    /// An answer of nothing but that error.
    fn failed(&self, error: &SubgraphExecutorError) -> SubgraphResponse<'static> {
        let code = error.error_code();
        let error = if errors::is_absence(code) {
            tracing::error!(subgraph = self.subgraph, code, cause = %error, "a subgraph did not answer");
            errors::unavailable()
        } else {
            GraphQLError::from_message_and_code(error.to_string(), code)
        };
        SubgraphResponse { errors: Some(vec![error]), ..SubgraphResponse::default() }
    }
}

/// What a subgraph was asked for.
struct Asked<'a> {
    query: &'a str,
    representations: Option<Vec<(&'a str, Vec<u8>)>>,
}

#[derive(Deserialize)]
struct Representation {
    #[serde(rename = "__typename")]
    type_name: String,
}

/// What an answer without data lacks.
#[derive(Default)]
struct Lacking {
    /// The fields that ask for entities, and for how many.
    entities: Vec<(String, usize)>,
    /// The place of each field in the answer of the subgraph.
    places: Vec<Vec<GraphQLErrorPathSegment>>,
}

impl Asked<'_> {
    /// Where there is no data and the error does not say for which field, says so of each field that was asked for. That it was for
    /// entities says nothing to a client, who asked for none.
    fn put_in_place(&self, mut answer: SubgraphResponse<'static>) -> SubgraphResponse<'static> {
        if !answer.data.is_null() || answer.errors.as_ref().is_none_or(Vec::is_empty) {
            return answer;
        }
        let Some(lacking) = self.lacking() else { return answer };
        let nowhere = |error: &GraphQLError| match error.path.as_ref().map(|path| path.segments.as_slice()) {
            None => true,
            Some([GraphQLErrorPathSegment::String(root)]) => {
                lacking.entities.iter().any(|(key, _)| key == root)
            }
            Some(_) => false,
        };
        if !answer.errors.iter().flatten().all(nowhere) {
            return answer;
        }
        let Some(error) = answer.errors.as_mut().and_then(|errors| errors.drain(..).next()) else {
            return answer;
        };
        let at = |segments| GraphQLError { path: Some(GraphQLErrorPath { segments }), ..error.clone() };
        SubgraphResponse {
            errors: Some(lacking.places.into_iter().map(at).collect()),
            headers: answer.headers,
            status: answer.status,
            ..nothing(&lacking.entities)
        }
    }

    fn lacking(&self) -> Option<Lacking> {
        let document = parse_query::<String>(self.query).ok()?;
        let selection = document.definitions.iter().find_map(|definition| match definition {
            Definition::Operation(operation) => Some(root(operation)),
            Definition::Fragment(_) => None,
        })?;
        let mut lacking = Lacking::default();
        for field in fields(selection) {
            let key = || GraphQLErrorPathSegment::String(key(field).to_owned());
            if field.name != "_entities" {
                lacking.places.push(vec![key()]);
                continue;
            }
            let representations = self.representations(field)?;
            for (index, representation) in representations.iter().enumerate() {
                for missing in fields_of(&field.selection_set, &representation.type_name) {
                    let missing = GraphQLErrorPathSegment::String(self::key(missing).to_owned());
                    lacking.places.push(vec![key(), GraphQLErrorPathSegment::Index(index), missing]);
                }
            }
            lacking.entities.push((self::key(field).to_owned(), representations.len()));
        }
        Some(lacking)
    }

    /// The representations that a field of entities was given.
    fn representations(&self, field: &Field<'_, String>) -> Option<Vec<Representation>> {
        let (_, Argument::Variable(variable)) = field.arguments.first()? else { return None };
        let (_, value) = self.representations.iter().flatten().find(|(name, _)| name == variable)?;
        sonic_rs::from_slice(value).ok()
    }
}

/// Data in which none of the entities is there. The router looks among them for the places of errors.
fn nothing(entities: &[(String, usize)]) -> SubgraphResponse<'static> {
    if entities.is_empty() {
        return SubgraphResponse::default();
    }
    let data: BTreeMap<_, _> = entities.iter().map(|(key, count)| (key, vec![(); *count])).collect();
    let json = sonic_rs::to_vec(&sonic_rs::json!({ "data": data })).unwrap_or_default();
    SubgraphResponse::deserialize_from_bytes(json.into(), None).unwrap_or_default()
}

fn root<'a, 'b>(operation: &'b OperationDefinition<'a, String>) -> &'b SelectionSet<'a, String> {
    match operation {
        OperationDefinition::SelectionSet(selection) => selection,
        OperationDefinition::Query(query) => &query.selection_set,
        OperationDefinition::Mutation(mutation) => &mutation.selection_set,
        OperationDefinition::Subscription(subscription) => &subscription.selection_set,
    }
}

fn key<'b>(field: &'b Field<'_, String>) -> &'b str {
    field.alias.as_deref().unwrap_or(&field.name)
}

/// The fields of a selection, but for `__typename`, which nobody misses.
fn fields<'a, 'b>(selection: &'b SelectionSet<'a, String>) -> impl Iterator<Item = &'b Field<'a, String>> {
    selection.items.iter().filter_map(|item| match item {
        Selection::Field(field) if field.name != "__typename" => Some(field),
        _ => None,
    })
}

/// Those that are asked for of a type.
fn fields_of<'a, 'b>(
    selection: &'b SelectionSet<'a, String>,
    type_name: &str,
) -> impl Iterator<Item = &'b Field<'a, String>> {
    selection
        .items
        .iter()
        .filter_map(move |item| match item {
            Selection::InlineFragment(fragment) => match &fragment.type_condition {
                Some(TypeCondition::On(on)) if on != type_name => None,
                _ => Some(fields(&fragment.selection_set)),
            },
            _ => None,
        })
        .flatten()
}
