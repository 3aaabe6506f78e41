//! Where strategies are asked for: `GET /?service=`, `GET /sampling?service=`, and over gRPC.

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use trunkline_net::grpc::{Call, Code, Reply, Service, Status};

use super::{Strategies, answer};
use crate::http::{Answer, Guard, Received, Refusal, plain, with_body};
use crate::metrics::{Metrics, Protocol};

/// The method of gRPC.
pub(crate) const GET_STRATEGY: &str = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";

/// The door of HTTP.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) strategies: Arc<ArcSwap<Strategies>>,
    pub(crate) metrics: Arc<Metrics>,
}

impl crate::http::Door for Door {
    fn protocol(&self) -> Option<Protocol> {
        None
    }

    fn method(&self, path: &str) -> Option<Method> {
        matches!(path, "/" | "/sampling" | "/api/sampling").then_some(Method::GET)
    }

    fn answer(self: Arc<Self>, received: Received) -> BoxFuture<'static, Result<Answer, Refusal>> {
        self.metrics.sampling_requests.increment();
        let answer = match service(received.parts.uri.query().unwrap_or_default()) {
            Some(service) => {
                let told = answer::to_json(self.strategies.load().of(&service)).to_string();
                let kind = HeaderValue::from_static("application/json");
                with_body(StatusCode::OK, kind, told)
            }
            None => plain(StatusCode::BAD_REQUEST, "'service' parameter must be provided once\n"),
        };
        async { Ok(answer) }.boxed()
    }

    fn word(&self, _: &HeaderMap, refusal: &Refusal) -> Answer {
        plain(refusal.status(), format!("{refusal}\n"))
    }
}

/// The service that a query names, if it does so exactly once.
fn service(query: &str) -> Option<String> {
    let mut named = query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name) == "service").then(|| decode(value))
    });
    let service = named.next()?;
    named.next().is_none().then_some(service)
}

/// The text of a part of a query: `+` is a space, `%` and two digits are a byte.
fn decode(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&byte, more)) = rest.split_first() {
        let escaped = more
            .first_chunk::<2>()
            .filter(|_| byte == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        rest = more;
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = rest.get(2..).unwrap_or_default();
            }
            None => bytes.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The service of gRPC.
#[derive(Debug)]
pub(crate) struct SamplingService {
    pub(crate) strategies: Arc<ArcSwap<Strategies>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) guard: Arc<Guard>,
}

impl Service for SamplingService {
    fn has(&self, path: &str) -> bool {
        path == GET_STRATEGY
    }

    fn call(self: Arc<Self>, call: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        let answer = self.guard.check_call(&call.metadata).and_then(|()| {
            self.metrics.sampling_requests.increment();
            let service = answer::service(&call.message)
                .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))?;
            let told = answer::to_protobuf(self.strategies.load().of(service));
            Ok(Reply::Message(told.into()))
        });
        async { answer }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_must_be_named_once() {
        for (query, expected) in [
            ("service=web", Some("web")),
            ("x=1&service=my+web%2Fshop", Some("my web/shop")),
            ("service=", Some("")),
            ("service", Some("")),
            ("", None),
            ("service=a&service=b", None),
            ("service=%zz%4", Some("%zz%4")),
        ] {
            assert_eq!(service(query).as_deref(), expected, "{query}");
        }
    }
}
