//! `/v1/red`: the course of rates, errors and durations of a service, from rollups of its spans.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde_json::{Value, json};
use trunkline_query::paced;
use trunkline_query::red::{Course, Measure, Question};
use trunkline_store::source::Budget;

use super::answer;
use super::asked::kind;
use crate::Wiring;
use crate::control::SCHEMA;
use crate::control::logs::moment;
use crate::parameters::{Parameters, invalid};
use crate::problem::Problem;

/// How far back it goes when `since` is not given.
const LOOKBACK: Duration = Duration::from_hours(1);
/// Points of a series when no `step` is given.
const POINTS: u32 = 120;
/// The shortest step.
const STEP_MIN: Duration = Duration::from_secs(1);

/// What is told, with its name.
const MEASURES: [(&str, Measure); 5] = [
    ("calls", Measure::Calls),
    ("errors", Measure::Errors),
    ("p50_ms", Measure::Latency(0.5)),
    ("p95_ms", Measure::Latency(0.95)),
    ("p99_ms", Measure::Latency(0.99)),
];

pub(super) async fn red(State(wiring): State<Wiring>, uri: Uri) -> Result<Response, Problem> {
    const KNOWN: &[&str] = &["service", "operations", "kind", "since", "until", "step"];
    let parameters = Parameters::strict(&uri, KNOWN)?;
    let service = parameters
        .one("service")?
        .ok_or_else(|| Problem::bad_request("`service` is missing: the name of a service"))?
        .to_owned();
    let question = question(&wiring, &parameters, &service)?;
    let step = question.step;
    let measures = MEASURES.map(|(_, measure)| measure).to_vec();
    let (courses, truncated) = wiring.reader.courses(question, measures).await?;
    let text = wiring.reader.compute(move |budget| {
        let document = json!({
            "schema": SCHEMA,
            "service": service,
            "step_ms": u64::try_from(step.as_millis()).unwrap_or(u64::MAX),
            "series": courses.iter().map(|one| course(one, budget)).collect::<Vec<_>>(),
            "truncated": truncated,
        });
        document.to_string()
    });
    Ok(answer(text.await?))
}

fn question(wiring: &Wiring, parameters: &Parameters, service: &str) -> Result<Question, Problem> {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let until = moment(parameters, "until", &wiring.clock)?.unwrap_or(wiring.clock.wall_nanos());
    let since = moment(parameters, "since", &wiring.clock)?;
    let since = since.unwrap_or(until.saturating_sub(nanos(LOOKBACK)));
    if since > until {
        return Err(invalid("since", "…", "expected a time before `until`").into());
    }
    let kept = wiring.reader.step().unwrap_or(STEP_MIN);
    let whole = Duration::from_nanos(until - since);
    let step = parameters.duration("step")?.unwrap_or(whole / POINTS).max(STEP_MIN);
    Ok(Question {
        services: vec![Arc::from(service)],
        by_operation: parameters.flag("operations")?,
        kinds: vec![parameters.one("kind")?.map_or(Ok(trunkline_otlp::Kind::Server), kind)?],
        time: since..=until,
        step,
        // A window has some steps of what is kept in it, or rates would jump.
        window: step.max(kept * 3),
    })
}

fn course(course: &Course, budget: &mut Budget) -> Value {
    let mut document = json!({ "operation": course.operation.as_deref() });
    for ((name, _), values) in MEASURES.iter().zip(&course.values) {
        // Without calls there is no share and no duration, and JSON has no word for that.
        let known =
            paced(course.moments.iter().zip(values), budget).filter(|(_, value)| value.is_finite());
        let points = known.map(|(moment, value)| json!([moment / 1_000_000, value]));
        if let Value::Object(members) = &mut document {
            members.insert((*name).to_owned(), Value::Array(points.collect()));
        }
    }
    document
}
