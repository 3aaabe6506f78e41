//! What a search of version 3 asks for, from parameters, from JSON and from protobuf.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use trunkline_model::trace::TraceId;
use trunkline_model::units::parse_duration;
use trunkline_query::expression::{Patterns, Predicate};
use trunkline_query::search::Query;
use trunkline_store::source::Found;

use super::super::ids;
use super::super::wanted::Wanted;
use super::{Failure, filter, token};
use crate::parameters::Parameters;

/// Traces in an answer when nothing is asked for.
const DEPTH_DEFAULT: usize = 100;
/// Most traces in an answer without pages.
const DEPTH_MAX: usize = 10_000;
/// Most traces of a page.
const PAGE_MAX: usize = 1_000;

/// One trace that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct TraceAsked {
    pub(in super::super) trace: TraceId,
    pub(in super::super) raw: bool,
}

impl TraceAsked {
    pub(super) fn of(id: &str, parameters: &Parameters) -> Result<Self, Failure> {
        let trace = ids::trace_id(id).ok_or_else(|| malformed("trace_id", "not a trace id"))?;
        // They only say where to look: a trace is found without them.
        for names in [("startTime", "start_time"), ("endTime", "end_time")] {
            if let Some((value, name)) = either(parameters, names.0, names.1) {
                moment(name, value)?;
            }
        }
        let raw = match either(parameters, "rawTraces", "raw_traces") {
            Some((value, name)) => flag(name, value)?,
            None => false,
        };
        Ok(Self { trace, raw })
    }
}

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Page {
    pub(in super::super) size: u64,
    pub(in super::super) token: String,
}

/// `TraceQueryParameters`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in super::super) struct Asked {
    pub(in super::super) wanted: Wanted,
    pub(in super::super) filter: Option<Predicate>,
    /// Nanoseconds since 1970, included.
    pub(in super::super) start: Option<u64>,
    /// Nanoseconds since 1970, not included.
    pub(in super::super) end: Option<u64>,
    pub(in super::super) depth: Option<u64>,
    pub(in super::super) raw: bool,
    pub(in super::super) page: Option<Page>,
}

impl Asked {
    /// From the query of a request.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Failure> {
        let mut asked = Self::default();
        for field in FIELDS {
            if let Some((value, name)) = field.found(parameters) {
                (field.read)(&mut asked, name, &Value::String(value.to_owned()))?;
            }
        }
        Ok(asked)
    }

    /// From the body of a request: `{"query":{…}}`.
    pub(super) fn of_json(body: &[u8]) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::bad_request(format!("malformed request body: {error}"))
        };
        let body: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| wrong(&error))?;
        let Some(Value::Object(query)) = body.get("query") else {
            return Err(wrong(&"missing query"));
        };
        let mut asked = Self::default();
        for (name, value) in query.iter().filter(|(_, value)| !value.is_null()) {
            if name == "pagination" {
                asked.page = Some(page_of_json(value)?);
                continue;
            }
            let is = |alias: &&str| alias.strip_prefix("query.") == Some(name.as_str());
            let field = FIELDS.iter().find(|field| field.names.iter().any(is));
            let field = field.ok_or_else(|| wrong(&format_args!("unknown field {name:?}")))?;
            (field.read)(&mut asked, name, value)?;
        }
        Ok(asked)
    }

    /// The search it means. Call it where questions are answered: patterns are compiled here.
    fn query(&self) -> Result<Query, Failure> {
        let (Some(start), Some(end)) = (self.start, self.end) else {
            let message = "query.startTimeMin and query.startTimeMax are required";
            return Err(Failure::bad_request(message));
        };
        if start > end {
            let message = "query.startTimeMin must be before query.startTimeMax";
            return Err(Failure::bad_request(message));
        }
        if let (Some(min), Some(max)) = (self.wanted.duration_min, self.wanted.duration_max)
            && min > max
        {
            let message = "query.durationMin must not be greater than query.durationMax";
            return Err(Failure::bad_request(message));
        }
        if self.filter.is_some() && !self.wanted.is_empty() {
            let message = "query.filter cannot be combined with serviceName, operationName, attributes or durations";
            return Err(Failure::bad_request(message));
        }
        let wanted = || self.wanted.predicate();
        let predicate = self.filter.clone().map_or_else(wanted, Ok);
        let predicate = predicate.map_err(|error| Failure::bad_request(error.to_string()))?;
        let mut query = Query {
            predicate,
            start_unix_nanos: start..=end.saturating_sub(1),
            limit: self.limit()?,
            after: None,
        };
        if let Some(page) = self.page.as_ref().filter(|page| !page.token.is_empty()) {
            let after = token::read(&page.token, token::fingerprint(&query));
            query.after = Some(after.map_err(|error| Failure::bad_request(error.to_string()))?);
        }
        Ok(query)
    }

    fn limit(&self) -> Result<usize, Failure> {
        let bounded = |number: u64, max: usize| usize::try_from(number).map_or(max, |n| n.min(max));
        match (&self.page, self.depth) {
            (Some(_), Some(_)) => {
                let message = "query.searchDepth cannot be combined with query.pagination";
                Err(Failure::bad_request(message))
            }
            (Some(Page { size: 0, .. }), None) => {
                Err(Failure::bad_request("query.pagination.pageSize must be greater than 0"))
            }
            (Some(page), None) => Ok(bounded(page.size, PAGE_MAX)),
            // Zero is how protobuf writes that nothing was said.
            (None, None | Some(0)) => Ok(DEPTH_DEFAULT),
            (None, Some(depth)) => Ok(bounded(depth, DEPTH_MAX)),
        }
    }

    /// The token of the page after what was found; none without pages, or after the last one.
    fn next(&self, fingerprint: u64, found: &Found) -> Option<String> {
        self.page.as_ref()?;
        let last = found.hits.last().filter(|_| found.more)?;
        Some(token::write(*last, fingerprint))
    }
}

