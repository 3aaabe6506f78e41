//! The answer of `/v1/explain`, as far as the screen shows it.

use serde::Deserialize;

use super::lines::Place;
use super::settings::Setting;

/// The answer of `/v1/explain`.
#[derive(Debug, Deserialize)]
pub(crate) struct Explanation {
    pub(super) running: bool,
    pub(super) request: Request,
    pub(super) listener_detail: Option<Listener>,
    pub(super) route: Option<Route>,
    pub(super) filter_chain: Vec<Filter>,
    pub(super) forwarded: Option<String>,
    pub(super) targets: Vec<Target>,
    pub(super) now: Now,
    pub(super) passed_over: Vec<Passed>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    method: String,
    url: String,
    from: Option<String>,
}

impl Request {
    /// As a person would write it.
    pub(super) fn title(&self) -> String {
        match &self.from {
            None => format!("{} {}", self.method, self.url),
            Some(from) => {
                let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
                let (to, _) = rest.split_once('/').unwrap_or((rest, ""));
                format!("{from} → {to} {} {}", self.method, self.target().unwrap_or("/"))
            }
        }
    }

    /// Path and query.
    pub(super) fn target(&self) -> Option<&str> {
        let (_, rest) = self.url.split_once("://")?;
        rest.get(rest.find('/')?..)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Listener {
    pub(super) id: String,
    pub(super) address: String,
    pub(super) tls: bool,
    pub(super) caller: Option<String>,
    pub(super) origin: Place,
}

#[derive(Debug, Deserialize)]
pub(super) struct Route {
    pub(super) id: String,
    pub(super) reads: Option<String>,
    pub(super) origin: Place,
}

#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    pub(super) name: String,
    pub(super) settings: String,
    pub(super) origin: Place,
}

#[derive(Debug, Deserialize)]
pub(super) struct Target {
    pub(super) service: String,
    pub(super) percent: f64,
    pub(super) origin: Option<Place>,
    pub(super) settings: Vec<Setting>,
    pub(super) called_by: Vec<String>,
    pub(super) process: Option<Process>,
    pub(super) endpoint_detail: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Process {
    pub(super) command: String,
    pub(super) directory: String,
    pub(super) pid: Option<u32>,
    pub(super) state: Option<String>,
    pub(super) detail: Option<String>,
}

/// Of what does not run, the address alone is known.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    pub(super) address: String,
    pub(super) state: Option<String>,
    pub(super) able: Option<bool>,
    pub(super) because: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Now {
    pub(super) kind: String,
    pub(super) text: String,
    /// What to write, and where.
    pub(super) hint: Option<String>,
    pub(super) origin: Option<Place>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Passed {
    pub(super) route: String,
    pub(super) because: String,
    pub(super) reads: Option<String>,
    pub(super) origin: Option<Place>,
}
