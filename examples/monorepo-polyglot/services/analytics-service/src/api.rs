//! The JSON API: which request does what, as a function from plain values to plain values.
//!
//! It knows nothing of sockets, so its tests need none.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::calendar::now_ms;
use crate::counts::{Counts, MINUTES_MAX};
use crate::event::Event;
use crate::http::{Head, Response};
use crate::journal::Journal;
use crate::log;
use crate::metrics::Metrics;

const MINUTES_DEFAULT: u64 = 60;

pub struct Api {
    state: Mutex<State>,
}

struct State {
    counts: Counts,
    journal: Option<Journal>,
    metrics: Metrics,
}

impl Api {
    pub fn in_memory() -> Self {
        Self {
            state: Mutex::new(State {
                counts: Counts::default(),
                journal: None,
                metrics: Metrics::new(),
            }),
        }
    }

    /// Counts what the journal holds, and goes on with it.
    pub fn kept_in(path: &Path) -> io::Result<Self> {
        let api = Self::in_memory();
        let mut state = api.lock();
        let counts = &mut state.counts;
        let mut journal = Journal::open(path, |line| {
            if let Some(event) = Event::from_line(line) {
                counts.add(&event, now_minute());
            }
        })?;
        shorten(&mut journal, counts);
        state.journal = Some(journal);
        drop(state);
        Ok(api)
    }

    /// Answers a request, logs it and counts it.
    pub fn serve(&self, mut head: Head, body: &[u8]) -> Response {
        let begun = Instant::now();
        let id = log::ensure_request_id(&mut head);
        let (route, mut response) = self.answer(&head, body);
        response.headers.push(("x-request-id", id));
        let took = begun.elapsed();
        self.lock().metrics.answered(&head.method, route, response.status, took);
        if !matches!(route, "/health" | "/metrics") {
            log::request(&head, route, response.status, took);
        }
        response
    }

    /// Logs and counts what could not be read as a request.
    pub fn refused(&self, status: u16) {
        self.lock().metrics.answered("OTHER", "unread", status, Duration::ZERO);
        log::event(
            "info",
            "refused",
            &[("route", "unread".into()), ("status", status.into())],
        );
    }

    fn answer(&self, head: &Head, body: &[u8]) -> (&'static str, Response) {
        let method = if head.method == "HEAD" {
            "GET"
        } else {
            head.method.as_str()
        };
        let (route, allowed, response) = match (method, head.path.as_str()) {
            ("GET", "/health") => return ("/health", health()),
            ("GET", "/metrics") => return ("/metrics", self.metrics()),
            ("POST", "/events") => return ("/events", self.ingest(body)),
            ("GET", "/summary") => return ("/summary", self.summary(head)),
            ("GET", "/types") => return ("/types", self.types()),
            (_, "/health") => ("/health", "GET, HEAD", 405),
            (_, "/metrics") => ("/metrics", "GET, HEAD", 405),
            (_, "/events") => ("/events", "POST", 405),
            (_, "/summary") => ("/summary", "GET, HEAD", 405),
            (_, "/types") => ("/types", "GET, HEAD", 405),
            _ => return ("unmatched", Response::problem(404, "there is nothing at this path")),
        };
        let mut response = Response::problem(response, "this path does not take that method");
        response.headers.push(("allow", allowed.into()));
        (route, response)
    }

    fn ingest(&self, body: &[u8]) -> Response {
        let now = now_minute();
        let mut state = self.lock();
        let event = match Event::read(body, now) {
            Ok(event) if Counts::is_timely(&event, now) => event,
            Ok(_) => {
                state.metrics.event("untimely");
                return Response::problem(400, "at must lie in the last 24 hours");
            }
            Err(refused) => {
                state.metrics.event("refused");
                return Response::problem(400, refused);
            }
        };
        if let Some(journal) = &mut state.journal {
            if let Err(error) = journal.append(&event.to_line()) {
                log::event(
                    "error",
                    "an event could not be kept",
                    &[("error", error.to_string().into())],
                );
                state.metrics.event("failed");
                return Response::problem(500, "the event could not be kept");
            }
        }
        state.counts.add(&event, now);
        let State { counts, journal, .. } = &mut *state;
        if let Some(journal) = journal {
            shorten(journal, counts);
        }
        state.metrics.event("counted");
        Response::json(202, &json!({ "status": "accepted" }))
    }

