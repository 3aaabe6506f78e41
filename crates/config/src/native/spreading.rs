//! How a service's requests are shared out: algorithm, hash, limits, queue, affinity, slow start.

pub mod forms;
pub mod raw;

use trunkline_model::endpoint::EndpointPlace;
use trunkline_model::filter::HeaderName;
use trunkline_model::service::{
    Affinity, Balance, HashKey, HashOn, Queue, SameSite, SlowStart, Spread,
};

use self::forms::HashForm;
use self::raw::{
    BalanceWord, HashWord, RawAffinity, RawBalance, RawEndpoint, RawHash, RawQueue, SameSiteWord,
};
use super::raw::RawService;
use crate::decode::Spanned;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};

/// The algorithm of a service.
pub(super) fn balance(service: &RawService) -> Balance {
    let word = service.balance.as_ref().map_or(defaults::BALANCE, |form| form.value.0.by);
    match word {
        BalanceWord::RoundRobin => Balance::RoundRobin,
        BalanceWord::LeastRequest => Balance::LeastRequest,
        BalanceWord::PeakEwma => Balance::PeakEwma,
        BalanceWord::Random => Balance::Random,
        BalanceWord::First => Balance::First,
        BalanceWord::RingHash => Balance::RingHash,
        BalanceWord::Maglev => Balance::Maglev,
    }
}

/// Everything else of a service.
pub(super) fn lower(service: &RawService, zone: &str, diagnostics: &mut Diagnostics) -> Spread {
    let raw = service.balance.as_ref();
    Spread {
        hash: raw.and_then(|form| hash(&form.value.0, diagnostics)),
        slow_start: service.slow_start.as_ref().map(|form| SlowStart {
            window: form.0.window.0,
            aggression_percent: form.0.aggression.max(1),
            least: form.0.least,
        }),
        affinity: service.affinity.as_ref().and_then(|raw| affinity(raw, diagnostics)),
        limit: service.max_connections.as_ref().and_then(|limit| self::limit(limit, diagnostics)),
        queue: queue(service.queue.as_ref(), diagnostics),
        zone: zone.to_owned(),
        panic: raw.map_or(defaults::PANIC, |form| form.value.0.panic),
    }
}

/// Place and limit of an endpoint.
pub(super) fn endpoint(
    raw: &RawEndpoint,
    diagnostics: &mut Diagnostics,
) -> (EndpointPlace, Option<u32>) {
    let zone = raw.zone.clone().unwrap_or_default();
    let place = EndpointPlace { priority: raw.priority, backup: raw.backup, zone };
    let limit = raw.max_connections.as_ref().and_then(|limit| self::limit(limit, diagnostics));
    (place, limit)
}

fn limit(limit: &Spanned<u32>, diagnostics: &mut Diagnostics) -> Option<u32> {
    if limit.value == 0 {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`max_connections` is above zero")
                .at(limit.span, "it could take nothing")
                .hint("leave it out for no limit; `weight: 0` takes an endpoint out"),
        );
    }
    Some(limit.value).filter(|limit| *limit > 0)
}

fn hash(raw: &RawBalance, diagnostics: &mut Diagnostics) -> Option<HashOn> {
    let hashed = matches!(raw.by, BalanceWord::RingHash | BalanceWord::Maglev);
    let spans = [raw.hash.as_ref().map(|h| h.span), raw.load_max.as_ref().map(|l| l.span)];
    if let Some(span) = spans.into_iter().flatten().next().filter(|_| !hashed) {
        diagnostics.push(
            Diagnostic::new(codes::CONFLICT, format!("`{}` hashes nothing", raw.by))
                .at(span, "for `ring_hash` and `maglev`")
                .hint("write `by: maglev`, or take it out"),
        );
    }
    if let Some(load) = raw.load_max.as_ref().filter(|load| !(100..=10_000).contains(&load.value)) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, "`load_max` is between 100 and 10000 percent")
                .at(load.span, "out of range")
                .hint("150 lets an endpoint have half as much again as the average"),
        );
    }
    let key = match &raw.hash {
        None => HashKey::Source,
        Some(Spanned { value: HashForm(form), span }) => {
            key(&Spanned { value: form.clone(), span: *span }, diagnostics)?
        }
    };
    let load_percent_max = raw.load_max.as_ref().map(|load| load.value);
    hashed.then_some(HashOn { key, load_percent_max })
}

fn key(raw: &Spanned<RawHash>, diagnostics: &mut Diagnostics) -> Option<HashKey> {
    let named = matches!(raw.value.on, HashWord::Header | HashWord::Cookie | HashWord::Query);
    let name = raw.value.name.as_ref();
    if named != name.is_some() {
        let (message, hint) = if named {
            (format!("which {0}? it has no `name`", raw.value.on), "add `name:`")
        } else {
            (format!("`{}` has no name", raw.value.on), "take `name` out")
        };
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, message)
                .at(name.map_or(raw.span, |name| name.span), "this hash")
                .hint(hint),
        );
        return None;
    }
    let text = name.map(|name| name.value.clone()).unwrap_or_default();
    Some(match raw.value.on {
        HashWord::Source => HashKey::Source,
        HashWord::Path => HashKey::Path,
        HashWord::Header => HashKey::Header(header(name?, diagnostics)?),
        HashWord::Cookie => HashKey::Cookie(cookie(name?, diagnostics)?),
        HashWord::Query => HashKey::Query(text),
    })
}

fn header(name: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<HeaderName> {
    let parsed = name.value.parse::<HeaderName>();
    let told = |error: &dyn std::fmt::Display| {
        Diagnostic::new(codes::BAD_VALUE, error.to_string()).at(name.span, "not a header name")
    };
    parsed.inspect_err(|error| diagnostics.push(told(error))).ok()
}

/// Names of cookies are made of the same characters as those of headers (RFC 6265 §4.1.1).
fn cookie(name: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<String> {
    if name.value.parse::<HeaderName>().is_err() {
        diagnostics.push(
            Diagnostic::new(
                codes::BAD_VALUE,
                format!("`{}` is not a name for a cookie", name.value),
            )
            .at(name.span, "letters, digits, `-` and `_`"),
        );
        return None;
    }
    Some(name.value.clone())
}

fn affinity(raw: &Spanned<RawAffinity>, diagnostics: &mut Diagnostics) -> Option<Affinity> {
    let name = cookie(&raw.value.cookie, diagnostics)?;
    let path = &raw.value.path;
    if !path.starts_with('/') || path.bytes().any(|b| b == b';' || b <= b' ' || b >= 0x7f) {
        diagnostics.push(
            Diagnostic::new(codes::BAD_VALUE, format!("`{path}` is not a path"))
                .at(raw.span, "a path starts with `/`"),
        );
        return None;
    }
    Some(Affinity {
        cookie: name,
        ttl: raw.value.ttl.map(|ttl| ttl.0),
        path: path.clone(),
        same_site: match raw.value.same_site {
            SameSiteWord::Lax => SameSite::Lax,
            SameSiteWord::Strict => SameSite::Strict,
            SameSiteWord::None => SameSite::None,
        },
    })
}

fn queue(raw: Option<&RawQueue>, diagnostics: &mut Diagnostics) -> Queue {
    let header = raw.and_then(|raw| raw.priority_header.as_ref());
    Queue {
        max: raw.map_or(defaults::QUEUE_MAX, |raw| raw.max),
        timeout: raw.map_or(defaults::QUEUE_TIMEOUT, |raw| raw.timeout.0),
        priority_header: header.and_then(|name| self::header(name, diagnostics)),
    }
}
