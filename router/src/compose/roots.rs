//! `graphql-composition` leaves `@join__type` off the root types, and Hive's planner needs it there to know which
//! subgraphs a root type lives in. Added here, one for each subgraph that has root fields.

use std::collections::{BTreeMap, BTreeSet};

use hive_router::graphql_tools::parser::schema::{
    Definition, Directive, Document, TypeDefinition, Value, parse_schema,
};

use super::ComposeError;

const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// Writes the missing `@join__type`s into a supergraph.
pub(super) fn join_root_types(supergraph: &str) -> Result<String, ComposeError> {
    let document = parse_schema::<String>(supergraph)
        .map_err(|error| ComposeError::Render(format!("it does not parse: {error}")))?
        .into_static();
    let owners = owners(&document);
    let mut out = String::with_capacity(supergraph.len() + 512);
    let mut in_description = false;
    for line in supergraph.lines() {
        out.push_str(line);
        let owners = (!in_description)
            .then(|| line.trim_end().strip_prefix("type "))
            .flatten()
            .and_then(|root| owners.get(root));
        for graph in owners.into_iter().flatten() {
            out.push_str(&format!("\n  @join__type(graph: {graph})"));
        }
        out.push('\n');
        in_description ^= line.matches("\"\"\"").count() % 2 == 1;
    }
    Ok(out)
}

/// The subgraphs that have fields on each root type, as the supergraph's directives call them.
fn owners<'a>(document: &'a Document<'static, String>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut all = BTreeSet::new();
    let mut owners = BTreeMap::new();
    for definition in &document.definitions {
        match definition {
            Definition::TypeDefinition(TypeDefinition::Enum(graphs)) if graphs.name == "join__Graph" => {
                all.extend(graphs.values.iter().map(|graph| graph.name.as_str()));
            }
            Definition::TypeDefinition(TypeDefinition::Object(object))
                if ROOTS.contains(&object.name.as_str()) =>
            {
                let of_root: &mut BTreeSet<&str> = owners.entry(object.name.as_str()).or_default();
                for field in &object.fields {
                    match graphs_of(&field.directives) {
                        // A field that says nothing is every subgraph's.
                        graphs if graphs.is_empty() => of_root.extend(&all),
                        graphs => of_root.extend(graphs),
                    }
                }
            }
            _ => {}
        }
    }
    owners
}

fn graphs_of<'a>(directives: &'a [Directive<'static, String>]) -> Vec<&'a str> {
    directives
        .iter()
        .filter(|directive| directive.name == "join__field")
        .flat_map(|directive| &directive.arguments)
        .filter_map(|(name, value)| match value {
            Value::Enum(graph) if name == "graph" => Some(graph.as_str()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_that_looks_like_a_root_type_is_left_alone() {
        let supergraph = "enum join__Graph {\n  A @join__graph(name: \"a\", url: \"http://a\")\n}\n\n\
             \"\"\"\nHow it is written:\n\ntype Query\n\"\"\"\ntype Query\n{\n  n: Int @join__field(graph: A)\n}\n";
        let joined = join_root_types(supergraph).unwrap();
        assert_eq!(joined.matches("@join__type(graph: A)").count(), 1);
        assert!(joined.contains("\"\"\"\ntype Query\n  @join__type(graph: A)\n{"), "{joined}");
    }
}
