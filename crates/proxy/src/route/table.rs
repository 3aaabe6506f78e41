//! All routes of one listener, indexed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_model::route::path::{self, BadPath};
use trunkline_model::route::{HostPattern, Route};
use trunkline_model::{ListenerId, Origin, RouteId};
use trunkline_net::http::Exchange;

use super::bucket::Bucket;
use super::compiled::{CompiledRoute, Problem};
use super::conditions::{Asked, Fields};
use super::frozen::Frozen;
use super::host;

/// All routes of one listener, indexed.
#[derive(Debug, Default)]
pub struct RouteTable {
    /// Every route, the greatest key first.
    routes: Vec<Arc<CompiledRoute>>,
    /// Buckets of exact hosts and wildcards, by kind and host.
    hosts: Frozen<Bucket, HOST_BYTES>,
    /// Whether there is a wildcard at all.
    wildcards: bool,
    /// The bucket of routes that ask for no host.
    any: Option<Bucket>,
}

/// Bytes of a host that a record has room for: the record then fills a cache line.
const HOST_BYTES: usize = 27;

/// Kinds of host patterns, the first part of a key.
pub(super) mod kind {
    pub(in crate::route) const EXACT: u32 = 0;
    pub(in crate::route) const WILDCARD: u32 = 1;
    pub(in crate::route) const ANY: u32 = 2;
}

/// Why no route takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// None fits.
    #[error("no route fits")]
    NoRoute,
    /// The path is refused before any route is asked.
    #[error(transparent)]
    BadPath(BadPath),
}

/// A route that cannot be served.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("route `{id}` cannot be served")]
pub struct InvalidRoute {
    /// Which.
    pub id: RouteId,
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

impl Miss {
    /// The reason that the caller is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::NoRoute | Self::BadPath(BadPath::Relative) => Reason::new(Kind::NoRoute),
            Self::BadPath(bad) => Reason::new(Kind::BadRequest).fact(
                "path",
                Fact::Token(match bad {
                    BadPath::DotSegment => "dot_segment",
                    BadPath::Escape => "escape",
                    BadPath::Zero => "zero_byte",
                    BadPath::Relative => "relative",
                }),
            ),
        }
    }
}

