//! What is told of a question about a request: `/v1/explain`, and the same of a file that nothing
//! runs.
//!
//! The proxy says which way a request would take, by ids; here every id gets its place in the file,
//! its settings, and what is known of it now. Fields are added and never renamed.

mod now;
mod question;
mod target;
mod words;

use serde_json::{Value, json};
use trunkline_model::listener::Listener;
use trunkline_model::ops::{Explanation, Question, Stats};
use trunkline_model::route::Route;
use trunkline_model::{EndpointId, ListenerId, Model, Origin, RouteId, ServiceName};

use crate::commands::{Configuration, Object, Process, Setting};

pub use crate::parameters::ParameterError;
pub use question::question;
use words::{filter, matching};

/// Version of the document's shape.
const SCHEMA: u32 = 1;

/// What an explanation is told with.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The Model that was asked.
    pub model: &'a Model,
    /// Its settings with their places.
    pub configuration: Option<&'a Configuration>,
    /// What is counted and known of endpoints; `None` when nothing runs.
    pub stats: Option<&'a Stats>,
    /// Processes of the run.
    pub processes: &'a [Process],
}

/// The document.
#[must_use]
pub fn document(question: &Question, told: &Explanation, known: &Known<'_>) -> Value {
    let listener = told.listener.as_ref().and_then(|id| known.listener(id));
    let route = told.route.as_ref().and_then(|(id, _)| known.route(id));
    let targets = told.targets.iter().map(|target| target::Seen::of(target, route, known));
    let targets: Vec<_> = targets.collect();
    let now = now::outcome(question, told, &targets, known);
    let passed_over = told.passed_over.iter().map(|(id, why)| {
        let route = known.route(id);
        json!({
            "route": id.as_str(),
            "because": why,
            "reads": route.map(|route| matching(&route.matching)),
            "origin": route.map(|route| place(&route.origin)),
        })
    });
    json!({
        "schema": SCHEMA,
        "running": known.stats.is_some(),
        "request": request(question),
        "listener": told.listener.as_ref().map(ListenerId::as_str),
        "listener_detail": listener.map(|listener| of_listener(listener, known)),
        "route": told.route.as_ref().map(|(id, origin)| of_route(id, origin, route, known)),
        "filters": told.filters,
        "filter_chain": chain(listener, route),
        "forwarded": told.forwarded,
        "targets": targets.iter().map(target::Seen::document).collect::<Vec<_>>(),
        "now": now,
        "passed_over": passed_over.collect::<Vec<_>>(),
    })
}

/// The question, as a person would write it.
fn request(question: &Question) -> Value {
    let Question { method, scheme, host, target, .. } = question;
    let port = question.port.map(|port| format!(":{port}")).unwrap_or_default();
    json!({
        "method": method,
        "url": format!("{scheme}://{host}{port}{target}"),
        "from": question.caller.as_ref().map(ServiceName::as_str),
    })
}

/// A place in a file.
pub(crate) fn place(origin: &Origin) -> Value {
    json!({ "file": &*origin.file, "line": origin.line, "column": origin.column })
}

fn of_listener(listener: &Listener, known: &Known<'_>) -> Value {
    let stats = known.stats.and_then(|stats| stats.listeners.iter().find(|l| l.id == listener.id));
    json!({
        "id": listener.id.as_str(),
        "address": stats.map_or(listener.address, |stats| stats.address),
        "tls": listener.tls.is_some(),
        "caller": listener.caller.as_ref().map(ServiceName::as_str),
        "origin": place(&listener.origin),
    })
}

fn of_route(id: &RouteId, origin: &Origin, route: Option<&Route>, known: &Known<'_>) -> Value {
    let settings = known.settings(&Object::Route(id.clone())).iter().map(setting);
    json!({
        "id": id.as_str(),
        "origin": place(origin),
        "reads": route.map(|route| matching(&route.matching)),
        "settings": settings.collect::<Vec<_>>(),
    })
}

/// The filters in the order in which they see a request.
fn chain(listener: Option<&Listener>, route: Option<&Route>) -> Vec<Value> {
    let outer = listener.iter().flat_map(|one| one.filters.iter().map(|f| ("listener", f, *one)));
    let outer = outer.map(|(of, settings, one)| (of, settings, &one.origin));
    let inner = route.iter().flat_map(|one| one.filters.iter().map(|f| ("route", f, &one.origin)));
    let all = outer.chain(inner).map(|(of, settings, origin)| {
        let (name, settings) = filter(settings);
        json!({ "name": name, "settings": settings, "of": of, "origin": place(origin) })
    });
    all.collect()
}

/// A setting, as `/v1/configuration` writes it.
fn setting(setting: &Setting) -> Value {
    json!({
        "key": setting.key,
        "value": setting.value,
        "origin": setting.origin.as_ref().map(place),
        "default": setting.origin.is_none(),
    })
}

impl<'a> Known<'a> {
    fn listener(&self, id: &ListenerId) -> Option<&'a Listener> {
        self.model.listeners.iter().find(|listener| listener.id == *id)
    }

    fn route(&self, id: &RouteId) -> Option<&'a Route> {
        self.model.routes.iter().find(|route| route.id == *id)
    }

    fn settings(&self, object: &Object) -> &'a [Setting] {
        let all = self.configuration.iter().flat_map(|configuration| &configuration.settings);
        all.into_iter().find(|(other, _)| other == object).map_or(&[], |(_, settings)| settings)
    }

    fn process(&self, service: &ServiceName) -> Option<&'a Process> {
        self.processes.iter().find(|process| process.service == *service)
    }

    /// The services that say they call this one.
    fn callers(&self, service: &ServiceName) -> Vec<&'a str> {
        let calling = self.model.services.iter().filter(|one| one.calls.contains(service));
        calling.map(|one| one.name.as_str()).collect()
    }
}

/// Ids as texts.
fn texts(ids: &[EndpointId]) -> Vec<&str> {
    ids.iter().map(EndpointId::as_str).collect()
}
