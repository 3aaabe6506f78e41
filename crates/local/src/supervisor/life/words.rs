//! What people are told when a service does not run: what happened, and what may help.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use trunkline_model::units::format_duration;
use trunkline_net::socket;

use crate::plan::Planned;
use crate::readiness::Seen;

/// The port is taken: by whom, and what to do.
pub(super) fn busy(planned: &Planned) -> (String, String) {
    let port = planned.address.port();
    let holder = socket::holder(planned.address);
    let by = holder.as_ref().map_or_else(String::new, |holder| format!(" by {holder}"));
    let fix = match holder {
        Some(holder) => format!("end it with `kill {}`, or give", holder.pid),
        None => "free it, or give".to_owned(),
    };
    let reason = format!("port {port} is already in use{by}");
    (reason, format!("{fix} `{}` another `port`, or none to have one chosen", planned.name))
}

/// What answers on its port is a service of another run.
pub(super) fn taken(planned: &Planned, holder: &socket::Holder) -> String {
    let port = planned.address.port();
    format!("port {port} was taken meanwhile by {holder}, of another run")
}

/// The process could not even be started.
pub(super) fn not_started(planned: &Planned, error: &io::Error) -> String {
    let directory = &planned.process.directory;
    if !directory.is_dir() {
        return format!("its folder {} does not exist", directory.display());
    }
    format!("cannot start a process in {}: {error}", directory.display())
}

/// The start took too long: what the last look saw.
pub(super) fn not_ready(planned: &Planned, seen: &Seen) -> String {
    let limit = format_duration(planned.process.start_timeout);
    let port = planned.address.port();
    let health = planned.health.as_deref().unwrap_or_default();
    match seen {
        Seen::Nothing => format!("nothing accepts on port {port} after {limit}"),
        Seen::Status(status) => format!("{health} still answers {status} after {limit}"),
        Seen::NoAnswer => format!("{health} still gives no HTTP answer after {limit}"),
    }
}

/// How a process ended.
pub(in crate::supervisor) fn exited(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
