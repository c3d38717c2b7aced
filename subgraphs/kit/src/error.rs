//! The one table of error codes and the one error type that crosses a service's edge.
//!
//! An [`Error`] is either the caller's to mend (its text is written for the caller and is sent as it stands) or ours
//! ([`Code::Internal`], [`Code::Unavailable`]): then the cause is logged once, at the edge, beside the request id, and the
//! caller sees a constant text. This module does not decide what is an error: rules do, in `domain/`.

use std::{fmt, sync::Arc, time::Duration};

use async_graphql::{ErrorExtensionValues, ServerError, Value, indexmap::IndexMap};

/// What a service's fallible functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The stable codes of `extensions.code`. The wire name is SCREAMING_SNAKE_CASE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// No credentials, or credentials that are wrong, expired or not for this service.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// It does not exist, or it is not the caller's to know of.
    NotFound,
    /// A value is missing, malformed or out of bounds; `fields` says which.
    BadUserInput,
    /// The state has changed meanwhile, or the name is taken.
    Conflict,
    /// Less stock than asked for; `shortages` says where.
    OutOfStock,
    /// The idempotency key was used before with another input.
    IdempotencyMismatch,
    /// Too many attempts; `retryAfter` says when to come back.
    RateLimited,
    /// A part of the shop does not answer.
    Unavailable,
    /// A fault of ours.
    Internal,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document asks for what the schema does not have.
    GraphqlValidationFailed,
    /// The document is deeper, wider or longer than allowed.
    OperationTooComplex,
    /// The request body or its headers are too large.
    RequestTooLarge,
    /// The HTTP request is not one that the endpoint takes (method, content type, batch, missing header).
    BadRequest,
}

/// One row of the table of codes: what `docs/ERRORS.md` is made of.
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// Whether the same request may succeed later without a change.
    pub retryable: bool,
    /// What it means, for a front-end developer.
    pub meaning: &'static str,
    /// What the caller should do.
    pub remedy: &'static str,
    /// Further keys in `extensions`.
    pub extensions: &'static str,
}

