//! Where Zipkin's spans come in.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::Full;
use trunkline_rt::Clock;

use super::{json, proto};
use crate::http::{Answer, Received, Refusal, media_type, plain};
use crate::intake::{Intake, aside};
use crate::metrics::Protocol;

/// A batch translated takes about so many times the bytes of the batch as it came.
const GROWTH: usize = 2;
const V1: &str = "/api/v1/spans";

/// The door.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) intake: Arc<Intake>,
    pub(crate) clock: Clock,
}

#[derive(Clone, Copy)]
enum Form {
    V1,
    V2,
    Protobuf,
}

impl crate::http::Door for Door {
    fn protocol(&self) -> Option<Protocol> {
        Some(Protocol::Zipkin)
    }

    fn method(&self, path: &str) -> Option<Method> {
        matches!(path, "/api/v2/spans" | V1).then_some(Method::POST)
    }

    fn answer(self: Arc<Self>, received: Received) -> BoxFuture<'static, Result<Answer, Refusal>> {
        async move {
            let Received { parts, body, mut held } = received;
            let form = form(parts.uri.path(), &media_type(&parts.headers))?;
            held.grow(GROWTH * body.len()).map_err(|_| Refusal::Busy)?;
            let now = self.clock.wall_nanos();
            let batch = aside(body.len(), move || read(form, &body, now)).await??;
            self.intake.take(Protocol::Zipkin, batch, 0).await?;
            drop(held);
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = StatusCode::ACCEPTED;
            Ok(answer)
        }
        .boxed()
    }

    fn word(&self, _: &HeaderMap, refusal: &Refusal) -> Answer {
        plain(refusal.status(), format!("{refusal}\n"))
    }
}

/// What is not protobuf is JSON, whatever its sender calls it: Zipkin's server thinks so too.
fn form(path: &str, kind: &str) -> Result<Form, Refusal> {
    match (path == V1, kind) {
        (_, "application/x-thrift" | "application/vnd.apache.thrift.binary") => {
            Err(Refusal::ContentType(kind.to_owned()))
        }
        (true, _) => Ok(Form::V1),
        (false, "application/x-protobuf" | "application/protobuf") => Ok(Form::Protobuf),
        (false, _) => Ok(Form::V2),
    }
}

fn read(form: Form, body: &[u8], now_unix_nanos: u64) -> Result<Bytes, Refusal> {
    let malformed = |error: &dyn std::error::Error| Refusal::Malformed(error.to_string());
    match form {
        Form::V1 => json::read_v1(body, now_unix_nanos).map_err(|error| malformed(&error)),
        Form::V2 => json::read_v2(body, now_unix_nanos).map_err(|error| malformed(&error)),
        Form::Protobuf => proto::read(body, now_unix_nanos).map_err(|error| malformed(&error)),
    }
    .map(Bytes::from)
}
