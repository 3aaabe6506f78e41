//! Numbers of a trace by group: durations, own time, failures, and the part on the critical path.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::skeleton::Skeleton;

/// Groups of an answer at most.
pub const GROUPS_MAX: usize = 1_000;

/// What spans are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Service and operation.
    Operation,
    /// Service.
    Service,
    /// Kind.
    Kind,
    /// Status.
    Status,
    /// A value that the caller gives for each row.
    Value,
}

/// The name of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The service, where it is grouped by.
    pub service: Option<Arc<str>>,
    /// The operation, where it is grouped by.
    pub operation: Option<Arc<str>>,
    /// Kind, status or value, where it is grouped by; `None` for spans without the value.
    pub value: Option<String>,
}

/// Numbers of the spans of a group. Times in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub name: Name,
    /// Spans.
    pub spans: usize,
    /// Spans that failed.
    pub failed: usize,
    /// Durations together.
    pub total: u64,
    /// The shortest.
    pub min: u64,
    /// Half are not longer.
    pub p50: u64,
    /// Nine of ten are not longer.
    pub p90: u64,
    /// Ninety-nine of a hundred are not longer.
    pub p99: u64,
    /// The longest.
    pub max: u64,
    /// Time in which no child ran, together.
    pub own: u64,
    /// Time on the critical path.
    pub critical: u64,
}

/// The groups of a trace, those with most own time first; whether some were left out.
pub fn groups<'a>(
    skeleton: &Skeleton,
    by: By,
    value_of: &dyn Fn(usize) -> Option<Cow<'a, str>>,
) -> (Vec<Group>, bool) {
    struct Rows {
        durations: Vec<u64>,
        failed: usize,
        own: u64,
        critical: u64,
    }
    let mut all = HashMap::<Name, Rows>::new();
    let critical = skeleton.critical_nanos();
    for (index, row) in skeleton.rows.iter().enumerate() {
        let service = || Some(Arc::clone(skeleton.service(row)));
        let (service, operation, value) = match by {
            By::Operation => (service(), Some(Arc::clone(&row.name)), None),
            By::Service => (service(), None, None),
            By::Kind => (None, None, Some(row.kind.as_str().to_owned())),
            By::Status => (None, None, Some(crate::trace::status_word(row.status).to_owned())),
            By::Value => (None, None, value_of(index).map(Cow::into_owned)),
        };
        let rows = all.entry(Name { service, operation, value }).or_insert_with(|| Rows {
            durations: Vec::new(),
            failed: 0,
            own: 0,
            critical: 0,
        });
        rows.durations.push(row.duration_nanos());
        rows.failed += usize::from(row.failed());
        rows.own = rows.own.saturating_add(row.own_nanos);
        rows.critical += critical.get(index).copied().unwrap_or(0);
    }
    let group = |(name, mut rows): (Name, Rows)| {
        rows.durations.sort_unstable();
        let at = |percent| quantile(&rows.durations, percent);
        Group {
            name,
            spans: rows.durations.len(),
            failed: rows.failed,
            total: rows.durations.iter().fold(0, |sum, one| sum.saturating_add(*one)),
            min: at(0),
            p50: at(50),
            p90: at(90),
            p99: at(99),
            max: at(100),
            own: rows.own,
            critical: rows.critical,
        }
    };
    let mut groups: Vec<Group> = all.into_iter().map(group).collect();
    groups.sort_by(|a, b| b.own.cmp(&a.own).then_with(|| a.name.cmp(&b.name)));
    let truncated = groups.len() > GROUPS_MAX;
    groups.truncate(GROUPS_MAX);
    (groups, truncated)
}

/// The value that so many percent of a sorted list are not greater than; 0 of an empty list.
pub fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skeleton::tests::{skeleton, span};
    use proptest::prelude::*;

    #[test]
    fn a_quantile_is_a_value_of_the_list() {
        let list: Vec<u64> = (1..=100).collect();
        let check = |percent, expect| assert_eq!(quantile(&list, percent), expect);
        check(0, 1);
        check(50, 50);
        check(99, 99);
        check(100, 100);
        assert_eq!((quantile(&[], 50), quantile(&[7], 99)), (0, 7));
    }

    proptest! {
        #[test]
        fn groups_part_the_spans(
            raw in prop::collection::vec((1_u64..30, 0_u64..30, 0_u64..50, 0_u64..50), 1..60)
        ) {
            let spans = raw.iter().map(|(id, parent, start, length)| {
                span(*id, *parent, ["a", "b"][(*id % 2) as usize], *start, start + length)
            });
            let skeleton = skeleton(spans.collect());
            let whole: u64 = skeleton.path.iter().map(crate::skeleton::Segment::nanos).sum();
            for by in [By::Operation, By::Service, By::Kind, By::Status, By::Value] {
                let (groups, truncated) = groups(&skeleton, by, &|at| (at % 2 == 0).then(|| "x".into()));
                prop_assert!(!truncated);
                prop_assert_eq!(groups.iter().map(|group| group.spans).sum::<usize>(), raw.len());
                prop_assert_eq!(groups.iter().map(|group| group.critical).sum::<u64>(), whole);
                for group in &groups {
                    let ordered = [group.min, group.p50, group.p90, group.p99, group.max];
                    prop_assert!(ordered.is_sorted() && group.own <= group.total);
                }
            }
        }
    }
}
