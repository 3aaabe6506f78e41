//! What may help a service that does not start, found on this machine: in its last lines, and in
//! where its processes listen instead.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;
use trunkline_net::socket;

use super::Deps;
use crate::event::What;
use crate::hints::{self, Trouble};
use crate::plan::Planned;
use crate::{language, processes};

/// A process that opens several ports gets this long to open the right one.
const ELSEWHERE_AFTER: Duration = Duration::from_secs(2);
/// Between two looks at where a service listens.
const ELSEWHERE_EVERY: Duration = Duration::from_secs(1);

/// What may help, and the lines again.
pub(super) async fn of_lines(
    planned: &Planned,
    lines: Vec<String>,
) -> (Option<String>, Vec<String>) {
    let planned = planned.clone();
    let kept = lines.clone();
    // The holder of a port is found by walking all processes.
    let found = tokio::task::spawn_blocking(move || {
        let holder = |port| {
            let address = std::net::SocketAddr::new(planned.address.ip(), port);
            socket::holder(address)
        };
        hints::find(&Trouble {
            lines: &lines,
            command: &planned.process.command,
            directory: &planned.process.directory,
            language: planned.process.language.as_deref(),
            port: planned.address.port(),
            holder: &holder,
        })
    });
    (found.await.ok().flatten(), kept)
}

/// Tells once when the service listens on another port than it was told. Never ends.
pub(super) async fn watch_elsewhere(planned: &Planned, deps: &Deps) -> Infallible {
    sleep(ELSEWHERE_AFTER).await;
    let expected = planned.address.port();
    loop {
        let (run, name) = (deps.run, planned.name.to_string());
        let ports = tokio::task::spawn_blocking(move || {
            let is_its = |pid: &u32| {
                processes::marks(*pid)
                    .is_some_and(|marks| marks.run == run && marks.service.as_ref() == Some(&name))
            };
            let pids: Vec<u32> =
                processes::of_this_user().iter().map(|stat| stat.pid).filter(is_its).collect();
            socket::listening(&pids)
        });
        let ports: Vec<u16> =
            ports.await.unwrap_or_default().iter().map(std::net::SocketAddr::port).collect();
        if let Some(found) = ports.iter().min().filter(|_| !ports.contains(&expected)) {
            let process = &planned.process;
            let written = process.language.as_deref();
            let language =
                written.or_else(|| language::infer(&process.command, &process.directory));
            let hint = hints::elsewhere(language.unwrap_or_default(), expected, *found);
            deps.emit(&planned.name, What::Elsewhere { expected, found: *found, hint });
            return std::future::pending().await;
        }
        sleep(ELSEWHERE_EVERY).await;
    }
}
