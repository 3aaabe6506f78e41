//! Whether a failed request is sent again: pure, so that every case can be checked at a glance.

use trunkline_model::reason::Kind;

use crate::forward::{Failure, Processed, RequestBody};

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The caller is told.
    No,
    /// To the same endpoint, on a fresh connection.
    SameEndpoint,
    /// To another endpoint.
    Elsewhere,
}

/// Decides on what is known of the attempt.
pub(super) fn next_step(
    failure: &Failure,
    method: &str,
    body: &RequestBody,
    reused: bool,
) -> Again {
    decide(failure, is_harmless(method) && body.is_empty(), body.is_lost(), reused)
}

fn decide(failure: &Failure, harmless: bool, body_started: bool, reused: bool) -> Again {
    let certain = failure.processed == Processed::No && !body_started;
    let likely = failure.processed == Processed::Unlikely && harmless;
    match failure.kind {
        // It cannot be sent anywhere.
        Kind::BadRequest => Again::No,
        _ if !certain && !likely => Again::No,
        _ if reused => Again::SameEndpoint,
        _ => Again::Elsewhere,
    }
}

/// Methods that may be repeated by everybody (RFC 9110 §9.2.2).
pub(super) fn is_harmless(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, processed: Processed, known: [bool; 3], expect: Again) {
        let [harmless, body_started, reused] = known;
        let failure = Failure::new(kind, "", processed);
        assert_eq!(
            decide(&failure, harmless, body_started, reused),
            expect,
            "{failure:?} {known:?}"
        );
    }

    #[test]
    fn what_was_never_sent_is_sent_elsewhere() {
        for harmless in [true, false] {
            check(Kind::Connect, Processed::No, [harmless, false, false], Again::Elsewhere);
        }
    }

    #[test]
    fn a_dead_pooled_connection_is_no_fault_of_its_endpoint() {
        check(Kind::UpstreamReset, Processed::No, [false, false, true], Again::SameEndpoint);
        check(Kind::UpstreamReset, Processed::Unlikely, [true, false, true], Again::SameEndpoint);
    }

    #[test]
    fn what_ended_without_a_byte_is_harmless_to_repeat_elsewhere() {
        check(Kind::UpstreamReset, Processed::Unlikely, [true, false, false], Again::Elsewhere);
        check(Kind::UpstreamReset, Processed::Unlikely, [false, false, false], Again::No);
    }

    #[test]
    fn what_may_have_been_processed_is_not_repeated() {
        check(Kind::UpstreamReset, Processed::Maybe, [true, false, false], Again::No);
        check(Kind::UpstreamReset, Processed::Unlikely, [false, false, true], Again::No);
        check(Kind::AttemptTimeout, Processed::Maybe, [true, false, true], Again::No);
    }

    #[test]
    fn a_body_that_was_begun_cannot_be_sent_again() {
        check(Kind::UpstreamReset, Processed::No, [false, true, true], Again::No);
    }
}
