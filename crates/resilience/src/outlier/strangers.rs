//! Endpoints that do worse than their siblings: by their share of successes, or by their latency.
//!
//! Looked at together, once per interval. An endpoint is strange if its success rate is more than
//! some standard deviations below the mean of all (Envoy's `success_rate` detection: 1.9, five
//! hosts, 100 requests), or if its average latency is a multiple of the median of all. Where all do
//! badly together none is strange: that is a breaker's matter.

/// When a sibling is strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// Standard deviations below the mean success rate; 0 does not look at it.
    pub success_deviations: f64,
    /// Multiple of the median latency; 0 does not look at it.
    pub latency_factor: f64,
    /// Endpoints with enough requests that a comparison needs.
    pub hosts_min: usize,
    /// Requests of an interval without which an endpoint is not compared.
    pub requests_min: u32,
}

impl Default for Compared {
    fn default() -> Self {
        Self { success_deviations: 1.9, latency_factor: 0.0, hosts_min: 5, requests_min: 100 }
    }
}

/// What an endpoint did in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seen {
    /// Requests.
    pub requests: u32,
    /// Those that failed.
    pub failures: u32,
    /// Sum of the times of all, in seconds.
    pub seconds: f64,
}

/// Why an endpoint is strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strange {
    /// Its success rate, and the one below which it is strange; in percent.
    Failing(f64, f64),
    /// Its average latency, and the one above which it is strange; in seconds.
    Slow(f64, f64),
}

impl Compared {
    /// The places of those that are strange, and why. Allocates.
    pub fn strange(&self, all: &[Seen]) -> Vec<(usize, Strange)> {
        let enough = |seen: &Seen| seen.requests >= self.requests_min.max(1);
        let judged: Vec<_> = all.iter().enumerate().filter(|(_, seen)| enough(seen)).collect();
        if judged.len() < self.hosts_min.max(2) {
            return Vec::new();
        }
        let mut strange = Vec::new();
        if self.success_deviations > 0.0 {
            let rates: Vec<f64> = judged.iter().map(|(_, seen)| seen.success_percent()).collect();
            let bound = mean(&rates) - self.success_deviations * deviation(&rates);
            let bad = judged.iter().filter(|(_, seen)| seen.success_percent() < bound);
            strange.extend(
                bad.map(|(at, seen)| (*at, Strange::Failing(seen.success_percent(), bound))),
            );
        }
        if self.latency_factor > 0.0 {
            let mut times: Vec<f64> = judged.iter().map(|(_, seen)| seen.average()).collect();
            times.sort_unstable_by(f64::total_cmp);
            let median = times.get(times.len() / 2).copied().unwrap_or(0.0);
            let bound = median * self.latency_factor;
            let slow = judged.iter().filter(|(_, seen)| seen.average() > bound);
            strange.extend(slow.map(|(at, seen)| (*at, Strange::Slow(seen.average(), bound))));
        }
        strange
    }
}

impl Seen {
    fn success_percent(&self) -> f64 {
        100.0 * f64::from(self.requests - self.failures.min(self.requests))
            / f64::from(self.requests)
    }

    fn average(&self) -> f64 {
        self.seconds / f64::from(self.requests)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of endpoints")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
    self::mean(&squares).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(failures: u32, millis: u32) -> Seen {
        Seen { requests: 100, failures, seconds: f64::from(millis) / 10.0 }
    }

    #[test]
    fn the_one_that_fails_more_than_its_siblings_is_strange() {
        let mut all = vec![seen(1, 10); 9];
        all.push(seen(60, 10));
        let strange = Compared::default().strange(&all);
        assert!(matches!(strange[..], [(9, Strange::Failing(..))]), "{strange:?}");
        assert!(Compared::default().strange(&[seen(90, 10); 10]).is_empty(), "all alike");
        assert!(Compared::default().strange(&all[6..]).is_empty(), "too few to compare");
    }

    #[test]
    fn the_one_that_is_slower_than_most_is_strange() {
        let compared = Compared { latency_factor: 3.0, hosts_min: 3, ..Compared::default() };
        let mut all = vec![seen(0, 10); 4];
        all.push(seen(0, 40));
        let strange = compared.strange(&all);
        assert!(matches!(strange[..], [(4, Strange::Slow(..))]), "{strange:?}");
    }
}
