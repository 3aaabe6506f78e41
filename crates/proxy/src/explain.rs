//! Which way a request would take, without sending it: `trunkline explain`.
//!
//! The same compiled tables answer for a running proxy and for a Model that nothing runs
//! ([`of_model`]). Filters are not run, because some of them count: what a filter would do to the
//! head is read from its settings. Endpoints are for the caller to add.

use std::net::{IpAddr, SocketAddr};

use trunkline_filters::{Chain, RewritePath};
use trunkline_model::filter::Filter;
use trunkline_model::listener::Listener;
use trunkline_model::ops::{Answer, Explanation, Question};
use trunkline_model::route::Action;
use trunkline_model::route::path::{has_dot_segment, normal};
use trunkline_model::{Model, ServiceName};

use crate::route::{self, CompiledAction, InvalidRoute, RouteTable};

/// Status of a redirect to HTTPS; the filter has the same.
const TO_HTTPS: u16 = 308;
/// The port that `https` URLs leave out.
const HTTPS_PORT: u16 = 443;

/// A listener, as far as a question needs it.
pub(crate) struct Entrance<'a> {
    pub(crate) listener: &'a Listener,
    /// Where it really listens.
    pub(crate) address: SocketAddr,
    pub(crate) table: &'a RouteTable,
}

/// What would happen to a request if this Model were in force.
pub fn of_model(model: &Model, question: Question) -> Result<Explanation, Vec<InvalidRoute>> {
    let build = |listener: &Listener| RouteTable::build(&listener.id, &model.routes, &[]);
    let tables = model.listeners.iter().map(build).collect::<Result<Vec<_>, _>>()?;
    let entrances = model.listeners.iter().zip(&tables);
    let entrances =
        entrances.map(|(listener, table)| Entrance { listener, address: listener.address, table });
    Ok(explain(&entrances.collect::<Vec<_>>(), question))
}

/// What these listeners would do with a request.
pub(crate) fn explain(entrances: &[Entrance<'_>], mut question: Question) -> Explanation {
    if let Ok(host) = route::host::normal(&question.host) {
        question.host = host.into();
    }
    let Some(entrance) = arrival(entrances, &question) else {
        return Explanation::default();
    };
    let listener = entrance.listener;
    let mut told = route::explanation(entrance.table, &question);
    told.listener = Some(listener.id.clone());
    let outer = Chain::compile(&listener.filters).unwrap_or_default();
    let outer = outer.names().map(str::to_owned);
    told.filters = outer.chain(std::mem::take(&mut told.filters)).collect();
    if let Some(answer) = to_https(&listener.filters, &question) {
        told.forwarded = None;
        told.answer = Some(answer);
    }
    told
}

/// The listener that a request arrives on.
fn arrival<'a>(entrances: &'a [Entrance<'a>], question: &Question) -> Option<&'a Entrance<'a>> {
    if let Some(caller) = &question.caller {
        return entrances.iter().find(|one| leads(one, caller, &question.host));
    }
    let is_local = question.host == "localhost"
        || question.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let at_port = |one: &&Entrance<'_>| question.port == Some(one.address.port());
    // The address that a service was given for one of its callees.
    let inner = entrances.iter().filter(|one| one.listener.caller.is_some());
    if let Some(entrance) = inner.filter(|_| is_local).find(at_port) {
        return Some(entrance);
    }
    let outer = || entrances.iter().filter(|one| one.listener.caller.is_none());
    // A port of this machine that is not ours is somebody else's; in front of a name there may be
    // something that forwards ports.
    if is_local && question.port.is_some() && !outer().any(|one| at_port(&one)) {
        return None;
    }
    let tls = question.scheme == "https";
    let same = || outer().filter(|one| one.listener.tls.is_some() == tls);
    same().find(at_port).or_else(|| same().next()).or_else(|| outer().next())
}

/// Whether calls of `caller` to `callee` come in here.
fn leads(entrance: &Entrance<'_>, caller: &ServiceName, callee: &str) -> bool {
    let is_callee = |action: &CompiledAction| match action {
        CompiledAction::Forward(targets) => {
            targets.all().iter().any(|target| target.service.as_str() == callee)
        }
        _ => false,
    };
    entrance.listener.caller.as_ref() == Some(caller)
        && entrance.table.routes().iter().any(|route| is_callee(&route.action))
}

fn to_https(filters: &[Filter], question: &Question) -> Option<Answer> {
    let port = filters.iter().find_map(|filter| match filter {
        Filter::RedirectToHttps { port } => Some(*port),
        _ => None,
    });
    let port = port.filter(|_| question.scheme == "http")?;
    let (host, target) = (&question.host, &question.target);
    let location = match port {
        HTTPS_PORT => format!("https://{host}{target}"),
        port => format!("https://{host}:{port}{target}"),
    };
    Some(Answer { status: TO_HTTPS, location: Some(location), by: "redirect_to_https" })
}

/// Path and query as these filters leave them; an error where one of them refuses the request.
pub(crate) fn forwarded(filters: &[Filter], target: &str) -> Result<String, Answer> {
    let refused = Answer { status: 400, location: None, by: "bad_request" };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (target, String::new()),
    };
    let mut path = path.to_owned();
    for filter in filters {
        let Filter::RewritePath(rewrite) = filter else {
            continue;
        };
        let Ok(rewrite) = RewritePath::compile(rewrite) else {
            continue;
        };
        let new = match normal(&path) {
            Ok(normal) => rewrite.rewritten(&normal),
            Err(_) => return Err(refused),
        };
        if let Some(new) = new {
            if has_dot_segment(&new) {
                return Err(refused);
            }
            path = new;
        }
    }
    Ok(path + &query)
}

/// The answer of an action that forwards nothing.
pub(crate) fn answer(action: &Action, question: &Question) -> Option<Answer> {
    let by = "route";
    match action {
        Action::Forward(_) => None,
        Action::Respond { status, .. } => Some(Answer { status: *status, location: None, by }),
        Action::Redirect(redirect) => {
            let location = Some(route::redirected(redirect, question));
            Some(Answer { status: redirect.status, location, by })
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::filter::Rewrite;

    use super::*;

    fn question(scheme: &str, target: &str) -> Question {
        Question {
            method: "GET".into(),
            scheme: scheme.into(),
            host: "shop.localhost".into(),
            port: Some(8000),
            caller: None,
            target: target.into(),
            headers: Vec::new(),
        }
    }

    #[test]
    fn the_path_of_the_service_is_told_as_filters_leave_it() {
        let prefix = Rewrite::Prefix { from: "/api".into(), to: "/".into() };
        let filters = [Filter::RewritePath(prefix)];
        assert_eq!(forwarded(&filters, "/api/a?b=/api").as_deref(), Ok("/a?b=/api"));
        assert_eq!(forwarded(&filters, "/%61pi/a").as_deref(), Ok("/a"));
        assert_eq!(forwarded(&filters, "/apix").as_deref(), Ok("/apix"));
        assert_eq!(forwarded(&filters, "/a/../b").map_err(|answer| answer.status), Err(400));
    }

    #[test]
    fn plain_http_is_told_to_be_redirected_and_https_is_not() {
        let to = |port, scheme| {
            let answer = to_https(&[Filter::RedirectToHttps { port }], &question(scheme, "/a?b"));
            answer.and_then(|answer| answer.location)
        };
        assert_eq!(to(443, "http").as_deref(), Some("https://shop.localhost/a?b"));
        assert_eq!(to(8443, "http").as_deref(), Some("https://shop.localhost:8443/a?b"));
        assert_eq!(to(443, "https"), None);
    }
}
