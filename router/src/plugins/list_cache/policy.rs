//! Whether an operation's answer may be cached, and the key it is kept under. Pure.

use std::{collections::HashMap, fmt::Write as _};

use hive_router::query_planner::{
    ast::{operation::OperationDefinition, selection_item::SelectionItem, selection_set::SelectionSet},
    state::supergraph_state::OperationKind,
};
use sha2::{Digest, Sha256};

use crate::{compose::CachePolicy, schema::SchemaIndex};

/// Whether every root field is marked cacheable and every field below is answered by a public subgraph.
pub(super) fn admits(policy: &CachePolicy, schema: &SchemaIndex, operation: &OperationDefinition) -> bool {
    matches!(operation.operation_kind, None | Some(OperationKind::Query))
        && !operation.selection_set.items.is_empty()
        && admits_root(policy, schema, &operation.selection_set)
}

fn admits_root(policy: &CachePolicy, schema: &SchemaIndex, selection: &SelectionSet) -> bool {
    selection.items.iter().all(|item| match item {
        SelectionItem::Field(field) if field.name == "__typename" => true,
        SelectionItem::Field(field) => {
            policy.fields.contains(&format!("Query.{}", field.name))
                && schema
                    .field_type("Query", &field.name)
                    .is_some_and(|type_name| admits_below(policy, schema, type_name, &field.selections))
        }
        SelectionItem::InlineFragment(fragment) => {
            fragment.type_condition == "Query" && admits_root(policy, schema, &fragment.selections)
        }
        // Normalised operations have none; one that does is not understood here.
        SelectionItem::FragmentSpread(_) => false,
    })
}

fn admits_below(
    policy: &CachePolicy,
    schema: &SchemaIndex,
    type_name: &str,
    selection: &SelectionSet,
) -> bool {
    selection.items.iter().all(|item| match item {
        SelectionItem::Field(field) if field.name == "__typename" => true,
        SelectionItem::Field(field) => {
            let public = schema
                .field_subgraphs(type_name, &field.name)
                .is_some_and(|owners| owners.iter().any(|owner| policy.subgraphs.contains(owner)));
            public
                && !policy.except.contains(&format!("{type_name}.{}", field.name))
                && schema
                    .field_type(type_name, &field.name)
                    .is_some_and(|type_name| admits_below(policy, schema, type_name, &field.selections))
        }
        SelectionItem::InlineFragment(fragment) => {
            admits_below(policy, schema, &fragment.type_condition, &fragment.selections)
        }
        SelectionItem::FragmentSpread(_) => false,
    })
}

/// Whether a document asks about the schema itself. Such fields are answered by the router apart from the operation that
/// is planned, so two documents that differ in them alone would share a key.
pub(super) fn has_introspection(document: &str) -> bool {
    document.match_indices("__").any(|(at, _)| !document[at..].starts_with("__typename"))
}

/// The key of an operation's answer, from the normalised selection in two forms: printed, it tells a variable from a text
/// that looks like one; serialised, it has what is left out of the response, which is not printed. The operation's name
/// shapes nothing. A hash keeps keys short; SHA-256, because a client who could make two operations collide could show
/// everybody the answer to another question.
pub(super) fn key(
    schema_id: &str,
    operation: &OperationDefinition,
    variables: Option<&HashMap<String, sonic_rs::Value>>,
) -> String {
    let mut hash = Sha256::new();
    hash.update(operation.selection_set.to_string());
    hash.update("\0");
    // Serialising names and texts into memory does not fail.
    hash.update(serde_json::to_vec(&operation.selection_set).unwrap_or_default());
    let mut variables: Vec<_> = variables.into_iter().flatten().collect();
    variables.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in variables {
        let value = sonic_rs::to_string(value).unwrap_or_default();
        // Lengths, so that no two lists of names and values give the same bytes.
        hash.update(format!("\u{0}{}:{name}{}:{value}", name.len(), value.len()));
    }
    let mut key = format!("list:{schema_id}:");
    for byte in &hash.finalize()[..16] {
        let _infallible = write!(key, "{byte:02x}");
    }
    key
}

