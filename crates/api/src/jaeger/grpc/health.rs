//! `grpc.health.v1.Health`: whether the query service is there, for whoever only asks that.
//!
//! It is as long as it is served at all: that it answers is the answer. Messages of the protocol are
//! one field each (grpc/grpc, `health.proto`).

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use trunkline_net::grpc::{Code, Reply, Status};
use trunkline_otlp::wire::{Fields, Malformed, put_number};

/// Asks once.
pub(super) const CHECK: &str = "/grpc.health.v1.Health/Check";
/// Asks, and wants to be told of changes.
pub(super) const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// What can be asked for; the empty name is the server as a whole.
const SERVICES: &[&str] = &["", "jaeger.api_v3.QueryService", "jaeger.api_v3.Capabilities"];

/// `ServingStatus`.
const SERVING: u64 = 1;
const SERVICE_UNKNOWN: u64 = 3;

/// The answer to `Check`.
pub(super) fn check(message: &[u8]) -> Result<Reply, Status> {
    if is_known(message)? {
        return Ok(Reply::Message(told(SERVING)));
    }
    Err(Status::new(Code::NotFound, "there is no such service"))
}

/// The answer to `Watch`: it goes on as long as the caller wants, and nothing changes.
pub(super) fn watch(message: &[u8]) -> Result<Reply, Status> {
    let status = if is_known(message)? { SERVING } else { SERVICE_UNKNOWN };
    Ok(Reply::Messages(stream::iter([Ok(told(status))]).chain(stream::pending()).boxed()))
}

/// `HealthCheckRequest`.
fn is_known(message: &[u8]) -> Result<bool, Status> {
    let malformed = |error: Malformed| {
        Status::new(Code::InvalidArgument, format!("the message cannot be read: {error}"))
    };
    let mut service = "";
    for field in Fields::of(message) {
        if let (1, raw) = field.map_err(malformed)? {
            service = raw.text(1).map_err(malformed)?;
        }
    }
    Ok(SERVICES.contains(&service))
}

/// `HealthCheckResponse`.
fn told(status: u64) -> Bytes {
    let mut into = Vec::new();
    put_number(&mut into, 1, status);
    into.into()
}
