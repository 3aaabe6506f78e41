//! Which settings are in force, and where each was written: a Model has values, its files have places.
//!
//! A value without a place is a default. Files are read again for that, when somebody asks; nothing
//! here decides what is in force.

mod policies;

use std::collections::HashMap;
use std::time::Duration;

use trunkline_model::Origin;
use trunkline_model::listener::Listener;
use trunkline_model::route::Route;
use trunkline_model::service::{Balance, Probe, Protocol, Service, Source};
use trunkline_model::units::format_duration;

use crate::node::{Node, Value};
use crate::source::SourceMap;

/// Keys remembered; a file of 10 000 services stays below.
const PATHS_MAX: usize = 500_000;

/// One value in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// As the file writes it: `timeout.connect`.
    pub key: &'static str,
    /// As the file would write it: `5s`.
    pub value: String,
    /// Where it was written; `None` for a default.
    pub origin: Option<Origin>,
}

/// Every key of some files, by its path.
#[derive(Debug, Default)]
pub struct Written {
    /// The place, and whether the value is a single one: the short form of a map.
    paths: HashMap<String, (Origin, bool)>,
}

impl Written {
    /// Reads the texts of native files by name; `overlay` is the one that was put over them.
    #[must_use]
    pub fn read<'a>(
        files: impl Iterator<Item = (&'a str, &'a str)>,
        overlay: Option<&str>,
    ) -> Self {
        let mut written = Self::default();
        for (name, text) in files {
            let mut sources = SourceMap::default();
            let id = sources.add(name, text);
            let documents = sources.get(id).map(crate::source::SourceFile::documents);
            for document in documents.unwrap_or_default() {
                written.take(&sources, document);
                let over = overlay.and_then(|overlay| document.get("env")?.get(overlay));
                if let Some(over) = over {
                    written.take(&sources, over);
                }
            }
        }
        written
    }

    /// The parts of a file that settings are looked up in.
    fn take(&mut self, sources: &SourceMap, document: &Node) {
        for part in ["services", "gateway"] {
            if let Some(node) = document.get(part) {
                self.gather(sources, part, node);
            }
        }
    }

    /// Recursion is bounded by the depth that the reader of YAML allows.
    fn gather(&mut self, sources: &SourceMap, path: &str, node: &Node) {
        let Value::Map(entries) = &node.value else {
            return;
        };
        for entry in entries {
            if self.paths.len() >= PATHS_MAX {
                return;
            }
            let path = format!("{path}.{}", entry.key);
            let single = !matches!(entry.node.value, Value::Map(_));
            self.paths.insert(path.clone(), (sources.origin(entry.key_span), single));
            self.gather(sources, &path, &entry.node);
        }
    }

    /// Where a key was written: by itself, or by the short form of the map that holds it.
    fn place(&self, object: &str, key: &str, short: bool) -> Option<Origin> {
        let names = |key: &str| -> Vec<String> {
            // Two spellings of one map.
            let other = key.strip_prefix("timeout").map(|rest| format!("{object}.timeouts{rest}"));
            std::iter::once(format!("{object}.{key}")).chain(other).collect()
        };
        let whole = names(key).into_iter().find_map(|path| self.paths.get(&path));
        if let Some((origin, _)) = whole {
            return Some(origin.clone());
        }
        let (map, _) = key.split_once('.').filter(|_| short)?;
        let found = names(map).into_iter().find_map(|path| self.paths.get(&path));
        found.filter(|(_, single)| *single).map(|(origin, _)| origin.clone())
    }

    /// The settings of a service.
    #[must_use]
    pub fn service(&self, service: &Service) -> Vec<Setting> {
        let mut list =
            List { written: self, object: format!("services.{}", service.name), all: Vec::new() };
        list.add("protocol", protocol(service.protocol), false);
        let long = if self.paths.contains_key(&format!("services.{}.balance.by", service.name)) {
            "balance.by"
        } else {
            "balance"
        };
        list.add(long, balance(service.balance), false);
        list.spread(service);
        let timeouts = &service.timeouts;
        list.time("timeout.connect", timeouts.connect, false);
        list.time("timeout.request", timeouts.request, true);
        if let Some(attempt) = timeouts.attempt {
            list.time("timeout.attempt", attempt, false);
        }
        list.time("timeout.idle", timeouts.idle, false);
        list.time("timeout.keep_alive", timeouts.keep_alive, false);
        list.health(service);
        if let Some(outlier) = &service.outlier {
            list.add("passive.consecutive", outlier.consecutive.to_string(), false);
            list.time("passive.base", outlier.base, false);
            list.time("passive.max", outlier.max, false);
            list.add("passive.percent_max", outlier.percent_max.to_string(), false);
        }
        for (key, value, short) in policies::list(&service.policies) {
            list.add(key, value, short);
        }
        if let Source::Process(process) = &service.source {
            let port = process.port.map_or_else(|| "auto".to_owned(), |port| port.to_string());
            list.add("port", port, false);
            list.time("start_timeout", process.start_timeout, false);
            list.time("stop_timeout", process.stop_timeout, false);
        }
        if let Some(tls) = &service.tls {
            list.add("tls.verify", tls.verify.to_string(), true);
            if let Some(name) = &tls.server_name {
                list.add("tls.server_name", name.clone(), false);
            }
        }
        list.all
    }

    /// The settings of a listener.
    #[must_use]
    pub fn listener(&self, listener: &Listener) -> Vec<Setting> {
        let mut list = List { written: self, object: "gateway".to_owned(), all: Vec::new() };
        list.time("timeouts.handshake", listener.timeouts.handshake, false);
        list.time("timeouts.head", listener.timeouts.head, false);
        list.time("timeouts.idle", listener.timeouts.idle, false);
        list.time("drain.min", listener.drain.min, false);
        list.time("drain.max", listener.drain.max, false);
        list.all
    }
}

