//! How many calls one recorded span stands for.
//!
//! A sampler that keeps one trace in ten writes its threshold to `tracestate` as `ot=th:e666…`: 56
//! bits, of which so many are refused. What it kept counts for ten. Counts are kept as fixed-point
//! numbers, so that sums do not depend on the order in which they were added.
//!
//! Source: OpenTelemetry, "`TraceState`: Probability Sampling", section on the rejection threshold.

use trunkline_model::trace::Threshold;

/// A number of calls with 16 bits after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Weight(u64);

/// Bits after the point.
pub(super) const FRACTION_BITS: u32 = 16;

/// Sampling one in a million is the rarest that is believed: a threshold comes from outside, and one
/// span must not stand for more calls than a service takes in a day.
const WEIGHT_MAX: f64 = 1_048_576.0;

impl Weight {
    /// One call.
    pub const ONE: Self = Self(1 << FRACTION_BITS);

    /// What a span with this `tracestate` stands for: one call where it says nothing that can be
    /// read.
    #[inline]
    pub fn of_trace_state(trace_state: &str) -> Self {
        if trace_state.is_empty() { Self::ONE } else { Self::read(trace_state) }
    }

    fn read(trace_state: &str) -> Self {
        let mut members = trace_state.split(',').map(str::trim_ascii);
        let ours = members.find_map(|member| member.strip_prefix("ot="));
        let mut fields = ours.into_iter().flat_map(|value| value.split(';'));
        let threshold = fields.find_map(|field| field.strip_prefix("th:"));
        threshold.and_then(Self::of_threshold).unwrap_or(Self::ONE)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least one, and cut to what is believed"
    )]
    fn of_threshold(digits: &str) -> Option<Self> {
        let count = Threshold::parse(digits.as_bytes())?.adjusted_count().min(WEIGHT_MAX);
        Some(Self((count * f64::from(1_u32 << FRACTION_BITS)).round() as u64))
    }

    /// So many calls.
    pub const fn calls(count: u64) -> Self {
        Self(count.saturating_mul(1 << FRACTION_BITS))
    }

    /// As a fixed-point number, with 16 bits after the point.
    pub const fn fixed(self) -> u64 {
        self.0
    }

    /// From a fixed-point number.
    pub(super) const fn from_fixed(fixed: u64) -> Self {
        Self(fixed)
    }

    /// This many times a number, rounded.
    pub(super) fn times(self, number: u64) -> u64 {
        let product =
            (u128::from(self.0) * u128::from(number) + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
        u64::try_from(product).unwrap_or(u64::MAX)
    }
}

/// A sum of weights as a number of calls.
#[expect(clippy::cast_precision_loss, reason = "53 bits of a count are enough")]
pub fn calls(fixed: u64) -> f64 {
    fixed as f64 / f64::from(1_u32 << FRACTION_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trace_state: &str, expected: f64) {
        let told = calls(Weight::of_trace_state(trace_state).fixed());
        assert!((told - expected).abs() < 0.001, "{trace_state}: {told}");
    }

    #[test]
    fn a_threshold_tells_how_many_calls_a_span_stands_for() {
        check("", 1.0);
        check("ot=th:0", 1.0);
        check("ot=th:8", 2.0);
        check("ot=th:c", 4.0);
        check("ot=th:e6666666666666", 10.0);
        check("vendor=x, ot=rv:abcdef01234567;th:8 ,other=th:c", 2.0);
    }

    #[test]
    fn what_cannot_be_read_stands_for_one_call() {
        for broken in [
            "ot=",
            "ot=th:",
            "ot=th:xyz",
            "ot=th:-1",
            "ot=th:+8",
            "ot=th:C",
            "th:c",
            "xot=th:c",
            "ot=th:000000000000000",
            ",;=:",
        ] {
            check(broken, 1.0);
        }
    }

    #[test]
    fn nobody_is_believed_to_keep_less_than_one_in_a_million() {
        check("ot=th:ffffffffffffff", 1_048_576.0);
    }
}
