//! One try to send one request, and what its answer means (OTLP specification, "Failures").

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use trunkline_net::client::Client;
use trunkline_net::coding;
use trunkline_net::grpc::client::Channel;
use trunkline_net::grpc::{Code, Status};
use trunkline_otlp::wire::Fields;
use trunkline_rt::Scope;

use super::{Config, Wire};
use crate::otlp::grpc::EXPORT;

/// What became of a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken; so many spans of it were rejected for good.
    Taken { rejected: u64 },
    /// Trying again is right, at the earliest after this.
    Again { after: Option<Duration>, why: String },
    /// It is larger than the receiver takes.
    TooLarge,
    /// It will never be taken.
    Never { why: String },
}

/// Where requests go.
#[derive(Debug)]
pub(super) enum Destination {
    Grpc { channel: Arc<Channel>, headers: http::HeaderMap },
    Http { client: Client, url: Uri, headers: http::HeaderMap, gzip: bool },
}

impl Destination {
    pub(super) fn new(config: &Config, scope: &Scope) -> Self {
        let client = config.client.clone();
        let headers = config.headers.clone();
        match config.wire {
            Wire::Grpc => {
                let endpoint = config.endpoint.clone();
                let channel = Channel::new(client, endpoint, config.gzip, scope.clone());
                Self::Grpc { channel, headers }
            }
            Wire::Http => {
                let url = url(&config.endpoint);
                Self::Http { client, url, headers, gzip: config.gzip }
            }
        }
    }

    pub(super) async fn send(&self, batch: &Bytes) -> Outcome {
        match self {
            Self::Grpc { channel, headers } => match channel.unary(EXPORT, batch, headers).await {
                Ok(answer) => Outcome::Taken { rejected: rejected(&answer) },
                Err(status) => of_status(&status),
            },
            Self::Http { client, url, headers, gzip } => {
                let mut request = Request::new(batch.clone());
                *request.method_mut() = http::Method::POST;
                *request.uri_mut() = url.clone();
                *request.headers_mut() = headers.clone();
                let kind = HeaderValue::from_static("application/x-protobuf");
                request.headers_mut().insert(header::CONTENT_TYPE, kind);
                if *gzip {
                    let coding = HeaderValue::from_static("gzip");
                    request.headers_mut().insert(header::CONTENT_ENCODING, coding);
                    *request.body_mut() = coding::gzip(batch).into();
                }
                match client.request(request).await {
                    Ok(answer) => of_answer(&answer),
                    Err(error) => Outcome::Again { after: None, why: error.to_string() },
                }
            }
        }
    }
}

/// The endpoint, or its path for traces when it names none.
fn url(endpoint: &Uri) -> Uri {
    let mut parts = endpoint.clone().into_parts();
    if matches!(endpoint.path(), "" | "/") {
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/v1/traces"));
    }
    Uri::from_parts(parts).unwrap_or_else(|_| endpoint.clone())
}

fn of_status(status: &Status) -> Outcome {
    let why = status.to_string();
    match (status.code, status.retry_after) {
        (Code::ResourceExhausted, None) => Outcome::TooLarge,
        (
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss,
            after,
        ) => Outcome::Again { after, why },
        _ => Outcome::Never { why },
    }
}

fn of_answer(answer: &Response<Bytes>) -> Outcome {
    let why = || format!("the receiver answered {}", answer.status());
    match answer.status() {
        status if status.is_success() => {
            let protobuf = answer.headers().get(header::CONTENT_TYPE);
            let protobuf = protobuf.is_some_and(|kind| kind == "application/x-protobuf");
            Outcome::Taken { rejected: if protobuf { rejected(answer.body()) } else { 0 } }
        }
        StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT
        | StatusCode::REQUEST_TIMEOUT => {
            let after = answer.headers().get(header::RETRY_AFTER);
            let seconds = after.and_then(|after| after.to_str().ok()?.trim().parse().ok());
            Outcome::Again { after: seconds.map(Duration::from_secs), why: why() }
        }
        _ => Outcome::Never { why: why() },
    }
}

/// Spans that an `ExportTraceServiceResponse` says were rejected.
fn rejected(answer: &[u8]) -> u64 {
    let partial = Fields::of(answer).find_map(|field| match field {
        Ok((1, raw)) => raw.bytes(1).ok(),
        _ => None,
    });
    let rejected = Fields::of(partial.unwrap_or_default()).find_map(|field| match field {
        Ok((1, raw)) => raw.varint(1).ok(),
        _ => None,
    });
    // A negative count makes no sense.
    rejected.filter(|count| i64::try_from(*count).is_ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_tried_again_is_what_the_specification_says() {
        let again = |code, after: Option<u64>| {
            let mut status = Status::new(code, "");
            status.retry_after = after.map(Duration::from_secs);
            matches!(of_status(&status), Outcome::Again { .. })
        };
        for code in [
            Code::Cancelled,
            Code::DeadlineExceeded,
            Code::Aborted,
            Code::OutOfRange,
            Code::Unavailable,
            Code::DataLoss,
        ] {
            assert!(again(code, None), "{code:?}");
        }
        assert!(again(Code::ResourceExhausted, Some(1)) && !again(Code::ResourceExhausted, None));
        for code in [Code::InvalidArgument, Code::Unauthenticated, Code::Unimplemented] {
            assert!(!again(code, Some(1)), "{code:?}");
        }
        for (status, expected) in [(429, true), (502, true), (503, true), (504, true), (500, false)]
        {
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            let again = matches!(of_answer(&answer), Outcome::Again { .. });
            assert_eq!(again, expected, "{status}");
        }
    }

    #[test]
    fn an_endpoint_without_a_path_means_that_of_traces() {
        for (endpoint, expected) in [
            ("http://a:4318", "http://a:4318/v1/traces"),
            ("http://a:4318/", "http://a:4318/v1/traces"),
            ("https://a/otlp/v1/traces?x=1", "https://a/otlp/v1/traces?x=1"),
        ] {
            assert_eq!(url(&endpoint.parse().unwrap()).to_string(), expected);
        }
    }
}