/// The settings of a route: those that it has of its own, each written where the route is.
#[must_use]
pub fn route(route: &Route) -> Vec<Setting> {
    let timeouts = &route.timeouts;
    let own = [
        ("timeout.request", timeouts.request),
        ("timeout.attempt", timeouts.attempt),
        ("timeout.idle", timeouts.idle),
    ];
    let setting = |(key, value): (&'static str, Option<Duration>)| {
        Some(Setting { key, value: format_duration(value?), origin: Some(route.origin.clone()) })
    };
    let policies = policies::list(&route.policies).into_iter();
    let policy = |(key, value, _)| Setting { key, value, origin: Some(route.origin.clone()) };
    let traces = &route.tracing;
    let traces = [
        ("trace.sample", traces.sample.map(|sample| sample.to_string())),
        ("trace.propagate", traces.propagate.as_ref().map(ToString::to_string)),
    ];
    let traces = traces.into_iter().filter_map(|(key, value)| Some((key, value?, false)));
    own.into_iter().filter_map(setting).chain(policies.chain(traces).map(policy)).collect()
}

/// Settings of one object on their way.
struct List<'a> {
    written: &'a Written,
    object: String,
    all: Vec<Setting>,
}

impl List<'_> {
    /// `short`: the short form of the map says this one.
    fn add(&mut self, key: &'static str, value: impl Into<String>, short: bool) {
        let origin = self.written.place(&self.object, key, short);
        self.all.push(Setting { key, value: value.into(), origin });
    }

    fn time(&mut self, key: &'static str, value: Duration, short: bool) {
        self.add(key, format_duration(value), short);
    }

    /// What differs from a plain sharing out.
    fn spread(&mut self, service: &Service) {
        let spread = &service.spread;
        if let Some(limit) = spread.limit {
            self.add("max_connections", limit.to_string(), false);
            self.add("queue.max", spread.queue.max.to_string(), false);
            self.time("queue.timeout", spread.queue.timeout, false);
        }
        if let Some(start) = &spread.slow_start {
            self.time("slow_start.window", start.window, true);
        }
        if let Some(affinity) = &spread.affinity {
            self.add("affinity.cookie", affinity.cookie.clone(), false);
        }
    }

    fn health(&mut self, service: &Service) {
        let Some(health) = &service.health else {
            return self.add("health", "off", false);
        };
        match &health.probe {
            Probe::Tcp => self.add("health", "tcp", false),
            Probe::Http(probe) => self.add("health.path", probe.path.clone(), true),
            Probe::Tls => self.add("health.kind", "tls", true),
            Probe::Grpc { .. } => self.add("health.kind", "grpc", true),
            Probe::Redis => self.add("health.kind", "redis", true),
            Probe::Postgres => self.add("health.kind", "postgres", true),
            Probe::Smtp => self.add("health.kind", "smtp", true),
        }
        self.time("health.interval", health.interval, false);
        let paces = [
            ("health.fast_interval", health.fast_interval),
            ("health.down_interval", health.down_interval),
        ];
        for (key, pace) in paces.into_iter().filter(|(_, pace)| *pace != health.interval) {
            self.time(key, pace, false);
        }
        self.time("health.timeout", health.timeout, false);
        self.add("health.rise", health.rise.to_string(), false);
        self.add("health.fall", health.fall.to_string(), false);
    }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http1 => "http1",
        Protocol::Http2 => "http2",
        Protocol::Auto => "auto",
    }
}

