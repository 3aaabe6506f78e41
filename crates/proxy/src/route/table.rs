//! All routes of one listener, indexed.

use std::collections::HashMap;
use std::sync::Arc;

use trunkline_model::reason::{Fact, Kind, Reason};
use trunkline_model::route::path::{self, BadPath};
use trunkline_model::route::{HostPattern, Route};
use trunkline_model::{ListenerId, Origin, RouteId};
use trunkline_net::http::Exchange;

use super::compiled::{CompiledRoute, Problem};
use super::conditions::{Asked, Fields};
use super::host;

/// All routes of one listener, indexed.
#[derive(Debug, Default)]
pub struct RouteTable {
    /// Every route, the greatest key first.
    routes: Vec<Arc<CompiledRoute>>,
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
        let former: HashMap<_, _> = donors
            .iter()
            .flat_map(|table| &table.routes)
            .map(|route| (&route.id, route))
            .collect();
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
        Ok(Self { routes: compiled })
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
        self.routes
            .iter()
            .find(|route| {
                fits_host(route, asked.host)
                    && route.path.fits(&path)
                    && route.conditions.unmet(asked).is_none()
            })
            .ok_or(Miss::NoRoute)
    }

    /// Every route, the greatest key first.
    pub fn routes(&self) -> &[Arc<CompiledRoute>] {
        &self.routes
    }
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
