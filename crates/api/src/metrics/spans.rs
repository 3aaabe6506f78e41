//! What spans tell, under the names that dashboards for Jaeger and Tempo ask Prometheus for.
//!
//! A page has an end: of more series and edges than [`SERIES_MAX`] and [`EDGES_MAX`] the first by
//! name are told, and the rest is counted. All of them can be asked for by time at the Jaeger API
//! and the control API.

use std::collections::BTreeMap;

use trunkline_model::ops::Distribution;
use trunkline_otlp::{Kind, StatusCode};
use trunkline_query::red::Rollups;
use trunkline_rt::metrics::{Sparse, edges};
use trunkline_store::rollup::{
    Cell, EdgeCell, EdgeKind, Recorder, SeriesKey, Stats, TotalEdges, Totals, calls,
};

use super::catalog::{self, Family};
use super::text::Writer;

/// Series on a page: each has about fifty lines.
const SERIES_MAX: usize = 500;
/// Edges on a page.
const EDGES_MAX: usize = 500;

/// Everything that is known of spans.
pub(super) fn write(writer: &mut Writer, rollups: &dyn Rollups) {
    let Some(stats) = rollups.stats() else { return };
    let mut hidden = 0;
    rollups.totals(&mut |totals| {
        let shown = Shown::of(totals);
        hidden = shown.hidden;
        series(writer, &shown.series);
        graph(writer, &shown.edges);
    });
    own(writer, &stats, hidden);
}

fn own(writer: &mut Writer, stats: &Stats, hidden: usize) {
    let counts = &stats.counts;
    let mut family = writer.family(&catalog::ROLLUP_SPANS);
    family.number(&["counted"], counts.spans - counts.too_old - counts.refused);
    family.number(&["too_old"], counts.too_old);
    family.number(&["refused"], counts.refused);
    let mut family = writer.family(&catalog::ROLLUP_RENAMED);
    family.number(&["grouped"], counts.naming.grouped);
    family.number(&["other"], counts.naming.other);
    writer.family(&catalog::ROLLUP_SERIES).number(&[], stats.series as u64);
    writer.family(&catalog::ROLLUP_HIDDEN).number(&[], hidden as u64);
    let sides = &counts.sides;
    let mut family = writer.family(&catalog::ROLLUP_SIDES);
    for (outcome, count) in [
        ("paired", sides.callers_met + sides.callees_met),
        ("by_parent", sides.by_parent),
        ("told", sides.told),
        ("named", sides.named),
        ("unpaired", sides.unpaired),
        ("dropped", sides.dropped),
    ] {
        family.number(&[outcome], count);
    }
    writer.family(&catalog::ROLLUP_WAITING).number(&[], sides.waiting);
    writer.family(&catalog::ROLLUP_BYTES).number(&[], stats.kept_bytes);
    writer.family(&catalog::ROLLUP_FAILED).number(&[], stats.failed_commits);
    writer.family(&catalog::GRAPH_UNPAIRED).number(&[], sides.unpaired);
    writer.family(&catalog::GRAPH_DROPPED).number(&[], sides.dropped);
}