impl Code {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Conflict => "CONFLICT",
            Self::OutOfStock => "OUT_OF_STOCK",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::OperationTooComplex => "OPERATION_TOO_COMPLEX",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::BadRequest => "BAD_REQUEST",
        }
    }

    /// The code of that wire name, if the table has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().map(|row| row.code).find(|code| code.as_str() == name)
    }

    /// Whether the fault is the service's own, so that its cause is logged and never shown.
    #[must_use]
    pub const fn is_internal(self) -> bool {
        matches!(self, Self::Internal | Self::Unavailable)
    }

    /// Every code there is.
    pub const TABLE: &'static [CodeInfo] = &[
        CodeInfo {
            code: Self::Unauthenticated,
            retryable: false,
            meaning: "No credentials were sent, or they are wrong, expired, or made for something else.",
            remedy: "Sign in (`login`) or renew the token (`refreshToken`), then send it as `Authorization: Bearer <token>`.",
            extensions: "",
        },
        CodeInfo {
            code: Self::Forbidden,
            retryable: false,
            meaning: "The caller is known, but this needs another role.",
            remedy: "Use an account with the role named in the message.",
            extensions: "",
        },
        CodeInfo {
            code: Self::NotFound,
            retryable: false,
            meaning: "There is no such thing, or it belongs to somebody else.",
            remedy: "Check the id.",
            extensions: "",
        },
        CodeInfo {
            code: Self::BadUserInput,
            retryable: false,
            meaning: "A value is missing, malformed or out of bounds. Nothing was written.",
            remedy: "Mend the fields that `fields` names.",
            extensions: "`fields: [{ field, message }]`",
        },
        CodeInfo {
            code: Self::Conflict,
            retryable: false,
            meaning: "The name is taken, or what was to be changed has changed meanwhile.",
            remedy: "Read the current state and decide again.",
            extensions: "`fields` where one field is the reason",
        },
        CodeInfo {
            code: Self::OutOfStock,
            retryable: false,
            meaning: "At least one product has less stock than asked for. Nothing was reserved.",
            remedy: "Lower the quantities to what `shortages` says is available.",
            extensions: "`shortages: [{ _id, requested, available }]`",
        },
        CodeInfo {
            code: Self::IdempotencyMismatch,
            retryable: false,
            meaning: "The idempotency key was already used with another input.",
            remedy: "Use a new key for a new request.",
            extensions: "",
        },
        CodeInfo {
            code: Self::RateLimited,
            retryable: true,
            meaning: "Too many attempts, or more work than is taken at once.",
            remedy: "Wait `retryAfter` seconds.",
            extensions: "`retryAfter`: seconds",
        },
        CodeInfo {
            code: Self::Unavailable,
            retryable: true,
            meaning: "A part of the shop does not answer. What was begun is undone or finished by itself.",
            remedy: "Try again shortly; with the same `idempotencyKey` where the mutation takes one.",
            extensions: "",
        },
        CodeInfo {
            code: Self::Internal,
            retryable: true,
            meaning: "A fault of ours. It has been logged.",
            remedy: "Try again; if it stays, report the `requestId`.",
            extensions: "`requestId`",
        },
        CodeInfo {
            code: Self::GraphqlParseFailed,
            retryable: false,
            meaning: "The document is not GraphQL.",
            remedy: "Mend the syntax at the place that `locations` names.",
            extensions: "",
        },
        CodeInfo {
            code: Self::GraphqlValidationFailed,
            retryable: false,
            meaning: "The document or its variables do not fit the schema.",
            remedy: "Compare with the schema (`schema/api.graphql`, or introspection).",
            extensions: "",
        },
        CodeInfo {
            code: Self::OperationTooComplex,
            retryable: false,
            meaning: "The document is deeper, wider or longer than the shop takes.",
            remedy: "Ask for less at once, or in several requests.",
            extensions: "",
        },
        CodeInfo {
            code: Self::RequestTooLarge,
            retryable: false,
            meaning: "The request's body or headers are larger than the shop takes.",
            remedy: "Send less at once.",
            extensions: "",
        },
        CodeInfo {
            code: Self::BadRequest,
            retryable: false,
            meaning: "The HTTP request is not one that the endpoint takes.",
            remedy: "POST one JSON object with `Content-Type: application/json`.",
            extensions: "",
        },
    ];
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field of the input and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The path in the input, as the client wrote it: `input.price`, `products[2].quantity`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct Error {
    code: Code,
    message: String,
    fields: Vec<FieldError>,
    extensions: Vec<(&'static str, Value)>,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// A cause without a type of its own: a text for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Text(String);

impl Error {
    /// An error of `code` whose text is for the caller.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), extensions: Vec::new(), cause: None }
    }

    /// `UNAUTHENTICATED`: nobody, or a credential that does not hold.
    #[must_use]
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// `FORBIDDEN`: the caller is known but may not.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// `NOT_FOUND`: `what` in words, for example "product".
    #[must_use]
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("There is no {what} with the id \"{id}\"."))
    }

    /// `CONFLICT`: the state is not what the caller thought.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// `BAD_USER_INPUT` with one field.
    #[must_use]
    pub fn bad_input(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::bad_inputs(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// `BAD_USER_INPUT` with all the fields that are wrong; the text is made of them.
    #[must_use]
    pub fn bad_inputs(fields: Vec<FieldError>) -> Self {
        let message =
            fields.iter().map(|f| format!("{}: {}", f.field, f.message)).collect::<Vec<_>>().join(" ");
        Self { fields, ..Self::new(Code::BadUserInput, message) }
    }

    /// `RATE_LIMITED`, to be tried again after that long (rounded up to whole seconds, at least one).
    #[must_use]
    pub fn rate_limited(message: impl Into<String>, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Self::new(Code::RateLimited, message).with("retryAfter", seconds.max(1))
    }

    /// `UNAVAILABLE`: a part of the shop does not answer. The cause goes to the log alone.
    #[must_use]
    pub fn unavailable(what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = format!("{what} is not available at the moment. Please try again shortly.");
        Self { cause: Some(Arc::new(cause)), ..Self::new(Code::Unavailable, message) }
    }

    /// `INTERNAL`: a fault of ours. The cause goes to the log alone.
    #[must_use]
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..Self::new(Code::Internal, INTERNAL_TEXT) }
    }

    /// `INTERNAL` where there is no error value, only a fact that should not be.
    #[must_use]
    pub fn bug(cause: impl Into<String>) -> Self {
        Self::internal(Text(cause.into()))
    }

    /// Adds a further key to `extensions`.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.extensions.push((key, value.into()));
        self
    }

    /// Names the field that is the reason, without changing the code (a `CONFLICT` on `username`).
    #[must_use]
    pub fn on_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The text for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields at fault.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// A further extension, as it was put by [`Error::with`].
    #[must_use]
    pub fn extension(&self, key: &str) -> Option<&Value> {
        self.extensions.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The cause and its causes in one line, for the log.
    #[must_use]
    pub fn cause_chain(&self) -> Option<String> {
        let mut next: Option<&dyn std::error::Error> = Some(self.cause.as_deref()?);
        let mut text = String::new();
        while let Some(error) = next {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            next = error.source();
        }
        Some(text)
    }

    fn extension_values(&self, request_id: &str) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.code.as_str());
        if !self.fields.is_empty() {
            let list = self.fields.iter().map(|f| {
                Value::Object(IndexMap::from([
                    (async_graphql::Name::new("field"), Value::from(f.field.as_str())),
                    (async_graphql::Name::new("message"), Value::from(f.message.as_str())),
                ]))
            });
            values.set("fields", Value::List(list.collect()));
        }
        for (key, value) in &self.extensions {
            values.set(key, value.clone());
        }
        if self.code.is_internal() {
            values.set("requestId", request_id);
        }
        values
    }
}

