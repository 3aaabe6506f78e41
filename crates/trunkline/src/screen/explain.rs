//! `explain REQUEST`: which way a request would take, with the place of everything on it.

mod document;
mod lines;
mod service;
pub(crate) mod settings;

use self::document::{Filter, Listener, Now, Passed, Route};
use self::lines::Lines;
use crate::print::{Paint, Role, clean};

pub(crate) use document::Explanation;
pub(crate) use lines::Place;

/// Routes that were looked at first and are shown.
const PASSED_MAX: usize = 5;
/// What the proxy says of a route for another host.
const OTHER_HOST: &str = "another host";

/// The screen.
pub(crate) fn render(found: &Explanation, paint: Paint) -> String {
    let mut lines = Lines::labelled();
    listener(&mut lines, found.listener_detail.as_ref());
    route(&mut lines, found.route.as_ref(), paint);
    filters(&mut lines, &found.filter_chain);
    let target = found.request.target();
    if let Some(forwarded) = found.forwarded.as_deref().filter(|seen| Some(*seen) != target) {
        lines.add("seen as", forwarded, None);
    }
    for target in &found.targets {
        lines.gap();
        service::tell(&mut lines, target, found.targets.len() > 1, paint);
    }
    lines.gap();
    now(&mut lines, &found.now, paint);
    // Of a path that is refused, no route was asked.
    if found.now.kind != "bad_request" {
        passed_over(&mut lines, &found.passed_over, found.route.is_some(), paint);
    }
    let head = paint.apply(Role::Strong, clean(&found.request.title()));
    let mut text = format!("{head}\n\n{}", lines.render(paint));
    if !found.running {
        text = text + "\n" + &not_running(paint) + "\n";
    }
    text
}

/// The line that says that only the file was asked.
fn not_running(paint: Paint) -> String {
    let start = paint.apply(Role::Hint, "trunkline up");
    format!("nothing runs, so this is what the file says; {start} starts it")
}

fn listener(lines: &mut Lines, listener: Option<&Listener>) {
    let Some(listener) = listener else {
        return lines.add("listener", "none", None);
    };
    let tls = if listener.tls { " · TLS" } else { "" };
    let value = match &listener.caller {
        Some(caller) => format!("{} · for calls of {caller}", listener.address),
        None => format!("{} · {}{tls}", listener.id, listener.address),
    };
    lines.add("listener", &value, Some(&listener.origin));
}

fn route(lines: &mut Lines, route: Option<&Route>, paint: Paint) {
    let Some(route) = route else {
        return lines.painted("route", "none", |text| paint.apply(Role::Error, text), None);
    };
    let reads = route.reads.as_deref().unwrap_or(&route.id);
    let strong = |text: &str| paint.apply(Role::Strong, text);
    lines.painted("route", reads, strong, Some(&route.origin));
}

fn filters(lines: &mut Lines, filters: &[Filter]) {
    for (index, filter) in filters.iter().enumerate() {
        let label = if index == 0 { "filters" } else { "" };
        let value = format!("{} · {}", filter.name, filter.settings);
        lines.add(label, value.trim_end_matches(" · "), Some(&filter.origin));
    }
}

fn now(lines: &mut Lines, now: &Now, paint: Paint) {
    let (mark, role) = match now.kind.as_str() {
        "forward" | "redirect" | "respond" => ("✓", Role::Good),
        "hold" | "by_share" => ("…", Role::Warning),
        "unknown" => ("?", Role::Faint),
        _ => ("✗", Role::Error),
    };
    let mark_only = |text: &str| {
        let rest = text.strip_prefix(mark).unwrap_or(text);
        format!("{}{rest}", paint.apply(role, mark))
    };
    lines.painted("now", &format!("{mark} {}", now.text), mark_only, None);
    if let Some(hint) = &now.hint {
        lines.add("", &format!("  add `{hint}`"), now.origin.as_ref());
    }
}

/// Routes that were looked at first. Where another one took the request, those for other hosts are
/// but counted: every service has one.
fn passed_over(lines: &mut Lines, passed: &[Passed], taken: bool, paint: Paint) {
    let elsewhere = |one: &&Passed| taken && one.because == OTHER_HOST;
    let others = passed.iter().filter(elsewhere).count();
    let close: Vec<_> = passed.iter().filter(|one| !elsewhere(one)).collect();
    if close.is_empty() {
        return;
    }
    lines.gap();
    for (index, one) in close.iter().take(PASSED_MAX).enumerate() {
        let label = if index == 0 { "not" } else { "" };
        lines.add(label, one.reads.as_deref().unwrap_or(&one.route), one.origin.as_ref());
        let faint = |text: &str| paint.apply(Role::Faint, text);
        lines.painted("", &format!("  {}", one.because), faint, None);
    }
    let more = close.len().saturating_sub(PASSED_MAX) + others;
    if more > 0 {
        lines.add("", &format!("and {more} more"), None);
    }
}
