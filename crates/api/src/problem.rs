//! A refusal or failure, told so that the reader knows what to do: RFC 9457 problem documents.
//!
//! Every error of the control API and of the [`guard`](crate::guard) has this shape; surfaces that
//! copy another product's API wrap it in that product's envelope.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::commands::Refused;

/// Media type of problem documents (RFC 9457 §3).
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The code of a question for which there is no place at the moment.
pub const QUERY_BUSY: &str = "query_busy";

/// One refusal or failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable word for it; scripts rely on it.
    pub code: &'static str,
    /// HTTP status.
    #[serde(serialize_with = "status_number")]
    pub status: StatusCode,
    /// What it is, for people, the same for every occurrence.
    pub title: &'static str,
    /// This occurrence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub hint: &'static str,
    /// All mistakes, where there may be several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields by reference")]
fn status_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of this kind, without detail.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { code, status, title, detail: String::new(), hint: "", errors: Vec::new() }
    }

    /// With what is particular to this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// A value of a request that cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "the request is not valid").detail(detail)
    }

    /// Something that is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing").detail(detail)
    }

    /// The document as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a problem has only texts and a number")
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (status, code, title) = match refused {
            Refused::Invalid(_) => (422, "invalid_configuration", "the configuration has errors"),
            Refused::UnknownService(_) => (404, "unknown_service", "there is no such service"),
            Refused::NotHere { .. } => (409, "not_here", "this run cannot do that"),
            Refused::Busy(_) => (409, "busy", "an earlier command is still in progress"),
            Refused::Failed { .. } => (500, "failed", "the command failed"),
        };
        let status = StatusCode::from_u16(status).expect("the statuses above are valid");
        let mut problem = Self::new(status, code, title).detail(refused.to_string());
        if let Refused::Invalid(errors) = refused {
            problem.errors = errors;
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if self.code == QUERY_BUSY {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_configuration_lists_every_error() {
        let problem = Problem::from(Refused::Invalid(vec!["a".into(), "b".into()]));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&problem.to_json()).unwrap(),
            serde_json::json!({
                "code": "invalid_configuration",
                "status": 422,
                "title": "the configuration has errors",
                "detail": "the configuration has 2 error(s); the former one stays in force",
                "errors": ["a", "b"],
            })
        );
    }
}
