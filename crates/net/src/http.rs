//! HTTP messages as everything of ours sees them: [`Head`], [`Body`], [`Exchange`].
//!
//! A head is the received block as bytes plus offsets, never a map: names keep their case, fields
//! keep their order, and a value is `&[u8]` until somebody needs text. Router, filters and
//! forwarding are written against these types alone; which codec produced them is the business of
//! [`wire`], so that the codec can be replaced underneath.

mod body;
mod exchange;
mod head;
pub mod strict;
pub mod wire;

pub use body::{Body, BodyError, Cause};
pub use exchange::{Correlation, Exchange, Note, Notes, Peer, Scheme};
pub(crate) use head::Found;
pub use head::{Fields, Head, Start, Version, plain};
