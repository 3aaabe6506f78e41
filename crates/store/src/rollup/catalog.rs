//! Which series there are: services, their operations, and a number for each series.
//!
//! A span of a known series costs one look by name and allocates nothing. Operations have their own
//! names until a service has too many of them; from then on new names are
//! [grouped](super::operation::group), and what goes beyond the limits of series counts for
//! [`OTHER`](super::OTHER), and is counted.

mod slab;

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_otlp::{Kind, StatusCode};

use super::nodes::cut;
use super::operation::group;
use super::period::{Recorder, SeriesKey};
use super::{Config, OTHER};
use slab::Slab;

/// Number of a series.
pub(super) type SeriesId = u32;
/// Number of a service, for spans of one batch.
pub(super) type ServiceId = u32;

const KINDS: usize = 6;
const STATUSES: usize = 3;

/// How names were treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Naming {
    /// Spans whose operation was counted with others that differ by an id.
    pub grouped: u64,
    /// Spans that count for another service or operation than theirs, because of a limit.
    pub other: u64,
}

/// Numbers are valid until [`Catalog::forget_before`].
#[derive(Debug, Default)]
pub(super) struct Catalog {
    own: HashMap<Arc<str>, ServiceId>,
    by_proxy: HashMap<Arc<str>, ServiceId>,
    services: Slab<Service>,
    series: Slab<Series>,
    scratch: String,
    pub(super) naming: Naming,
}

#[derive(Debug)]
struct Service {
    name: Arc<str>,
    recorder: Recorder,
    operations: HashMap<Arc<str>, Operation>,
    /// Operations under their own names.
    own_names: usize,
    series: usize,
}

#[derive(Debug, Default)]
struct Operation {
    /// By kind and status.
    series: [Option<SeriesId>; KINDS * STATUSES],
    own_name: bool,
}

#[derive(Debug)]
struct Series {
    key: SeriesKey,
    service: ServiceId,
    /// When it was last counted, nanoseconds since the Unix epoch.
    last: u64,
}

const fn place(kind: Kind, status: StatusCode) -> usize {
    kind as usize * STATUSES + status as usize
}

impl Catalog {
    /// The number of a service; that of [`OTHER`] for a new one beyond the limit.
    pub(super) fn service(&mut self, name: &str, recorder: Recorder, config: &Config) -> ServiceId {
        let services = match recorder {
            Recorder::Own => &mut self.own,
            Recorder::Proxy => &mut self.by_proxy,
        };
        let name = cut(name);
        if let Some(number) = services.get(name) {
            return *number;
        }
        let name = if services.len() < config.services_max { name } else { OTHER };
        if let Some(number) = services.get(name) {
            return *number;
        }
        let name: Arc<str> = Arc::from(name);
        let operations = HashMap::new();
        let service =
            Service { name: Arc::clone(&name), recorder, operations, own_names: 0, series: 0 };
        let number = self.services.insert(service);
        services.insert(name, number);
        number
    }

    /// The series of a span; `None` if there is no such service.
    #[inline]
    pub(super) fn series(
        &mut self,
        service: ServiceId,
        name: &str,
        kind: Kind,
        status: StatusCode,
        config: &Config,
    ) -> Option<SeriesId> {
        let name = cut(name);
        let known = self.services.get(service)?.operations.get(name);
        let known = known.and_then(|operation| *operation.series.get(place(kind, status))?);
        known.or_else(|| self.find(service, name, kind, status, config))
    }

