//! How much a short document may ask for, where Hive's limits on depth and tokens do not see it: fragments that spread
//! fragments multiply when they are expanded, and so do fields of types of fields in a question about the schema, which
//! the depth limit leaves out because the standard query is deep. Measured on the parsed document, before it is validated
//! or expanded, in time linear in its length.

use std::collections::HashMap;

use hive_router::graphql_tools::parser::query::{
    Definition, Document, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};

/// Nesting of a request's JSON. Variables are as deep as input types are; the parser that reads them descends without a
/// limit of its own, and its stack is the thread's.
const NESTED_JSON: usize = 64;

/// Whether a body nests arrays and objects deeper than any request of use. One pass, no parsing.
pub(crate) fn nests_too_deeply(json: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > NESTED_JSON {
                    return true;
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Fields after all fragments are expanded. The token limit keeps a document without fragments well below.
const EXPANDED_FIELDS: u64 = 2_000;

/// The lists of introspection that lead back to themselves, and how many may be nested: GraphQL.js allows as many.
const LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];
const NESTED_LISTS: usize = 3;

/// What is too much about a document, as a text for the client.
pub(crate) fn too_much(document: &Document<'static, String>) -> Option<&'static str> {
    let fragments = document.definitions.iter().filter_map(|definition| match definition {
        Definition::Fragment(fragment) => Some((fragment.name.as_str(), fragment)),
        Definition::Operation(_) => None,
    });
    let mut ruler = Ruler { fragments: fragments.collect(), measured: HashMap::new() };
    let mut whole = Size::default();
    for definition in &document.definitions {
        let selection = match definition {
            Definition::Operation(OperationDefinition::SelectionSet(selection)) => selection,
            Definition::Operation(OperationDefinition::Query(query)) => &query.selection_set,
            Definition::Operation(OperationDefinition::Mutation(mutation)) => &mutation.selection_set,
            Definition::Operation(OperationDefinition::Subscription(subscription)) => {
                &subscription.selection_set
            }
            Definition::Fragment(_) => continue,
        };
        whole.add(ruler.measure(selection));
    }
    if whole.fields > EXPANDED_FIELDS {
        Some(
            "The document asks for too many fields once its fragments are expanded. Ask in several requests.",
        )
    } else if whole.introspection > NESTED_LISTS {
        Some("The document nests lists of the schema's fields too deeply. Ask for fewer levels at once.")
    } else {
        None
    }
}

/// The size of a selection.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    /// Fields, expanded.
    fields: u64,
    /// Nested lists, if this selection is part of a question about the schema.
    lists: usize,
    /// Nested lists of the questions about the schema that begin in here.
    introspection: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.lists = self.lists.max(other.lists);
        self.introspection = self.introspection.max(other.introspection);
    }
}

struct Ruler<'a> {
    fragments: HashMap<&'a str, &'a FragmentDefinition<'static, String>>,
    /// Each fragment is measured once. One that is being measured counts as nothing: validation refuses the cycle.
    measured: HashMap<&'a str, Size>,
}

impl<'a> Ruler<'a> {
    fn measure(&mut self, selection: &'a SelectionSet<'static, String>) -> Size {
        let mut size = Size::default();
        for item in &selection.items {
            match item {
                Selection::Field(field) => {
                    let below = self.measure(&field.selection_set);
                    let asks = matches!(field.name.as_str(), "__schema" | "__type");
                    size.add(Size {
                        fields: below.fields.saturating_add(1),
                        lists: below.lists + usize::from(LISTS.contains(&field.name.as_str())),
                        introspection: if asks { below.lists } else { below.introspection },
                    });
                }
                Selection::InlineFragment(fragment) => size.add(self.measure(&fragment.selection_set)),
                Selection::FragmentSpread(spread) => size.add(self.fragment(&spread.fragment_name)),
            }
        }
        size
    }

    fn fragment(&mut self, name: &str) -> Size {
        if let Some(size) = self.measured.get(name) {
            return *size;
        }
        let Some((&name, &fragment)) = self.fragments.get_key_value(name) else { return Size::default() };
        self.measured.insert(name, Size::default());
        let size = self.measure(&fragment.selection_set);
        self.measured.insert(name, size);
        size
    }
}

#[cfg(test)]
mod tests {
    use hive_router::graphql_tools::parser::query::parse_query;

    use super::*;

    fn refused(text: &str) -> bool {
        too_much(&parse_query::<String>(text).unwrap().into_static()).is_some()
    }

    #[test]
    fn brackets_count_outside_of_texts_alone() {
        assert!(nests_too_deeply("[".repeat(65).as_bytes()));
        assert!(nests_too_deeply(("{\"a\":".repeat(65)).as_bytes()));
        assert!(!nests_too_deeply("[".repeat(64).as_bytes()));
        assert!(!nests_too_deeply("[]".repeat(1000).as_bytes()));
        assert!(!nests_too_deeply(format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(1000)).as_bytes()));
    }

    #[test]
    fn fragments_that_multiply_are_measured_without_being_expanded() {
        let mut bomb = "{ products { ...F0 } }".to_owned();
        for level in 0..60 {
            let next = level + 1;
            bomb.push_str(&format!(" fragment F{level} on Product {{ a: name ...F{next} ...F{next} }}"));
        }
        bomb.push_str(" fragment F60 on Product { name }");
        assert!(refused(&bomb));
    }

    #[test]
    fn questions_about_the_schema_that_multiply_are_seen_through_fragments() {
        assert!(refused(
            "{ __schema { types { fields { type { fields { type { ...T } } } } } } }
             fragment T on __Type { fields { type { fields { name } } } }"
        ));
    }

    #[test]
    fn cycles_and_unknown_fragments_are_left_to_validation() {
        assert!(!refused("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"));
        assert!(!refused("{ ...Nothing }"));
    }

    #[test]
    fn usual_documents_pass() {
        assert!(!refused("{ __schema { types { fields { type { ofType { ofType { name } } } } } } }"));
        assert!(!refused("{ a { fields { fields { fields { fields { fields } } } } } }"));
        assert!(!refused("{ products { ...P } } fragment P on Product { _id name price }"));
    }
}
