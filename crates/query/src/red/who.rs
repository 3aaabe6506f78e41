//! Who tells of a service: it, or the proxy that stands before it.
//!
//! A service that records spans itself is recorded twice where the proxy carries its calls. Its own
//! spans count, since they tell of calls that took another way as well; the proxy's count for
//! services, and kinds of spans, that nobody else tells of. That is decided for the whole time that
//! is asked for, so that a series does not jump from one to the other.

use std::collections::HashSet;
use std::sync::Arc;

use trunkline_otlp::Kind;
use trunkline_store::rollup::{Recorder, SeriesKey, Wanted};
use trunkline_store::source::{Budget, QueryError};

use super::{Question, Rollups};

/// Services with the kinds of spans that they record.
#[derive(Debug, Default)]
pub(super) struct Own(HashSet<(Arc<str>, Kind)>);

impl Own {
    /// Looks through all that is asked for.
    pub(super) fn find(
        rollups: &dyn Rollups,
        question: &Question,
        budget: &mut Budget,
    ) -> Result<Self, QueryError> {
        let mut own = HashSet::new();
        let wanted = Wanted { series: &|service| question.wants(service), edges: false };
        rollups.read(question.needed(), &wanted, budget, &mut |_, rollup| {
            for key in rollup.series.keys().filter(|key| key.recorder == Recorder::Own) {
                if !own.contains(&(Arc::clone(&key.service), key.kind)) {
                    own.insert((Arc::clone(&key.service), key.kind));
                }
            }
        })?;
        Ok(Self(own))
    }

    /// Whether a series counts.
    pub(super) fn counts(&self, key: &SeriesKey) -> bool {
        key.recorder == Recorder::Own || !self.0.contains(&(Arc::clone(&key.service), key.kind))
    }
}