    /// The series of a span whose own name has none.
    #[cold]
    fn find(
        &mut self,
        service: ServiceId,
        name: &str,
        kind: Kind,
        status: StatusCode,
        config: &Config,
    ) -> Option<SeriesId> {
        let owner = self.services.get_mut(service)?;
        let own_name = match owner.operations.get(name) {
            Some(operation) => operation.own_name,
            None => owner.own_names < config.own_names_max,
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        if own_name {
            scratch.clear();
            scratch.push_str(name);
        } else {
            group(name, &mut scratch);
            self.naming.grouped += u64::from(scratch != name);
        }
        let full =
            owner.series >= config.series_per_service_max || self.series.len() >= config.series_max;
        let found = owner.operations.get(scratch.as_str());
        let mut found = found.and_then(|operation| *operation.series.get(place(kind, status))?);
        if found.is_none() && full && scratch != OTHER {
            self.naming.other += 1;
            OTHER.clone_into(&mut scratch);
            found = owner
                .operations
                .get(OTHER)
                .and_then(|operation| *operation.series.get(place(kind, status))?);
        }
        if found.is_none() {
            let operation = Arc::from(scratch.as_str());
            let (recorder, of) = (owner.recorder, Arc::clone(&owner.name));
            let key = SeriesKey { service: of, recorder, operation, kind, status };
            found = Some(self.begin(service, key, own_name));
        }
        self.scratch = scratch;
        found
    }

    fn begin(&mut self, service: ServiceId, key: SeriesKey, own_name: bool) -> SeriesId {
        let (operation, place) = (Arc::clone(&key.operation), place(key.kind, key.status));
        let number = self.series.insert(Series { key, service, last: 0 });
        if let Some(owner) = self.services.get_mut(service) {
            // One beyond all limits takes no place from the others.
            owner.series += usize::from(*operation != *OTHER);
            let entry = owner.operations.entry(operation).or_insert_with(|| {
                owner.own_names += usize::from(own_name);
                Operation { own_name, ..Operation::default() }
            });
            if let Some(slot) = entry.series.get_mut(place) {
                *slot = Some(number);
            }
        }
        number
    }

    /// What a series counts, and notes that it is in use.
    pub(super) fn touch(&mut self, series: SeriesId, now: u64) -> Option<&SeriesKey> {
        let series = self.series.get_mut(series)?;
        series.last = series.last.max(now);
        Some(&series.key)
    }

    /// What a series counts.
    pub(super) fn key(&self, series: SeriesId) -> Option<&SeriesKey> {
        self.series.get(series).map(|series| &series.key)
    }

    /// How many series there are.
    pub(super) const fn len(&self) -> usize {
        self.series.len()
    }

    /// Forgets what was last counted before this time. Numbers may then be given to others.
    pub(super) fn forget_before(&mut self, time: u64) {
        let old = |series: &Series| series.last < time;
        for Series { key, service, .. } in self.series.take_if(old) {
            let Some(owner) = self.services.get_mut(service) else { continue };
            owner.series -= usize::from(*key.operation != *OTHER).min(owner.series);
            let Some(operation) = owner.operations.get_mut(&key.operation) else { continue };
            if let Some(slot) = operation.series.get_mut(place(key.kind, key.status)) {
                *slot = None;
            }
            if operation.series.iter().all(Option::is_none) {
                owner.own_names -= usize::from(operation.own_name).min(owner.own_names);
                owner.operations.remove(&key.operation);
            }
        }
        for service in self.services.take_if(|service| service.operations.is_empty()) {
            let services = match service.recorder {
                Recorder::Own => &mut self.own,
                Recorder::Proxy => &mut self.by_proxy,
            };
            services.remove(&service.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Config = Config {
        services_max: 3,
        own_names_max: 2,
        series_per_service_max: 4,
        series_max: 6,
        ..Config::DEFAULT
    };

    fn operation(catalog: &mut Catalog, service: &str, name: &str) -> String {
        let service = catalog.service(service, Recorder::Own, &CONFIG);
        let series =
            catalog.series(service, name, Kind::Server, StatusCode::Unset, &CONFIG).unwrap();
        let key = catalog.touch(series, 5).unwrap();
        format!("{}/{}", key.service, key.operation)
    }

    #[test]
    fn names_are_their_own_until_there_are_too_many() {
        let mut catalog = Catalog::default();
        for (name, expected) in [
            ("a 1", "s/a 1"),
            ("a 2", "s/a 2"),
            ("a 3", "s/a {n}"),
            ("a 1", "s/a 1"),
            ("a 4", "s/a {n}"),
        ] {
            assert_eq!(operation(&mut catalog, "s", name), expected);
        }
        assert_eq!((catalog.len(), catalog.naming), (3, Naming { grouped: 2, other: 0 }));
    }

    #[test]
    fn what_goes_beyond_a_limit_counts_for_others() {
        let mut catalog = Catalog::default();
        let names =
            ["a", "b", "c", "d", "e", "f", "a"].map(|name| operation(&mut catalog, "s", name));
        assert_eq!(names, ["s/a", "s/b", "s/c", "s/d", "s/other", "s/other", "s/a"]);
        assert_eq!(
            ["x", "y", "z"].map(|name| operation(&mut catalog, "t", name)),
            ["t/x", "t/other", "t/other"]
        );
        operation(&mut catalog, "u", "x");
        assert_eq!(operation(&mut catalog, "v", "x"), "other/other");
        assert_eq!(operation(&mut catalog, "w", "x"), "other/other");
    }

    #[test]
    fn series_are_by_kind_and_status() {
        let mut catalog = Catalog::default();
        let service = catalog.service("s", Recorder::Own, &CONFIG);
        let mut series =
            |kind, status| catalog.series(service, "a", kind, status, &CONFIG).unwrap();
        let all = [
            (Kind::Server, StatusCode::Unset),
            (Kind::Server, StatusCode::Error),
            (Kind::Consumer, StatusCode::Error),
        ];
        let numbers = all.map(|(kind, status)| series(kind, status));
        assert_eq!(numbers, all.map(|(kind, status)| series(kind, status)));
        assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2]);
    }

    #[test]
    fn what_is_idle_makes_room() {
        let mut catalog = Catalog::default();
        let before = ["a", "b", "c", "d", "e"].map(|name| operation(&mut catalog, "s", name));
        assert_eq!(before[4], "s/other");
        catalog.forget_before(6);
        assert_eq!((catalog.len(), catalog.own.len()), (0, 0));
        assert_eq!(operation(&mut catalog, "s", "e"), "s/e");
        catalog.forget_before(5);
        assert_eq!(catalog.len(), 1);
    }
}
