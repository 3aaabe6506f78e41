//! Bars, what was measured against them, and how both are told.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::field::Field;
use crate::statistics::{Estimate, estimate, median};

/// A figure that must not be exceeded.
pub(super) struct Bar {
    pub(super) text: String,
    /// Behind the figures: nothing for ratios.
    pub(super) unit: &'static str,
    pub(super) wanted: f64,
    /// What the issue hopes for beyond it.
    pub(super) goal: Option<f64>,
    pub(super) measured: Result<Estimate, String>,
}

impl Bar {
    /// A ratio of two figures, round by round.
    pub(super) fn ratio(text: &str, wanted: f64, measured: Result<Estimate, String>) -> Self {
        Self { text: text.to_owned(), unit: "", wanted, goal: None, measured }
    }

    /// A figure with a unit.
    pub(super) fn figure(text: &str, unit: &'static str, wanted: f64, values: &[f64]) -> Self {
        let measured = match values {
            [] => Err("no figure".to_owned()),
            values => Ok(estimate(values)),
        };
        Self { text: text.to_owned(), unit, wanted, goal: None, measured }
    }

    fn verdict(&self) -> &'static str {
        match &self.measured {
            Err(_) => "not measured",
            Ok(measured) if measured.median <= self.wanted => "met",
            // A figure that is not a number is no success either.
            Ok(_) => "MISSED",
        }
    }
}

/// Everything of one run.
#[derive(Default)]
pub(super) struct Report {
    scenarios: Vec<Told>,
}

/// What one scenario has to tell.
struct Told {
    name: &'static str,
    title: &'static str,
    bars: Vec<Bar>,
    /// Figures below the bars.
    lines: Vec<String>,
    samples: Vec<Value>,
    failure: Option<String>,
}

impl Report {
    pub(super) fn begin(&mut self, name: &'static str, title: &'static str) {
        eprintln!("== {name}: {title}");
        let (bars, lines, samples) = (Vec::new(), Vec::new(), Vec::new());
        self.scenarios.push(Told { name, title, bars, lines, samples, failure: None });
    }

    pub(super) fn bar(&mut self, bar: Bar) {
        self.last(|told| told.bars.push(bar));
    }

    pub(super) fn line(&mut self, line: String) {
        self.last(|told| told.lines.push(line));
    }

    pub(super) fn fail(&mut self, failure: &str) {
        eprintln!("{failure}");
        self.last(|told| told.failure = Some(failure.to_owned()));
    }

    /// Shows the figures of a field and keeps its samples.
    pub(super) fn field(&mut self, title: &str, field: &Field) {
        for runner in &field.runners {
            let of = |figure: fn(&crate::field::Sample) -> f64| {
                median(&runner.samples.iter().map(figure).collect::<Vec<_>>())
            };
            let failed: f64 = runner.samples.iter().map(|sample| sample.failed).sum();
            let mark = if failed > 0.0 { format!("  {failed} FAILED") } else { String::new() };
            self.line(format!(
                "{title:<10}{:<16}{:>9.1} µs CPU {:>9.0}/s   p50 {:>7.0} µs   p99 {:>7.0} µs   {:>6.3} switches{mark}",
                runner.label,
                of(|s| s.cpu_us),
                of(|s| s.per_second),
                of(|s| s.p50_us),
                of(|s| s.p99_us),
                of(|s| s.switches),
            ));
            let samples: Vec<Value> =
                runner.samples.iter().map(crate::field::Sample::json).collect();
            let kept = json!({ "title": title, "proxy": runner.label, "samples": samples });
            self.last(|told| told.samples.push(kept));
        }
        for (label, needs) in &field.missing {
            self.line(format!("{title:<10}{label:<16}not measured: needs {needs}"));
        }
    }

    fn last(&mut self, change: impl FnOnce(&mut Told)) {
        if let Some(told) = self.scenarios.last_mut() {
            change(told);
        }
    }

    /// Bars that are not met, and those that could not be measured.
    pub(super) fn missed(&self) -> usize {
        let bars = self.scenarios.iter().flat_map(|told| &told.bars);
        let failed = self.scenarios.iter().filter(|told| told.failure.is_some()).count();
        bars.filter(|bar| bar.verdict() != "met").count() + failed
    }

