//! The Model under construction: what every dialect lowers into.
//!
//! Dialects add objects that are right in themselves, with the places of what refers to other
//! objects; [`ModelBuilder::finish`] checks everything that needs the whole (names, calls, ports,
//! listeners) and builds the Model. Nothing is lost: what cannot be linked is reported.

mod calls;
mod policies;

pub(crate) mod address;

mod listeners;

mod routes;

mod ports;
mod relays;

mod certificates;

use std::path::PathBuf;

use trunkline_model::endpoint::EndpointPlace;
use trunkline_model::guard::Guard;
use trunkline_model::route::Route;
use trunkline_model::service::Service;
use trunkline_model::{
    AccessLog, Cluster, LogFormat, Management, Model, Network, ProjectName, Reasons, ServiceName,
    Telemetry, Tracing, Workers,
};

use crate::decode::Spanned;
use crate::defaults;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::files::Files;
use crate::load::Options;
use crate::source::{FileId, SourceMap, Span};

/// A value that one file of all may set.
#[derive(Debug, Clone)]
pub struct Once<T>(Option<Spanned<T>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: PartialEq> Once<T> {
    /// Sets the value; a second, different one is reported.
    pub fn set(&mut self, what: &str, value: T, span: Span, diagnostics: &mut Diagnostics) {
        match &self.0 {
            Some(first) if first.value != value => diagnostics.push(
                Diagnostic::new(codes::NAME_TWICE, format!("{what} is set twice, differently"))
                    .at(span, "set again here")
                    .also(first.span, "set here")
                    .hint("keep it in one file"),
            ),
            Some(_) => {}
            None => self.0 = Some(Spanned { value, span }),
        }
    }

    /// The value, if one was set.
    pub fn get(&self) -> Option<&Spanned<T>> {
        self.0.as_ref()
    }

    fn take(self) -> Option<T> {
        self.0.map(|set| set.value)
    }
}

/// A listener that a file asks for, before it is known whether it owns the address.
#[derive(Debug, Clone)]
pub struct ListenerClaim {
    /// What is asked for.
    pub listener: trunkline_model::listener::Listener,
    /// The file.
    pub file: FileId,
    /// Where it asks.
    pub span: Span,
    /// The files that its TLS names.
    pub files: Vec<NamedFile>,
    /// The services that its relay leads to, filled in by linking.
    pub relay: Option<RelayDraft>,
}

/// The services that a relay leads to, with their weights.
#[derive(Debug, Clone)]
pub struct RelayDraft {
    /// One list for each name of the relay, in the same order.
    pub named: Vec<Vec<(Spanned<String>, u32)>>,
    /// Those of callers whose name is none of these.
    pub others: Vec<(Spanned<String>, u32)>,
}

/// A file that a configuration names.
#[derive(Debug, Clone)]
pub struct NamedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where it is named.
    pub span: Span,
    /// What must be in it.
    pub holds: Holds,
}

/// What a file must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Certificates in PEM form.
    Certificate,
    /// A private key in PEM form.
    Key,
    /// Anything.
    Bytes,
}

/// A service with the places of what it refers to.
#[derive(Debug, Clone)]
pub struct ServiceDraft {
    /// The service; `calls` and the endpoints of a static source are filled in by linking.
    pub service: Service,
    /// Where its name is written.
    pub name_span: Span,
    /// The names of the services it calls.
    pub calls: Vec<Spanned<String>>,
    /// Written addresses and their weights.
    pub addresses: Vec<AddressDraft>,
    /// The port its process listens on, where that was written.
    pub port: Option<Spanned<u16>>,
}

/// A written address: `host:port`, a URL, or a service's name.
#[derive(Debug, Clone)]
pub struct AddressDraft {
    /// As it was written.
    pub text: Spanned<String>,
    /// Its part of the traffic.
    pub weight: u32,
    /// Its place among its siblings.
    pub place: EndpointPlace,
    /// Requests that it is given at one time, where it has a limit of its own.
    pub limit: Option<u32>,
}

/// A route with the places of what it refers to.
#[derive(Debug, Clone)]
pub struct RouteDraft {
    /// The route; `listeners` and the targets of a forward are filled in by linking.
    pub route: Route,
    /// The file it was written in.
    pub file: FileId,
    /// Where its match is written.
    pub span: Span,
    /// The match as text; two routes of one listener must differ in it.
    pub canonical: String,
    /// Whether nobody wrote it; then a written route of the same match replaces it silently.
    pub inferred: bool,
    /// The services it forwards to, with their weights.
    pub targets: Vec<(Spanned<String>, u32)>,
}