fn balance(balance: Balance) -> &'static str {
    match balance {
        Balance::RoundRobin => "round_robin",
        Balance::LeastRequest => "least_request",
        Balance::PeakEwma => "peak_ewma",
        Balance::Random => "random",
        Balance::First => "first",
        Balance::RingHash => "ring_hash",
        Balance::Maglev => "maglev",
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::files::Memory;
    use crate::{Options, load_with, native::Native};

    const FILE: &str = "version: 1
gateway: { http: 8000, timeouts: { idle: 90s } }
services:
  web: { external: 127.0.0.1:1, timeout: 3s, health: /healthz }
  api:
    external: 127.0.0.1:2
    timeouts:
      connect: 1s
routes: [ { match: /**, to: web } ]
env:
  big: { services: { api: { balance: least_request } } }
";

    fn lines(settings: &[Setting]) -> Vec<String> {
        let written = settings.iter().filter(|setting| setting.origin.is_some());
        written.map(|s| format!("{}={} {}", s.key, s.value, s.origin.as_ref().unwrap())).collect()
    }

    #[test]
    fn what_was_written_has_its_place_and_the_rest_is_default() {
        let name = "trunkline.yaml";
        let files = Memory([(PathBuf::from(name), FILE.as_bytes().to_vec())].into());
        let options = Options { env: Some("big".into()), ..Options::default() };
        let loaded = load_with(&files, &[Path::new(name).into()], &options, &[&Native]);
        let model = loaded.model.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let written = Written::read([(name, FILE)].into_iter(), Some("big"));
        let service = |name: &str| written.service(model.service(&name.parse().unwrap()).unwrap());
        assert_eq!(
            lines(&service("web")),
            ["timeout.request=3s trunkline.yaml:4:33", "health.path=/healthz trunkline.yaml:4:46"]
        );
        assert_eq!(
            lines(&service("api")),
            ["balance=least_request trunkline.yaml:11:29", "timeout.connect=1s trunkline.yaml:8:7"]
        );
        let api = service("api");
        let idle = api.iter().find(|setting| setting.key == "timeout.idle").unwrap();
        assert_eq!((idle.value.as_str(), &idle.origin), ("5m", &None));
        let listener = written.listener(&model.listeners[0]);
        assert_eq!(lines(&listener), ["timeouts.idle=1m30s trunkline.yaml:2:36"]);
    }
}
