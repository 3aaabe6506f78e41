//! `/api/metrics/{latencies,calls,errors}`: the course of rates and durations, for Jaeger's Monitor.
//!
//! Answers are its `MetricFamily` as protobuf's JSON has it, without the envelope. That has no place
//! to say that series were left out: the header `x-trunkline-partial: true` does.

mod family;

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use trunkline_otlp::Kind;
use trunkline_query::Error;
use trunkline_query::red::{Measure, Question};

use super::envelope::{self, Envelope, Failure};
use super::query;
use crate::Wiring;
use crate::parameters::Parameters;

/// How far back it goes when `lookback` is not given.
const LOOKBACK: Duration = Duration::from_hours(1);
/// From point to point when `step` is not given.
const STEP: Duration = Duration::from_secs(5);
/// The time that a rate is taken over when `ratePer` is not given.
const RATE_PER: Duration = Duration::from_mins(10);
/// Services of a question at most.
const SERVICES_MAX: usize = 100;

/// The shortest step that makes sense, in milliseconds.
pub(super) async fn minstep(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Failure> {
    let step = wiring.reader.step().ok_or(Error::NoRollups)?;
    Ok(Envelope::of(step.as_millis()).response(&uri))
}

pub(super) async fn metrics(
    State(wiring): State<Wiring>,
    Path(measure): Path<String>,
    uri: Uri,
) -> Result<Response, Failure> {
    let parameters = Parameters::of(&uri)?;
    let measure = match measure.as_str() {
        "latencies" => Measure::Latency(quantile(&parameters)?),
        "calls" => Measure::Calls,
        "errors" => Measure::Errors,
        _ => {
            let message = format!("there is no path {}", uri.path());
            return Err(Failure::new(StatusCode::NOT_FOUND, message));
        }
    };
    let question = question(&parameters, wiring.clock.wall_nanos())?;
    let by_operation = question.by_operation;
    let (series, truncated) = wiring.reader.series(question, measure).await?;
    let pretty = envelope::is_pretty(&parameters);
    let text = wiring.reader.compute(move |budget| {
        let family = family::family(measure, by_operation, &series, budget);
        family::text(&family, pretty, budget)
    });
    let response = envelope::response(StatusCode::OK, text.await?);
    Ok(super::v3::noted(response, truncated))
}

/// Any number, as Jaeger takes it: what lies beyond 0 and 1 has an infinite answer.
fn quantile(parameters: &Parameters) -> Result<f64, Failure> {
    let text = parameters.all("quantile").next().unwrap_or_default();
    text.parse().map_err(|_| query::unreadable("quantile", text, "expected a number from 0 to 1"))
}

fn question(parameters: &Parameters, now: u64) -> Result<Question, Failure> {
    let services: Vec<_> =
        parameters.all("service").take(SERVICES_MAX).map(std::sync::Arc::from).collect();
    if services.is_empty() {
        let message = "unable to parse param 'service': please provide at least one service name";
        return Err(Failure::bad_request(message.into()));
    }
    let span = |name, default: Duration| -> Result<Duration, Failure> {
        Ok(query::millis(parameters, name)?.map_or(default, Duration::from_nanos))
    };
    let end = query::millis(parameters, "endTs")?.unwrap_or(now);
    let lookback = u64::try_from(span("lookback", LOOKBACK)?.as_nanos()).unwrap_or(u64::MAX);
    let kinds: Vec<Kind> = parameters.all("spanKind").map(kind).collect::<Result<_, _>>()?;
    Ok(Question {
        services,
        by_operation: query::flag(parameters, "groupByOperation")?,
        kinds: if kinds.is_empty() { vec![Kind::Server] } else { kinds },
        time: end.saturating_sub(lookback)..=end,
        step: span("step", STEP)?.max(Duration::from_millis(1)),
        window: span("ratePer", RATE_PER)?.max(Duration::from_millis(1)),
    })
}

fn kind(word: &str) -> Result<Kind, Failure> {
    let known = |kind: &Kind| match kind {
        Kind::Unspecified => word == "unspecified",
        kind => kind.as_str() == word,
    };
    (0..=5).map(Kind::of).find(known).ok_or_else(|| {
        Failure::bad_request(format!(
            "unable to parse param 'spanKind': unsupported span kind: '{word}'"
        ))
    })
}
