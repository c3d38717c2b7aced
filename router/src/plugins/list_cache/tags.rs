//! Which entities an answer is made of, whatever the client selected. While an answer that will be cached is fetched,
//! each subgraph document is rewritten so that every tagged entity in it also answers its id, under a name that no
//! client sees: the projection of the answer knows only what the client asked for.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use hive_router::{
    executor::{executors::common::SubgraphExecutionRequest, response::value::Value},
    graphql_tools::parser::{
        Pos,
        query::{
            Definition, Document, Field, FragmentDefinition, InlineFragment, OperationDefinition, Selection,
            SelectionSet, TypeCondition, parse_query,
        },
    },
};
use moka::sync::Cache;
use parking_lot::Mutex;

use crate::schema::SchemaIndex;

/// The response key of the added ids, before the name of the type. A document that uses it for something of its own is
/// not cached.
pub(super) const ALIAS: &str = "larderTag_";

/// How many rewritten documents are remembered: there is one for each fetch of each plan, and plans are few.
const REMEMBERED_DOCUMENTS: u64 = 2_000;

/// Adds ids to subgraph documents.
pub(super) struct Rewriter {
    schema: Arc<SchemaIndex>,
    /// Type to the field that identifies it.
    entities: BTreeMap<String, String>,
    rewritten: Cache<String, Rewritten>,
}

/// A document with ids, and where an operation name would go in it.
#[derive(Clone)]
pub(super) struct Rewritten {
    pub(super) text: Arc<str>,
    pub(super) name_position: usize,
}

impl Rewriter {
    pub(super) fn new(schema: Arc<SchemaIndex>, entities: BTreeMap<String, String>) -> Self {
        Self { schema, entities, rewritten: Cache::new(REMEMBERED_DOCUMENTS) }
    }

    /// The document with the ids; none when it cannot be read.
    pub(super) fn rewrite(&self, query: &str) -> Option<Rewritten> {
        if let Some(known) = self.rewritten.get(query) {
            return Some(known);
        }
        let mut document = parse_query::<String>(query).ok()?.into_static();
        for definition in &mut document.definitions {
            match definition {
                Definition::Operation(operation) => {
                    let (root, selection) = root_of(operation)?;
                    self.add_ids(root, selection);
                }
                Definition::Fragment(fragment) => self.add_ids_to_fragment(fragment),
            }
        }
        let rewritten = print(&document);
        self.rewritten.insert(query.to_owned(), rewritten.clone());
        Some(rewritten)
    }

    fn add_ids_to_fragment(&self, fragment: &mut FragmentDefinition<'static, String>) {
        let TypeCondition::On(type_name) = fragment.type_condition.clone();
        self.add_ids(&type_name, &mut fragment.selection_set);
    }

    fn add_ids(&self, type_name: &str, selection: &mut SelectionSet<'static, String>) {
        let mut has_fragment_of_its_own = BTreeSet::new();
        for item in &mut selection.items {
            match item {
                Selection::Field(field) if field.selection_set.items.is_empty() => {}
                Selection::Field(field) => {
                    // `_entities` gives what its fragments say; a field the index does not know has no tagged type.
                    let below = match field.name.as_str() {
                        "_entities" => "_Entity",
                        name => match self.schema.field_type(type_name, name) {
                            Some(below) => below,
                            None => continue,
                        },
                    };
                    self.add_ids(below, &mut field.selection_set);
                }
                Selection::InlineFragment(fragment) => {
                    let on = match &fragment.type_condition {
                        Some(TypeCondition::On(on)) => on.clone(),
                        None => type_name.to_owned(),
                    };
                    self.add_ids(&on, &mut fragment.selection_set);
                    // A conditional fragment may be left out, and its id with it.
                    if fragment.directives.is_empty() {
                        has_fragment_of_its_own.insert(on);
                    }
                }
                Selection::FragmentSpread(_) => {}
            }
        }
        if type_name == "_Entity" {
            return;
        }
        if let Some(id) = self.entities.get(type_name) {
            selection.items.push(id_field(type_name, id));
            return;
        }
        for object in self.schema.possible_types(type_name) {
            if let Some(id) = self.entities.get(object)
                && !has_fragment_of_its_own.contains(object)
            {
                selection.items.push(id_fragment(object, id));
            }
        }
    }

    /// The tags of the entities that a request asks for by key.
    pub(super) fn requested(&self, request: &SubgraphExecutionRequest<'_>, sink: &Sink) {
        for (_, representations) in request.raw_variable_values.iter().flatten() {
            let Ok(representations) =
                sonic_rs::from_slice::<Vec<HashMap<String, sonic_rs::Value>>>(representations)
            else {
                sink.give_up();
                continue;
            };
            for representation in &representations {
                self.tag_of(representation, sink);
            }
        }
    }

    fn tag_of(&self, representation: &HashMap<String, sonic_rs::Value>, sink: &Sink) {
        use sonic_rs::JsonValueTrait as _;
        let type_name = representation.get("__typename").and_then(|name| name.as_str());
        let Some((type_name, field)) = type_name.and_then(|name| self.entities.get_key_value(name)) else {
            return;
        };
        match representation.get(field).and_then(|id| id.as_str()) {
            Some(id) => sink.add(tag(type_name, id)),
            None => sink.give_up(),
        }
    }

