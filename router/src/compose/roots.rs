//! `graphql-composition` leaves `@join__type` off the root types, and Hive's planner needs it there to know which
//! subgraphs a root type lives in. Added here, one for each subgraph that has root fields.

use std::collections::BTreeMap;

use hive_router::graphql_tools::parser::schema::{
    Definition, Document, TypeDefinition, TypeExtension, Value, parse_schema,
};

use super::ComposeError;

const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// Which root types one subgraph has fields on.
pub(super) struct RootFields {
    subgraph: String,
    has: [bool; 3],
}

impl RootFields {
    pub(super) fn of(subgraph: &str, sdl: &str) -> Result<Self, ComposeError> {
        let document = parse_schema::<String>(sdl).map_err(|error| ComposeError::Schema {
            subgraph: subgraph.to_owned(),
            report: error.to_string(),
        })?;
        let names = root_names(&document);
        let mut has = [false; 3];
        for (name, fields) in document.definitions.iter().filter_map(fields_of) {
            if let Some(root) = names.iter().position(|root| root == name) {
                has[root] |= fields.iter().any(|field| !field.starts_with('_'));
            }
        }
        Ok(Self { subgraph: subgraph.to_owned(), has })
    }
}

/// A subgraph may call its root types otherwise; the composed ones have the standard names.
fn root_names(document: &Document<'_, String>) -> [String; 3] {
    let name = |given: Option<&String>, standard: &str| given.cloned().unwrap_or(standard.to_owned());
    [
        name(document.query_type_name(), ROOTS[0]),
        name(document.mutation_type_name(), ROOTS[1]),
        name(document.subscription_type_name(), ROOTS[2]),
    ]
}

fn fields_of<'a>(definition: &'a Definition<'_, String>) -> Option<(&'a str, Vec<&'a str>)> {
    let (name, fields) = match definition {
        Definition::TypeDefinition(TypeDefinition::Object(object)) => (&object.name, &object.fields),
        Definition::TypeExtension(TypeExtension::Object(object)) => (&object.name, &object.fields),
        _ => return None,
    };
    Some((name, fields.iter().map(|field| field.name.as_str()).collect()))
}

/// Writes the missing `@join__type`s into a supergraph.
pub(super) fn join_root_types(
    supergraph: &str,
    subgraphs: &[RootFields],
) -> Result<String, ComposeError> {
    let graphs = graph_names(supergraph)?;
    let mut out = String::with_capacity(supergraph.len() + 512);
    let mut in_description = false;
    for line in supergraph.lines() {
        out.push_str(line);
        let root = (!in_description)
            .then(|| line.trim_end().strip_prefix("type "))
            .flatten()
            .and_then(|name| ROOTS.iter().position(|root| *root == name));
        if let Some(root) = root {
            for subgraph in subgraphs.iter().filter(|subgraph| subgraph.has[root]) {
                let graph = graphs.get(&subgraph.subgraph).ok_or_else(|| {
                    ComposeError::Render(format!("subgraph `{}` is not in join__Graph", subgraph.subgraph))
                })?;
                out.push_str(&format!("\n  @join__type(graph: {graph})"));
            }
        }
        out.push('\n');
        in_description ^= line.matches("\"\"\"").count() % 2 == 1;
    }
    Ok(out)
}

/// The enum values by which the supergraph's directives call the subgraphs.
fn graph_names(supergraph: &str) -> Result<BTreeMap<String, String>, ComposeError> {
    let document = parse_schema::<String>(supergraph)
        .map_err(|error| ComposeError::Render(format!("it does not parse: {error}")))?;
    let mut names = BTreeMap::new();
    for definition in &document.definitions {
        let Definition::TypeDefinition(TypeDefinition::Enum(graphs)) = definition else { continue };
        if graphs.name != "join__Graph" {
            continue;
        }
        for value in &graphs.values {
            let arguments = value.directives.iter().flat_map(|directive| &directive.arguments);
            for (argument, name) in arguments {
                if let (true, Value::String(name)) = (argument == "name", name) {
                    names.insert(name.clone(), value.name.clone());
                }
            }
        }
    }
    Ok(names)
}
