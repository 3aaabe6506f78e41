//! What would happen to a request at this moment, as one word and one line; where it would not be
//! served for want of a line in the file, that line and its place.

use serde_json::{Value, json};
use trunkline_model::ServiceName;
use trunkline_model::endpoint::EndpointState;
use trunkline_model::ops::{Answer, Explanation, Question, ServiceStats};

use super::target::Seen;
use super::{Known, place};
use crate::commands::ProcessState;

/// `kind`, `status` where Trunkline answers itself, and `text` for people.
pub(super) fn outcome(
    question: &Question,
    told: &Explanation,
    targets: &[Seen<'_>],
    known: &Known<'_>,
) -> Value {
    if let Some(answer) = &told.answer {
        let because = told.passed_over.first().map(|(_, because)| because.as_str());
        return answered(answer, because);
    }
    if told.listener.is_none() {
        return nowhere(question, known);
    }
    if known.stats.is_none() {
        return said("unknown", None, "not known before it runs");
    }
    let mut ways: Vec<_> = targets.iter().filter(|one| one.percent > 0.0).map(of_target).collect();
    match ways.len() {
        1 => ways.remove(0),
        _ => several(&ways),
    }
}

fn said(kind: &str, status: Option<u16>, text: &str) -> Value {
    json!({ "kind": kind, "status": status, "text": text })
}

fn answered(answer: &Answer, because: Option<&str>) -> Value {
    let status = Some(answer.status);
    match (&answer.location, answer.by) {
        (Some(location), _) => {
            said("redirect", status, &format!("{} redirect to {location}", answer.status))
        }
        (None, "route") => {
            said("respond", status, &format!("{} answered by Trunkline itself", answer.status))
        }
        // A refused path is the same for every route, and was told with the first one.
        (None, by @ "bad_request") => {
            let because = because.map(|because| format!(": {because}")).unwrap_or_default();
            said(by, status, &format!("{} {by}{because}", answer.status))
        }
        (None, by) => said(by, status, &format!("{} {by}", answer.status)),
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
        return said("forward", None, &format!("forwarded to {name} at {}{more}", first.address));
    }
    let endpoints = target.stats.map(|stats| stats.endpoints.as_slice()).unwrap_or_default();
    if endpoints.iter().any(|endpoint| endpoint.state == EndpointState::Starting) {
        return said("hold", None, &format!("held for a moment: {name} is starting"));
    }
    let process = target.process.filter(|process| process.state != ProcessState::Ready);
    let detail = process.map(|process| {
        let detail = process.detail.as_ref().map(|detail| format!(", {detail}"));
        format!(" (it is {}{})", process.state.as_str(), detail.unwrap_or_default())
    });
    let detail = detail.unwrap_or_default();
    said("unavailable", Some(503), &format!("503 no_endpoint: none of {name} can take it{detail}"))
}

/// With shares it is chance which of them a request meets.
fn several(ways: &[Value]) -> Value {
    let texts: Vec<_> = ways.iter().filter_map(|way| way.get("text")?.as_str()).collect();
    let kinds: Vec<_> = ways.iter().filter_map(|way| way.get("kind")?.as_str()).collect();
    let first = kinds.first().copied().unwrap_or("forward");
    let kind = if kinds.iter().all(|kind| *kind == first) { first } else { "by_share" };
    said(kind, None, &texts.join(", or "))
}

/// Why a request arrives nowhere.
fn nowhere(question: &Question, known: &Known<'_>) -> Value {
    let here = |text: String| said("nowhere", None, &text);
    let Some(caller) = &question.caller else {
        return here(match owner(question, known) {
            Some(name) => format!("`{name}` itself is there: Trunkline is not in between"),
            None => "nothing of this project listens there".to_owned(),
        });
    };
    let callee = &question.host;
    let service = |name: &str| known.model.services.iter().find(|one| one.name.as_str() == name);
    match (service(caller.as_str()), service(callee)) {
        (None, _) => here(format!("no service has the name `{caller}`")),
        (_, None) => here(format!("no service has the name `{callee}`")),
        (Some(from), Some(to)) if !from.calls.contains(&to.name) => {
            let text = format!("`{caller}` does not say that it calls `{callee}`");
            let mut now = here(text);
            if let Some(fields) = now.as_object_mut() {
                fields.insert("hint".into(), json!(format!("calls: [{callee}]")));
                fields.insert("origin".into(), place(&from.origin));
            }
            now
        }
        _ => here(format!("`{caller}` calls it directly: Trunkline is not in between")),
    }
}

/// The service one of whose endpoints has the port that was asked for.
fn owner<'a>(question: &Question, known: &Known<'a>) -> Option<&'a ServiceName> {
    let port = question.port?;
    let mut services = known.stats?.services.iter();
    let here = |service: &&ServiceStats| {
        service.endpoints.iter().any(|endpoint| endpoint.address.port() == port)
    };
    services.find(here).map(|service| &service.name)
}
