//! Whether more calls at one time do more, or only wait longer.
//!
//! Over the last windows, Pearson's coefficient of calls at one time with answer times, and with
//! calls done per second. If waits grow with the calls and what is done does not, the callee is full,
//! whatever its usual answer time has become by now.

/// Windows that are looked at.
const WINDOWS: usize = 20;
/// Fewer say nothing.
const WINDOWS_MIN: usize = 8;
/// From here on two things go together.
const TOGETHER: f64 = 0.7;
/// Below this they do not.
const APART: f64 = 0.3;

/// The last windows: calls at one time, answer time, calls done per second.
#[derive(Debug, Clone, Default)]
pub(super) struct Correlation {
    last: [(f64, f64, f64); WINDOWS],
    known: usize,
    next: usize,
}

impl Correlation {
    /// Notes a window; whether more calls only wait longer.
    pub(super) fn is_runaway(&mut self, running: f64, took: f64, done: f64) -> bool {
        if let Some(place) = self.last.get_mut(self.next) {
            *place = (running, took, done);
        }
        self.next = (self.next + 1) % WINDOWS;
        self.known = (self.known + 1).min(WINDOWS);
        if self.known < WINDOWS_MIN {
            return false;
        }
        let known = self.last.get(..self.known).unwrap_or_default();
        let waits = pearson(known.iter().map(|(running, took, _)| (*running, *took)));
        let work = pearson(known.iter().map(|(running, _, done)| (*running, *done)));
        waits > TOGETHER && work < APART
    }
}

/// Pearson's coefficient; 0 where one of the two does not vary.
fn pearson(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let (mut count, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for (x, y) in pairs.clone() {
        count += 1.0;
        sum_x += x;
        sum_y += y;
    }
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (mut both, mut var_x, mut var_y) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        both += (x - mean_x) * (y - mean_y);
        var_x += (x - mean_x).powi(2);
        var_y += (y - mean_y).powi(2);
    }
    // Less than a thousandth of the mean is noise.
    let varies = |var: f64, mean: f64| (var / count).sqrt() > mean.abs() * 1e-3;
    if varies(var_x, mean_x) && varies(var_y, mean_y) { both / (var_x * var_y).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_without_work_are_a_runaway() {
        let run = |took: fn(f64) -> f64, done: fn(f64) -> f64| {
            let mut correlation = Correlation::default();
            (10..30).any(|running| {
                let running = f64::from(running);
                correlation.is_runaway(running, took(running), done(running))
            })
        };
        assert!(run(|running| running * 0.01, |_| 100.0));
        assert!(!run(|_| 0.01, |running| running * 100.0));
        assert!(!run(|running| running * 0.001, |running| running * 10.0));
    }
}
