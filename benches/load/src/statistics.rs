//! Medians, percentiles, and how far a median can be trusted.

/// The smallest value that `share` of all values do not exceed. `sorted` is in ascending order; 0 when empty.
pub(crate) fn percentile(sorted: &[u32], share: f64) -> u32 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// The middle value, or the mean of the two in the middle. NaN when empty.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    if sorted.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.wrapping_sub(1)), at(half)) }
}

/// A median with the interval that holds it with 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Draws of the bootstrap: enough that the interval's ends are stable to a percent.
const DRAWS: usize = 2_000;

/// Percentile bootstrap of the median (Efron 1979), with a fixed seed: the same values give the same interval.
pub(crate) fn estimate(values: &[f64]) -> Estimate {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = || {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        let index = (random * values.len() as u64) >> 32;
        values.get(index as usize).copied().unwrap_or(f64::NAN)
    };
    let mut medians: Vec<f64> = (0..DRAWS)
        .map(|_| median(&(0..values.len()).map(|_| draw()).collect::<Vec<_>>()))
        .collect();
    medians.sort_by(f64::total_cmp);
    let at = |share: usize| medians.get(DRAWS * share / 1000).copied().unwrap_or(f64::NAN);
    Estimate { median: median(values), low: at(25), high: at(974) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles_are_those_of_the_textbook() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])), (2.0, 2.5));
        assert!(median(&[]).is_nan());
        let values: Vec<u32> = (1..=100).collect();
        assert_eq!(
            (percentile(&values, 0.5), percentile(&values, 0.99), percentile(&[], 0.5)),
            (50, 99, 0)
        );
    }

    #[test]
    fn the_interval_holds_the_median_and_shrinks_with_agreement() {
        let wide = estimate(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert!(
            wide.low < 5.0 && 5.0 < wide.high && wide.low >= 1.0 && wide.high <= 9.0,
            "{wide:?}"
        );
        assert_eq!(estimate(&[2.0; 9]), Estimate { median: 2.0, low: 2.0, high: 2.0 });
    }
}