/// What is on the page.
struct Shown<'a> {
    series: Vec<([&'a str; 4], &'a Cell, Distribution)>,
    edges: Vec<([&'a str; 3], &'a EdgeCell)>,
    hidden: usize,
}

impl<'a> Shown<'a> {
    fn of(totals: &'a Totals) -> Self {
        let series: Vec<_> = totals.counting().collect();
        let edges = joined(&totals.edges);
        let beyond = |all: usize, max: usize| all.saturating_sub(max);
        let hidden = beyond(series.len(), SERIES_MAX) + beyond(edges.len(), EDGES_MAX);
        let series = series.into_iter().take(SERIES_MAX);
        let series = series
            .map(|(key, cell)| (labels(key), cell, distribution(&cell.latency, cell.sum_micros)));
        let edges = edges.into_iter().take(EDGES_MAX);
        Self { series: series.collect(), edges: edges.collect(), hidden }
    }
}

fn labels(key: &SeriesKey) -> [&str; 4] {
    let kind = match key.kind {
        Kind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        Kind::Internal => "SPAN_KIND_INTERNAL",
        Kind::Server => "SPAN_KIND_SERVER",
        Kind::Client => "SPAN_KIND_CLIENT",
        Kind::Producer => "SPAN_KIND_PRODUCER",
        Kind::Consumer => "SPAN_KIND_CONSUMER",
    };
    let status = match key.status {
        StatusCode::Unset => "STATUS_CODE_UNSET",
        StatusCode::Ok => "STATUS_CODE_OK",
        StatusCode::Error => "STATUS_CODE_ERROR",
    };
    [&key.service, &key.operation, kind, status]
}

fn series(writer: &mut Writer, series: &[([&str; 4], &Cell, Distribution)]) {
    for calls in [&catalog::JAEGER_CALLS, &catalog::TEMPO_CALLS] {
        let mut family = writer.family(calls);
        for (labels, _, distribution) in series {
            family.number(labels, distribution.count);
        }
    }
    for duration in [&catalog::JAEGER_DURATION, &catalog::TEMPO_LATENCY] {
        let mut family = writer.family(duration);
        for (labels, _, distribution) in series {
            family.histogram(labels, distribution);
        }
    }
    let mut family = writer.family(&catalog::TEMPO_SIZE);
    for (labels, cell, _) in series {
        family.number(labels, cell.bytes);
    }
}

/// Edges by caller, callee and connection, each told by whoever saw more of it: as `query::red` does
/// for a time.
fn joined(edges: &TotalEdges) -> BTreeMap<[&str; 3], &EdgeCell> {
    let mut joined = BTreeMap::new();
    let mut by_proxy = Vec::new();
    for (key, total) in edges {
        let connection = match key.kind {
            EdgeKind::Local => continue,
            EdgeKind::Call => "",
            EdgeKind::Message => "messaging_system",
            EdgeKind::Database => "database",
            EdgeKind::Entry | EdgeKind::External => "virtual_node",
        };
        let labels = [&*key.caller, &*key.callee, connection];
        match key.recorder {
            Recorder::Own => drop(joined.insert(labels, &total.cell)),
            Recorder::Proxy => by_proxy.push((labels, &total.cell)),
        }
    }
    for ([caller, callee, _], cell) in by_proxy {
        // Spans may know better what is there: a database.
        let told = ["", "database", "virtual_node"].map(|connection| [caller, callee, connection]);
        let known = told.into_iter().find(|labels| joined.contains_key(labels));
        let place = joined.entry(known.unwrap_or([caller, callee, ""])).or_insert(cell);
        if cell.calls >= place.calls {
            *place = cell;
        }
    }
    joined
}

fn graph(writer: &mut Writer, edges: &[([&str; 3], &EdgeCell)]) {
    let mut family = writer.family(&catalog::GRAPH_CALLS);
    for (labels, cell) in edges {
        family.number(labels, whole(cell.calls));
    }
    let mut family = writer.family(&catalog::GRAPH_FAILED);
    for (labels, cell) in edges {
        family.number(labels, whole(cell.failed));
    }
    let callees = edges.iter().map(|(labels, cell)| (labels, &cell.callee, cell.callee_micros));
    durations(writer, &catalog::GRAPH_SERVER, callees);
    let callers = edges.iter().map(|(labels, cell)| (labels, &cell.caller, cell.caller_micros));
    durations(writer, &catalog::GRAPH_CLIENT, callers);
}

fn durations<'a>(
    writer: &mut Writer,
    family: &'static Family,
    durations: impl Iterator<Item = (&'a [&'a str; 3], &'a Sparse, u64)>,
) {
    let mut family = writer.family(family);
    for (labels, latency, sum) in durations.filter(|(_, latency, _)| !latency.is_empty()) {
        family.histogram(labels, &distribution(latency, sum));
    }
}

