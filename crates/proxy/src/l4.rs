//! Relays: connections that are passed on without being understood.
//!
//! A relay shares with HTTP everything that is not about requests: sockets and drain, services and
//! their balance, health and ejection, records and counters. [`header`] reads the PROXY header that
//! listeners of every kind may expect; [`greeting`] looks at the host name that TLS asks for,
//! without ending TLS; [`session`] finds an endpoint, connects and carries; [`udp`] does so for the
//! datagrams of one source, [`table`] knows those sessions.

mod greeting;
mod header;
mod names;
mod recording;
mod session;
mod table;
mod udp;

pub(crate) use header::{announce, take_header};
pub(crate) use names::Relay;
pub(crate) use session::relay;
pub(crate) use udp::take_datagrams;
