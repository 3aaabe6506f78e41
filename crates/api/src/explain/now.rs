//! What would happen to a request at this moment, as one word and one line.

use serde_json::{Value, json};
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::{Answer, Explanation, Question};
use trunkline_model::{Model, ServiceName};

use super::Known;
use super::target::Seen;

/// `kind`, `status` where Trunkline answers itself, and `text` for people.
pub(super) fn outcome(
    question: &Question,
    told: &Explanation,
    targets: &[Seen<'_>],
    known: &Known<'_>,
) -> Value {
    if let Some(answer) = &told.answer {
        return answered(answer);
    }
    if told.listener.is_none() {
        return said("nowhere", None, nowhere(question, known.model));
    }
    if known.stats.is_none() {
        let text = "not known: nothing runs, so this is what the file says";
        return said("unknown", None, text.to_owned());
    }
    let mut ways: Vec<_> = targets.iter().filter(|one| one.percent > 0.0).map(of_target).collect();
    match ways.len() {
        1 => ways.remove(0),
        _ => several(&ways),
    }
}

fn said(kind: &str, status: Option<u16>, text: String) -> Value {
    json!({ "kind": kind, "status": status, "text": text })
}

fn answered(answer: &Answer) -> Value {
    let status = Some(answer.status);
    match (&answer.location, answer.by) {
        (Some(location), _) => {
            said("redirect", status, format!("{} redirect to {location}", answer.status))
        }
        (None, "route") => {
            said("respond", status, format!("{} answered by Trunkline itself", answer.status))
        }
        (None, by) => said(by, status, format!("{} {by}", answer.status)),
    }
}

fn of_target(target: &Seen<'_>) -> Value {
    let name = target.name;
    let mut able = target.able();
    if let Some(first) = able.next() {
        let more = match able.count() {
            0 => String::new(),
            more => format!(", or {more} more"),
        };
        return said("forward", None, format!("forwarded to {name} at {}{more}", first.address));
    }
    let endpoints = target.stats.map(|stats| stats.endpoints.as_slice()).unwrap_or_default();
    if endpoints.iter().any(|endpoint| endpoint.state == EndpointState::Starting) {
        return said("hold", None, format!("held for a moment: {name} is starting"));
    }
    let detail = target.process.map(|process| {
        let detail = process.detail.as_ref().map(|detail| format!(", {detail}"));
        format!(" (the process is {}{})", process.state.as_str(), detail.unwrap_or_default())
    });
    let detail = detail.unwrap_or_default();
    said("unavailable", Some(503), format!("503 no_endpoint: {name} has none that can{detail}"))
}

/// With shares it is chance which of them a request meets.
fn several(ways: &[Value]) -> Value {
    let texts: Vec<_> = ways.iter().filter_map(|way| way.get("text")?.as_str()).collect();
    let kinds: Vec<_> = ways.iter().filter_map(|way| way.get("kind")?.as_str()).collect();
    let first = kinds.first().copied().unwrap_or("forward");
    let kind = if kinds.iter().all(|kind| *kind == first) { first } else { "by_share" };
    said(kind, None, texts.join(", or "))
}

/// Why a call arrives nowhere.
fn nowhere(question: &Question, model: &Model) -> String {
    let Some(caller) = &question.caller else {
        return "nothing listens for it".to_owned();
    };
    let callee = &question.host;
    let service = |name: &str| model.services.iter().find(|one| one.name.as_str() == name);
    match (service(caller.as_str()), service(callee)) {
        (None, _) => format!("no service has the name `{caller}`"),
        (_, None) => format!("no service has the name `{callee}`"),
        (Some(from), Some(to)) if !from.calls.contains(&to.name) => not_declared(caller, callee),
        _ => format!("`{caller}` calls `{callee}` directly: Trunkline is not in between"),
    }
}

fn not_declared(caller: &ServiceName, callee: &str) -> String {
    format!("`{caller}` is given no address of `{callee}`: add `calls: [{callee}]` to it")
}