    /// The tags of the entities in a subgraph's answer.
    pub(super) fn answered(&self, data: &Value<'_>, sink: &Sink) {
        match data {
            Value::Array(items) => items.iter().for_each(|item| self.answered(item, sink)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match (name.strip_prefix(ALIAS), value) {
                        (Some(type_name), Value::String(id)) => sink.add(tag(type_name, id)),
                        _ => self.answered(value, sink),
                    }
                }
            }
            _ => {}
        }
    }
}

/// A tag, as the services that raise it write it.
fn tag(type_name: &str, id: &str) -> String {
    format!("{}:{id}", type_name.to_lowercase())
}

fn root_of<'a>(
    operation: &'a mut OperationDefinition<'static, String>,
) -> Option<(&'static str, &'a mut SelectionSet<'static, String>)> {
    match operation {
        OperationDefinition::SelectionSet(selection) => Some(("Query", selection)),
        OperationDefinition::Query(query) => Some(("Query", &mut query.selection_set)),
        // Nothing else is ever cached.
        OperationDefinition::Mutation(_) | OperationDefinition::Subscription(_) => None,
    }
}

fn print(document: &Document<'static, String>) -> Rewritten {
    let text = document.to_string();
    let name_position = if text.starts_with("query") { "query".len() } else { 0 };
    Rewritten { text: text.into(), name_position }
}

fn id_field(type_name: &str, id: &str) -> Selection<'static, String> {
    Selection::Field(Field {
        position: Pos::default(),
        alias: Some(format!("{ALIAS}{type_name}")),
        name: id.to_owned(),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: SelectionSet { span: (Pos::default(), Pos::default()), items: Vec::new() },
    })
}

fn id_fragment(object: &str, id: &str) -> Selection<'static, String> {
    Selection::InlineFragment(InlineFragment {
        position: Pos::default(),
        type_condition: Some(TypeCondition::On(object.to_owned())),
        directives: Vec::new(),
        selection_set: SelectionSet {
            span: (Pos::default(), Pos::default()),
            items: vec![id_field(object, id)],
        },
    })
}

/// Where one request's tags are gathered.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Gathered>>);

#[derive(Default)]
struct Gathered {
    tags: BTreeSet<String>,
    incomplete: bool,
}

impl Sink {
    fn add(&self, tag: String) {
        self.0.lock().tags.insert(tag);
    }

    /// Something could not be tagged: the answer may not be cached.
    pub(super) fn give_up(&self) {
        self.0.lock().incomplete = true;
    }

    /// The tags, unless some are missing.
    pub(super) fn take(&self) -> Option<BTreeSet<String>> {
        let mut gathered = self.0.lock();
        (!gathered.incomplete).then(|| std::mem::take(&mut gathered.tags))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::SUPERGRAPH;

    fn rewriter() -> Rewriter {
        let schema = Arc::new(SchemaIndex::new(SUPERGRAPH).unwrap());
        Rewriter::new(schema, BTreeMap::from([("Product".to_owned(), "_id".to_owned())]))
    }

    fn rewrite(query: &str) -> String {
        rewriter().rewrite(query).unwrap().text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_selection_on_a_tagged_type_answers_its_id() {
        assert_eq!(rewrite("{products{n:name}}"), "{ products { n: name larderTag_Product: _id } }");
        assert_eq!(
            rewrite("{products{category{products{name}}}}"),
            "{ products { category { products { name larderTag_Product: _id } } larderTag_Product: _id } }"
        );
    }

    #[test]
    fn entities_and_abstract_types_answer_it_too() {
        assert_eq!(
            rewrite(
                "query($representations:[_Any!]!){_entities(representations:$representations){...on Product{quantity}}}"
            ),
            "query($representations: [_Any!]!) { _entities(representations: $representations) \
             { ... on Product { quantity larderTag_Product: _id } } }"
        );
        assert_eq!(
            rewrite("{node(id:1){_id}}"),
            "{ node(id: 1) { _id ... on Product { larderTag_Product: _id } } }"
        );
        assert_eq!(
            rewrite("{search{...on Product{name} ...on Category{_id}}}"),
            "{ search { ... on Product { name larderTag_Product: _id } ... on Category { _id } } }"
        );
    }

    #[test]
    fn the_operation_name_still_has_its_place() {
        let rewritten = rewriter().rewrite("query($id:ID!){product(id:$id){name}}").unwrap();
        assert_eq!(&rewritten.text[..rewritten.name_position], "query");
        assert_eq!(rewriter().rewrite("{products{name}}").unwrap().name_position, 0);
    }

    #[test]
    fn ids_are_gathered_from_answers_and_their_absence_from_keys_is_noticed() {
        let rewriter = rewriter();
        let sink = Sink::default();
        let product = |id: &'static str| Value::Object(vec![("larderTag_Product", Value::String(id.into()))]);
        rewriter.answered(&Value::Object(vec![("p", Value::Array(vec![product("1"), product("2")]))]), &sink);
        assert_eq!(sink.take(), Some(BTreeSet::from(["product:1".to_owned(), "product:2".to_owned()])));

        let without_key = HashMap::from([("__typename".to_owned(), sonic_rs::json!("Product"))]);
        rewriter.tag_of(&without_key, &sink);
        assert_eq!(sink.take(), None);
    }
}
