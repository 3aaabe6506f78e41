//! What every answer of Jaeger's API is wrapped in, errors included.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, Uri, header};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use trunkline_model::trace::TraceId;
use trunkline_query::PacedText;
use trunkline_store::source::Budget;

use super::document::trace_id;
use crate::parameters::{ParameterError, Parameters};

/// Text of the error for a trace that is not there.
const TRACE_NOT_FOUND: &str = "trace not found";

const WRITABLE: &str = "answers have texts as keys, so JSON can express them";

/// An answer.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<T> {
    pub(super) data: T,
    pub(super) total: usize,
    limit: usize,
    offset: usize,
    #[serde(serialize_with = "null_when_empty")]
    pub(super) errors: Vec<Value>,
}

fn null_when_empty<S: Serializer>(errors: &[Value], to: S) -> Result<S::Ok, S::Error> {
    let errors = (!errors.is_empty()).then_some(errors);
    errors.serialize(to)
}

impl<T: Serialize> Envelope<T> {
    /// An answer without errors that does not say how much it holds.
    pub(super) fn of(data: T) -> Self {
        Self { data, total: 0, limit: 0, offset: 0, errors: Vec::new() }
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect(WRITABLE)
    }

    /// The text that answers a request for `uri`; with `prettyPrint` it is indented.
    fn text(&self, uri: &Uri) -> String {
        let pretty = Parameters::of(uri).is_ok_and(|parameters| is_pretty(&parameters));
        if pretty { serde_json::to_string_pretty(self).expect(WRITABLE) } else { self.json() }
    }

    /// The same of what may be large. Where the budget ends, so does the text.
    pub(super) fn paced_text(&self, uri: &Uri, budget: &mut Budget) -> String {
        let pretty = Parameters::of(uri).is_ok_and(|parameters| is_pretty(&parameters));
        let mut text = PacedText::new(budget);
        // Writing fails only when the budget has ended, and then nobody reads it.
        let _ = if pretty {
            serde_json::to_writer_pretty(&mut text, self)
        } else {
            serde_json::to_writer(&mut text, self)
        };
        String::from_utf8(text.into_bytes()).unwrap_or_default()
    }

    /// The answer to a request for `uri`.
    pub(super) fn response(&self, uri: &Uri) -> Response {
        response(StatusCode::OK, self.text(uri))
    }
}

impl Envelope<Vec<Value>> {
    /// A list that says how long it is.
    pub(super) fn list(data: Vec<Value>) -> Self {
        Self { total: data.len(), ..Self::of(data) }
    }
}

/// Whether an answer is to be indented.
pub(super) fn is_pretty(parameters: &Parameters) -> bool {
    parameters.all("prettyPrint").next().is_some_and(|value| value != "false")
}

pub(super) fn response(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// An error for one trace among several.
pub(super) fn trace_not_found(id: Option<TraceId>) -> Value {
    let mut error = Map::new();
    error.insert("msg".into(), json!(TRACE_NOT_FOUND));
    if let Some(id) = id {
        error.insert("traceID".into(), json!(trace_id(id)));
    }
    Value::Object(error)
}

/// The note on an answer that is not complete.
pub(super) fn partial() -> Value {
    json!({ "msg": "the search ended before everything was seen: there may be more; ask for a shorter time" })
}

/// A request that got no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: String) -> Self {
        Self { status, message }
    }

    pub(super) fn bad_request(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn trace_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, TRACE_NOT_FOUND.to_owned())
    }
}

impl From<trunkline_query::Error> for Failure {
    fn from(error: trunkline_query::Error) -> Self {
        Self::new(super::failure::status(&error), error.to_string())
    }
}

impl From<ParameterError> for Failure {
    fn from(error: ParameterError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = json!({ "code": self.status.as_u16(), "msg": self.message });
        let envelope = Envelope { errors: vec![error], ..Envelope::of(Value::Null) };
        response(self.status, envelope.json())
    }
}
