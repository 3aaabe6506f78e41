//! HTTP/1.1 and HTTP/1.0 as we speak it: strict in what it takes, plain in what it sends.
//!
//! `httparse` finds tokens; what a message *is*, where it ends and whether two readers could read
//! it differently is decided here (RFC 9112). A message that could be read in two ways is refused
//! with a [`Refusal`], never interpreted: request smuggling lives off the difference. Heads keep
//! their bytes ([`crate::http::Head`]); bodies stream through pooled buffers.
//!
//! [`Server`] is the side that takes requests, [`Client`] the side that sends them. Both are driven
//! by polls of their one owner and need no task of their own.

mod body;
mod chunked;
mod client;
mod encode;
mod fields;
mod limits;
mod refusal;
mod request;
mod response;
mod scan;
mod server;
mod tokens;

pub use body::{Framing, Incoming};
pub use client::{Answered, Broken, Client, Outgoing, Part};
pub use encode::{chunk_end, chunk_start, encode_request, encode_response, encode_trailers};
pub use limits::Limits;
pub use refusal::Refusal;
pub use request::{Request, parse_request};
pub use response::{Response, parse_response};
pub use server::{Arrived, Server};
