//! Slow start: an endpoint that has just come up is given its traffic bit by bit.
//!
//! Caches are cold and code is not compiled yet; a full share at once would make it slow or fall
//! over again. The share grows with time since it came up: in proportion (HAProxy), or along a
//! curve (Envoy's `aggression`).

use std::time::Duration;

/// How traffic grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// Until the full share.
    pub window: Duration,
    /// 1 grows in proportion to time; above it, faster at the beginning; below, slower.
    pub aggression: f64,
    /// The least share, between 0 and 1: without a request it would never become warm.
    pub least: f64,
}

impl SlowStart {
    /// The part of its weight, between `least` and 1, that an endpoint has so long after it came up.
    pub fn share(&self, since: Duration) -> f64 {
        if since >= self.window {
            return 1.0;
        }
        let part = since.as_secs_f64() / self.window.as_secs_f64();
        part.powf(1.0 / self.aggression.max(0.01)).clamp(self.least.clamp(0.0, 1.0), 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(aggression: f64, seconds: f64, expected: f64) {
        let ramp = SlowStart { window: Duration::from_secs(10), aggression, least: 0.1 };
        let share = ramp.share(Duration::from_secs_f64(seconds));
        assert!((share - expected).abs() < 0.001, "{aggression} {seconds}: {share}");
    }

    #[test]
    fn the_share_grows_from_the_least_to_all() {
        check(1.0, 0.0, 0.1);
        check(1.0, 5.0, 0.5);
        check(1.0, 10.0, 1.0);
        check(1.0, 60.0, 1.0);
        check(2.0, 2.5, 0.5);
        check(0.5, 5.0, 0.25);
    }

    #[test]
    fn no_window_is_no_ramp() {
        let ramp = SlowStart { window: Duration::ZERO, aggression: 1.0, least: 0.1 };
        assert!((ramp.share(Duration::ZERO) - 1.0).abs() < f64::EPSILON);
    }
}
