//! gRPC over HTTP/2, without generated code: a message is the bytes that came.
//!
//! Traces, logs and what is asked about them arrive as gRPC calls whose messages we keep or read in
//! place, so nothing here decodes protobuf. `server` answers unary and server-streaming calls over
//! hyper, [`client`] makes unary ones; [`Status`] is how a call ends. Compression is gzip (and zstd
//! for what is received). Source: "gRPC over HTTP2" (PROTOCOL-HTTP2.md of grpc/grpc). Not here:
//! streams from the client, gRPC-Web, reflection, service configuration.

mod answer;
mod bin;
pub mod client;
mod frame;
mod opening;
mod server;
mod status;
mod timeout;

pub use answer::{Body, Reply};
pub use frame::Limits;
pub use server::{Call, Server, Service, is_grpc};
pub use status::{Code, Status};
