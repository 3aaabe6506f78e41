//! `explain REQUEST`: which way a request would take, with the place of everything on it.

mod document;
mod lines;
mod service;
pub(crate) mod settings;

use self::document::{Filter, Listener, Now, Passed, Route};
use self::lines::Lines;
use crate::print::{Paint, Role, clean};

pub(crate) use document::Explanation;

/// Routes that were looked at first and are shown.
const PASSED_MAX: usize = 5;

/// The screen.
pub(crate) fn render(found: &Explanation, paint: Paint) -> String {
    let mut lines = Lines::labelled();
    listener(&mut lines, found.listener_detail.as_ref());
    route(&mut lines, found.route.as_ref(), paint);
    filters(&mut lines, &found.filter_chain);
    let target = found.request.target();
    if let Some(forwarded) = found.forwarded.as_deref().filter(|seen| Some(*seen) != target) {
        lines.word("path", forwarded, "as the service sees it");
    }
    for target in &found.targets {
        lines.gap();
        service::tell(&mut lines, target, found.targets.len() > 1, paint);
    }
    lines.gap();
    now(&mut lines, &found.now, paint);
    passed_over(&mut lines, &found.passed_over);
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
    format!("nothing runs: this is what the file says ({start} starts it)")
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
}

fn passed_over(lines: &mut Lines, passed: &[Passed]) {
    if passed.is_empty() {
        return;
    }
    lines.gap();
    for (index, one) in passed.iter().take(PASSED_MAX).enumerate() {
        let label = if index == 0 { "not" } else { "" };
        let reads = one.reads.as_deref().unwrap_or(&one.route);
        lines.add(label, &format!("{reads}: {}", one.because), one.origin.as_ref());
    }
    let more = passed.len().saturating_sub(PASSED_MAX);
    if more > 0 {
        lines.add("", &format!("and {more} more"), None);
    }
}