/// The Model under construction.
pub struct ModelBuilder<'a> {
    /// The texts, for places.
    pub sources: &'a SourceMap,
    /// Where further files (certificates) are read from.
    pub files: &'a dyn Files,
    /// What the caller asked for.
    pub options: &'a Options,
    /// The project.
    pub name: Once<ProjectName>,
    /// Worker threads.
    pub workers: Once<Workers>,
    /// The zone of this process.
    pub zone: Once<String>,
    /// Host names of the gateway, in the order they were written.
    pub domains: Vec<String>,
    /// Traces.
    pub tracing: Once<Tracing>,
    /// What is kept of telemetry.
    pub telemetry: Once<Telemetry>,
    /// Where several processes keep what they share.
    pub cluster: Once<Cluster>,
    /// Access log.
    pub access_log: Once<AccessLog>,
    /// Proxies in front.
    pub trusted_proxies: Once<Vec<Network>>,
    /// What keeps the process standing.
    pub guard: Once<Guard>,
    /// How much callers are told.
    pub reasons: Once<Reasons>,
    /// Management surfaces.
    pub management: Once<Management>,
    /// The file that owns listeners claimed by several, and files that share them behind it, in
    /// the order of their precedence.
    pub chain: Vec<FileId>,
    /// Claims of listeners.
    pub listeners: Vec<ListenerClaim>,
    /// Services.
    pub services: Vec<ServiceDraft>,
    /// Services that could not be read: they exist, so nobody is told that they do not.
    pub broken_services: Vec<String>,
    /// Routes.
    pub routes: Vec<RouteDraft>,
    /// Files that the Model depends on beside its configuration, such as certificates.
    pub watched: Vec<PathBuf>,
}

impl<'a> ModelBuilder<'a> {
    /// An empty Model.
    pub fn new(sources: &'a SourceMap, files: &'a dyn Files, options: &'a Options) -> Self {
        Self {
            sources,
            files,
            options,
            name: Once::default(),
            workers: Once::default(),
            zone: Once::default(),
            domains: Vec::new(),
            tracing: Once::default(),
            telemetry: Once::default(),
            cluster: Once::default(),
            access_log: Once::default(),
            trusted_proxies: Once::default(),
            guard: Once::default(),
            reasons: Once::default(),
            management: Once::default(),
            chain: Vec::new(),
            listeners: Vec::new(),
            services: Vec::new(),
            broken_services: Vec::new(),
            routes: Vec::new(),
            watched: Vec::new(),
        }
    }

    /// Links everything and builds the Model; `None` when there is an error.
    pub fn finish(
        mut self,
        diagnostics: &mut Diagnostics,
        watched: &mut Vec<PathBuf>,
    ) -> Option<Model> {
        let known = self.check_services(diagnostics);
        self.link_calls(&known, diagnostics);
        self.link_addresses(&known, diagnostics);
        let served = self.settle_listeners(diagnostics);
        self.link_routes(&known, &served, diagnostics);
        self.link_relays(&known, diagnostics);
        self.check_ports(diagnostics);
        self.check_certificates(diagnostics);
        self.check_policies(diagnostics);
        watched.append(&mut self.watched);
        if diagnostics.has_errors() {
            return None;
        }
        let name = self.name.take().or_else(|| defaults::NAME.parse().ok())?;
        let cluster = self.cluster.take().map(|cluster| Cluster {
            prefix: Some(cluster.prefix)
                .filter(|prefix| !prefix.is_empty())
                .unwrap_or_else(|| name.to_string()),
            ..cluster
        });
        Some(Model {
            name,
            workers: self.workers.take().unwrap_or(Workers::PerCpu),
            domains: self.domains,
            listeners: self.listeners.into_iter().map(|claim| claim.listener).collect(),
            routes: self.routes.into_iter().map(|draft| draft.route).collect(),
            services: self.services.into_iter().map(|draft| draft.service).collect(),
            tracing: self.tracing.take().unwrap_or_else(defaults::tracing),
            telemetry: self.telemetry.take().unwrap_or_else(defaults::telemetry),
            cluster,
            access_log: self
                .access_log
                .take()
                .unwrap_or_else(|| AccessLog::Stdout(LogFormat::Json.into())),
            trusted_proxies: self.trusted_proxies.take().unwrap_or_default(),
            guard: self.guard.take().unwrap_or_default(),
            reasons: self.reasons.take().unwrap_or(Reasons::Full),
            management: self.management.take().unwrap_or_else(defaults::management),
        })
    }
}

/// The services that exist, for looking names up.
pub(crate) struct Known {
    /// Position in `services` by name.
    by_name: std::collections::HashMap<ServiceName, usize>,
}
