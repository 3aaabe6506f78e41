//! `up`: the tree of services, what happens to them, and where everything is.

use std::fmt::Write as _;
use std::time::Duration;

use trunkline_api::commands::{Url, UrlTarget};
use trunkline_local::event::{Event, Retry, What};
use trunkline_local::plan::Plan;
use trunkline_model::Model;
use trunkline_model::service::{Service, Source};

use super::logs::prefix;
use super::{span_ms, time_of_day};
use crate::cli::version::VERSION;
use crate::print::{Align, Paint, Role, Table, clean};

/// Width of a service's name after its mark.
const NAME_CELLS: usize = 12;
/// Width of what happened, before its time.
const WHAT_CELLS: usize = 44;

/// The first lines: which project, and its services with what they call.
pub(crate) fn head(model: &Model, plan: &Plan, file: &str, paint: Paint) -> String {
    let services = match model.services.len() {
        1 => "1 service".to_owned(),
        number => format!("{number} services"),
    };
    let mut text = format!(
        "trunkline {VERSION} · {} · {services} · {}\n\n",
        paint.apply(Role::Strong, &model.name),
        clean(file)
    );
    let mut table = Table::new(&[("", Align::Left); 4]);
    for service in &model.services {
        let calls: Vec<_> = service.calls.iter().map(ToString::to_string).collect();
        let calls =
            if calls.is_empty() { String::new() } else { format!("→ {}", calls.join(", ")) };
        table.row(vec![
            (service.name.to_string(), Some(Role::Strong)),
            (language(service), Some(Role::Faint)),
            (what_runs(service, plan), None),
            (calls, Some(Role::Faint)),
        ]);
    }
    text.push_str(&table.render(paint));
    text
}

fn language(service: &Service) -> String {
    match &service.source {
        Source::Process(process) => {
            clean(process.language.as_deref().unwrap_or("process")).into_owned()
        }
        Source::Static(_) => "external".to_owned(),
    }
}

fn what_runs(service: &Service, plan: &Plan) -> String {
    match &service.source {
        Source::Process(process) => {
            let folder =
                process.directory.file_name().map(|name| name.to_string_lossy().into_owned());
            let folder =
                folder.map(|folder| format!("  in {}", clean(&folder))).unwrap_or_default();
            let port = plan.services.get(&service.name).map(|planned| planned.address.port());
            let port = port.map(|port| format!("  on port {port}")).unwrap_or_default();
            format!("{}{folder}{port}", clean(&process.command))
        }
        Source::Static(endpoints) => {
            let shown: Vec<_> =
                endpoints.iter().map(|endpoint| authority(&endpoint.authority)).collect();
            clean(&shown.join(", ")).into_owned()
        }
    }
}

fn authority(authority: &trunkline_model::route::Authority) -> String {
    use trunkline_model::route::Authority::{Address, Dns, Service};
    match authority {
        Service(name) => name.to_string(),
        Address(address) => address.to_string(),
        Dns { host, port } => format!("{host}:{port}"),
    }
}

/// A line with a mark: `  ✓ orders       /healthz 200                1.9s`.
pub(crate) fn mark(
    role: Role,
    name: &str,
    what: &str,
    after: Option<Duration>,
    paint: Paint,
) -> String {
    let sign = match role {
        Role::Good => "✓",
        Role::Error => "✗",
        _ => "·",
    };
    let (name, what) = (clean(name), clean(what));
    let after = after.map(|after| format!("{:>8}", span_ms(after.as_secs_f64() * 1_000.0)));
    let pad = if after.is_some() { WHAT_CELLS } else { 0 };
    let line = format!(
        "  {} {name:<NAME_CELLS$} {what:<pad$}{}",
        paint.apply(role, sign),
        after.unwrap_or_default()
    );
    line.trim_end().to_owned()
}