/// A histogram of weights as one of calls. Each bucket is rounded by itself, so that it never goes
/// back.
fn distribution(latency: &Sparse, sum: u64) -> Distribution {
    let buckets: Vec<_> = latency
        .iter()
        .map(|(bucket, weight)| (edges(usize::from(bucket)).1 - 1, whole(weight)))
        .collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    Distribution { buckets, sum, count }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is not negative, and fits"
)]
fn whole(fixed: u64) -> u64 {
    calls(fixed).round() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::Format;
    use trunkline_otlp::{Resource, Span, Value, write as otlp};
    use trunkline_store::rollup::kept::Kept;
    use trunkline_store::rollup::{self, Config, Mark, Seen};

    const NOW: u64 = 1_790_000_000_000_000_000;

    fn span(service: &str, id: u64, parent: u64, kind: Kind) -> Span {
        let attributes = vec![("service.name".into(), Value::Text(service.into()))];
        Span {
            trace: trunkline_model::trace::TraceId::new([1; 16]).unwrap(),
            id: trunkline_model::trace::SpanId::new(id.to_be_bytes()).unwrap(),
            parent: trunkline_model::trace::SpanId::new(parent.to_be_bytes()),
            trace_state: "".into(),
            flags: 0,
            name: format!("work {}", char::from(b'a' + u8::try_from(id % 26).unwrap())).into(),
            kind,
            start_unix_nanos: NOW - 1_500_000,
            end_unix_nanos: NOW,
            attributes: Vec::new(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            status: trunkline_otlp::Status::default(),
            resource: Arc::new(Resource { attributes, ..Resource::default() }),
            scope: Arc::default(),
        }
    }

    fn page(spans: &[Span], seen: &[Seen<'_>]) -> String {
        let keep = Arc::new(Kept::in_memory().unwrap());
        let rollups = rollup::Rollups::open(Config::default(), keep, Mark::default(), NOW).unwrap();
        rollups.take(Mark { file: 1, offset: 1 }, &otlp::request(spans), NOW);
        rollups.seen(seen, NOW);
        rollups.maintain(NOW + 20_000_000_000).unwrap();
        let mut writer = Writer::new(Format::OpenMetrics);
        write(&mut writer, &rollups);
        writer.finish()
    }

    #[test]
    fn spans_are_told_by_the_names_of_others() {
        let mut sampled = span("b", 2, 1, Kind::Server);
        sampled.trace_state = "ot=th:8".into();
        sampled.status.code = StatusCode::Error;
        let legacy = Seen {
            caller: "b",
            callee: "legacy",
            calls: 3,
            failed: 1,
            latency: &[(1_023, 3)],
            sum_micros: 2_000,
        };
        let text = page(&[span("a", 1, 9, Kind::Client), sampled], &[legacy]);
        for line in [
            "traces_span_metrics_calls_total{service_name=\"b\",span_name=\"work c\",span_kind=\"SPAN_KIND_SERVER\",status_code=\"STATUS_CODE_ERROR\"} 2",
            "traces_span_metrics_duration_milliseconds_bucket{service_name=\"a\",span_name=\"work b\",span_kind=\"SPAN_KIND_CLIENT\",status_code=\"STATUS_CODE_UNSET\",le=\"2.048\"} 1",
            "traces_span_metrics_duration_milliseconds_sum{service_name=\"b\",span_name=\"work c\",span_kind=\"SPAN_KIND_SERVER\",status_code=\"STATUS_CODE_ERROR\"} 3.0",
            "traces_spanmetrics_calls_total{service=\"a\",span_name=\"work b\",span_kind=\"SPAN_KIND_CLIENT\",status_code=\"STATUS_CODE_UNSET\"} 1",
            "traces_spanmetrics_latency_count{service=\"b\",span_name=\"work c\",span_kind=\"SPAN_KIND_SERVER\",status_code=\"STATUS_CODE_ERROR\"} 2",
            "traces_service_graph_request_total{client=\"a\",server=\"b\",connection_type=\"\"} 2",
            "traces_service_graph_request_failed_total{client=\"a\",server=\"b\",connection_type=\"\"} 2",
            "traces_service_graph_request_total{client=\"b\",server=\"legacy\",connection_type=\"\"} 3",
            "traces_service_graph_request_client_seconds_bucket{client=\"b\",server=\"legacy\",connection_type=\"\",le=\"0.001024\"} 3",
            "trunkline_rollup_spans_total{outcome=\"counted\"} 2",
            "trunkline_rollup_sides_total{outcome=\"paired\"} 2",
            "trunkline_rollup_hidden 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} of\n{text}");
        }
    }

    #[test]
    fn a_page_has_an_end() {
        let names = (0..40_u64).flat_map(|service| (0..26).map(move |id| (service, id)));
        let spans: Vec<Span> = names
            .map(|(service, id)| span(&format!("service-{service}"), id + 1, 0, Kind::Server))
            .collect();
        let text = page(&spans, &[]);
        let told = text
            .lines()
            .filter(|line| line.starts_with("traces_span_metrics_calls_total{"))
            .count();
        assert_eq!(told, SERIES_MAX);
        assert!(text.lines().any(|line| line == "trunkline_rollup_hidden 540"), "{}", text.len());
    }
}
