//! A route that is ready to serve: conditions, filters and action, compiled once.

use std::sync::Arc;

use bytes::Bytes;
use trunkline_filters::{Chain, Invalid as InvalidFilter, Reply};
use trunkline_model::filter::{HeaderText, InvalidHeader};
use trunkline_model::route::{
    Action, HostPattern, OrderKey, Redirect, Route, RouteTimeouts, Target,
};
use trunkline_model::trace::tracing::Propagation;
use trunkline_model::{Origin, RouteId};
use trunkline_net::http::Exchange;

use super::conditions::Conditions;
use super::host;
use super::pattern::{InvalidPattern, Path};
use crate::context::Sampler;

/// A route that is ready to serve. Long streams keep it alive beyond its table.
#[derive(Debug)]
pub struct CompiledRoute {
    /// Stable id.
    pub id: RouteId,
    /// Where it was written.
    pub origin: Origin,
    /// Precedence: the greatest matching key wins.
    pub order: OrderKey,
    /// Filters that run after routing.
    pub filters: Chain,
    /// What happens to a request.
    pub action: CompiledAction,
    /// Time limits that differ from the service's.
    pub timeouts: RouteTimeouts,
    /// How urgent its requests are where they have to wait.
    pub priority: i8,
    /// What is wanted of its traces otherwise than of the gateway's.
    pub(crate) tracing: Tracing,
    pub(super) path: Path,
    pub(super) conditions: Conditions,
    /// The settings that it was compiled from: an equal route need not be compiled again.
    pub(super) source: Route,
}

/// What a route wants of its traces, at work.
#[derive(Debug)]
pub(crate) struct Tracing {
    pub(crate) sampler: Option<Arc<Sampler>>,
    pub(crate) propagation: Option<Propagation>,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum CompiledAction {
    /// It goes to one of these targets.
    Forward(Targets),
    /// The caller is sent elsewhere: see [`CompiledAction::answer`].
    Redirect(Redirect),
    /// Trunkline answers itself: see [`CompiledAction::answer`].
    Respond(Reply),
}

/// Weighted targets. At least one has a weight above zero.
#[derive(Debug, Clone)]
pub struct Targets {
    targets: Box<[Target]>,
    /// Sum of all weights.
    total: u64,
}

/// What is wrong with a route.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// A pattern.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// A host pattern that is not in the form in which hosts are compared.
    #[error("no request can have the host `{0}`: write it in lower case, without port")]
    Host(String),
    /// A filter.
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    /// The media type of an answer.
    #[error("the media type of the answer cannot be sent")]
    ContentType(#[source] InvalidHeader),
    /// It forwards to nobody.
    #[error("no target has a weight above zero")]
    NoTarget,
}

impl CompiledRoute {
    /// Compiles a route, or tells everything that is wrong with it. What an equal `former` route
    /// compiled is taken from there.
    pub(super) fn compile(route: &Route, former: Option<&Self>) -> Result<Self, Vec<Problem>> {
        let mut problems = impossible_hosts(route);
        let former = |equal: fn(&Route, &Route) -> bool| {
            former.filter(move |former| equal(&former.source, route))
        };
        let path = former(|a, b| a.matching.path == b.matching.path)
            .map_or_else(|| Path::compile(&route.matching.path), |f| Ok(f.path.clone()));
        let conditions = former(|a, b| a.matching == b.matching)
            .map_or_else(|| Conditions::compile(&route.matching), |f| Ok(f.conditions.clone()));
        let filters = former(|a, b| a.filters == b.filters)
            .map_or_else(|| Chain::compile(&route.filters), |f| Ok(f.filters.clone()));
        let sampler = former(|a, b| a.tracing.sample == b.tracing.sample)
            .map_or_else(|| sampler(route), |former| former.tracing.sampler.clone());
        let tracing = Tracing { sampler, propagation: route.tracing.propagate.clone() };
        let action = CompiledAction::compile(&route.action);
        let path = path.map_err(|problem| problems.push(problem.into()));
        let conditions = conditions.map_err(|problem| problems.push(problem.into()));
        let filters =
            filters.map_err(|wrong| problems.extend(wrong.into_iter().map(Problem::from)));
        let action = action.map_err(|problem| problems.push(problem));
        let (Ok(path), Ok(conditions), Ok(filters), Ok(action)) =
            (path, conditions, filters, action)
        else {
            return Err(problems);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            id: route.id.clone(),
            origin: route.origin.clone(),
            order: route.order,
            filters,
            action,
            timeouts: route.timeouts,
            priority: route.priority,
            tracing,
            path,
            conditions,
            source: route.clone(),
        })
    }

    /// Whether it is this route in everything, its place in the file included.
    pub(super) fn is_same(&self, route: &Route) -> bool {
        let place = |origin: &Origin| (origin.line, origin.column);
        self.source == *route
            && self.origin.file == route.origin.file
            && place(&self.origin) == place(&route.origin)
    }
}

fn sampler(route: &Route) -> Option<Arc<Sampler>> {
    route.tracing.sample.map(|sampling| Arc::new(Sampler::new(sampling)))
}