/// What is asked for, ready to be answered.
#[derive(Debug)]
pub(in super::super) struct Ready {
    asked: Asked,
    pub(in super::super) query: Query,
    fingerprint: u64,
}

impl Ready {
    /// Call it where questions are answered: patterns are compiled here.
    pub(in super::super) fn of(asked: Asked) -> Result<Self, Failure> {
        let query = asked.query()?;
        let fingerprint = token::fingerprint(&query);
        Ok(Self { asked, query, fingerprint })
    }

    /// Whether traces are told as they were stored.
    pub(in super::super) const fn raw(&self) -> bool {
        self.asked.raw
    }

    /// Whether pages are asked for.
    pub(in super::super) const fn is_paged(&self) -> bool {
        self.asked.page.is_some()
    }

    /// The token of the page after what was found; none without pages, or after the last one.
    pub(in super::super) fn next(&self, found: &Found) -> Option<String> {
        self.asked.next(self.fingerprint, found)
    }
}

/// One parameter of a search.
struct Field {
    /// Its names, the present one first.
    names: &'static [&'static str],
    read: fn(&mut Asked, &str, &Value) -> Result<(), Failure>,
}

impl Field {
    fn found<'a>(&self, parameters: &'a Parameters) -> Option<(&'a str, &'static str)> {
        self.names.iter().find_map(|name| Some((parameters.all(name).next()?, *name)))
    }
}

/// All parameters of a search.
const FIELDS: &[Field] = &[
    Field {
        names: &["query.serviceName", "query.service_name"],
        read: |asked, name, value| set(&mut asked.wanted.service, text(name, value)),
    },
    Field {
        names: &["query.operationName", "query.operation_name", "query.span_name"],
        read: |asked, name, value| set(&mut asked.wanted.operation, text(name, value)),
    },
    Field {
        names: &["query.attributes"],
        read: |asked, name, value| {
            asked.wanted.attributes = attributes(name, value)?;
            Ok(())
        },
    },
    Field {
        names: &["query.startTimeMin", "query.start_time_min"],
        read: |asked, name, value| set(&mut asked.start, moment(name, text(name, value)?.as_str())),
    },
    Field {
        names: &["query.startTimeMax", "query.start_time_max"],
        read: |asked, name, value| set(&mut asked.end, moment(name, text(name, value)?.as_str())),
    },
    Field {
        names: &["query.durationMin", "query.duration_min"],
        read: |asked, name, value| set(&mut asked.wanted.duration_min, duration(name, value)),
    },
    Field {
        names: &["query.durationMax", "query.duration_max"],
        read: |asked, name, value| set(&mut asked.wanted.duration_max, duration(name, value)),
    },
    Field {
        names: &["query.searchDepth", "query.search_depth", "query.num_traces"],
        read: |asked, name, value| set(&mut asked.depth, number(name, value)),
    },
    Field {
        names: &["query.rawTraces", "query.raw_traces"],
        read: |asked, name, value| {
            asked.raw = match value {
                Value::Bool(yes) => *yes,
                other => flag(name, text(name, other)?.as_str())?,
            };
            Ok(())
        },
    },
    Field {
        names: &["query.filter"],
        read: |asked, name, value| {
            let wrong = |error: filter::Invalid| malformed(name, &error.to_string());
            asked.filter = Some(match value {
                Value::String(text) => filter::parse(text).map_err(wrong)?,
                other => filter::of_json(other, &mut Patterns::default()).map_err(wrong)?,
            });
            Ok(())
        },
    },
    Field {
        names: &["query.pagination.pageSize", "query.pagination.page_size"],
        read: |asked, name, value| {
            asked.page.get_or_insert_default().size = number(name, value)?;
            Ok(())
        },
    },
    Field {
        names: &["query.pagination.pageToken", "query.pagination.page_token"],
        read: |asked, name, value| {
            asked.page.get_or_insert_default().token = text(name, value)?;
            Ok(())
        },
    },
];

