//! Composition: subgraph schemas in, supergraph and API schema out. Pure functions over text, and the reading of
//! `supergraph.yaml`. How a subgraph's schema is exported is the subgraph's business, and what is done with the
//! supergraph the router's.

mod file;
mod roots;

pub use file::{CachePolicy, Cookies, SubgraphEntry, SupergraphFile};

use graphql_composition::{Subgraphs, render_api_sdl, render_federated_sdl};

/// One subgraph, as composition sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubgraphSchema {
    /// The name that plans and logs use.
    pub name: String,
    /// Where it is called.
    pub url: String,
    /// Its schema, with federation directives.
    pub sdl: String,
}

/// What composition gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The schema that the router plans with.
    pub supergraph: String,
    /// The schema that clients see: nothing inaccessible, no federation machinery.
    pub api: String,
    /// What composed, and yet deserves a look.
    pub warnings: Vec<String>,
}

/// Why there is no supergraph.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// `supergraph.yaml` or a schema file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// `supergraph.yaml` is not what it should be.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong in it.
        reason: String,
    },
    /// A subgraph's schema is not GraphQL.
    #[error("subgraph `{subgraph}`: its schema is not valid GraphQL\n{report}")]
    Schema {
        /// The subgraph.
        subgraph: String,
        /// The place and the reason.
        report: String,
    },
    /// The schemas do not fit together.
    #[error("the subgraphs do not compose:\n{}", bullets(.0))]
    Conflict(Vec<String>),
    /// The composed graph cannot be written. Not expected of any input.
    #[error("the composed graph cannot be rendered: {0}")]
    Render(String),
}

fn bullets(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("  - {reason}")).collect::<Vec<_>>().join("\n")
}

/// Composes subgraphs. The same input gives the same text.
///
/// # Errors
/// When a schema is not valid or two of them contradict each other; the text names the subgraph.
pub fn compose(subgraphs: &[SubgraphSchema]) -> Result<Composed, ComposeError> {
    let mut ingested = Subgraphs::default();
    for subgraph in subgraphs {
        ingested.ingest_str(&subgraph.sdl, &subgraph.name, Some(&subgraph.url)).map_err(|error| {
            ComposeError::Schema { subgraph: subgraph.name.clone(), report: format!("{error:#}") }
        })?;
    }
    let result = graphql_composition::compose(&mut ingested);
    let warnings = result.diagnostics().iter_warnings().map(str::to_owned).collect();
    let graph = result.into_result().map_err(|diagnostics| {
        ComposeError::Conflict(diagnostics.iter_errors().map(str::to_owned).collect())
    })?;
    let render = |error: std::fmt::Error| ComposeError::Render(error.to_string());
    let supergraph = render_federated_sdl(&graph).map_err(render)?;
    let supergraph = roots::join_root_types(&supergraph)?;
    Ok(Composed { supergraph, api: render_api_sdl(&graph), warnings })
}