impl RouteTable {
    /// Compiles the routes that `listener` serves, or tells everything that is wrong.
    ///
    /// `donors` are tables whose compiled parts are taken over where they are still right: the
    /// former table of this listener, and the new ones of others that serve the same routes.
    pub fn build<'a>(
        listener: &ListenerId,
        routes: impl IntoIterator<Item = &'a Route>,
        donors: &[&Self],
    ) -> Result<Self, Vec<InvalidRoute>> {
        let served =
            |route: &&Route| route.listeners.is_empty() || route.listeners.contains(listener);
        let former: HashMap<_, _> =
            donors.iter().flat_map(|table| &table.routes).map(|route| (&route.id, route)).collect();
        let mut compiled = Vec::new();
        let mut wrong = Vec::new();
        for route in routes.into_iter().filter(served) {
            let former = former.get(&route.id);
            if let Some(former) = former.filter(|former| former.is_same(route)) {
                compiled.push(Arc::clone(former));
                continue;
            }
            match CompiledRoute::compile(route, former.map(|former| &***former)) {
                Ok(route) => compiled.push(Arc::new(route)),
                Err(problems) => wrong.extend(problems.into_iter().map(|problem| InvalidRoute {
                    id: route.id.clone(),
                    origin: route.origin.clone(),
                    problem,
                })),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        compiled.sort_by_key(|route| std::cmp::Reverse(route.order));
        Ok(Self::index(compiled, donors))
    }

    /// Puts routes into one bucket for each host pattern. A bucket of exactly the same routes is
    /// taken from a donor.
    fn index(routes: Vec<Arc<CompiledRoute>>, donors: &[&Self]) -> Self {
        let mut groups: BTreeMap<(u32, &str), Vec<Arc<CompiledRoute>>> = BTreeMap::new();
        for route in &routes {
            for key in host_keys(route) {
                let group = groups.entry(key).or_default();
                if !group.last().is_some_and(|last| Arc::ptr_eq(last, route)) {
                    group.push(Arc::clone(route));
                }
            }
        }
        let mut hosts = Vec::with_capacity(groups.len());
        let mut any = None;
        for ((kind, host), group) in groups {
            let same = |bucket: &&Bucket| {
                bucket.routes().len() == group.len()
                    && bucket.routes().iter().zip(&group).all(|(a, b)| Arc::ptr_eq(a, b))
            };
            let mut known = donors.iter().filter_map(|donor| donor.bucket(kind, host));
            let bucket = match known.find(same) {
                Some(bucket) => bucket.clone(),
                None => Bucket::new(group.into()),
            };
            match kind {
                kind::ANY => any = Some(bucket),
                _ => hosts.push((Some((kind, host)), bucket)),
            }
        }
        let wildcards = hosts.iter().any(|(key, _)| matches!(key, Some((kind::WILDCARD, _))));
        let hosts = Frozen::new(hosts);
        Self { routes, hosts, wildcards, any }
    }

    pub(super) fn bucket(&self, kind: u32, host: &str) -> Option<&Bucket> {
        match kind {
            kind::ANY => self.any.as_ref(),
            _ => self.hosts.get(kind, host).map(|(_, bucket)| bucket),
        }
    }

    /// The route that takes this request.
    pub fn pick(&self, exchange: &Exchange) -> Result<&Arc<CompiledRoute>, Miss> {
        let request = &exchange.request;
        self.find(&Asked {
            host: &exchange.host,
            method: request.method(),
            path: request.path(),
            query: request.query(),
            fields: Fields::Head(request),
        })
    }

    /// The route that takes what is asked for.
    pub fn find(&self, asked: &Asked<'_>) -> Result<&Arc<CompiledRoute>, Miss> {
        let path = path::normal(asked.path).map_err(Miss::BadPath)?;
        let mut best = self.find_in(kind::EXACT, asked.host, asked, &path);
        if self.wildcards {
            for suffix in host::suffixes(asked.host) {
                best = better(best, self.find_in(kind::WILDCARD, suffix, asked, &path));
            }
        }
        best = better(best, self.find_in(kind::ANY, "", asked, &path));
        best.ok_or(Miss::NoRoute)
    }

    #[inline]
    fn find_in(
        &self,
        kind: u32,
        host: &str,
        asked: &Asked<'_>,
        path: &str,
    ) -> Option<&Arc<CompiledRoute>> {
        self.bucket(kind, host)?.find(asked, path)
    }

    /// Every route, the greatest key first.
    pub fn routes(&self) -> &[Arc<CompiledRoute>] {
        &self.routes
    }
}

/// The one with the greater key.
fn better<'a>(
    one: Option<&'a Arc<CompiledRoute>>,
    other: Option<&'a Arc<CompiledRoute>>,
) -> Option<&'a Arc<CompiledRoute>> {
    match (one, other) {
        (Some(one), Some(other)) if other.order > one.order => Some(other),
        (one, other) => one.or(other),
    }
}

/// The keys of a route's host patterns.
fn host_keys(route: &CompiledRoute) -> Vec<(u32, &str)> {
    let hosts = &route.source.matching.hosts;
    if hosts.is_empty() {
        return vec![(kind::ANY, "")];
    }
    let keys = hosts.iter().map(|host| match host {
        HostPattern::Exact(host) => (kind::EXACT, host.as_str()),
        HostPattern::Wildcard(suffix) => (kind::WILDCARD, suffix.as_str()),
    });
    keys.collect()
}

/// Whether any host pattern of a route fits.
pub(super) fn fits_host(route: &CompiledRoute, host: &str) -> bool {
    let hosts = &route.source.matching.hosts;
    hosts.is_empty()
        || hosts.iter().any(|pattern| match pattern {
            HostPattern::Exact(exact) => exact == host,
            HostPattern::Wildcard(suffix) => host::suffixes(host).any(|s| s == suffix),
        })
}
