//! How many items of a list may be asked for at once. Each service refuses what is too much for its lists; what is too much for every list
//! of the shop is refused here, so that no service is asked for it.

use std::collections::HashMap;

use hive_router::query_planner::ast::{
    operation::OperationDefinition, selection_item::SelectionItem, selection_set::SelectionSet, value::Value,
};
use kit::{Error, page::MAX_LIST};
use sonic_rs::JsonValueTrait as _;

/// The argument that says how many, by the shop's convention.
const HOW_MANY: &str = "first";

/// Refuses an operation that asks a list for more than any list gives. The variables are those that it is executed with.
///
/// # Errors
/// `BAD_USER_INPUT` that names the argument.
pub(crate) fn admit(
    operation: &OperationDefinition,
    variables: Option<&HashMap<String, sonic_rs::Value>>,
) -> kit::Result<()> {
    let number = |name: &str| variables?.get(name)?.as_i64();
    if asks_too_much(&operation.selection_set, &number) {
        return Err(Error::bad_input(
            HOW_MANY,
            format!("must be at most {MAX_LIST}, in connections at most 100. Ask for the rest page by page."),
        ));
    }
    Ok(())
}

fn asks_too_much(selection: &SelectionSet, number: &impl Fn(&str) -> Option<i64>) -> bool {
    selection.items.iter().any(|item| match item {
        SelectionItem::Field(field) => {
            let mut arguments = field.arguments.iter().flatten();
            arguments.any(|(name, value)| name == HOW_MANY && is_too_much(value, number))
                || asks_too_much(&field.selections, number)
        }
        SelectionItem::InlineFragment(fragment) => asks_too_much(&fragment.selections, number),
        SelectionItem::FragmentSpread(_) => false,
    })
}

fn is_too_much(value: &Value, number: &impl Fn(&str) -> Option<i64>) -> bool {
    let asked = match value {
        Value::Int(asked) => Some(*asked),
        Value::Variable(name) => number(name),
        _ => None,
    };
    asked.is_some_and(|asked| asked > i64::from(MAX_LIST))
}

#[cfg(test)]
mod tests {
    use hive_router::graphql_tools::parser::query::{Definition, parse_query};

    use super::*;

    fn refused(text: &str, variables: &str) -> bool {
        let document = parse_query::<String>(text).unwrap().into_static();
        let Some(Definition::Operation(operation)) = document.definitions.into_iter().next() else {
            panic!("no operation first");
        };
        let variables = sonic_rs::from_str(variables).unwrap();
        admit(&operation.into(), Some(&variables)).is_err_and(|error| {
            assert_eq!(error.code(), kit::Code::BadUserInput);
            assert_eq!(error.fields()[0].field, "first");
            true
        })
    }

    #[test]
    fn no_list_is_asked_for_more_than_any_list_gives_however_it_is_written() {
        for (document, variables) in [
            ("{ products(first: 251) { name } }", "{}"),
            ("{ categories { products(first: 99999999) { nodes { name } } } }", "{}"),
            ("{ categories { ... on Category { products(first: 251) { nodes { name } } } } }", "{}"),
            ("query($n: Int) { products(first: $n) { name } }", "{\"n\": 251}"),
        ] {
            assert!(refused(document, variables), "{document}");
        }
    }

    #[test]
    fn what_a_service_may_give_or_must_judge_itself_passes() {
        for (document, variables) in [
            ("{ products(first: 250) { name } }", "{}"),
            ("{ products(first: -1) { name } }", "{}"),
            ("{ lowStock(threshold: 1000000) { nodes { available } } }", "{}"),
            ("query($n: Int) { products(first: $n) { name } }", "{\"n\": 10}"),
            ("query($n: Int) { products(first: $n) { name } }", "{}"),
            ("query($n: Int) { products(first: $n) { name } }", "{\"n\": null}"),
        ] {
            assert!(!refused(document, variables), "{document}");
        }
    }
}
