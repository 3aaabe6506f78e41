//! OTLP over HTTP: `POST /v1/traces`, protobuf or JSON.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use trunkline_net::grpc::Code;

use super::answer::{self, Form};
use super::json;
use crate::http::{Answer, Received, Refusal, media_type, with_body};
use crate::intake::{Intake, aside};
use crate::metrics::Protocol;

/// The door of OTLP.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) intake: Arc<Intake>,
}

impl crate::http::Door for Door {
    fn protocol(&self) -> Option<Protocol> {
        Some(Protocol::OtlpHttp)
    }

    fn method(&self, path: &str) -> Option<Method> {
        (path == "/v1/traces").then_some(Method::POST)
    }

    fn answer(self: Arc<Self>, received: Received) -> BoxFuture<'static, Result<Answer, Refusal>> {
        async move {
            let Received { parts, body, mut held } = received;
            let kind = media_type(&parts.headers);
            let form = form(&kind).ok_or(Refusal::ContentType(kind))?;
            let batch = match form {
                Form::Protobuf => body,
                Form::Json => {
                    // What is written is never longer than what is read.
                    held.grow(body.len()).map_err(|_| Refusal::Busy)?;
                    from_json(body).await?
                }
            };
            let taken = self.intake.take(Protocol::OtlpHttp, batch, 0).await?;
            drop(held);
            Ok(with_body(StatusCode::OK, content_type(form), answer::taken(form, taken)))
        }
        .boxed()
    }

    fn word(&self, headers: &HeaderMap, refusal: &Refusal) -> Answer {
        // A sender of another type cannot read protobuf either.
        let form = form(&media_type(headers)).unwrap_or(Form::Json);
        let retry = refusal.retry_after();
        let body = answer::failed(form, code(refusal) as u32, &refusal.to_string(), retry);
        with_body(refusal.status(), content_type(form), body)
    }
}

async fn from_json(body: Bytes) -> Result<Bytes, Refusal> {
    let read = aside(body.len(), move || json::to_protobuf(&body)).await?;
    read.map(Bytes::from).map_err(|error| Refusal::Malformed(error.to_string()))
}

fn form(kind: &str) -> Option<Form> {
    match kind {
        "application/x-protobuf" | "application/protobuf" => Some(Form::Protobuf),
        "application/json" => Some(Form::Json),
        _ => None,
    }
}

const fn content_type(form: Form) -> HeaderValue {
    HeaderValue::from_static(match form {
        Form::Protobuf => "application/x-protobuf",
        Form::Json => "application/json",
    })
}

/// The code of gRPC that says the same.
fn code(refusal: &Refusal) -> Code {
    match refusal.status() {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Code::Unimplemented,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::InvalidArgument,
    }
}
