//! Writing metric families as text, in two dialects.
//!
//! OpenMetrics 1.0 and Prometheus' text format 0.0.4 differ in little: the older one names counters
//! with `_total` in `# TYPE`, has no units and no infos, and no end mark.

use std::fmt::Write as _;

use trunkline_model::ops::Distribution;

use super::catalog::{Family, Kind};

/// A dialect of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text 0.0.4.
    Prometheus,
}

impl Format {
    /// Its media type, exactly as the specifications write it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Powers of two of a microsecond between which histograms are told: 256 µs to 67 s.
const BOUND_POWERS: std::ops::RangeInclusive<u32> = 8..=26;

/// Text under construction: families in turn, each with its samples.
pub(super) struct Writer {
    format: Format,
    text: String,
}

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        Self { format, text: String::with_capacity(16 * 1024) }
    }

    /// Starts a family; its samples follow.
    pub(super) fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let old = self.format == Format::Prometheus;
        let (name, kind) = match (old, family.kind) {
            (true, Kind::Info) => (format!("{}_info", family.name), "gauge"),
            (true, Kind::Counter) => (format!("{}_total", family.name), "counter"),
            (_, kind) => (family.name.to_owned(), kind.as_str()),
        };
        self.line(format_args!("# TYPE {name} {kind}"));
        if !old && !family.unit.is_empty() {
            self.line(format_args!("# UNIT {name} {}", family.unit));
        }
        self.line(format_args!("# HELP {name} {}", family.help));
        Samples { writer: self, family }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// The samples of one family.
pub(super) struct Samples<'a> {
    writer: &'a mut Writer,
    family: &'static Family,
}

impl Samples<'_> {
    /// One whole number; `labels` are the values of the family's labels, in its order.
    pub(super) fn number(&mut self, labels: &[&str], value: u64) {
        self.sample(self.suffix(), labels, None, format_args!("{value}"));
    }

    /// One number with a fraction.
    pub(super) fn float(&mut self, labels: &[&str], value: f64) {
        self.sample(self.suffix(), labels, None, format_args!("{value}"));
    }

    /// One histogram of microseconds, told in the family's unit: seconds or milliseconds.
    pub(super) fn histogram(&mut self, labels: &[&str], micros: &Distribution) {
        let told = if self.family.unit == "milliseconds" { milliseconds } else { seconds };
        let mut buckets = micros.buckets.iter().peekable();
        let mut total = 0;
        for power in BOUND_POWERS {
            let bound = 1_u64 << power;
            // A value of 1023 µs stands for everything below 1024 µs: time was cut to microseconds.
            while let Some((_, count)) = buckets.next_if(|(upper, _)| *upper < bound) {
                total += count;
            }
            let bound = told(bound);
            self.sample("_bucket", labels, Some(&bound), format_args!("{total}"));
        }
        // Counts may be read while they grow: the sum of the buckets is what fits to them.
        total += buckets.map(|(_, count)| count).sum::<u64>();
        self.sample("_bucket", labels, Some("+Inf"), format_args!("{total}"));
        self.sample("_count", labels, None, format_args!("{total}"));
        self.sample("_sum", labels, None, format_args!("{}", told(micros.sum)));
    }

    fn suffix(&self) -> &'static str {
        match self.family.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        }
    }

    fn sample(
        &mut self,
        suffix: &str,
        values: &[&str],
        bound: Option<&str>,
        number: std::fmt::Arguments<'_>,
    ) {
        debug_assert_eq!(values.len(), self.family.labels.len(), "{}", self.family.name);
        let text = &mut self.writer.text;
        text.push_str(self.family.name);
        text.push_str(suffix);
        let labels = self.family.labels.iter().copied().zip(values.iter().copied());
        let mut separator = '{';
        for (name, value) in labels.chain(bound.map(|bound| ("le", bound))) {
            text.push(separator);
            text.push_str(name);
            text.push_str("=\"");
            escape(value, text);
            text.push('"');
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
        text.push(' ');
        // Writing to a `String` cannot fail.
        let _ = text.write_fmt(number);
        text.push('\n');
    }
}

/// Microseconds as seconds, exactly; never without a fraction, as OpenMetrics writes bounds.
fn seconds(micros: u64) -> String {
    trimmed(&format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000))
}

/// Microseconds as milliseconds, likewise.
fn milliseconds(micros: u64) -> String {
    trimmed(&format!("{}.{:03}", micros / 1_000, micros % 1_000))
}

fn trimmed(text: &str) -> String {
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

/// A label's value: backslash, quote and line feed are escaped, everything else stands for itself.
fn escape(value: &str, into: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => into.push_str("\\\\"),
            '"' => into.push_str("\\\""),
            '\n' => into.push_str("\\n"),
            c => into.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog;

    #[test]
    fn a_histogram_is_cumulative_and_exact_at_its_bounds() {
        let mut writer = Writer::new(Format::OpenMetrics);
        let distribution = Distribution {
            buckets: vec![(255, 1), (256, 2), (1_023, 4), (u64::MAX, 8)],
            sum: 1_500_000,
            count: 15,
        };
        writer.family(&catalog::LOOP_STALL).histogram(&[], &distribution);
        let text = writer.finish();
        for line in [
            "# TYPE trunkline_loop_stall_seconds histogram",
            "# UNIT trunkline_loop_stall_seconds seconds",
            "trunkline_loop_stall_seconds_bucket{le=\"0.000256\"} 1",
            "trunkline_loop_stall_seconds_bucket{le=\"0.000512\"} 3",
            "trunkline_loop_stall_seconds_bucket{le=\"0.001024\"} 7",
            "trunkline_loop_stall_seconds_bucket{le=\"67.108864\"} 7",
            "trunkline_loop_stall_seconds_bucket{le=\"+Inf\"} 15",
            "trunkline_loop_stall_seconds_count 15",
            "trunkline_loop_stall_seconds_sum 1.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} of\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn label_values_cannot_break_out() {
        let mut writer = Writer::new(Format::Prometheus);
        writer.family(&catalog::CONNECTIONS).number(&["a\"b\\c\nd"], 1);
        let text = writer.finish();
        assert!(text.contains("# TYPE trunkline_connections_total counter\n"));
        assert!(text.contains("trunkline_connections_total{listener=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }

    #[test]
    fn seconds_are_exact_and_have_a_fraction() {
        assert_eq!(seconds(0), "0.0");
        assert_eq!(seconds(256), "0.000256");
        assert_eq!(seconds(1_000_000), "1.0");
        assert_eq!(seconds(10_500_000), "10.5");
        assert_eq!(
            [0, 256, 1_024, 67_108_864].map(milliseconds),
            ["0.0", "0.256", "1.024", "67108.864"]
        );
    }
}