    pub(super) fn table(&self) -> String {
        let mut out = format!("\n{:<62}{:>26}{:>20}\n", "", "median (95 % interval)", "wanted");
        for told in &self.scenarios {
            let _ = writeln!(out, "{}: {}", told.name, told.title);
            for bar in &told.bars {
                let _ = writeln!(out, "{}", row(bar));
            }
            if let Some(failure) = &told.failure {
                let _ = writeln!(out, "  not measured: {}", failure.trim_end());
            }
            for line in &told.lines {
                let _ = writeln!(out, "      {line}");
            }
        }
        out
    }

    pub(super) fn json(&self, rounds: usize, seconds: f64, connections: u32) -> String {
        let scenarios: Vec<Value> = self
            .scenarios
            .iter()
            .map(|told| {
                json!({
                    "name": told.name, "title": told.title, "failure": told.failure,
                    "bars": told.bars.iter().map(bar_json).collect::<Vec<_>>(),
                    "lines": told.lines, "samples": told.samples,
                })
            })
            .collect();
        let whole = json!({
            "version": 1, "rounds": rounds, "seconds": seconds, "connections": connections, "scenarios": scenarios,
        });
        format!("{whole:#}\n")
    }
}

fn row(bar: &Bar) -> String {
    let places = if bar.unit.is_empty() { 2 } else { 1 };
    let measured = match &bar.measured {
        Err(_) => "-".to_owned(),
        Ok(seen) if seen.low.total_cmp(&seen.high).is_eq() => format!("{:.places$}", seen.median),
        Ok(seen) => {
            format!("{:.places$} ({:.places$}..{:.places$})", seen.median, seen.low, seen.high)
        }
    };
    let goal = bar.goal.map_or_else(String::new, |goal| format!(" (goal {goal})"));
    let wanted = format!("≤ {}{goal}", bar.wanted);
    let name = match bar.unit {
        "" => bar.text.clone(),
        unit => format!("{}, {unit}", bar.text),
    };
    let why = bar.measured.as_ref().err().map_or_else(String::new, |why| format!(": {why}"));
    format!("  {name:<60}{measured:>26}{wanted:>20}  {}{why}", bar.verdict())
}

fn bar_json(bar: &Bar) -> Value {
    let measured = bar.measured.as_ref().ok();
    json!({
        "text": bar.text, "unit": bar.unit, "wanted": bar.wanted, "goal": bar.goal, "verdict": bar.verdict(),
        "median": measured.map(|seen| seen.median), "low": measured.map(|seen| seen.low),
        "high": measured.map(|seen| seen.high), "why": bar.measured.as_ref().err(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_up_to_its_figure_and_never_without_one() {
        let verdict = |measured| Bar::ratio("r", 0.95, measured).verdict();
        let at = |median| Ok(Estimate { median, low: median, high: median });
        assert_eq!(verdict(at(0.95)), "met");
        assert_eq!(verdict(at(0.951)), "MISSED");
        assert_eq!(verdict(at(f64::NAN)), "MISSED");
        assert_eq!(verdict(Err("needs haproxy".to_owned())), "not measured");
        assert_eq!(Bar::figure("f", "KiB", 1.0, &[]).verdict(), "not measured");
    }

    #[test]
    fn the_table_tells_misses_and_what_could_not_run() {
        let mut report = Report::default();
        report.begin("on", "telemetry on");
        report.bar(Bar { goal: Some(40.0), ..Bar::figure("RSS", "MiB", 50.0, &[51.0, 51.0]) });
        report.fail("no room");
        let table = report.table();
        assert!(
            table.contains("RSS, MiB") && table.contains("51.0 ") && table.contains("MISSED"),
            "{table}"
        );
        assert!(
            table.contains("≤ 50 (goal 40)") && table.contains("not measured: no room"),
            "{table}"
        );
        assert_eq!(report.missed(), 2);
        let kept: Value = serde_json::from_str(&report.json(1, 0.5, 64)).unwrap();
        assert_eq!(kept["scenarios"][0]["bars"][0]["verdict"], "MISSED");
    }
}
