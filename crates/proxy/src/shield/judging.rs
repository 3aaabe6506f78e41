//! What an attempt came to, and whether a policy calls that a failure.

use std::time::Duration;

use trunkline_model::reason::Kind;
use trunkline_model::service::policies::Condition;
use trunkline_net::http::Head;
use trunkline_resilience::adaptive::Sample;

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// An answer with this status, and with this one of gRPC if it has one.
    Answer(u16, Option<u8>),
    /// No answer.
    Failure(Kind),
}

/// How a policy judges an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Well.
    Success,
    /// One of its conditions holds.
    Failure,
    /// It says nothing about the service.
    Nothing,
}

impl What {
    /// Judges by the conditions of a policy.
    pub(crate) fn judge(self, failures: &[Condition]) -> Judged {
        if failures.iter().any(|condition| self.is(*condition)) {
            return Judged::Failure;
        }
        match self {
            Self::Failure(kind) if is_callers(kind) => Judged::Nothing,
            // A failure that the policy does not count is none, as with Resilience4j's predicates.
            Self::Answer(..) | Self::Failure(_) => Judged::Success,
        }
    }

    /// Whether it is this.
    pub(crate) fn is(self, condition: Condition) -> bool {
        match (condition, self) {
            (Condition::Status(wanted), Self::Answer(status, _)) => status == wanted,
            (Condition::Statuses(hundred), Self::Answer(status, _)) => {
                status / 100 == u16::from(hundred)
            }
            (Condition::Grpc(wanted), Self::Answer(_, status)) => status == Some(wanted),
            (Condition::Connect, Self::Failure(kind)) => {
                matches!(kind, Kind::Connect | Kind::ConnectTimeout | Kind::UpstreamTls)
            }
            (Condition::Reset, Self::Failure(kind)) => {
                matches!(kind, Kind::UpstreamReset | Kind::UpstreamProtocol)
            }
            (Condition::Timeout, Self::Failure(kind)) => matches!(
                kind,
                Kind::RequestTimeout | Kind::AttemptTimeout | Kind::IdleTimeout | Kind::Deadline
            ),
            _ => false,
        }
    }

    /// What it says about how much the service can do.
    pub(super) fn sample(self, took: Duration) -> Sample {
        match self {
            Self::Answer(429 | 503, _) | Self::Answer(_, Some(8 | 14)) => Sample::Dropped,
            Self::Answer(..) => Sample::Answered(took),
            Self::Failure(_) if self.is(Condition::Timeout) || self.is(Condition::Connect) => {
                Sample::Dropped
            }
            Self::Failure(_) => Sample::Ignored,
        }
    }
}

/// Whether a failure is the caller's, or this process's own.
fn is_callers(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::BadRequest
            | Kind::CallerTimeout
            | Kind::BodyTooLarge
            | Kind::Overload
            | Kind::Internal
    )
}

/// The status of gRPC in a head: there where an answer is nothing but trailers.
pub(crate) fn grpc_status(head: &Head) -> Option<u8> {
    head.get_text("grpc-status")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_tell_failures_from_answers() {
        let usual = [Condition::Statuses(5), Condition::Connect, Condition::Timeout];
        let check = |what: What, expect| assert_eq!(what.judge(&usual), expect, "{what:?}");
        check(What::Answer(200, None), Judged::Success);
        check(What::Answer(404, None), Judged::Success);
        check(What::Answer(503, None), Judged::Failure);
        check(What::Failure(Kind::ConnectTimeout), Judged::Failure);
        check(What::Failure(Kind::AttemptTimeout), Judged::Failure);
        check(What::Failure(Kind::UpstreamReset), Judged::Success);
        check(What::Failure(Kind::BodyTooLarge), Judged::Nothing);
        assert_eq!(What::Answer(200, Some(14)).judge(&[Condition::Grpc(14)]), Judged::Failure);
    }
}