fn page_of_json(value: &Value) -> Result<Page, Failure> {
    let Value::Object(members) = value else {
        return Err(malformed("pagination", "expected an object"));
    };
    let mut page = Page::default();
    for (name, value) in members {
        match name.as_str() {
            "pageSize" | "page_size" => page.size = number(name, value)?,
            "pageToken" | "page_token" => page.token = text(name, value)?,
            _ => return Err(malformed("pagination", &format!("unknown field {name:?}"))),
        }
    }
    Ok(page)
}

fn set<T>(slot: &mut Option<T>, value: Result<T, Failure>) -> Result<(), Failure> {
    *slot = Some(value?);
    Ok(())
}

pub(in super::super) fn malformed(name: &str, why: &str) -> Failure {
    Failure::bad_request(format!("malformed parameter {name}: {why}"))
}

/// The value of one of two names, with that name; empty ones say nothing.
pub(super) fn either<'a>(
    parameters: &'a Parameters,
    name: &'static str,
    older: &'static str,
) -> Option<(&'a str, &'static str)> {
    let of = |name: &'static str| Some((parameters.all(name).next()?, name));
    of(name).or_else(|| of(older))
}

/// `startTime` and `endTime`, of which both are needed.
pub(super) fn interval(parameters: &Parameters) -> Result<RangeInclusive<u64>, Failure> {
    let at = |name, older| {
        let (value, name) = either(parameters, name, older)
            .ok_or_else(|| Failure::bad_request("startTime and endTime are required".to_owned()))?;
        moment(name, value)
    };
    let (start, end) = (at("startTime", "start_time")?, at("endTime", "end_time")?);
    if start > end { Err(malformed("startTime", "it is after endTime")) } else { Ok(start..=end) }
}

fn text(name: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(malformed(name, "expected a text")),
    }
}

fn number(name: &str, value: &Value) -> Result<u64, Failure> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    number.ok_or_else(|| malformed(name, "expected a whole number that is not negative"))
}

fn flag(name: &str, text: &str) -> Result<bool, Failure> {
    ids::parse_bool(text).ok_or_else(|| malformed(name, "expected true or false"))
}

/// RFC 3339, in nanoseconds since 1970.
fn moment(name: &str, text: &str) -> Result<u64, Failure> {
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| malformed(name, "expected a time such as 2026-01-31T12:00:00.5Z"))?;
    Ok(u64::try_from(time.unix_timestamp_nanos().max(0)).unwrap_or(u64::MAX))
}

fn duration(name: &str, value: &Value) -> Result<Duration, Failure> {
    let text = text(name, value)?;
    // Go writes microseconds with either of two letters that look the same.
    parse_duration(&text.replace(['µ', 'μ'], "u"))
        .map_err(|error| malformed(name, &error.to_string()))
}

/// A map of texts, as JSON or as JSON in a text.
fn attributes(name: &str, value: &Value) -> Result<Vec<(String, String)>, Failure> {
    let parsed;
    let value = match value {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text)
                .map_err(|error| malformed(name, &error.to_string()))?;
            &parsed
        }
        other => other,
    };
    let Value::Object(members) = value else {
        return Err(malformed(name, "expected an object"));
    };
    members.iter().map(|(key, value)| Ok((key.clone(), text(name, value)?))).collect()
}
