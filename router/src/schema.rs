//! What the plug-ins need to know of the supergraph: the type of each field, the subgraphs that answer it, and which
//! objects an abstract type can be. Built once, when the router starts.

use std::collections::{BTreeSet, HashMap};

use hive_router::graphql_tools::parser::schema::{
    Definition, Directive, Field, Type, TypeDefinition, Value, parse_schema,
};

/// An index of a supergraph.
#[derive(Debug, Default)]
pub(crate) struct SchemaIndex {
    types: HashMap<String, HashMap<String, FieldIndex>>,
    /// Abstract type to the objects it can be.
    possible: HashMap<String, BTreeSet<String>>,
    subgraphs: Vec<String>,
}

#[derive(Debug)]
struct FieldIndex {
    type_name: String,
    subgraphs: BTreeSet<String>,
}

impl SchemaIndex {
    /// Reads a supergraph's text.
    ///
    /// # Errors
    /// The parser's reason.
    pub(crate) fn new(supergraph: &str) -> Result<Self, String> {
        let document = parse_schema::<String>(supergraph).map_err(|error| error.to_string())?.into_static();
        let mut graphs = HashMap::new();
        for definition in &document.definitions {
            if let Definition::TypeDefinition(TypeDefinition::Enum(values)) = definition
                && values.name == "join__Graph"
            {
                for value in &values.values {
                    if let Some(name) = string_argument(&value.directives, "join__graph", "name").pop() {
                        graphs.insert(value.name.clone(), name);
                    }
                }
            }
        }
        let mut index = Self { subgraphs: graphs.values().cloned().collect(), ..Self::default() };
        for definition in &document.definitions {
            let Definition::TypeDefinition(definition) = definition else { continue };
            match definition {
                TypeDefinition::Object(object) => {
                    index.add_fields(&object.name, &object.fields, &object.directives, &graphs);
                    for interface in &object.implements_interfaces {
                        index.possible.entry(interface.clone()).or_default().insert(object.name.clone());
                    }
                }
                TypeDefinition::Interface(interface) => {
                    index.add_fields(&interface.name, &interface.fields, &interface.directives, &graphs);
                }
                TypeDefinition::Union(union) => {
                    let members = index.possible.entry(union.name.clone()).or_default();
                    members.extend(union.types.iter().cloned());
                }
                _ => {}
            }
        }
        Ok(index)
    }

    fn add_fields(
        &mut self,
        type_name: &str,
        fields: &[Field<'static, String>],
        directives: &[Directive<'static, String>],
        graphs: &HashMap<String, String>,
    ) {
        let names = |graphs_of: Vec<String>| -> BTreeSet<String> {
            graphs_of.iter().filter_map(|graph| graphs.get(graph).cloned()).collect()
        };
        let everywhere = names(enum_argument(directives, "join__type", "graph"));
        let of_type = self.types.entry(type_name.to_owned()).or_default();
        for field in fields {
            let owners = names(enum_argument(&field.directives, "join__field", "graph"));
            let field_index = FieldIndex {
                type_name: named(&field.field_type).to_owned(),
                subgraphs: if owners.is_empty() { everywhere.clone() } else { owners },
            };
            of_type.insert(field.name.clone(), field_index);
        }
    }

    /// The names of the subgraphs.
    pub(crate) fn subgraphs(&self) -> &[String] {
        &self.subgraphs
    }

    /// The type of a field, without lists and non-nulls.
    pub(crate) fn field_type(&self, type_name: &str, field: &str) -> Option<&str> {
        Some(&self.types.get(type_name)?.get(field)?.type_name)
    }

    /// The subgraphs that answer a field.
    pub(crate) fn field_subgraphs(&self, type_name: &str, field: &str) -> Option<&BTreeSet<String>> {
        Some(&self.types.get(type_name)?.get(field)?.subgraphs)
    }

    /// The objects that a value of this type can be: itself, for an object.
    pub(crate) fn possible_types<'a>(&'a self, type_name: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        match self.possible.get(type_name) {
            Some(objects) => Box::new(objects.iter().map(String::as_str)),
            None => Box::new(std::iter::once(type_name)),
        }
    }
}

fn named<'a>(mut field_type: &'a Type<'_, String>) -> &'a str {
    loop {
        match field_type {
            Type::NamedType(name) => return name,
            Type::ListType(inner) | Type::NonNullType(inner) => field_type = inner,
        }
    }
}

fn string_argument<'a>(
    directives: &'a [Directive<'static, String>],
    name: &'a str,
    argument: &'a str,
) -> Vec<String> {
    arguments(directives, name, argument)
        .filter_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

fn enum_argument<'a>(
    directives: &'a [Directive<'static, String>],
    name: &'a str,
    argument: &'a str,
) -> Vec<String> {
    arguments(directives, name, argument)
        .filter_map(|value| match value {
            Value::Enum(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

fn arguments<'a>(
    directives: &'a [Directive<'static, String>],
    name: &'a str,
    argument: &'a str,
) -> impl Iterator<Item = &'a Value<'static, String>> {
    directives
        .iter()
        .filter(move |directive| directive.name == name)
        .flat_map(|directive| &directive.arguments)
        .filter(move |(given, _)| given == argument)
        .map(|(_, value)| value)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small supergraph in the form that composition gives.
    pub(crate) const SUPERGRAPH: &str = r#"
        enum join__Graph {
          AUTH @join__graph(name: "auth", url: "http://auth")
          CATALOG @join__graph(name: "catalog", url: "http://catalog")
          INVENTORY @join__graph(name: "inventory", url: "http://inventory")
        }
        type Query @join__type(graph: AUTH) @join__type(graph: CATALOG) {
          products: [Product!]! @join__field(graph: CATALOG)
          product(id: ID!): Product @join__field(graph: CATALOG)
          node(id: ID!): Node @join__field(graph: CATALOG)
          search: [Hit!]! @join__field(graph: CATALOG)
          users: [User!]! @join__field(graph: AUTH)
        }
        interface Node @join__type(graph: CATALOG) { _id: ID! }
        type Product implements Node
          @join__type(graph: CATALOG, key: "_id") @join__type(graph: INVENTORY, key: "_id")
          @join__type(graph: AUTH, key: "_id") {
          _id: ID!
          name: String! @join__field(graph: CATALOG)
          cost: Int @join__field(graph: CATALOG)
          quantity: Int! @join__field(graph: INVENTORY)
          seller: User @join__field(graph: AUTH)
          category: Category @join__field(graph: CATALOG)
        }
        type Category implements Node @join__type(graph: CATALOG) {
          _id: ID!
          products: [Product!]!
        }
        union Hit @join__type(graph: CATALOG) = Product | Category
        type User @join__type(graph: AUTH, key: "_id") { _id: ID! username: String! }
    "#;

    #[test]
    fn knows_field_types_owners_and_possible_types() {
        let index = SchemaIndex::new(SUPERGRAPH).unwrap();
        assert_eq!(index.field_type("Query", "products"), Some("Product"));
        assert_eq!(index.field_type("Query", "nothing"), None);
        let owners = |name: &str, field: &str| -> Vec<String> {
            index.field_subgraphs(name, field).unwrap().iter().cloned().collect()
        };
        assert_eq!(owners("Product", "quantity"), ["inventory"]);
        assert_eq!(owners("Product", "_id"), ["auth", "catalog", "inventory"]);
        assert_eq!(index.possible_types("Hit").collect::<Vec<_>>(), ["Category", "Product"]);
        assert_eq!(index.possible_types("User").collect::<Vec<_>>(), ["User"]);
    }
}
