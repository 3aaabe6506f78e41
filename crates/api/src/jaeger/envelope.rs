//! What every answer of Jaeger's API is wrapped in, errors included.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, Uri, header};
use serde_json::{Map, Value, json};
use trunkline_model::trace::TraceId;

use super::document::trace_id;
use crate::parameters::{ParameterError, Parameters};

/// Text of the error for a trace that is not there.
const TRACE_NOT_FOUND: &str = "trace not found";

/// An answer.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) data: Value,
    pub(super) total: usize,
    pub(super) errors: Vec<Value>,
}

impl Default for Envelope {
    fn default() -> Self {
        Self {
            data: Value::Null,
            total: 0,
            errors: Vec::new(),
        }
    }
}

impl Envelope {
    /// A list that says how long it is.
    pub(super) fn list(data: Vec<Value>) -> Self {
        Self {
            total: data.len(),
            data: Value::Array(data),
            errors: Vec::new(),
        }
    }

    fn json(self) -> Value {
        let errors = if self.errors.is_empty() {
            Value::Null
        } else {
            Value::Array(self.errors)
        };
        json!({ "data": self.data, "total": self.total, "limit": 0, "offset": 0, "errors": errors })
    }

    /// The answer to a request for `uri`; with `prettyPrint` it is indented.
    pub(super) fn response(self, uri: &Uri) -> Response {
        let pretty = Parameters::of(uri).is_ok_and(|parameters| {
            parameters
                .all("prettyPrint")
                .next()
                .is_some_and(|value| value != "false")
        });
        let document = self.json();
        let text = if pretty {
            format!("{document:#}")
        } else {
            document.to_string()
        };
        response(StatusCode::OK, text)
    }
}

fn response(status: StatusCode, text: String) -> Response {
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

impl From<ParameterError> for Failure {
    fn from(error: ParameterError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = json!({ "code": self.status.as_u16(), "msg": self.message });
        let envelope = Envelope {
            errors: vec![error],
            ..Envelope::default()
        };
        response(self.status, envelope.json().to_string())
    }
}
