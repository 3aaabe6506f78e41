//! A `MetricFamily` as Go's `jsonpb` writes it: fields in the order of the protocol, numbers without
//! needless digits, no number as text, time with as many digits as it has thousands of a second.
//!
//! Source: `openmetrics.proto` of Jaeger's `api_v2.metrics`; the JSON mapping of Protocol Buffers.

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use trunkline_query::red::{Measure, Series};
use trunkline_query::{PacedText, paced};
use trunkline_store::source::Budget;

/// See the module's documentation.
#[derive(Debug, Serialize)]
pub(super) struct Family {
    name: String,
    r#type: &'static str,
    help: String,
    metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    labels: Vec<Label>,
    metric_points: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct Label {
    name: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    gauge_value: Gauge,
    timestamp: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Gauge {
    #[serde(serialize_with = "double")]
    double_value: f64,
}

/// The text of a family; indented if it is to be read by people. Where the budget ends, so does it.
pub(super) fn text(family: &Family, pretty: bool, budget: &mut Budget) -> String {
    let mut text = PacedText::new(budget);
    // Writing fails only when the budget has ended, and then nobody reads it.
    let _ = if pretty {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        family.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))
    } else {
        serde_json::to_writer(&mut text, family)
    };
    String::from_utf8(text.into_bytes()).unwrap_or_default()
}

/// Named and described as Jaeger does for its backend that asks Prometheus.
pub(super) fn family(
    measure: Measure,
    by_operation: bool,
    series: &[Series],
    budget: &mut Budget,
) -> Family {
    let (name, help) = match measure {
        Measure::Latency(share) => {
            ("latencies", format!("{share:.2}th quantile latency, grouped by service"))
        }
        Measure::Calls => ("call_rate", "calls/sec, grouped by service".to_owned()),
        Measure::Errors => (
            "error_rate",
            "error rate, computed as a fraction of errors/sec over calls/sec, grouped by service"
                .to_owned(),
        ),
    };
    let (of, and) =
        if by_operation { ("service_operation", " & operation") } else { ("service", "") };
    Family {
        name: format!("{of}_{name}"),
        r#type: "GAUGE",
        help: format!("{help}{and}"),
        metrics: series.iter().map(|series| metric(series, budget)).collect(),
    }
}

fn metric(series: &Series, budget: &mut Budget) -> Metric {
    let operation = series.operation.as_deref().map(|operation| ("operation", operation));
    let labels = operation.into_iter().chain([("service_name", &*series.service)]);
    let point = |(moment, value): &(u64, f64)| Point {
        gauge_value: Gauge { double_value: *value },
        timestamp: timestamp(*moment),
    };
    Metric {
        labels: labels.map(|(name, value)| Label { name, value: value.to_owned() }).collect(),
        metric_points: paced(&series.points, budget).map(point).collect(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it writes by reference")]
fn double<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    /// Whole numbers up to here are written as such, without an exponent.
    const WHOLE_MAX: f64 = 1e15;
    match *value {
        value if value.is_nan() => to.serialize_str("NaN"),
        f64::INFINITY => to.serialize_str("Infinity"),
        f64::NEG_INFINITY => to.serialize_str("-Infinity"),
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
        value if value.fract() == 0.0 && value.abs() < WHOLE_MAX => to.serialize_i64(value as i64),
        value => to.serialize_f64(value),
    }
}

/// RFC 3339 with 0, 3, 6 or 9 digits of a second.
fn timestamp(unix_nanos: u64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_nanos)) else {
        return String::new();
    };
    let (date, nanos) = (time.date(), time.nanosecond());
    let fraction = match (nanos % 1_000, nanos / 1_000 % 1_000, nanos) {
        (_, _, 0) => String::new(),
        (0, 0, _) => format!(".{:03}", nanos / 1_000_000),
        (0, ..) => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
    )
}

#[cfg(test)]
mod tests {
    use trunkline_rt::Clock;
    use trunkline_store::source::Limits;

    use super::*;

    fn text(measure: Measure, by_operation: bool, series: &[Series], pretty: bool) -> String {
        let mut budget = Budget::new(&Clock::system(), Limits::default());
        let family = family(measure, by_operation, series, &mut budget);
        super::text(&family, pretty, &mut budget)
    }

    const AT: u64 = 1_620_351_786_000_000_000;

    fn series(points: &[(u64, f64)], operation: Option<&str>) -> Series {
        Series {
            service: "emailservice".into(),
            operation: operation.map(Into::into),
            points: points.to_vec(),
        }
    }

    #[test]
    fn a_family_is_written_as_jaeger_writes_it() {
        let points = [
            (AT, 9223.0),
            (AT + 250_000_000, 0.0125),
            (AT + 1_000_001, f64::NAN),
            (AT + 7_000, 0.0),
        ];
        let told = text(Measure::Calls, false, &[series(&points, None)], false);
        let expect = r#"{"name":"service_call_rate","type":"GAUGE","help":"calls/sec, grouped by service","metrics":[{"labels":[{"name":"service_name","value":"emailservice"}],"metricPoints":[{"gaugeValue":{"doubleValue":9223},"timestamp":"2021-05-07T01:43:06Z"},{"gaugeValue":{"doubleValue":0.0125},"timestamp":"2021-05-07T01:43:06.250Z"},{"gaugeValue":{"doubleValue":"NaN"},"timestamp":"2021-05-07T01:43:06.001000001Z"},{"gaugeValue":{"doubleValue":0},"timestamp":"2021-05-07T01:43:06.000007Z"}]}]}"#;
        assert_eq!(told, expect);
    }

    #[test]
    fn every_measure_has_its_name_and_its_words() {
        let told = text(
            Measure::Latency(0.95),
            true,
            &[series(&[(AT, f64::INFINITY)], Some("/OrderResult"))],
            false,
        );
        let expect = r#"{"name":"service_operation_latencies","type":"GAUGE","help":"0.95th quantile latency, grouped by service & operation","metrics":[{"labels":[{"name":"operation","value":"/OrderResult"},{"name":"service_name","value":"emailservice"}],"metricPoints":[{"gaugeValue":{"doubleValue":"Infinity"},"timestamp":"2021-05-07T01:43:06Z"}]}]}"#;
        assert_eq!(told, expect);
        let told = text(Measure::Errors, false, &[], false);
        let expect = r#"{"name":"service_error_rate","type":"GAUGE","help":"error rate, computed as a fraction of errors/sec over calls/sec, grouped by service","metrics":[]}"#;
        assert_eq!(told, expect);
    }

    #[test]
    fn people_get_it_indented() {
        let told = text(Measure::Calls, false, &[], true);
        assert!(told.starts_with("{\n    \"name\": \"service_call_rate\",\n"), "{told}");
    }
}