    fn summary(&self, head: &Head) -> Response {
        let minutes = match head.query_value("minutes") {
            None => Some(MINUTES_DEFAULT),
            Some(text) => text.parse().ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes)),
        };
        match minutes {
            Some(minutes) => Response::json(200, &self.lock().counts.summary(minutes, now_minute())),
            None => Response::problem(400, "minutes must be a whole number from 1 to 1440"),
        }
    }

    fn types(&self) -> Response {
        Response::json(200, &json!({ "types": self.lock().counts.types() }))
    }

    fn metrics(&self) -> Response {
        let body = self.lock().metrics.render().into_bytes();
        Response {
            status: 200,
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            headers: Vec::new(),
            body,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it; and if so, one event is lost at most.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Writes a long journal anew from the counts. It may stay long if that fails: then it is tried again later.
fn shorten(journal: &mut Journal, counts: &Counts) {
    if !journal.is_long() {
        return;
    }
    if let Err(error) = journal.rewrite(counts.events().map(|event| event.to_line())) {
        log::event(
            "warn",
            "the journal could not be shortened",
            &[("error", error.to_string().into())],
        );
    }
}

fn health() -> Response {
    Response::json(200, &json!({ "status": "ok", "service": "analytics-service" }))
}

fn now_minute() -> u64 {
    now_ms() / 60_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn ask(api: &Api, method: &str, target: &str, body: &str) -> (u16, Value) {
        let head = Head::parse(format!("{method} {target} HTTP/1.1\r\n").as_bytes()).unwrap();
        let response = api.serve(head, body.as_bytes());
        (
            response.status,
            serde_json::from_slice(&response.body).unwrap_or_default(),
        )
    }

    #[test]
    fn what_is_told_is_summed_up() {
        let api = Api::in_memory();
        assert_eq!(
            ask(&api, "POST", "/events", r#"{"type":"payment","value":1250}"#).0,
            202
        );
        assert_eq!(ask(&api, "POST", "/events", r#"{"type":"page.view"}"#).0, 202);
        let (status, summary) = ask(&api, "GET", "/summary?minutes=5", "");
        assert_eq!(
            (status, &summary["total"], &summary["value"]),
            (200, &2.into(), &1250.into())
        );
        assert_eq!(summary["by_minute"].as_array().map(Vec::len), Some(5));
        assert_eq!(
            ask(&api, "GET", "/types", "").1,
            json!({ "types": ["page.view", "payment"] })
        );
    }

    #[test]
    fn what_is_wrong_is_refused_and_counted() {
        let api = Api::in_memory();
        for (method, target, body, status) in [
            ("POST", "/events", "nonsense", 400),
            ("POST", "/events", r#"{"type":"a","at":"2001-01-01T00:00:00Z"}"#, 400),
            ("GET", "/summary?minutes=0", "", 400),
            ("GET", "/summary?minutes=1441", "", 400),
            ("GET", "/summary?minutes=many", "", 400),
            ("DELETE", "/events", "", 405),
            ("GET", "/nowhere", "", 404),
        ] {
            assert_eq!(ask(&api, method, target, body).0, status, "{method} {target} {body}");
        }
        let numbers = api.lock().metrics.render();
        for line in [
            r#"http_requests_total{method="POST",route="/events",status="400"} 2"#,
            r#"http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
            r#"analytics_events_total{outcome="untimely"} 1"#,
            r#"http_request_duration_seconds_count{route="/summary"} 3"#,
        ] {
            assert!(numbers.contains(&format!("{line}\n")), "no {line} in\n{numbers}");
        }
    }

    #[test]
    fn counts_outlive_a_restart() {
        let folder = std::env::temp_dir().join(format!("analytics-{}-restart", std::process::id()));
        let path = folder.join("events.jsonl");
        for seen_before in 0..3 {
            let api = Api::kept_in(&path).unwrap();
            assert_eq!(ask(&api, "GET", "/summary", "").1["total"], seen_before);
            assert_eq!(ask(&api, "POST", "/events", r#"{"type":"payment","value":1}"#).0, 202);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
