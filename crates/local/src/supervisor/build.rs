//! Building a service: its `build` line, run in its folder with its environment.
//!
//! What it writes goes to the service's log, and the last of it into the failure. Its processes
//! carry a mark of their own, so that ending what a service left behind does not end a build, or a
//! daemon that the next build wants again. Dropping the future kills them.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use trunkline_model::units::format_duration;
use trunkline_rt::Scope;

use super::Deps;
use super::output::Output;
use crate::child::{Child, Order};
use crate::plan::Planned;
use crate::run::SERVICE_VARIABLE;

/// A build that takes longer is taken for one that never ends.
const BUILD_MAX: Duration = Duration::from_mins(30);

/// How builds of all services share the machine.
#[derive(Clone, Debug)]
pub(super) struct Builds(Arc<Semaphore>);

/// A build that failed.
pub(super) struct Broken {
    /// Why, for people: `exited with code 1`.
    pub(super) reason: String,
    /// What it wrote last, oldest first.
    pub(super) last_lines: Vec<String>,
    /// How long it took.
    pub(super) after: Duration,
}

impl Builds {
    /// As many at a time as the machine has cores.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Runs a build to its end. Returns the time it took.
    pub(super) async fn build(
        self,
        line: String,
        planned: Planned,
        (scope, deps): (Scope, Deps),
    ) -> Result<Duration, Broken> {
        // The semaphore is never closed.
        let _permit = self.0.acquire_owned().await;
        let begin = deps.clock.now();
        let mut environment = planned.environment;
        environment.push((SERVICE_VARIABLE.to_owned(), format!("{}/build", planned.name)));
        let directory = planned.process.directory;
        let order = Order { command: line, directory, environment };
        let broken =
            |reason, last_lines| Broken { reason, last_lines, after: deps.clock.now() - begin };
        let spawned = deps.spawner.spawn(order).await;
        let (child, outputs) =
            spawned.map_err(|error| broken(format!("cannot be started: {error}"), Vec::new()))?;
        let output = Output::follow(&scope, &deps, &planned.name, outputs);
        let in_time = timeout(BUILD_MAX, child.exited()).await.is_ok();
        let status = reap(child).await;
        if in_time && status.is_some_and(|status| status.success()) {
            return Ok(deps.clock.now() - begin);
        }
        let reason = match status {
            _ if !in_time => format!("did not end within {}", format_duration(BUILD_MAX)),
            Some(status) => super::life::words::exited(status),
            None => "ended".to_owned(),
        };
        Err(broken(reason, output.last_lines().await))
    }
}

async fn reap(child: Child) -> Option<ExitStatus> {
    // SIGKILL makes this short; it still is no work for a runtime's thread.
    tokio::task::spawn_blocking(move || child.reap()).await.ok()?.ok()
}
