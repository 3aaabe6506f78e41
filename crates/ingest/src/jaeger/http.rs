//! Jaeger's Thrift over HTTP: `POST /api/traces`, a `Batch` as it is.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::Full;

use super::grpc::GROWTH;
use super::thrift::read_batch;
use crate::http::{Answer, Received, Refusal, media_type, plain};
use crate::intake::{Intake, aside};
use crate::metrics::Protocol;
use crate::thrift::{Flavor, Reader};

/// The door.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) intake: Arc<Intake>,
}

impl crate::http::Door for Door {
    fn protocol(&self) -> Option<Protocol> {
        Some(Protocol::JaegerHttp)
    }

    fn method(&self, path: &str) -> Option<Method> {
        (path == "/api/traces").then_some(Method::POST)
    }

    fn answer(self: Arc<Self>, received: Received) -> BoxFuture<'static, Result<Answer, Refusal>> {
        async move {
            let Received { parts, body, mut held } = received;
            let kind = media_type(&parts.headers);
            let flavor = flavor(&kind).ok_or(Refusal::ContentType(kind))?;
            held.grow(GROWTH * body.len()).map_err(|_| Refusal::Busy)?;
            let read = aside(body.len(), move || read_batch(&mut Reader::new(&body, flavor)));
            let read = read.await?.map_err(|error| Refusal::Malformed(error.to_string()))?;
            let batch = Bytes::from(read.request);
            self.intake.take(Protocol::JaegerHttp, batch, read.rejected).await?;
            drop(held);
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::ACCEPTED;
            Ok(answer)
        }
        .boxed()
    }

    /// In Jaeger's own words: another type is a bad request to it.
    fn word(&self, _: &HeaderMap, refusal: &Refusal) -> Answer {
        match refusal {
            Refusal::ContentType(kind) => {
                plain(StatusCode::BAD_REQUEST, format!("Unsupported content type: {kind}\n"))
            }
            Refusal::Malformed(why) => {
                let text = format!("Unable to process request body: {why}\n");
                plain(StatusCode::BAD_REQUEST, text)
            }
            Refusal::Sink(refused) => {
                plain(refusal.status(), format!("Cannot submit Jaeger batch: {refused}\n"))
            }
            refusal => plain(refusal.status(), format!("{refusal}\n")),
        }
    }
}

fn flavor(kind: &str) -> Option<Flavor> {
    match kind {
        "application/x-thrift" | "application/vnd.apache.thrift.binary" => Some(Flavor::Binary),
        "application/vnd.apache.thrift.compact" => Some(Flavor::Compact),
        _ => None,
    }
}
