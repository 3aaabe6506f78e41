//! After how long a service closes connections that are idle, learned from what it does.
//!
//! Two connections that were found closed at nearly the same age show a limit of the service; one
//! alone may be a restart. From then on idle connections are given up before that age, so that no
//! request crosses with the close.

use std::time::Duration;

use crate::limits::KEEP_ALIVE_MARGIN;

/// Ages below this are a restart or a busy server, not a limit.
const AGE_MIN: Duration = Duration::from_secs(1);

/// What is known of one endpoint.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Learned {
    suspected: Option<Duration>,
    known: Option<Duration>,
}

impl Learned {
    /// A connection was found closed that had been idle for at most so long.
    pub(super) fn closed_after(&mut self, age: Duration) {
        if age < AGE_MIN {
            return;
        }
        let near = |other: Duration| age.abs_diff(other) <= other / 4;
        if self.suspected.is_some_and(near) {
            let shortest = self.suspected.map_or(age, |other| other.min(age));
            self.known = Some(self.known.map_or(shortest, |known| known.min(shortest)));
        }
        self.suspected = Some(age);
    }

    /// How long a connection may be kept that may be kept for `wanted` otherwise.
    pub(super) fn limit(&self, wanted: Duration) -> Duration {
        self.known.map_or(wanted, |known| before(known).min(wanted))
    }
}

/// A little before the service would close.
pub(super) fn before(theirs: Duration) -> Duration {
    theirs.saturating_sub(KEEP_ALIVE_MARGIN.min(theirs / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_closes_at_one_age_are_a_limit_and_one_is_not() {
        let second = Duration::from_secs;
        let mut learned = Learned::default();
        learned.closed_after(second(5));
        assert_eq!(learned.limit(second(60)), second(60));
        learned.closed_after(second(30));
        assert_eq!(learned.limit(second(60)), second(60));
        learned.closed_after(second(29));
        assert_eq!(learned.limit(second(60)), second(28));
        learned.closed_after(Duration::from_millis(3));
        assert_eq!((learned.limit(second(60)), learned.limit(second(5))), (second(28), second(5)));
    }
}
