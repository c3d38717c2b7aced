//! Composition: two schemas as services export them, and what can be wrong with them.

use router::compose::{SubgraphSchema, compose};

use crate::subgraphs::Subgraphs;

fn schema(name: &str, sdl: &str) -> SubgraphSchema {
    SubgraphSchema { name: name.to_owned(), url: format!("http://{name}/graphql"), sdl: sdl.to_owned() }
}

#[test]
fn the_supergraph_joins_the_subgraphs_and_the_api_hides_how() {
    let composed = compose(&Subgraphs::new().schemas()).unwrap();
    insta::assert_snapshot!("supergraph", composed.supergraph);
    insta::assert_snapshot!("api", composed.api);
    assert!(composed.warnings.is_empty(), "{:?}", composed.warnings);
}

#[test]
fn root_types_are_joined_to_those_who_have_root_fields_and_to_no_others() {
    let composed = compose(&Subgraphs::new().schemas()).unwrap();
    let head = |root: &str| {
        let at = composed.supergraph.find(&format!("\ntype {root}\n")).unwrap();
        composed.supergraph[at..].lines().skip(1).take_while(|line| *line != "{").collect::<Vec<_>>()
    };
    let join = |graph: &str| format!("  @join__type(graph: {graph})");
    assert_eq!(head("Query"), ["type Query".to_owned(), join("AUTH"), join("CATALOG")]);
    assert_eq!(
        head("Mutation"),
        ["type Mutation".to_owned(), join("AUTH"), join("CATALOG"), join("INVENTORY")]
    );
}

#[test]
fn the_same_schemas_give_the_same_text() {
    let schemas = Subgraphs::new().schemas();
    assert_eq!(compose(&schemas).unwrap(), compose(&schemas).unwrap());
}

#[test]
fn what_does_not_fit_is_refused_with_the_name_of_the_subgraph() {
    let error = compose(&[schema("stock", "type Query {")]).unwrap_err().to_string();
    assert!(error.contains("subgraph `stock`"), "{error}");

    let text = |ty: &str| {
        format!(
            "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", import: [\"@key\", \"@shareable\"])
             type Query {{ a{ty}: T }} type T @key(fields: \"id\") {{ id: ID! n: {ty} @shareable }}"
        )
    };
    let error =
        compose(&[schema("one", &text("Int")), schema("two", &text("String"))]).unwrap_err().to_string();
    assert!(error.contains("T.n") && error.contains("do not compose"), "{error}");

    let error = compose(&[]).unwrap_err().to_string();
    assert!(error.contains("No subgraphs"), "{error}");
}
