//! The parameters of `GET /api/traces`, with the defaults and the messages of Jaeger.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use trunkline_model::trace::{TraceId, TraceQuery};

use super::envelope::Failure;
use crate::parameters::Parameters;

/// Traces in an answer when nothing is asked for.
const LIMIT_DEFAULT: usize = 100;

/// Most traces in an answer.
const LIMIT_MAX: usize = 10_000;

/// Most traces asked for by id at a time.
const IDS_MAX: usize = 1_000;

/// How far back is searched when `start` is not given.
const LOOKBACK: Duration = Duration::from_hours(48);

/// What is searched for.
#[derive(Debug, PartialEq)]
pub(super) enum Search {
    /// Traces that meet conditions.
    Traces(TraceQuery),
    /// These.
    Ids(Vec<TraceId>),
}

pub(super) fn service_required() -> Failure {
    Failure::bad_request("parameter 'service' is required".into())
}

/// Reads the search; `now` is in nanoseconds since 1970.
pub(super) fn search(parameters: &Parameters, now: u64) -> Result<Search, Failure> {
    let asked = parameters.all("traceID").take(IDS_MAX).map(trace_id);
    let asked: Vec<_> = asked.collect::<Result<_, _>>()?;
    // Each once: a large trace that is asked for a thousand times must not become a huge answer.
    let mut seen = HashSet::new();
    let ids: Vec<_> = asked.into_iter().filter(|id| seen.insert(*id)).collect();
    if !ids.is_empty() {
        return Ok(Search::Ids(ids));
    }
    let lookback = u64::try_from(LOOKBACK.as_nanos()).unwrap_or(u64::MAX);
    let query = TraceQuery {
        service: Some(parameters.all("service").next().ok_or_else(service_required)?.to_owned()),
        // The UI of Jaeger sends `all` for no choice.
        operation: parameters
            .all("operation")
            .next()
            .filter(|name| *name != "all")
            .map(str::to_owned),
        attributes: tags(parameters)?,
        start_unix_nanos_min: Some(
            micros(parameters, "start")?.unwrap_or(now.saturating_sub(lookback)),
        ),
        start_unix_nanos_max: Some(micros(parameters, "end")?.unwrap_or(now)),
        duration_min: duration(parameters, "minDuration")?,
        duration_max: duration(parameters, "maxDuration")?,
        limit: limit(parameters)?,
    };
    match (query.duration_min, query.duration_max) {
        (Some(min), Some(max)) if max < min => {
            Err(Failure::bad_request("'maxDuration' should be greater than 'minDuration'".into()))
        }
        _ => Ok(Search::Traces(query)),
    }
}

fn unreadable(name: &str, value: &str, why: &str) -> Failure {
    let value: String = value.chars().take(200).collect();
    Failure::bad_request(format!("unable to parse param '{name}': {why}: {value:?}"))
}

/// Microseconds since 1970, in nanoseconds.
fn micros(parameters: &Parameters, name: &'static str) -> Result<Option<u64>, Failure> {
    let Some(text) = parameters.all(name).next() else {
        return Ok(None);
    };
    let micros: u64 =
        text.parse().map_err(|_| unreadable(name, text, "expected microseconds since 1970"))?;
    Ok(Some(micros.saturating_mul(1_000)))
}

fn duration(parameters: &Parameters, name: &'static str) -> Result<Option<Duration>, Failure> {
    Ok(parameters.duration(name)?)
}

fn limit(parameters: &Parameters) -> Result<usize, Failure> {
    match parameters.all("limit").next() {
        None => Ok(LIMIT_DEFAULT),
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
            _ => Err(unreadable("limit", text, "expected a positive number")),
        },
    }
}

/// `tag=key:value`, any number of times, and `tags={"key":"value"}`.
fn tags(parameters: &Parameters) -> Result<Vec<(String, String)>, Failure> {
    let mut tags = Vec::new();
    for tag in parameters.all("tag") {
        let (key, value) = tag.split_once(':').ok_or_else(|| {
            Failure::bad_request(format!(
                "malformed 'tag' parameter, expecting key:value, received: {tag}"
            ))
        })?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    for text in parameters.all("tags") {
        let more: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| {
            Failure::bad_request(format!(
                "malformed 'tags' parameter, cannot unmarshal JSON: {error}"
            ))
        })?;
        tags.extend(more);
    }
    Ok(tags)
}

/// A trace id as Jaeger's clients write it: hex in either case, leading zeros left out.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Failure> {
    let hex = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let padded = format!("{:0>32}", text.to_ascii_lowercase());
    match TraceId::from_hex(padded.as_bytes()) {
        Some(id) if hex => Ok(id),
        _ => Err(unreadable("traceID", text, "expected up to 32 hex digits")),
    }
}