/// What a client sees of a fault of ours.
pub const INTERNAL_TEXT: &str = "Something went wrong on our side. It has been logged.";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

// No `impl std::error::Error`: an `Error` is the end of the chain, and a blanket conversion of it into another error
// would lose its code.

/// The code that an error of an answer carries.
pub(crate) fn code_of(error: &ServerError) -> &str {
    match error.extensions.as_ref().and_then(|values| values.get("code")) {
        Some(Value::String(code)) => code,
        _ => "UNKNOWN",
    }
}

/// Turns the errors of an executed operation into what a client may see, and logs those that are ours, once.
///
/// An error that carries an [`Error`] shows its code, text and extensions. An error of the GraphQL layer itself (a
/// value that does not fit its type) is about the document and is shown as `BAD_USER_INPUT`.
pub fn present(errors: &mut [ServerError], subgraph: &str, request_id: &str) {
    for error in errors {
        if let Some(ours) = error.source.as_ref().and_then(|source| source.downcast_ref::<Error>()) {
            if ours.code.is_internal() {
                let cause = ours.cause_chain().unwrap_or_default();
                tracing::error!(subgraph, request_id, code = %ours.code, cause, "request failed");
            }
            error.message.clone_from(&ours.message);
            error.extensions = Some(ours.extension_values(request_id));
            if ours.code.is_internal() && crate::fault::is_broken("errors.leak") {
                error.message = ours.cause_chain().unwrap_or_default();
            }
        } else if error.source.is_some() {
            // Somebody let a foreign error through `?`: its text is not written for clients.
            tracing::error!(subgraph, request_id, cause = %error.message, "request failed with an unmapped error");
            INTERNAL_TEXT.clone_into(&mut error.message);
            error.extensions = Some(Error::new(Code::Internal, INTERNAL_TEXT).extension_values(request_id));
        } else if error.extensions.as_ref().is_none_or(|values| values.get("code").is_none()) {
            let code = if error.path.is_empty() { Code::GraphqlValidationFailed } else { Code::BadUserInput };
            error.extensions.get_or_insert_default().set("code", code.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(error: Error) -> ServerError {
        let mut errors = [async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default())];
        present(&mut errors, "test", "req-1");
        let [error] = errors;
        error
    }

    #[test]
    fn shows_the_fields_at_fault() {
        let error = shown(Error::bad_input("input.price", "must be at least 1."));
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!(json["message"], "input.price: must be at least 1.");
        assert_eq!(json["extensions"]["code"], "BAD_USER_INPUT");
        assert_eq!(json["extensions"]["fields"][0]["field"], "input.price");
    }

    #[test]
    fn hides_the_text_of_an_internal_cause() {
        let error = shown(Error::bug("disk /dev/sda1 is on fire"));
        let json = serde_json::to_string(&error).unwrap();
        assert!(!json.contains("fire"), "{json}");
        assert!(json.contains("\"requestId\":\"req-1\""), "{json}");
    }

    #[test]
    fn hides_the_text_of_an_error_that_nobody_mapped() {
        let foreign: async_graphql::Error = std::io::Error::other("secret path").into();
        let mut errors = [foreign.into_server_error(async_graphql::Pos::default())];
        present(&mut errors, "test", "req-1");
        assert!(!serde_json::to_string(&errors).unwrap().contains("secret"));
        assert!(serde_json::to_string(&errors).unwrap().contains("INTERNAL"));
    }

    #[test]
    fn rounds_the_time_to_wait_up_to_whole_seconds() {
        let error = Error::rate_limited("slow down", Duration::from_millis(1_200));
        assert_eq!(error.extension("retryAfter"), Some(&Value::from(2_u64)));
        let error = Error::rate_limited("slow down", Duration::ZERO);
        assert_eq!(error.extension("retryAfter"), Some(&Value::from(1_u64)));
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for row in Code::TABLE {
            assert_eq!(Code::from_name(row.code.as_str()), Some(row.code));
        }
    }
}
