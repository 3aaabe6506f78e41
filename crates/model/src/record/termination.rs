//! Who ended an exchange and in which phase, as the letters that readers of HAProxy's logs know.
//!
//! The two letters are derived from what a record holds anyway, so that they cost nothing while the
//! exchange runs. Source of the letters' meaning: HAProxy's configuration manual, section 8.5. The
//! letters about cookies are `--`: nothing here marks callers by cookies of its own.

use std::fmt;

use super::{End, ExchangeRecord};
use crate::reason::Kind;

/// Who, and in which phase; `--` for an exchange that ended as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Termination {
    /// `C`aller, `S`ervice, `P`roxy, `L`ocal answer, `R`esource, `I`nternal, `K`illed; in lower case
    /// when a timeout of that side expired.
    pub cause: char,
    /// `R`equest, `Q`ueue, `C`onnect, `H`ead of the response, `D`ata.
    pub phase: char,
}

impl Termination {
    pub(super) fn of(record: &ExchangeRecord) -> Self {
        let (cause, phase) = match (&record.reason, record.end) {
            (Some(reason), _) => because(reason.kind, record),
            (None, End::Complete) => ('-', '-'),
            (None, End::CallerGone) => ('C', phase(record)),
            (None, End::ServiceBroke) => ('S', phase(record)),
            (None, End::Idle) => ('s', phase(record)),
            (None, End::Cut) => ('K', phase(record)),
        };
        Self { cause, phase }
    }
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.cause, self.phase)
    }
}

/// Of an answer of ours.
fn because(kind: Kind, record: &ExchangeRecord) -> (char, char) {
    match kind {
        Kind::NoRoute | Kind::BadRequest | Kind::BodyTooLarge | Kind::SourceLimit => ('P', 'R'),
        Kind::CallerTimeout => ('c', 'R'),
        Kind::Redirect | Kind::Respond | Kind::NotCached => ('L', 'R'),
        Kind::NoEndpoint | Kind::Connect | Kind::UpstreamTls => ('S', 'C'),
        Kind::Starting | Kind::QueueTimeout | Kind::Bulkhead | Kind::RateLimiter => ('s', 'Q'),
        Kind::QueueFull | Kind::Breaker | Kind::AdaptiveLimit | Kind::Shed | Kind::ClusterAway => {
            ('S', 'Q')
        }
        Kind::ConnectTimeout => ('s', 'C'),
        Kind::UpstreamReset | Kind::Fault | Kind::Hedged => ('S', 'H'),
        Kind::UpstreamProtocol => ('P', 'H'),
        Kind::RequestTimeout | Kind::AttemptTimeout | Kind::IdleTimeout => ('s', 'H'),
        Kind::Deadline => ('c', phase(record)),
        Kind::Overload => ('R', phase(record)),
        Kind::Internal => ('I', phase(record)),
    }
}

/// How far it had come. An answer of ours has a status, but no service's head before it.
fn phase(record: &ExchangeRecord) -> char {
    let timings = &record.timings;
    if timings.response.is_some() || (record.status != 0 && record.reason.is_none()) {
        'D'
    } else if timings.connect.is_some() {
        'H'
    } else if timings.queue.is_some() {
        'C'
    } else {
        'R'
    }
}