#[cfg(test)]
mod tests {
    use hive_router::{
        graphql_tools::parser::query::{Definition, parse_query},
        query_planner::ast::operation::OperationDefinition,
    };

    use super::*;
    use crate::schema::tests::SUPERGRAPH;

    fn operation(text: &str) -> OperationDefinition {
        let document = parse_query::<String>(text).unwrap().into_static();
        match document.definitions.into_iter().next().unwrap() {
            Definition::Operation(operation) => operation.into(),
            Definition::Fragment(_) => panic!("no operation first"),
        }
    }

    fn policy() -> CachePolicy {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        CachePolicy {
            fields: set(&["Query.products", "Query.product", "Query.search"]),
            subgraphs: set(&["catalog", "inventory"]),
            except: set(&["Product.cost"]),
            ttl_seconds: 10,
            ..CachePolicy::default()
        }
    }

    fn admitted(text: &str) -> bool {
        admits(&policy(), &SchemaIndex::new(SUPERGRAPH).unwrap(), &operation(text))
    }

    #[test]
    fn a_query_of_public_fields_alone_is_admitted() {
        assert!(admitted("{ products { _id name quantity category { products { name } } } }"));
        assert!(admitted("query Any($id: ID!) { a: product(id: $id) { n: name __typename } __typename }"));
        assert!(admitted("{ search { ... on Product { name } ... on Category { _id } } }"));
    }

    #[test]
    fn a_field_that_may_depend_on_the_caller_keeps_the_whole_query_out() {
        assert!(!admitted("{ users { username } }"), "a root field that is not marked");
        assert!(!admitted("{ products { name } users { username } }"), "one of two root fields");
        assert!(!admitted("{ products { seller { username } } }"), "a field of another subgraph");
        assert!(!admitted("{ products { category { products { seller { _id } } } } }"), "deep down");
        assert!(!admitted("{ products { cost } }"), "an exception");
        assert!(!admitted("{ products { unheard } }"), "a field that the schema does not have");
        assert!(!admitted("mutation { products { name } }"), "a mutation");
    }

    #[test]
    fn keys_differ_wherever_answers_may() {
        let keys: std::collections::BTreeSet<String> = [
            ("{ products { name } }", None),
            ("{ products { n: name } }", None),
            ("{ products { name quantity } }", None),
            ("{ products { quantity name } }", None),
            ("{ products { name @include(if: $a) } }", None),
            ("{ products { name } }", Some(HashMap::from([("a".to_owned(), sonic_rs::json!(1))]))),
            ("{ products { name } }", Some(HashMap::from([("a".to_owned(), sonic_rs::json!("1"))]))),
            ("{ products { name } }", Some(HashMap::from([("b".to_owned(), sonic_rs::json!(1))]))),
            ("query($id: ID) { product(id: $id) { name } }", None),
            ("query($id: ID) { product(id: \"$id\") { name } }", None),
            ("{ product(id: 1) { name } }", None),
        ]
        .iter()
        .map(|(text, variables)| key("s", &operation(text), variables.as_ref()))
        .collect();
        assert_eq!(keys.len(), 11);
    }

    #[test]
    fn the_operation_name_and_layout_do_not_change_the_key() {
        let plain = key("s", &operation("{ products { name } }"), None);
        assert_eq!(key("s", &operation("query List {\n products { name }\n}"), None), plain);
        assert_ne!(key("other schema", &operation("{ products { name } }"), None), plain);
    }

    #[test]
    fn a_field_that_is_left_out_of_the_response_is_another_key() {
        let shown = operation("{ products { __typename } }");
        let mut left_out = operation("{ products { __typename } }");
        let SelectionItem::Field(products) = &mut left_out.selection_set.items[0] else { panic!("no field") };
        let SelectionItem::Field(name) = &mut products.selections.items[0] else { panic!("no field") };
        name.omit_from_response = true;
        assert_ne!(key("s", &shown, None), key("s", &left_out, None));
    }

    #[test]
    fn introspection_is_seen_and_a_typename_is_not_introspection() {
        assert!(has_introspection("{ products { name } __schema { types { name } } }"));
        assert!(has_introspection("{ __type(name: \"Product\") { name } }"));
        assert!(!has_introspection("{ products { __typename name } }"));
    }
}
