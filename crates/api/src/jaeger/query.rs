//! The parameters of version 1, with the defaults and the messages of Jaeger.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use trunkline_model::trace::TraceId;
use trunkline_query::search::Query;

use super::envelope::Failure;
use super::ids;
use super::wanted::Wanted;
use crate::parameters::Parameters;

/// Traces in an answer when nothing is asked for.
const LIMIT_DEFAULT: usize = 100;

/// Most traces in an answer.
const LIMIT_MAX: usize = 10_000;

/// Most traces asked for by id at a time.
const IDS_MAX: usize = 1_000;

/// How far back is searched when `start` is not given.
const LOOKBACK: Duration = Duration::from_hours(48);

/// How far back dependencies are looked for when `lookback` is not given.
const DEPENDENCIES_LOOKBACK: Duration = Duration::from_hours(24);

/// What is searched for.
#[derive(Debug, PartialEq)]
pub(super) enum Search {
    /// Traces that meet conditions.
    Traces(Query),
    /// These.
    Ids(Vec<TraceId>),
}

pub(super) fn service_required() -> Failure {
    Failure::bad_request("parameter 'service' is required".into())
}

/// Reads the search; `now` is in nanoseconds since 1970. Call it where questions are answered:
/// patterns are compiled here.
pub(super) fn search(parameters: &Parameters, now: u64) -> Result<Search, Failure> {
    let asked = parameters.all("traceID").take(IDS_MAX).map(trace_id);
    let asked: Vec<_> = asked.collect::<Result<_, _>>()?;
    // Each once: a large trace that is asked for a thousand times must not become a huge answer.
    let mut seen = HashSet::new();
    let ids: Vec<_> = asked.into_iter().filter(|id| seen.insert(*id)).collect();
    if !ids.is_empty() {
        return Ok(Search::Ids(ids));
    }
    let first = |name| parameters.all(name).next().map(str::to_owned);
    let wanted = Wanted {
        service: first("service"),
        // The UI of Jaeger sends `all` for no choice.
        operation: first("operation").filter(|name| name != "all"),
        attributes: tags(parameters)?,
        duration_min: parameters.duration("minDuration")?,
        duration_max: parameters.duration("maxDuration")?,
    };
    let start = micros(parameters, "start")?.unwrap_or(now.saturating_sub(nanos(LOOKBACK)));
    let end = micros(parameters, "end")?.unwrap_or(now);
    if start > end {
        let message = "invalid parameter: start time must be before end time";
        return Err(Failure::bad_request(message.into()));
    }
    match (wanted.duration_min, wanted.duration_max) {
        (Some(min), Some(max)) if max < min => {
            Err(Failure::bad_request("'maxDuration' should be greater than 'minDuration'".into()))
        }
        _ => Ok(Search::Traces(Query {
            predicate: wanted
                .predicate()
                .map_err(|error| Failure::bad_request(error.to_string()))?,
            start_unix_nanos: start..=end,
            limit: limit(parameters)?,
            after: None,
        })),
    }
}

/// The time of `endTs` and `lookback` in milliseconds, in nanoseconds since 1970.
pub(super) fn dependencies(
    parameters: &Parameters,
    now: u64,
) -> Result<RangeInclusive<u64>, Failure> {
    let end = millis(parameters, "endTs")?.unwrap_or(now);
    let back = millis(parameters, "lookback")?.unwrap_or(nanos(DEPENDENCIES_LOOKBACK));
    Ok(end.saturating_sub(back)..=end)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn unreadable(name: &str, value: &str, why: &str) -> Failure {
    let value: String = value.chars().take(200).collect();
    Failure::bad_request(format!("unable to parse param '{name}': {why}: {value:?}"))
}

/// Microseconds since 1970, in nanoseconds.
fn micros(parameters: &Parameters, name: &'static str) -> Result<Option<u64>, Failure> {
    whole(parameters, name, "expected microseconds since 1970")
        .map(|found| found.map(|micros| micros.saturating_mul(1_000)))
}

/// Milliseconds, in nanoseconds.
pub(super) fn millis(parameters: &Parameters, name: &'static str) -> Result<Option<u64>, Failure> {
    whole(parameters, name, "expected milliseconds")
        .map(|found| found.map(|millis| millis.saturating_mul(1_000_000)))
}

fn whole(parameters: &Parameters, name: &'static str, why: &str) -> Result<Option<u64>, Failure> {
    let text = parameters.all(name).next();
    text.map(|text| text.parse().map_err(|_| unreadable(name, text, why))).transpose()
}

/// Yes or no, as Go reads it.
pub(super) fn flag(parameters: &Parameters, name: &'static str) -> Result<bool, Failure> {
    match parameters.all(name).next() {
        None => Ok(false),
        Some(text) => {
            ids::parse_bool(text).ok_or_else(|| unreadable(name, text, "expected true or false"))
        }
    }
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

/// A trace id as Jaeger's clients write it.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Failure> {
    ids::trace_id(text).ok_or_else(|| unreadable("traceID", text, "expected up to 32 hex digits"))
}
