//! OTLP: the protocol that everything else becomes.

mod answer;
mod base64;
pub(crate) mod grpc;
pub(crate) mod http;
pub mod json;
pub(crate) mod rewrite;
mod schema;
