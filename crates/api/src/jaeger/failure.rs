//! What an unanswered question is in HTTP.

use http::StatusCode;
use trunkline_query::Error;
use trunkline_store::source::{QueryError, Spent};

/// The status of an answer that says why there is none.
pub(crate) const fn status(error: &Error) -> StatusCode {
    match error {
        Error::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Error::Query(QueryError::Budget(Spent::Time(_))) => StatusCode::GATEWAY_TIMEOUT,
        Error::Query(QueryError::Budget(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::TooFine(_) => StatusCode::BAD_REQUEST,
        Error::NoRollups => StatusCode::NOT_IMPLEMENTED,
        Error::Query(QueryError::Unreadable { .. }) | Error::Failed(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
