//! Asking name servers directly, because the system's resolver hides for how long an answer is good.
//!
//! A small client of our own: three types of record, one question at a time over UDP, over TCP when
//! the answer was cut. The crate that does all of DNS brings sixty others along, and what keeps a
//! resolver healthy (bounds of TTLs, pauses after failures, stale answers) is ours in any case: see
//! [`crate::resolve`].

mod ask;
mod message;
mod settings;

pub use ask::{AskError, Client};
pub use message::{Answer, Kind, Malformed, NAME_BYTES_MAX, RECORDS_MAX, Record, Value};
pub use settings::{SERVERS_MAX, Settings, hosts};
