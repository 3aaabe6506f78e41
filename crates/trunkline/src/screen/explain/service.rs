//! A service on the way of a request: endpoints, process, settings, who calls it.

use super::document::{Endpoint, Process, Target};
use super::lines::Lines;
use crate::print::{Paint, Role, cut};

/// Endpoints that are shown; a service can have thousands.
const ENDPOINTS_MAX: usize = 8;
/// Columns of a command.
const COMMAND_MAX: usize = 68;

/// Tells of a service; `shares` where it is one of several.
pub(super) fn tell(lines: &mut Lines, target: &Target, shares: bool, paint: Paint) {
    let share = if shares { format!(" · {}% of requests", target.percent) } else { String::new() };
    let name = target.service.as_str();
    let strong = |text: &str| {
        let rest = text.strip_prefix(name).unwrap_or_default();
        paint.apply(Role::Strong, name) + rest
    };
    lines.painted("service", &format!("{name}{share}"), strong, target.origin.as_ref());
    endpoints(lines, &target.endpoint_detail, paint);
    if let Some(process) = &target.process {
        tell_process(lines, process);
    }
    settings(lines, target, paint);
    if !target.called_by.is_empty() {
        lines.add("called by", &target.called_by.join(", "), None);
    }
}

fn endpoints(lines: &mut Lines, endpoints: &[Endpoint], paint: Paint) {
    if endpoints.is_empty() {
        return lines.add("endpoint", "none", None);
    }
    for (index, endpoint) in endpoints.iter().take(ENDPOINTS_MAX).enumerate() {
        let label = if index == 0 { "endpoint" } else { "" };
        let address = &endpoint.address;
        match (&endpoint.because, &endpoint.state, endpoint.able) {
            (Some(because), ..) => {
                let warn = |text: &str| paint.apply(Role::Warning, text);
                lines.painted(label, &format!("{address} · {because}"), warn, None);
            }
            (None, Some(state), _) => lines.add(label, &format!("{address} · {state}"), None),
            (None, None, _) => lines.add(label, address, None),
        }
    }
    let more = endpoints.len().saturating_sub(ENDPOINTS_MAX);
    if more > 0 {
        lines.add("", &format!("and {more} more"), None);
    }
}

fn tell_process(lines: &mut Lines, process: &Process) {
    let pid = process.pid.map(|pid| format!("pid {pid} · ")).unwrap_or_default();
    let state = process.state.as_deref().filter(|state| *state != "ready");
    let state = state.map(|state| format!(" · {state}")).unwrap_or_default();
    lines.add("process", &format!("{pid}{}{state}", process.directory), None);
    lines.add("", &cut(&process.command, COMMAND_MAX), None);
    if let Some(detail) = &process.detail {
        lines.add("", detail, None);
    }
}

/// What somebody wrote has its place; defaults share a line for each kind of setting.
fn settings(lines: &mut Lines, target: &Target, paint: Paint) {
    let mut label = "settings";
    for setting in &target.settings {
        if let Some(place) = &setting.origin {
            lines.add(label, &format!("{} {}", setting.key, setting.value), Some(place));
            label = "";
        }
    }
    let defaults = target.settings.iter().filter(|setting| setting.origin.is_none());
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for setting in defaults {
        // Those that stand alone share a line too.
        let (kind, rest) = setting.key.split_once('.').unwrap_or(("", &setting.key));
        let told = format!("{rest} {}", setting.value);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, all)) => all.push(told),
            None => kinds.push((kind, vec![told])),
        }
    }
    let mut label = "defaults";
    for (kind, all) in kinds {
        let faint = |text: &str| paint.apply(Role::Faint, text);
        lines.painted(label, format!("{kind} {}", all.join(", ")).trim_start(), faint, None);
        label = "";
    }
}
