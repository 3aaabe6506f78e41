//! Host names that nobody wrote out: `@` for the gateway's own, and those of the services.
//!
//! On a laptop every service answers under its name below each name of the gateway, and under a
//! short one when its name says only what it is: `web-service` is `web.shop.localhost` as well. A
//! name that somebody wrote, or that is another's, is never taken. These routes have the lowest
//! rank but for catch-alls (ADR 7), so the pages of a service reach the API on their own host.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_model::RouteId;
use trunkline_model::route::{
    Action, HostPattern, Match, PathPattern, Route, RouteTimeouts, implied,
};

use super::{matching, routes};
use crate::builder::{ModelBuilder, RouteDraft};
use crate::decode::Spanned;
use crate::defaults;
use crate::diagnostic::Diagnostic;
use crate::load::Profile;

/// Ends of service names that say only what it is.
const SUFFIXES: &[&str] = &["-service", "-svc", "-app"];

/// The name of the gateway for callers of the API alone, unless a service is called so.
const API: &str = "api";

/// The name without the end that says only what it is: `web` for `web-service`.
pub fn short_name(service: &str) -> Option<&str> {
    let stem = SUFFIXES.iter().find_map(|suffix| service.strip_suffix(suffix));
    stem.filter(|stem| !stem.is_empty())
}

/// The hosts that one written host means: `@` stands for each of the gateway's names.
pub(super) fn stand_for(
    text: &Spanned<String>,
    domains: &[String],
) -> Result<Vec<Spanned<String>>, Diagnostic> {
    let Some(front) = text.value.strip_suffix('@') else {
        return Ok(vec![text.clone()]);
    };
    if !(front.is_empty() || front.ends_with('.')) {
        return Err(matching::bad(text.span, format!("`{}` is not a host", text.value))
            .hint("`@` is a whole name of the gateway: `@`, `admin.@` or `*.@`"));
    }
    // There is no name below every name of a wildcard; the wildcard itself is one.
    let fits = |domain: &&String| front.is_empty() || !domain.starts_with("*.");
    let hosts: Vec<_> = domains
        .iter()
        .filter(fits)
        .map(|domain| Spanned { value: format!("{front}{domain}"), span: text.span })
        .collect();
    if hosts.is_empty() {
        return Err(matching::bad(text.span, format!("`{}` stands for no host", text.value))
            .hint("all names in `gateway.domain` are wildcards; write the host out"));
    }
    Ok(hosts)
}

/// Adds the routes of the services' own names, and the name of the API.
pub(super) fn infer(into: &mut ModelBuilder<'_>) {
    if into.options.profile != Profile::Laptop {
        return;
    }
    let domains: Vec<String> =
        into.domains.iter().filter(|domain| !domain.starts_with("*.")).cloned().collect();
    let written = Written::of(into, &domains);
    let short = short_labels(into);
    for index in 0..into.services.len() {
        let Some(draft) = into.services.get(index) else {
            continue;
        };
        let name = draft.service.name.as_str();
        let hosts = domains.iter().flat_map(|domain| {
            let whole = format!("{name}.{domain}");
            let whole = Some(whole).filter(|host| !written.whole.contains(host));
            let short = short.get(name).map(|label| format!("{label}.{domain}"));
            [whole, short.filter(|host| !written.any.contains(host))]
        });
        let hosts: Vec<_> = hosts.flatten().map(HostPattern::Exact).collect();
        if !hosts.is_empty() {
            add(into, index, hosts);
        }
    }
    let is_api = |draft: &crate::builder::ServiceDraft| draft.service.name.as_str() == API;
    if !into.services.iter().any(is_api) && !short.values().any(|label| label == API) {
        name_the_api(into, &domains, &written.any);
    }
}

/// Hosts that are somebody's already.
struct Written {
    /// Those of any route, and the gateway's own.
    any: BTreeSet<String>,
    /// Those whose every request a route takes, and the gateway's own.
    whole: BTreeSet<String>,
}

impl Written {
    fn of(into: &ModelBuilder<'_>, domains: &[String]) -> Self {
        let mut any: BTreeSet<String> = domains.iter().cloned().collect();
        let mut whole = any.clone();
        for draft in &into.routes {
            let Match { hosts, path, methods, headers, query } = &draft.route.matching;
            let takes_all = *path == PathPattern::Prefix("/".to_owned())
                && methods.is_empty()
                && headers.is_empty()
                && query.is_empty();
            for host in hosts {
                let HostPattern::Exact(host) = host else {
                    continue;
                };
                any.insert(host.clone());
                if takes_all {
                    whole.insert(host.clone());
                }
            }
        }
        Self { any, whole }
    }
}

/// The short first label of services that have one. What two could have belongs to neither.
fn short_labels(into: &ModelBuilder<'_>) -> BTreeMap<String, String> {
    let names = || into.services.iter().map(|draft| draft.service.name.as_str());
    let mut taken: BTreeSet<&str> = names().collect();
    taken.extend(into.broken_services.iter().map(String::as_str));
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names() {
        if let Some(stem) = short_name(name).filter(|stem| !taken.contains(stem)) {
            owners.entry(stem).or_default().push(name);
        }
    }
    owners
        .into_iter()
        .filter_map(|(stem, owners)| match owners.as_slice() {
            [owner] => Some(((*owner).to_owned(), stem.to_owned())),
            _ => None,
        })
        .collect()
}

fn add(into: &mut ModelBuilder<'_>, index: usize, hosts: Vec<HostPattern>) {
    let Some(draft) = into.services.get(index) else {
        return;
    };
    let matching = Match {
        hosts,
        path: PathPattern::Prefix("/".to_owned()),
        methods: Vec::new(),
        headers: Vec::new(),
        query: Vec::new(),
    };
    let target = Spanned { value: draft.service.name.to_string(), span: draft.name_span };
    let route = RouteDraft {
        file: draft.name_span.file,
        span: draft.name_span,
        canonical: matching::canonical(&matching),
        inferred: true,
        targets: vec![(target, defaults::WEIGHT)],
        route: Route {
            id: RouteId::new(""),
            listeners: Vec::new(),
            order: routes::in_chain(implied(into.routes.len() as u64), draft.name_span.file, into),
            matching,
            action: Action::Forward(Vec::new()),
            filters: Vec::new(),
            timeouts: RouteTimeouts::default(),
            policies: trunkline_model::service::policies::Policies::default(),
            tracing: trunkline_model::trace::tracing::RouteTracing::default(),
            priority: 0,
            origin: draft.service.origin.clone(),
        },
    };
    into.routes.push(route);
}

/// Routes of the gateway's bare names are those of `api.` too. Routes without a host are anyway.
fn name_the_api(into: &mut ModelBuilder<'_>, domains: &[String], taken: &BTreeSet<String>) {
    for domain in domains {
        let api = format!("{API}.{domain}");
        if taken.contains(&api) {
            continue;
        }
        let bare = HostPattern::Exact(domain.clone());
        for draft in &mut into.routes {
            let hosts = &mut draft.route.matching.hosts;
            if hosts.contains(&bare) {
                hosts.push(HostPattern::Exact(api.clone()));
                draft.canonical = matching::canonical(&draft.route.matching);
            }
        }
    }
}
