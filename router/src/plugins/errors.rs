//! Every error on its way out: one code from the shop's table, a text that says what to do, and nothing of how the shop
//! is built. What a subgraph says with a code of the table passes as it is; all else is translated or masked, and what
//! is masked is logged here, once.

use hive_router::{GraphQLError, http::StatusCode};
use kit::Code;
use ntex::web::HttpResponse;
use sonic_rs::json;

/// How an error of the router itself is told to the client.
enum Say {
    /// With this text.
    This(&'static str),
    /// With its own text, which is made of what the client sent.
    Its,
    /// With this text before its own.
    Before(&'static str),
}

const UNAVAILABLE: &str = "A part of the shop does not answer. Try again shortly.";
const INTERNAL: &str = "Something went wrong on our side. Try again; if it stays, report the request id.";

/// Hive Router's own codes, of errors that it finds before any subgraph is asked.
fn of_the_router(code: &str) -> Option<(Code, Say)> {
    use Code::{
        BadRequest, Forbidden, GraphqlParseFailed, GraphqlValidationFailed, OperationTooComplex,
        RequestTooLarge, Unavailable,
    };
    use Say::{Before, Its, This};
    Some(match code {
        "GRAPHQL_PARSE_FAILED" => (GraphqlParseFailed, Its),
        "OPERATION_RESOLUTION_FAILURE" => (
            GraphqlValidationFailed,
            This(
                "The document has no such operation. Set `operationName` to one of its operations; it may be left out \
                 when there is only one.",
            ),
        ),
        "BAD_USER_INPUT" => (GraphqlValidationFailed, Before("The variables do not fit the schema: ")),
        "MAX_DEPTH_EXCEEDED" => {
            (OperationTooComplex, This("The document is nested too deeply. Ask for fewer levels at once."))
        }
        "MAX_ALIASES_EXCEEDED" => (
            OperationTooComplex,
            This("The document has too many aliases. Ask in several requests, or use a list field."),
        ),
        "MAX_DIRECTIVES_EXCEEDED" => {
            (OperationTooComplex, This("The document has too many directives. Send a shorter document."))
        }
        "TOKEN_LIMIT_EXCEEDED" => (
            OperationTooComplex,
            This("The document is too long. Move values into variables, or ask in several requests."),
        ),
        "REQUEST_HEADER_FIELDS_TOO_LARGE" => {
            (RequestTooLarge, This("The request's headers are too large. Send fewer or shorter ones."))
        }
        "PAYLOAD_TOO_LARGE_CONTENT_LENGTH" | "PAYLOAD_TOO_LARGE_BODY_STREAM" => {
            (RequestTooLarge, This("The request's body is too large. Send less at once."))
        }
        "PAYLOAD_READ_ERROR" => {
            (BadRequest, This("The request's body ended before it was complete. Send it again."))
        }
        "DECOMPRESSION_FAILED" => (
            BadRequest,
            This("The request's body is not what its Content-Encoding says. Send it uncompressed."),
        ),
        "UNSUPPORTED_CONTENT_ENCODING" => {
            (BadRequest, This("That Content-Encoding is not supported. Send the body uncompressed."))
        }
        "BAD_REQUEST" => (
            BadRequest,
            This(
                "The request's body is not one complete JSON object with `query` and, where needed, `variables` and \
                 `operationName`.",
            ),
        ),
        "MISSING_CONTENT_TYPE_HEADER" | "UNSUPPORTED_CONTENT_TYPE" => {
            (BadRequest, This("Send the request with `Content-Type: application/json`."))
        }
        "MISSING_QUERY_PARAM" => {
            (BadRequest, This("There is no `query`. POST a JSON object with one, or open /graphiql."))
        }
        "INVALID_HEADER" => (BadRequest, Its),
        "UNPROCESSABLE_QUERY_PARAMS" => {
            (BadRequest, This("The URL's parameters cannot be read. POST a JSON object instead."))
        }
        "METHOD_NOT_ALLOWED" => (BadRequest, This("Use POST.")),
        "MUTATION_NOT_ALLOWED_OVER_HTTP_GET" => (BadRequest, This("A mutation has to be sent with POST.")),
        "CSRF_PREVENTION_FAILED" => (
            BadRequest,
            This(
                "A request that a browser would send for any web page is not taken. POST with `Content-Type: \
                 application/json`, or add the header `x-larder-preflight: 1`.",
            ),
        ),
        "SUBSCRIPTIONS_NOT_SUPPORTED" | "SUBSCRIPTIONS_TRANSPORT_NOT_SUPPORTED" => {
            (BadRequest, This("Subscriptions are not offered. Send a query."))
        }
        "INTROSPECTION_DISABLED" => {
            (Forbidden, This("Introspection is switched off here. The schema is in `schema/api.graphql`."))
        }
        "GATEWAY_TIMEOUT" => (Unavailable, This("The shop took too long to answer. Try again shortly.")),
        "NO_SUPERGRAPH_AVAILABLE" => (Unavailable, This(UNAVAILABLE)),
        "GRAPHQL_VALIDATION_FAILED" => (GraphqlValidationFailed, Its),
        _ => return None,
    })
}

/// What the parser says of a document that nests deeper than it descends, which is deeper than any limit on depth. It comes with whatever
/// the parser expected there, which is not the reason.
const PARSER_GAVE_UP: &str = "Recursion limit exceeded";

/// Whether a code says that a subgraph could not be had, rather than that it answered nonsense.
pub(crate) fn is_absence(code: &str) -> bool {
    matches!(
        code,
        "SUBREQUEST_HTTP_ERROR"
            | "SUBGRAPH_RESPONSE_FAILURE"
            | "SUBGRAPH_REQUEST_TIMEOUT"
            | "SUBGRAPH_RESPONSE_BODY_READ_FAILURE"
            | "SUBGRAPH_RESPONSE_BODY_EMPTY"
            | "SUBGRAPH_CIRCUIT_BREAKER_REJECTED"
            | "SUBGRAPH_HTTPS_CERTS_FAILURE"
            | "SUBGRAPH_INTERNAL_SERVER_ERROR"
    )
}

/// What is said for a subgraph that could not be had.
pub(crate) fn unavailable() -> GraphQLError {
    GraphQLError::from_message_and_code(UNAVAILABLE, Code::Unavailable.as_str())
}

/// Makes an error fit to leave.
pub(crate) fn present(error: &mut GraphQLError, request_id: &str) {
    let subgraph = error.extensions.service_name.take();
    error.extensions.affected_path = None;
    let mut code = error.extensions.code.take().unwrap_or_default();
    if code == "GRAPHQL_PARSE_FAILED" && error.message.contains(PARSER_GAVE_UP) {
        "MAX_DEPTH_EXCEEDED".clone_into(&mut code);
    }

    if subgraph.is_some()
        && let Some(known) = Code::from_name(&code)
    {
        // They are places in the document that the router made for the subgraph.
        error.locations = None;
        error.extensions.code = Some(known.as_str().to_owned());
        return;
    }
    if subgraph.is_none()
        && let Some((known, say)) = of_the_router(&code).or_else(|| validation(error))
    {
        match say {
            Say::This(text) => text.clone_into(&mut error.message),
            Say::Before(text) => error.message.insert_str(0, text),
            Say::Its => {}
        }
        error.extensions.extensions.clear();
        error.extensions.code = Some(known.as_str().to_owned());
        return;
    }

    tracing::error!(
        request_id,
        subgraph = subgraph.as_deref().unwrap_or("none"),
        code,
        cause = %error.message,
        "an error was masked"
    );
    error.extensions.extensions.clear();
    error.locations = None;
    let (known, text) =
        if is_absence(&code) { (Code::Unavailable, UNAVAILABLE) } else { (Code::Internal, INTERNAL) };
    text.clone_into(&mut error.message);
    error.extensions.code = Some(known.as_str().to_owned());
    if known == Code::Internal {
        error.extensions.set("requestId".to_owned(), json!(request_id));
    }
}

/// The validation rules have a code each (`UNKNOWN_FIELD`, …). Of the router's errors only theirs have a list of places in
/// the document, though it may be empty.
fn validation(error: &GraphQLError) -> Option<(Code, Say)> {
    (error.locations.is_some() && error.path.is_none()).then_some((Code::GraphqlValidationFailed, Say::Its))
}

/// An error that one of our plug-ins raises itself.
pub(crate) fn of_kit(error: &kit::Error) -> GraphQLError {
    let mut graphql = GraphQLError::from_message_and_code(error.message(), error.code().as_str());
    if let Some(seconds) = error.extension("retryAfter").and_then(|value| value.clone().into_json().ok()) {
        graphql.extensions.set("retryAfter".to_owned(), json!(seconds));
    }
    if !error.fields().is_empty() {
        let fields = error.fields().iter().map(|at| json!({ "field": at.field, "message": at.message }));
        graphql.extensions.set("fields".to_owned(), json!(fields.collect::<Vec<_>>()));
    }
    graphql
}

/// The HTTP status of an error that ends a request before it is executed.
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A whole response of one error, for what ends before GraphQL begins.
pub(crate) fn response(error: &kit::Error) -> HttpResponse {
    let body = sonic_rs::to_vec(&json!({ "errors": [of_kit(error)] })).unwrap_or_default();
    HttpResponse::build(status(error.code())).content_type("application/json").body(body)
}

#[cfg(test)]
mod tests {
    use hive_router::executor::response::graphql_error::GraphQLErrorLocation;

    use super::*;

    fn presented(mut error: GraphQLError) -> serde_json::Value {
        present(&mut error, "r-1");
        serde_json::from_str(&sonic_rs::to_string(&error).unwrap()).unwrap()
    }

    #[test]
    fn a_subgraphs_own_error_passes_with_its_extensions_and_without_its_name() {
        let mut error = GraphQLError::from_message_and_code("Less stock than asked for.", "OUT_OF_STOCK")
            .add_subgraph_name("order")
            .add_affected_path("placeOrder");
        error.extensions.set("shortages".to_owned(), json!([{ "_id": "1", "requested": 2, "available": 1 }]));
        error.locations = Some(vec![GraphQLErrorLocation { line: 1, column: 24 }]);
        assert_eq!(
            presented(error),
            serde_json::json!({
                "message": "Less stock than asked for.",
                "extensions": {
                    "code": "OUT_OF_STOCK",
                    "shortages": [{ "_id": "1", "requested": 2, "available": 1 }],
                },
            })
        );
    }

    #[test]
    fn a_subgraph_that_is_away_is_unavailable_and_its_address_stays_inside() {
        let error = GraphQLError::from_message_and_code(
            "Failed to send request to subgraph: error trying to connect: http://10.0.0.1:4003",
            "SUBREQUEST_HTTP_ERROR",
        )
        .add_subgraph_name("inventory");
        let presented = presented(error);
        assert_eq!(presented["extensions"], serde_json::json!({ "code": "UNAVAILABLE" }));
        assert_eq!(presented["message"], UNAVAILABLE);
    }

    #[test]
    fn a_subgraphs_error_without_a_code_of_the_table_is_masked_whatever_it_says() {
        for error in [
            GraphQLError::from("thread panicked at src/lib.rs:1").add_subgraph_name("order"),
            GraphQLError::from_message_and_code("sqlite: no such table", "SQLITE").add_subgraph_name("order"),
            GraphQLError::from_message_and_code("SELECT *", "PROJECTION_FAILURE"),
        ] {
            let presented = presented(error);
            assert_eq!(presented["message"], INTERNAL);
            assert_eq!(
                presented["extensions"],
                serde_json::json!({ "code": "INTERNAL", "requestId": "r-1" })
            );
        }
    }

    #[test]
    fn a_rule_of_validation_keeps_its_text_and_gets_the_tables_code() {
        let mut error = GraphQLError::from_message_and_code("Cannot query field \"x\".", "UNKNOWN_FIELD");
        error.locations = Some(vec![GraphQLErrorLocation { line: 1, column: 3 }]);
        let presented = presented(error);
        assert_eq!(presented["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(presented["message"], "Cannot query field \"x\".");
    }
}
