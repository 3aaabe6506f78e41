//! What is seen at one moment, gathered once for all documents that the console shows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trunkline_model::Model;
use trunkline_model::ops::Stats;

use super::{graph, requests, services};
use crate::Wiring;
use crate::commands::{Process, Readiness, Url};
use crate::console::book::{self, Book, Key};
use crate::console::history::View;
use crate::console::recent::Request;

/// The windows of a snapshot: of its services and of its graph.
pub(crate) const SERVICES_WINDOW: Duration = Duration::from_mins(1);
pub(crate) const GRAPH_WINDOW: Duration = Duration::from_mins(5);

/// Everything at one moment.
pub(crate) struct Seen {
    pub(crate) generation: u64,
    pub(crate) now: Instant,
    pub(crate) now_unix_nanos: u64,
    pub(crate) project: String,
    pub(crate) ready: bool,
    pub(crate) model: Option<Arc<Model>>,
    pub(crate) stats: Stats,
    pub(crate) processes: BTreeMap<String, Process>,
    pub(crate) urls: Vec<Url>,
    pub(crate) book: Book,
    wiring: Wiring,
}

impl Seen {
    /// Looks now.
    pub(crate) async fn now(wiring: &Wiring) -> Self {
        let stats = wiring.ops.stats().await;
        let processes = wiring.commands.processes().await;
        let model = wiring.commands.model();
        let processes = processes.into_iter().map(|process| (process.service.to_string(), process));
        Self {
            generation: stats.generation,
            now: wiring.clock.now(),
            now_unix_nanos: wiring.clock.wall_nanos(),
            project: wiring.commands.instance().project,
            ready: wiring.commands.readiness() == Readiness::Ready,
            book: wiring.console.book(&stats, model.as_deref()),
            model,
            stats,
            processes: processes.collect(),
            urls: wiring.commands.urls(),
            wiring: wiring.clone(),
        }
    }

    /// What was counted in a window.
    pub(crate) fn view(&self, window: Duration) -> View {
        let began = crate::console::began(self.now, &self.stats);
        self.wiring.console.history.view(self.now, began, window, &self.book)
    }

    /// The document of a `snapshot` event.
    pub(crate) fn snapshot(&self) -> Value {
        let view = self.view(SERVICES_WINDOW);
        let services = services::list(self, &view, services::Detail::Short);
        json!({
            "schema": super::SCHEMA,
            "window_seconds": view.window().as_secs(),
            "generation": self.generation,
            "project": self.project,
            "ready": self.ready,
            "services": services,
            "graph": graph::document(self, &self.view(GRAPH_WINDOW)),
            "totals": self.totals(&view),
        })
    }

    fn totals(&self, view: &View) -> Value {
        let tally = view.of(&Key::Entrance);
        let inner = self.model.as_deref().map(book::inner_listeners).unwrap_or_default();
        let outer = self.stats.listeners.iter().filter(|listener| !inner.contains(&listener.id));
        json!({
            "rate_per_second": tally.rate(view.seconds()),
            "error_share": tally.error_share(),
            "in_flight": self.stats.services.iter().map(|service| service.in_flight).sum::<u64>(),
            "open_connections": outer.map(|listener| listener.open).sum::<u64>(),
        })
    }

    /// Every service with its state and what is to be said about that.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&str, &'static str, Option<&str>)> {
        services::names(self).into_iter().map(|name| {
            let detail = self.processes.get(name).and_then(|process| process.detail.as_deref());
            (name, services::state(self, name), detail)
        })
    }

    /// The states alone, to find out what changed.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        self.services().map(|(name, state, _)| (name.to_owned(), state.to_owned())).collect()
    }
}

/// The document of one request.
pub(crate) fn request(wiring: &Wiring, request: &Request) -> Value {
    let gateway = wiring.commands.instance().project;
    requests::document(request, &*wiring.traces, &gateway)
}
