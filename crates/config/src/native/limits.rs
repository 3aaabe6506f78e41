//! `limits` of the gateway: what the process may use, and what each caller may ask of it.

pub mod raw;

use trunkline_model::guard::{Action, Allowance, Guard, Pace, PerSource};
use trunkline_model::units::Rate;

use self::raw::{ActionWord, RawLimits, RawPerSource};
use super::raw::RawGateway;
use crate::decode::Spanned;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

/// Least bytes of a head: fewer, and no browser gets in.
const HEAD_BYTES_MIN: u64 = 1 << 10;
/// Most bytes of a head.
const HEAD_BYTES_MAX: u64 = 1 << 20;
/// Most header fields of a request.
const FIELDS_MAX: u16 = 100;

/// The limits of a gateway; `None` where it has none written.
pub(super) fn lower(gateway: &RawGateway, diagnostics: &mut Diagnostics) -> Option<Guard> {
    if gateway.limits.is_none() && gateway.body_max.is_none() {
        return None;
    }
    let mut guard = Guard::default();
    if let Some(limits) = &gateway.limits {
        check(limits, diagnostics);
        let limits = &limits.value;
        let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        guard = Guard {
            connections: limits.connections.map(|written| written.value),
            memory: limits.memory.map(|size| size.0),
            cache_bytes: bytes(limits.cache.0),
            head_bytes: bytes(limits.head.0),
            target_bytes: bytes(limits.uri.0),
            fields: limits.header_count.into(),
            body_bytes: limits.body.map(|size| size.0),
            pace: Pace {
                bytes_per_second: u32::try_from(limits.pace.0).unwrap_or(u32::MAX),
                grace: limits.grace.0,
            },
            per_source: limits.per_source.as_ref().map(|source| per_source(source, diagnostics)),
        };
    }
    guard.body_bytes = guard.body_bytes.or(gateway.body_max.map(|size| size.0));
    Some(guard)
}

fn check(limits: &Spanned<RawLimits>, diagnostics: &mut Diagnostics) {
    let mut wrong = |message: String| {
        diagnostics
            .push(Diagnostic::new(codes::BAD_VALUE, message).at(limits.span, "of these limits"));
    };
    let RawLimits { head, uri, header_count, connections, .. } = &limits.value;
    if !(HEAD_BYTES_MIN..=HEAD_BYTES_MAX).contains(&head.0) {
        wrong("`head` is between 1 KiB and 1 MiB".to_owned());
    }
    if uri.0 == 0 || uri.0 > head.0 {
        wrong("`uri` is above zero and not above `head`, of which it is a part".to_owned());
    }
    if !(1..=FIELDS_MAX).contains(header_count) {
        wrong(format!("`header_count` is between 1 and {FIELDS_MAX}"));
    }
    if connections.is_some_and(|connections| connections.value == 0) {
        wrong("`connections` is at least 1".to_owned());
    }
}

fn per_source(written: &Spanned<RawPerSource>, diagnostics: &mut Diagnostics) -> PerSource {
    let raw = &written.value;
    let zero = |number: Option<Spanned<u32>>| number.is_some_and(|number| number.value == 0);
    if zero(raw.connections) || zero(raw.burst) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`connections` and `burst` are at least 1")
                .at(written.span, "nobody could come in")
                .hint("take the key out where there is to be no limit"),
        );
    }
    let burst = raw.burst.map(|burst| burst.value);
    let allowance = |rate: Rate| Allowance { rate, burst: burst.unwrap_or(rate.count.get()) };
    PerSource {
        connections: raw.connections.map(|connections| connections.value),
        connection_rate: raw.connection_rate.map(allowance),
        request_rate: raw.request_rate.map(allowance),
        action: match raw.action {
            ActionWord::Refuse => Action::Refuse,
            ActionWord::Delay => Action::Delay,
            ActionWord::Tarpit => Action::Tarpit,
            ActionWord::Drop => Action::Drop,
        },
        delay_max: raw.delay_max.0,
        except: raw.except.clone(),
    }
}
