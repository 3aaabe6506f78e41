//! What happens to a service, as a line with a mark.

use trunkline_local::event::{Event, What};

use super::{Look, Mark, failure, hint, mark, marked};
use crate::print::Role;

/// What is the same in two tries that failed alike; `None` for other events.
pub(crate) fn sameness(event: &Event) -> Option<String> {
    let What::Exited { reason, last_lines, hint, .. } = &event.what else {
        return None;
    };
    // The two outputs of a process come in any order.
    let mut lines: Vec<String> =
        failure::telling(last_lines).into_iter().map(|record| record.message).collect();
    lines.sort();
    Some(format!("{reason}\n{}\n{}", hint.as_deref().unwrap_or_default(), lines.join("\n")))
}

/// A try that failed as the one before: that it did, and when the next one is.
pub(crate) fn again(event: &Event) -> Event {
    let mut event = event.clone();
    if let What::Exited { reason, last_lines, hint, .. } = &mut event.what {
        reason.push_str(" again");
        last_lines.clear();
        *hint = None;
    }
    event
}

/// What an event looks like; `None` for what a person need not see. Log lines are shown elsewhere.
pub(crate) fn event(event: &Event, look: &Look) -> Option<String> {
    let name = event.service.as_str();
    let line = match &event.what {
        What::Ready { after, evidence, .. } => {
            mark(Role::Good, name, &evidence.to_string(), Some(*after), look)
        }
        What::Exited { reason, after, last_lines, hint, retry } => {
            let tried = failure::Tried { reason, after: *after, retry: retry.as_ref() };
            failure::exited(name, &tried, last_lines, hint.as_deref(), look)
        }
        What::Failed { reason, hint: help } => {
            let what = format!("{reason}; it stays down");
            let mark = Mark { role: Role::Error, name, what: &what, after: None };
            let mut text = marked(&mark, look);
            if let Some(help) = help {
                text.push_str(&hint(help, look));
            }
            text
        }
        What::Changed { files, more } => {
            let more = if *more > 0 { format!(" and {more} more") } else { String::new() };
            mark(Role::Faint, name, &format!("changed {}{more}", files.join(", ")), None, look)
        }
        What::Built { after } => mark(Role::Good, name, "built", Some(*after), look),
        What::BuildFailed { reason, last_lines, after, serving } => {
            let so = if *serving { "; the former one goes on" } else { "" };
            let reason = format!("build failed: {reason}{so}");
            let tried = failure::Tried { reason: &reason, after: *after, retry: None };
            failure::exited(name, &tried, last_lines, None, look)
        }
        What::NotWatched { reason, hint: help } => {
            let help = help.as_deref().map(|help| hint(help, look));
            mark(Role::Warning, name, reason, None, look) + &help.unwrap_or_default()
        }
        What::Elsewhere { expected, found, hint: help } => {
            let what = format!("listens on port {found}, and not on its port {expected}");
            let mark = Mark { role: Role::Warning, name, what: &what, after: None };
            marked(&mark, look) + &hint(help, look)
        }
        What::Draining { in_flight } if *in_flight > 0 => {
            let requests = if *in_flight == 1 { "request" } else { "requests" };
            mark(Role::Faint, name, &format!("finishes {in_flight} {requests}"), None, look)
        }
        What::Stopped => mark(Role::Faint, name, "has ended", None, look),
        What::LeftoversEnded { count } => {
            let what = match count {
                1 => "1 process outlived it and was ended".to_owned(),
                count => format!("{count} processes outlived it and were ended"),
            };
            mark(Role::Faint, name, &what, None, look)
        }
        What::LinesSkipped(count) => {
            let what = format!("{count} log lines not shown; `trunkline logs` has them");
            mark(Role::Warning, name, &what, None, look)
        }
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
