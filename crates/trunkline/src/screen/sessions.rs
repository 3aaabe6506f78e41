//! `sessions`: one line for each open request, and one for a connection without any.

use serde::Deserialize;

use super::age;
use crate::print::{Align, Paint, Role, Table, clean};

/// What `/v1/sessions` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Sessions {
    sessions: Vec<Session>,
}

#[derive(Debug, Deserialize)]
struct Session {
    id: String,
    listener: String,
    peer: String,
    age_seconds: f64,
    requests: u64,
    open: Vec<Request>,
}

#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    host: String,
    target: String,
    endpoint: Option<String>,
    service: Option<String>,
    age_seconds: f64,
    bytes_sent: u64,
}

const COLUMNS: &[(&str, Align)] = &[
    ("id", Align::Left),
    ("from", Align::Left),
    ("listener", Align::Left),
    ("open for", Align::Right),
    ("requests", Align::Right),
    ("now", Align::Left),
    ("to", Align::Left),
    ("since", Align::Right),
    ("sent", Align::Right),
];

/// What is left out on narrow terminals, in this order.
const NARROW: &[&str] = &["listener", "requests", "sent", "open for"];

/// The screen.
pub(crate) fn render(sessions: &Sessions, paint: Paint) -> String {
    let mut table = Table::new(COLUMNS);
    for session in &sessions.sessions {
        if session.open.is_empty() {
            table.row(row(session, None));
        }
        for request in &session.open {
            table.row(row(session, Some(request)));
        }
    }
    if table.is_empty() {
        return "no open connections\n".to_owned();
    }
    if let Some(columns) = paint.columns() {
        table.narrow(columns, NARROW);
    }
    table.render(paint)
}

fn row(session: &Session, request: Option<&Request>) -> Vec<(String, Option<Role>)> {
    let asked = request.map(|r| format!("{} {}{}", r.method, r.host, r.target));
    let to = request.and_then(|r| r.endpoint.as_deref().or(r.service.as_deref()));
    let since = request.map(|r| age(r.age_seconds)).unwrap_or_default();
    let sent = request.map(|r| r.bytes_sent.to_string()).unwrap_or_default();
    vec![
        (clean(&session.id).into_owned(), Some(Role::Strong)),
        (clean(&session.peer).into_owned(), None),
        (clean(&session.listener).into_owned(), None),
        (age(session.age_seconds), None),
        (session.requests.to_string(), None),
        asked.map_or(("idle".to_owned(), Some(Role::Hint)), |text| {
            (clean(&text).into_owned(), None)
        }),
        (clean(to.unwrap_or_default()).into_owned(), None),
        (since, None),
        (sent, None),
    ]
}
