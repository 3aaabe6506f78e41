//! What this service has done, in the text format of Prometheus. Bounded: every label has few values, and a route is a
//! pattern, never a path.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::calendar::now_ms;

/// Upper bounds in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

pub struct Metrics {
    started_ms: u64,
    requests: BTreeMap<(&'static str, &'static str, u16), u64>,
    durations: BTreeMap<&'static str, Histogram>,
    /// Events by what became of them.
    events: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
struct Histogram {
    counts: [u64; BUCKETS.len() + 1],
    sum: f64,
}

impl Metrics {
    pub fn new() -> Self {
        Self {
            started_ms: now_ms(),
            requests: BTreeMap::new(),
            durations: BTreeMap::new(),
            events: BTreeMap::new(),
        }
    }

    pub fn answered(&mut self, method: &str, route: &'static str, status: u16, took: Duration) {
        *self
            .requests
            .entry((bounded_method(method), route, status))
            .or_default() += 1;
        let seconds = took.as_secs_f64();
        let histogram = self.durations.entry(route).or_default();
        histogram.counts[BUCKETS.partition_point(|bound| *bound < seconds)] += 1;
        histogram.sum += seconds;
    }

    pub fn event(&mut self, outcome: &'static str) {
        *self.events.entry(outcome).or_default() += 1;
    }

    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        describe(text, "http_requests_total", "counter", "Requests answered.")?;
        for ((method, route, status), count) in &self.requests {
            writeln!(
                text,
                r#"http_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}"#
            )?;
        }
        describe(
            text,
            "analytics_events_total",
            "counter",
            "Events by what became of them.",
        )?;
        for (outcome, count) in &self.events {
            writeln!(text, r#"analytics_events_total{{outcome="{outcome}"}} {count}"#)?;
        }
        const NAME: &str = "http_request_duration_seconds";
        describe(text, NAME, "histogram", "Time from request to answer.")?;
        for (route, histogram) in &self.durations {
            let mut total = 0;
            for (bound, count) in BUCKETS
                .iter()
                .map(f64::to_string)
                .chain(["+Inf".into()])
                .zip(histogram.counts)
            {
                total += count;
                writeln!(text, r#"{NAME}_bucket{{route="{route}",le="{bound}"}} {total}"#)?;
            }
            writeln!(text, r#"{NAME}_sum{{route="{route}"}} {}"#, histogram.sum)?;
            writeln!(text, r#"{NAME}_count{{route="{route}"}} {total}"#)?;
        }
        describe(
            text,
            "process_start_time_seconds",
            "gauge",
            "Start time of the process, in Unix seconds.",
        )?;
        writeln!(
            text,
            "process_start_time_seconds {:.3}",
            self.started_ms as f64 / 1000.0
        )
    }
}

fn describe(text: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

/// Keeps a stranger's invention out of the labels.
fn bounded_method(method: &str) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method).unwrap_or("OTHER")
}
