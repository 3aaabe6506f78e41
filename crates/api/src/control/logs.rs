//! `/v1/logs?service=&since=5m&grep=&tail=&follow=true`: log lines as NDJSON, one object per line.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Uri, header};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;
use trunkline_rt::Clock;

use crate::Wiring;
use crate::commands::{LogLine, LogQuery};
use crate::parameters::{ParameterError, Parameters, invalid};
use crate::problem::Problem;

/// Memory that a compiled `grep` may take, in bytes.
const GREP_BYTES_MAX: usize = 1 << 20;

/// Lines that are written together, at most.
const BATCH_LINES: usize = 128;

pub(super) async fn logs(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Problem> {
    let query = query(&uri, &wiring.clock)?;
    let lines = wiring.commands.logs(query).await?;
    let mut response = Response::new(body(lines));
    let kind = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn query(uri: &Uri, clock: &Clock) -> Result<LogQuery, ParameterError> {
    let parameters =
        Parameters::strict(uri, &["service", "since", "grep", "level", "tail", "follow"])?;
    let grep = parameters.one("grep")?.map(|pattern| {
        regex::RegexBuilder::new(pattern)
            .size_limit(GREP_BYTES_MAX)
            .build()
            .map_err(|_| invalid("grep", pattern, "expected a regular expression"))
    });
    Ok(LogQuery {
        services: parameters.all("service").map(str::to_owned).collect(),
        since_unix_nanos: moment(&parameters, "since", clock)?,
        grep: grep.transpose()?,
        level: level(&parameters)?,
        tail: parameters.parsed("tail", "expected a number")?,
        follow: parameters.flag("follow")?,
    })
}

/// Levels by their names, the mildest first.
const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "fatal"];

fn level(parameters: &Parameters) -> Result<Option<String>, ParameterError> {
    let Some(text) = parameters.one("level")? else {
        return Ok(None);
    };
    let known = LEVELS.iter().find(|level| **level == text);
    let unknown = || invalid("level", text, "expected trace, debug, info, warn, error or fatal");
    known.map(|level| Some((*level).to_owned())).ok_or_else(unknown)
}

/// A moment, written as a time (RFC 3339) or as how long ago it is (`15m`), in nanoseconds since
/// 1970.
pub(super) fn moment(
    parameters: &Parameters,
    name: &'static str,
    clock: &Clock,
) -> Result<Option<u64>, ParameterError> {
    let Some(text) = parameters.one(name)? else {
        return Ok(None);
    };
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(Some(u64::try_from(time.unix_timestamp_nanos()).unwrap_or_default()));
    }
    let ago = parameters.duration(name).map_err(|_| {
        invalid(
            name,
            text,
            "expected a time such as 2026-01-31T12:00:00Z, or how long ago, such as 15m",
        )
    })?;
    let ago = u64::try_from(ago.unwrap_or(Duration::ZERO).as_nanos()).unwrap_or(u64::MAX);
    Ok(Some(clock.wall_nanos().saturating_sub(ago)))
}

/// Lines go out as soon as there are any, several at once when there are many.
fn body(lines: mpsc::Receiver<LogLine>) -> Body {
    Body::from_stream(stream::unfold(lines, async |mut lines| {
        let mut batch = Vec::new();
        if lines.recv_many(&mut batch, BATCH_LINES).await == 0 {
            return None;
        }
        let text: String = batch.iter().map(document).collect();
        Some((Ok::<_, Infallible>(Bytes::from(text)), lines))
    }))
}

fn document(line: &LogLine) -> String {
    let mut text = json!({
        "time": rfc3339(line.unix_nanos),
        "service": &*line.service,
        "stream": line.stream.as_str(),
        "text": line.text,
    })
    .to_string();
    text.push('\n');
    text
}

/// A moment for people and parsers, in UTC; nothing that is not a date.
pub(super) fn rfc3339(unix_nanos: u64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_rt::ManualClock;

    #[test]
    fn a_query_is_read_and_its_mistakes_are_told() {
        let clock = Clock::from(&ManualClock::new());
        let read = |uri: &str| query(&uri.parse().unwrap(), &clock);
        let found = read("/?service=web&service=orders&since=1m&grep=a.c&tail=5&follow&level=warn")
            .unwrap();
        assert_eq!(found.services, ["web", "orders"]);
        assert_eq!(found.since_unix_nanos, Some(clock.wall_nanos() - 60_000_000_000));
        assert_eq!((found.tail, found.follow), (Some(5), true));
        assert_eq!(found.level.as_deref(), Some("warn"));
        assert!(found.grep.unwrap().is_match("abc"));
        let found = read("/?since=1970-01-01T00:00:01Z").unwrap();
        assert_eq!(found.since_unix_nanos, Some(1_000_000_000));
        for wrong in
            ["/?grep=(", "/?since=yesterday", "/?tail=-1", "/?follow=maybe", "/?level=loud"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