/// What an event looks like; `None` for what a person need not see. Log lines are shown elsewhere.
pub(crate) fn event(event: &Event, paint: Paint) -> Option<String> {
    let name = event.service.as_str();
    let line = match &event.what {
        What::Ready { after, evidence, .. } => {
            mark(Role::Good, name, &evidence.to_string(), Some(*after), paint)
        }
        What::Exited { reason, after, last_lines, retry } => {
            exited(name, reason, *after, last_lines, retry.as_ref(), paint)
        }
        What::Failed { reason, hint } => {
            let mut text =
                mark(Role::Error, name, &format!("{reason}; it stays down"), None, paint);
            tell_hint(&mut text, hint.as_deref(), paint);
            text
        }
        What::Changed { files, more } => {
            let more = if *more > 0 { format!(" and {more} more") } else { String::new() };
            mark(Role::Faint, name, &format!("changed {}{more}", files.join(", ")), None, paint)
        }
        What::Built { after } => mark(Role::Good, name, "built", Some(*after), paint),
        What::BuildFailed { reason, last_lines, after, serving } => {
            let so = if *serving { "; the former one goes on" } else { "" };
            let what = format!("build failed: {reason}{so}");
            let mut text = mark(Role::Error, name, &what, Some(*after), paint);
            lines(&mut text, last_lines, paint);
            text
        }
        What::NotWatched { reason, hint } => {
            let mut text = mark(Role::Warning, name, reason, None, paint);
            tell_hint(&mut text, hint.as_deref(), paint);
            text
        }
        What::Draining { in_flight } if *in_flight > 0 => {
            mark(Role::Faint, name, &format!("finishes {in_flight} requests"), None, paint)
        }
        What::Stopped => mark(Role::Faint, name, "has ended", None, paint),
        What::LeftoversEnded { count } => mark(
            Role::Warning,
            name,
            &format!("{count} processes outlived it and were ended"),
            None,
            paint,
        ),
        What::LinesSkipped(count) => mark(
            Role::Warning,
            name,
            &format!("{count} log lines not shown; `trunkline logs` has them"),
            None,
            paint,
        ),
        What::Waiting { .. }
        | What::Building { .. }
        | What::Starting { .. }
        | What::Draining { .. }
        | What::Stopping
        | What::Log(_) => {
            return None;
        }
    };
    Some(line)
}

fn exited(
    name: &str,
    reason: &str,
    after: Duration,
    last_lines: &[String],
    retry: Option<&Retry>,
    paint: Paint,
) -> String {
    let mut what = format!("{reason} after {}", span_ms(after.as_secs_f64() * 1_000.0));
    if let Some(retry) = retry {
        let wait = span_ms(retry.after.as_secs_f64() * 1_000.0);
        let _ = write!(what, ", next try in {wait} ({} of {})", retry.attempt, retry.attempts_max);
    }
    let mut text = mark(Role::Error, name, &what, None, paint);
    lines(&mut text, last_lines, paint);
    text
}

fn lines(text: &mut String, last_lines: &[String], paint: Paint) {
    for line in last_lines {
        let _ = write!(text, "\n      {} {}", paint.apply(Role::Faint, "│"), clean(line));
    }
}

fn tell_hint(text: &mut String, hint: Option<&str>, paint: Paint) {
    if let Some(hint) = hint {
        let _ = write!(text, "\n    {}: {}", paint.apply(Role::Hint, "hint"), clean(hint));
    }
}

/// A line of a service, as it comes.
pub(crate) fn log_line(service: &str, line: &trunkline_local::logs::Line, paint: Paint) -> String {
    // The text of a line begins with its time and its stream.
    let written = line.to_string();
    let time = time_of_day(written.split(' ').next().unwrap_or_default());
    format!("{} {} {}", prefix(service, paint), paint.apply(Role::Faint, time), clean(&line.text))
}

/// Where everything is, once it is ready.
pub(crate) fn ready(urls: &[Url], after: Duration, paint: Paint) -> String {
    let mut text = format!(
        "\n  {} in {}\n\n",
        paint.apply(Role::Good, "Ready"),
        span_ms(after.as_secs_f64() * 1_000.0)
    );
    let mut line = |label: &str, url: &str| {
        let _ = writeln!(text, "  {label:>10}   {}", paint.link(url, &clean(url)));
    };
    let gateways = urls.iter().filter(|url| matches!(url.target, UrlTarget::Listener(_)));
    // The secure way in first.
    let (secure, plain): (Vec<_>, Vec<_>) = gateways.partition(|url| url.url.starts_with("https:"));
    for (at, url) in secure.into_iter().chain(plain).enumerate() {
        line(if at == 0 { "App" } else { "" }, &url.url);
    }
    for url in urls {
        match &url.target {
            UrlTarget::Service(name) => line(name.as_str(), &url.url),
            UrlTarget::Surface(surface) => line(surface.entry().name, &url.url),
            UrlTarget::Listener(_) => {}
        }
    }
    text
}