/// A problem for each host pattern that nothing could fit.
fn impossible_hosts(route: &Route) -> Vec<Problem> {
    let text = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Wildcard(suffix) => suffix.clone(),
    };
    let hosts = route.matching.hosts.iter().map(text);
    hosts.filter(|text| host::normal(text).as_deref() != Ok(text)).map(Problem::Host).collect()
}

impl CompiledAction {
    fn compile(action: &Action) -> Result<Self, Problem> {
        match action {
            Action::Forward(targets) => Targets::new(targets).map(Self::Forward),
            Action::Redirect(redirect) => Ok(Self::Redirect(redirect.clone())),
            Action::Respond { status, content_type, body } => {
                let content_type = Some(content_type.as_str())
                    .filter(|text| !text.is_empty())
                    .map(str::parse::<HeaderText>)
                    .transpose()
                    .map_err(Problem::ContentType)?;
                let body = Bytes::copy_from_slice(body.as_bytes());
                Ok(Self::Respond(Reply::given(*status, content_type, body)))
            }
        }
    }

    /// The answer of an action that forwards nothing.
    pub fn answer(&self, exchange: &Exchange) -> Option<Reply> {
        match self {
            Self::Forward(_) => None,
            Self::Redirect(redirect) => {
                Some(Reply::redirect(redirect.status, &location(redirect, exchange)))
            }
            Self::Respond(reply) => Some(reply.clone()),
        }
    }
}

/// Where a redirect sends this caller.
fn location(redirect: &Redirect, exchange: &Exchange) -> String {
    Requested {
        scheme: exchange.scheme.as_str(),
        authority: exchange.request.get_text("host").unwrap_or_default(),
        host: &exchange.host,
        path: exchange.request.path(),
        query: exchange.request.query(),
    }
    .redirected(redirect)
}

/// What a caller asked for, as far as a redirect keeps it.
pub(super) struct Requested<'a> {
    pub(super) scheme: &'a str,
    /// Host and port as they were asked for; empty for none.
    pub(super) authority: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

impl Requested<'_> {
    /// What is not written stays as it was requested; a request that named no host gets a relative
    /// reference. A changed scheme leaves the old port behind.
    pub(super) fn redirected(&self, redirect: &Redirect) -> String {
        let scheme = redirect.scheme.as_deref();
        let authority = match &redirect.authority {
            Some(authority) => authority.as_str(),
            None if scheme.is_some_and(|scheme| scheme != self.scheme) => self.host,
            None => self.authority,
        };
        let path = redirect.path.as_deref().unwrap_or(self.path);
        let query = self.query.map(|query| format!("?{query}")).unwrap_or_default();
        if authority.is_empty() {
            return format!("{path}{query}");
        }
        format!("{}://{authority}{path}{query}", scheme.unwrap_or(self.scheme))
    }
}

impl Targets {
    pub(crate) fn new(targets: &[Target]) -> Result<Self, Problem> {
        let total = targets.iter().map(|target| u64::from(target.weight)).sum();
        if total == 0 {
            return Err(Problem::NoTarget);
        }
        Ok(Self { targets: targets.into(), total })
    }

    /// All targets, in the order they are written.
    pub fn all(&self) -> &[Target] {
        &self.targets
    }

    /// The target for a random number: each is picked in proportion to its weight over all
    /// numbers, and the same number always picks the same.
    pub fn pick(&self, random: u64) -> Option<&Target> {
        // Maps the number to 0..total without division (Lemire 2019): its upper bits decide.
        let scaled = (u128::from(random) * u128::from(self.total)) >> 64;
        let mut point = u64::try_from(scaled).unwrap_or(0);
        self.targets.iter().find(|target| {
            let weight = u64::from(target.weight);
            let inside = point < weight;
            point = point.saturating_sub(weight);
            inside
        })
    }

    /// The part of all requests that a target gets, in percent.
    #[expect(
        clippy::cast_precision_loss,
        reason = "sums of 32-bit weights: far below 53 bits, and shown to people only"
    )]
    pub fn percent(&self, target: &Target) -> f64 {
        f64::from(target.weight) * 100.0 / self.total as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(weights: &[u32]) -> Vec<Target> {
        let target = |(index, weight): (usize, &u32)| Target {
            service: format!("s{index}").parse().unwrap(),
            weight: *weight,
        };
        weights.iter().enumerate().map(target).collect()
    }

    #[test]
    fn targets_are_picked_in_proportion_to_their_weights() {
        let targets = Targets::new(&targets(&[1, 0, 3])).unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for n in 0..4_096 {
            let target = targets.pick(n << 52).unwrap();
            *counts.entry(target.service.to_string()).or_insert(0) += 1;
        }
        assert_eq!(
            counts.into_iter().collect::<Vec<_>>(),
            [("s0".to_owned(), 1_024), ("s2".to_owned(), 3_072)]
        );
        assert!(targets.pick(u64::MAX).is_some());
    }

    #[test]
    fn targets_without_any_weight_are_a_problem() {
        assert_eq!(Targets::new(&targets(&[0])).unwrap_err(), Problem::NoTarget);
        assert_eq!(Targets::new(&[]).unwrap_err(), Problem::NoTarget);
    }
}
