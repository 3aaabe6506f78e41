//! Why a request is refused, before anybody words it.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::intake::{self, RETRY};
use crate::metrics::Reason;
use crate::sink;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no such path")]
    NotFound,
    #[error("only {0} is served here")]
    Method(Method),
    #[error("pages of this origin may not send spans")]
    Origin,
    #[error("a valid token is needed")]
    Token,
    #[error("bodies of type `{0}` are not read")]
    ContentType(String),
    #[error("bodies compressed with `{0}` are not read")]
    Encoding(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    Malformed(String),
    #[error("the body took too long to arrive")]
    Slow,
    #[error("the body broke off")]
    BrokeOff,
    #[error("too much is under way at the moment")]
    Busy,
    #[error("the batch was not kept in time")]
    Late,
    #[error("{}", told(.0))]
    Sink(#[from] sink::Refused),
}

fn told(refused: &sink::Refused) -> String {
    refused.to_string()
}

impl Refusal {
    /// The status of HTTP.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::ContentType(_) | Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge(_) | Self::Sink(sink::Refused::TooLarge) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Malformed(_) | Self::BrokeOff | Self::Sink(sink::Refused::Invalid(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::Busy | Self::Sink(sink::Refused::Busy { .. }) => StatusCode::TOO_MANY_REQUESTS,
            // OTLP's senders would throw away what is answered 408.
            Self::Slow
            | Self::Late
            | Self::Sink(sink::Refused::Full { .. } | sink::Refused::Unavailable { .. }) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// The reason under which it is to be counted; `None` when the intake has done so.
    pub(crate) const fn uncounted(&self) -> Option<Reason> {
        Some(match self {
            Self::NotFound | Self::Method(_) | Self::ContentType(_) | Self::Encoding(_) => {
                Reason::Unsupported
            }
            Self::Origin | Self::Token => Reason::Forbidden,
            Self::TooLarge(_) => Reason::TooLarge,
            Self::Malformed(_) => Reason::Malformed,
            Self::Slow | Self::BrokeOff => Reason::Unfinished,
            Self::Busy => Reason::Busy,
            Self::Late => Reason::Unavailable,
            Self::Sink(_) => return None,
        })
    }

    /// When to come again, if coming again is right.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy | Self::Late | Self::Slow => Some(RETRY),
            Self::Sink(refused) => intake::retry_after(refused),
            _ => None,
        }
    }

    /// What the status asks to be told in fields.
    pub(crate) fn explain(&self, fields: &mut HeaderMap) {
        match self {
            Self::Method(method) => {
                let allowed = format!("{method}, OPTIONS");
                if let Ok(allowed) = HeaderValue::from_str(&allowed) {
                    fields.insert(header::ALLOW, allowed);
                }
            }
            Self::Token => {
                let challenge = HeaderValue::from_static("Bearer realm=\"trunkline\"");
                fields.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::Encoding(_) => {
                let known = HeaderValue::from_static("gzip, deflate, zstd");
                fields.insert(header::ACCEPT_ENCODING, known);
            }
            // What is left of the body is not worth reading.
            Self::TooLarge(_) | Self::Slow | Self::BrokeOff => {
                fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }
}
